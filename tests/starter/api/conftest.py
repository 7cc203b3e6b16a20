"""The API over its real parts: PostgreSQL, Temporal and a worker in this process; requests come by ASGI."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio.client import Client

from activities.partners.file_erp import FileErp
from activities.store.work import Database
from activities.tokens import Identity, Tokens
from domain.yaml_text import read_yaml
from starter.api.app import create_api
from starter.clock import Clock, StoryClock
from starter.desk import Desk
from starter.people_desk import PeopleDesk
from tests.starter.listening import listening
from worker import build_worker

YES = (
    ("nora", "terms-legal"),
    ("sam", "service-capacity"),
    ("grace", "service-capacity"),
    ("mei", "discount-manager"),
    ("david", "discount-director"),
    ("farid", "big-deal-finance"),
)
"""Who says yes to which rule of the hospital's first round, in an order that is possible."""
HOSPITAL = Path(__file__).parents[3] / "examples" / "hospital"
ADMIN = Identity("setup", frozenset({"admin"}))
BEGIN = datetime(2026, 11, 16, 15, tzinfo=UTC)


def quote_document(**changes: Any) -> dict[str, Any]:
    """The hospital's quote, with some fields replaced."""
    return {**json.loads((HOSPITAL / "quote.json").read_text()), **changes}


@dataclass(frozen=True)
class Api:
    """A client that says who acts."""

    http: httpx2.AsyncClient
    desk: Desk

    def token(self, user: str, *roles: str, lifetime: timedelta = timedelta(hours=1)) -> str:
        service = ("service",) if user == "erp" else ()
        return self.desk.tokens.access(user, datetime.now(UTC), lifetime, frozenset((*roles, *service)))

    async def call(
        self, method: str, path: str, who: str = "rosa", *roles: str, headers: dict[str, str] | None = None, **how: Any
    ) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {self.token(who, *roles)}", **(headers or {})}
        return await self.http.request(method, path, headers=sent, **how)

    async def get(self, path: str, who: str = "rosa", **how: Any) -> Any:
        answer = await self.call("GET", path, who, **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, who: str = "rosa", body: Any = None, **how: Any) -> Any:
        answer = await self.call("POST", path, who, json=body if body is not None else {}, **how)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def refused(self, method: str, path: str, who: str = "rosa", *roles: str, **how: Any) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = await self.call(method, path, who, *roles, **how)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["type"] == f"urn:countersign:problem:{problem['code']}"
        assert problem["code"] == problem["errors"][0]["code"]
        return answer.status_code, problem["code"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    """A story's clock: the hospital's dates would otherwise lie in the past one day."""
    return StoryClock(BEGIN)


@pytest.fixture
async def desk(client: Client, database: Database, task_queue: str, clock: Clock) -> Desk:
    """A desk on an empty database with the hospital's people and policy; nobody works yet."""
    desk = Desk(client, database, Tokens(b"k" * 32), task_queue, clock=clock)
    people = PeopleDesk(desk)
    await people.load_directory(ADMIN, read_yaml((HOSPITAL / "directory.yaml").read_text()).value)
    await people.publish(ADMIN, read_yaml((HOSPITAL / "policy.yaml").read_text()).value)
    return desk


@pytest.fixture
async def api(desk: Desk) -> AsyncIterator[Api]:
    transport = httpx2.ASGITransport(app=create_api(desk), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test/api/v1") as http:
        yield Api(http, desk)


@pytest.fixture
async def address(desk: Desk) -> AsyncIterator[str]:
    """A port on which the desk's API listens; commands are processes of their own."""
    async with listening(desk) as found:
        yield found


@pytest.fixture
async def working(desk: Desk, tmp_path: Path) -> AsyncIterator[None]:
    """A worker for the desk's runs."""
    erp = FileErp(tmp_path / "erp", tmp_path / "answers")
    async with build_worker(desk.client, desk.database, desk.tokens, erp, task_queue=desk.task_queue, stories=True):
        yield


@pytest.fixture
async def quote(api: Api) -> str:
    """The id of a hospital quote that rosa has handed in."""
    quote_id = f"Q-{uuid.uuid4().hex[:10]}"
    answer = await api.call("PUT", f"/quotes/{quote_id}", json=quote_document(quote_id=quote_id))
    assert answer.status_code == 201, answer.text
    return quote_id
