"""A small house in which rounds and orders run for real: real activities, a real database, a real server."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from activities.partners.erp import ErpConflict, ErpOrder, Sent, Status
from activities.requests import OrderChange, OrderStanding
from activities.store.erp_messages import ErpMessage
from activities.store.record import RecordedEntry
from activities.store.work import Database, Work
from activities.tokens import Identity, Tokens
from domain.approval.state import Decision, RoundState, Verdict
from domain.order.order import Order
from starter.clock import Clock
from starter.desk import Desk
from starter.order_desk import OrderDesk
from starter.people_desk import PeopleDesk
from starter.quote_desk import QuoteDesk
from worker import build_worker
from workflows.messages import Decide
from workflows.names import order_run_id, quote_approval_id

KEY = "a key for tests that is long enough for HS256"
TOKENS = Tokens(KEY.encode())
ADMIN = Identity("root", frozenset({"admin"}))
ROSA, MEI, DAVID, SAM, LIAM, NORA, INES, FARID = (
    Identity(name) for name in ("rosa", "mei", "david", "sam", "liam", "nora", "ines", "farid")
)
PATIENCE = 20.0

DIRECTORY: dict[str, Any] = {
    "users": {
        "root": {"name": "Root"},
        "rosa": {"name": "Rosa", "mail": "rosa@example.com", "manager": "mei"},
        "mei": {"name": "Mei", "mail": "mei@example.com", "manager": "david", "deputy": "sam"},
        "david": {"name": "David", "mail": "david@example.com", "manager": "ines"},
        "sam": {"name": "Sam", "mail": "sam@example.com", "manager": "david"},
        "liam": {"name": "Liam", "mail": "liam@example.com", "manager": "ines"},
        "nora": {"name": "Nora", "mail": "nora@example.com", "manager": "ines"},
        "farid": {"name": "Farid", "mail": "farid@example.com", "manager": "ines"},
        "ines": {"name": "Ines", "mail": "ines@example.com"},
    },
    "groups": {"legal": {"members": ["liam", "nora"], "quorum": "any"}},
    "approvers": {"manager": {"user": "mei"}, "director": {"user": "david"}, "ceo": {"user": "ines"}},
}
POLICY: dict[str, Any] = {
    "policy": "standard",
    "fallback": "ceo",
    "chains": {"sales": {}, "legal": {}},
    "rules": [
        {
            "id": "manager",
            "chain": "sales",
            "step": 1,
            "approver": "manager",
            "when": {"all": ["net_total > 0"]},
            "reason": "every quote",
            "sla": {"remind": "4h", "escalate": "1d"},
        },
        {
            "id": "director",
            "chain": "sales",
            "step": 2,
            "approver": "director",
            "when": {"all": ["net_total >= 50"]},
            "reason": "a big one",
        },
        {
            "id": "terms",
            "chain": "legal",
            "step": 1,
            "approver": "legal",
            "when": {"all": ["net_total >= 90"]},
            "reason": "terms",
        },
    ],
}


def quote_document(quote_id: str, price: str = "33.10", **changes: Any) -> dict[str, Any]:
    """Three pumps: at 33.10 everybody is asked, at 20.00 manager and director, at 10.00 the manager alone."""
    line = {"line_id": "L1", "product": "PUMP", "family": "Pumps", "kind": "one_time", "quantity": "3"}
    return {
        "quote_id": quote_id,
        "title": "Pumps",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "acme", "name": "Acme"},
        "lines": [{**line, "list_price": price}],
        **changes,
    }


class ShiftedClock(Clock):
    """The world's clock, ahead by as much as the runs were forwarded."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class ListErp:
    """An ERP that keeps what it is sent; it can be down, refuse, or take a document and lose the answer."""

    def __init__(self) -> None:
        self.sent: list[ErpOrder] = []
        self.calls = 0
        self.is_down = False
        self.conflicts = False
        self.loses_answers = 0

    async def send(self, order: ErpOrder) -> Sent:
        self.calls += 1
        if self.is_down:
            raise ConnectionError("the ERP is down")
        if self.conflicts:
            raise ErpConflict("another document is there under this key")
        if all(known.key != order.key for known in self.sent):
            self.sent.append(order)
        if self.loses_answers:
            self.loses_answers -= 1
            raise TimeoutError("no answer came")
        return Sent(key=order.key, document=f"DOC-{len(self.sent)}")

    async def look_up(self, key: str) -> ErpOrder | None:
        return next((order for order in self.sent if order.key == key), None)

    async def read_status(self) -> Status:
        return Status()

    async def taken(self, slip: str) -> None:
        raise AssertionError(f"{slip} was never handed out")


class FrailDatabase(Database):
    """A database over a line that breaks: while ``frail``, commits of activities succeed and their callers never know.

    The first attempt of an activity loses the answer to its first commit, the second attempt that to its second.
    """

    frail = False

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._commits: Counter[tuple[str, str, int]] = Counter()
        self.lost = 0

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with super().work() as work:
            yield work
        if self.frail and activity.in_activity():
            info = activity.info()
            attempt = (info.workflow_run_id or "", info.activity_id, info.attempt)
            self._commits[attempt] += 1
            if self._commits[attempt] == info.attempt <= 2:
                self.lost += 1
                raise ConnectionError("the line broke after the commit")


@dataclass
class House:
    """The doors of the system under test, and ways to look at what became of it."""

    client: Client
    database: Database
    worker_database: FrailDatabase
    task_queue: str
    erp: ListErp
    clock: ShiftedClock

    @classmethod
    @asynccontextmanager
    async def built(cls, client: Client, database_url: str, task_queue: str) -> AsyncIterator[House]:
        """A furnished house in which nobody works yet."""
        desk, worker = Database(database_url), FrailDatabase(database_url, statement_timeout=0.5)
        house = cls(client, desk, worker, task_queue, ListErp(), ShiftedClock())
        await house.furnish()
        try:
            yield house
        finally:
            await worker.close()
            await desk.close()

    def worker(self, *, cached: int = 1000) -> Worker:
        """A worker; without a cache every task replays its run from the start."""
        return build_worker(
            self.client,
            self.worker_database,
            TOKENS,
            self.erp,
            task_queue=self.task_queue,
            max_cached_workflows=cached,
        )

    def __post_init__(self) -> None:
        desk = Desk(self.client, self.database, TOKENS, self.task_queue, "standard", self.clock)
        self.desk, self.quotes, self.orders = desk, QuoteDesk(desk), OrderDesk(desk)
        self.people = PeopleDesk(desk, patience=timedelta(seconds=PATIENCE))
        self._skipper = TimeSkipper(self.client, config=TimeSkippingConfig(enabled=False))

    async def furnish(self) -> None:
        await self.people.load_directory(ADMIN, DIRECTORY)
        await self.people.publish(ADMIN, POLICY)

    # -- rounds

    async def stored(self, price: str = "33.10", **changes: Any) -> str:
        """A quote that is handed in, by its id."""
        quote_id = f"Q{uuid.uuid4().hex[:10]}"
        await self.quotes.put(ROSA, quote_document(quote_id, price, **changes))
        return quote_id

    async def submitted(self, price: str = "33.10", **changes: Any) -> RoundState:
        """A round that was just opened."""
        return await self.quotes.submit(ROSA, await self.stored(price, **changes))

    def run_of(self, state: RoundState) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(quote_approval_id(state.quote_id, state.round))

    async def round(self, state: RoundState) -> RoundState:
        """The round as it is stored now."""
        async with self.desk.reading() as work:
            return await work.rounds.get(state.quote_id, state.round)

    async def record(self, quote_id: str) -> tuple[RecordedEntry, ...]:
        async with self.desk.reading() as work:
            assert not await work.record.verify()
            return await work.record.of_quote(quote_id, limit=1000)

    async def kinds(self, quote_id: str) -> Counter[str]:
        """How often each kind of thing is on the record of the quote."""
        return Counter(entry.kind for entry in await self.record(quote_id))

    # -- orders

    async def accepted(self, price: str = "10.00", **changes: Any) -> str:
        """A quote that may be ordered."""
        state = await self.submitted(price, **changes)
        await self.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
        await self.quotes.accept(ROSA, state.quote_id)
        return state.quote_id

    async def ordered(self, *days: int, price: str = "10.00", **line: Any) -> tuple[Order, ...]:
        """Orders of one pump each, so many days from today."""
        deliveries = [{"order_date": str(self.today(after)), "quantity": "1"} for after in days]
        quantity = {"quantity": str(len(days)), "deliveries": deliveries}
        quote_id = await self.accepted(price, lines=[{**quote_document("any", price)["lines"][0], **quantity, **line}])
        return (await self.orders.create(ROSA, quote_id, ["order_date"])).orders

    async def order(self, order: Order) -> Order:
        """The order as it is stored now."""
        return await self.orders.get(order.order_id)

    async def erp_messages(self, order: Order) -> tuple[ErpMessage, ...]:
        async with self.desk.reading() as work:
            return await work.erp.of_order(order.order_id)

    def order_run(self, order: Order) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(order_run_id(order.order_id))

    async def standing(self, order: Order) -> OrderStanding:
        found: OrderStanding = await self.order_run(order).query("standing", result_type=OrderStanding)
        return found

    # -- time

    async def forward(self, run: WorkflowHandle[Any, Any], by: timedelta) -> None:
        """Move the run and the desk's clock on."""
        self.clock.ahead += by
        await self._skipper.fast_forward(run, by)

    def today(self, after: int = 0) -> date:
        """The date so many days from now."""
        return self.clock.now().date() + timedelta(days=after)


def approval_of(state: RoundState, rule: str) -> str:
    """The approval id of a rule."""
    found = state.approval(rule)
    assert found is not None, f"{rule} is not in {state}"
    return found.approval_id


def decide_message(
    state: RoundState,
    rule: str,
    who: Identity,
    verdict: Verdict = Verdict.APPROVE,
    *,
    key: str | None = None,
    token: str | None = None,
    **more: Any,
) -> Decide:
    """What a service sends straight to the run."""
    name, approval = key or uuid.uuid4().hex, approval_of(state, rule)
    decision = Decision(decision_id=name, approval=approval, verdict=verdict, by=who.user, **more)
    return Decide(**decision.model_dump(), token=token or TOKENS.act(who, approval, verdict, name))


def change_message(order: Order, verb: str, who: Identity, *, key: str | None = None, **fields: Any) -> OrderChange:
    """A change as a service sends it straight to the run of an order."""
    name = key or uuid.uuid4().hex
    token = fields.pop("token", None) or TOKENS.act(who, order.order_id, verb, name)
    facts: Mapping[str, Any] = {"key": name, "verb": verb, "by": who.user, "token": token, **fields}
    return OrderChange.model_validate(facts)


async def refusal_code(call: Awaitable[Any]) -> str:
    """The code by which a run refused the update."""
    try:
        await call
    except WorkflowUpdateFailedError as error:
        cause = error.cause
    else:
        return "done"
    assert isinstance(cause, ApplicationError), cause
    assert cause.details[0]["problems"][0]["code"] == cause.type
    return cause.type or ""


async def details(run: WorkflowHandle[Any, Any]) -> str:
    """What an operator reads in the Temporal UI."""
    found: WorkflowMetadata = await run.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return found.current_details


async def summaries(run: WorkflowHandle[Any, Any]) -> list[str]:
    """The names of the run's timers and activities."""
    said = [event.user_metadata.summary.data async for event in run.fetch_history_events()]
    return [text.decode().strip('"') for text in said if text]


async def events(run: WorkflowHandle[Any, Any]) -> list[str]:
    """The run's history as short names of its events."""
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") async for event in run.fetch_history_events()]


async def until(
    look: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool] = bool, *, patience: float = PATIENCE
) -> Any:
    """What ``look`` sees once it is as ``wanted``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not wanted(seen := await look()):
        assert loop.time() < deadline, f"it did not come to that; last seen: {seen}"
        await asyncio.sleep(0.02)
    return seen
