"""Who may come in: only whoever holds a token that this installation signed and that has not expired."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from activities.tokens import Tokens
from tests.starter.api.conftest import Api


def part(document: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


NOW = datetime.now(UTC)
CLAIMS: dict[str, object] = {"sub": "rosa", "aud": "countersign", "exp": 4_000_000_000}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer ",
        "Basic cm9zYTpyb3Nh",
        "Bearer not.a.token",
        f"Bearer {part({'alg': 'none'})}.{part(CLAIMS)}.",
        f"Bearer {part({'alg': 'HS256'})}.{part(CLAIMS)}.{part({})}",
        f"Bearer {Tokens(b'x' * 32).access('rosa', NOW, timedelta(hours=1))}",
    ],
    ids=["none", "no token", "blank", "another scheme", "no jwt", "alg none", "forged", "another key"],
)
async def test_who_has_no_valid_token_is_not_let_in(api: Api, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    answer = await api.http.get("/approvals", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_expired_token_and_one_made_for_a_single_act_open_nothing(api: Api) -> None:
    from activities.tokens import Identity

    expired = api.token("rosa", lifetime=timedelta(minutes=-5))
    act = api.desk.tokens.act(Identity("rosa"), "Q-1", "approve", "k")
    for token in (expired, act):
        answer = await api.http.get("/approvals", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_the_token_is_looked_at_before_anything_else(api: Api) -> None:
    answer = await api.http.post("/quotes/any/submit", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401
    assert (await api.http.post("/orders/any/merge")).status_code == 401


async def test_only_an_admin_publishes_and_loads(api: Api) -> None:
    assert await api.refused("POST", "/policies", json={"policy": "p"}) == (403, "admin_only")
    assert await api.refused("PUT", "/directory", json={}) == (403, "admin_only")
    other = {"of": "david", "to": "sam"}
    assert await api.refused("POST", "/delegations", json=other) == (403, "admin_only")
