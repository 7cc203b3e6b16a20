"""Versions of policies over the API: list, compare, roll back; open rounds keep theirs, and none ever changes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from activities.tokens import Identity
from starter.people_desk import PeopleDesk
from tests.starter.api.conftest import HOSPITAL, YES, Api

TEXT = (HOSPITAL / "policy.yaml").read_text(encoding="utf-8")
STRICTER = TEXT.replace("max_discount > 5", "max_discount > 9").replace("Line discount above 5 %", "Line discount")
YAML = {"Content-Type": "application/yaml"}


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def publish(api: Api, text: str) -> int:
    answer = await api.call("POST", "/policies", "ada", "admin", content=text.encode(), headers=YAML)
    assert answer.status_code == 201, answer.text
    version: int = answer.json()["version"]
    return version


async def roll_back(api: Api, to: int, **how: Any) -> Any:
    body = {"to": to, "comment": "9 % was a mistake"}
    return await api.call("POST", "/policies/standard/rollback", "ada", "admin", json=body, **how)


@pytest.mark.usefixtures("working")
async def test_a_running_round_keeps_its_version_while_a_new_one_is_published(api: Api, quote: str) -> None:
    opened = await api.post(f"/quotes/{quote}/submit")
    assert (opened["policy_version"], rules(opened)) == (1, {rule for _, rule in YES})

    assert await publish(api, STRICTER) == 2
    shown = await api.get(f"/quotes/{quote}/rounds/1")
    assert (shown["policy_version"], rules(shown)) == (1, {rule for _, rule in YES})
    for who, rule in YES:
        await api.post(f"/approvals/{quote}.1.{rule}/approve", who)
    assert (await api.get(f"/quotes/{quote}/rounds/1"))["outcome"] == "approved"
    entries = (await api.get(f"/quotes/{quote}/record", params={"limit": 200}))["entries"]
    assert {entry["policy_version"] for entry in entries if entry["round"] == 1} == {1}

    await api.post(f"/quotes/{quote}/recall")
    assert (await api.post(f"/quotes/{quote}/preview"))["policy_version"] == 2
    again = await api.post(f"/quotes/{quote}/submit")
    assert (again["policy_version"], "discount-manager" in rules(again)) == (2, False)


def rules(plan: Any) -> set[str]:
    return {each["rule"] for lane in plan["lanes"] for step in lane["steps"] for each in step["approvals"]}


async def test_a_published_version_never_changes(api: Api, database_url: str) -> None:
    await publish(api, STRICTER)
    before = [await api.get(f"/policies/standard/versions/{version}") for version in (1, 2)]
    assert before[1]["text"] == STRICTER

    async with connected(database_url) as connection:
        for statement in (
            "update policies set text = 'policy: standard' where version = 2",
            "update policies set version = 9 where version = 2",
            "delete from policies where version = 2",
            "truncate policies cascade",
        ):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await connection.execute(statement)
    assert [await api.get(f"/policies/standard/versions/{version}") for version in (1, 2)] == before


async def test_versions_are_listed_the_newest_first_by_page(api: Api) -> None:
    await publish(api, STRICTER)
    await publish(api, TEXT)
    first = await api.get("/policies/standard/versions", params={"limit": 2})
    assert [(each["version"], each["by"]) for each in first["versions"]] == [(3, "ada"), (2, "ada")]
    assert "text" not in first["versions"][0]
    rest = await api.get("/policies/standard/versions", params={"limit": 2, "cursor": first["next"]})
    assert ([each["version"] for each in rest["versions"]], rest["next"]) == ([1], None)
    assert rest["versions"][0]["fingerprint"] == first["versions"][0]["fingerprint"]
    assert await api.refused("GET", "/policies/none/versions") == (404, "unknown_policy")
    wrong = {"cursor": "nonsense"}
    assert await api.refused("GET", "/policies/standard/versions", params=wrong) == (400, "invalid_cursor")


async def test_two_versions_are_compared_in_words(api: Api) -> None:
    await publish(api, STRICTER)
    await publish(api, TEXT.replace("reason: Deal of", "reason: A deal of"))
    found = await api.get("/policies/standard/diff", params={"from": 1, "to": 2})
    assert found["can_change_outcomes"] is True
    assert [each["text"] for each in found["changes"] if each["effect"] == "outcomes"] == [
        "rule discount-manager: max_discount > 5 is now max_discount > 9 (met less often)"
    ]
    cosmetic = await api.get("/policies/standard/diff", params={"from": 1, "to": 3})
    assert (cosmetic["can_change_outcomes"], len(cosmetic["changes"])) == (False, 1)
    same = await api.get("/policies/standard/diff", params={"from": 2, "to": 2})
    assert (same["changes"], same["summary"]) == ([], "they mean the same")
    unknown = {"from": 1, "to": 9}
    assert await api.refused("GET", "/policies/standard/diff", params=unknown) == (404, "unknown_policy")
    assert await api.refused("GET", "/policies/standard/diff", params={"from": 1}) == (422, "missing_field")


async def test_a_rollback_publishes_the_old_text_as_a_new_version_and_says_why(api: Api, database_url: str) -> None:
    await publish(api, TEXT)
    await publish(api, STRICTER)
    key = {"Idempotency-Key": "back"}
    answer = await roll_back(api, 2, headers=key)
    assert (answer.status_code, answer.json()) == (201, {"policy": "standard", "version": 4, "to": 2})
    assert answer.headers["location"] == "/api/v1/policies/standard/versions/4"
    again = await roll_back(api, 2, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (answer.json(), "true")

    old, new = [await api.get(f"/policies/standard/versions/{version}") for version in (2, 4)]
    assert (new["text"], new["fingerprint"]) == (TEXT, old["fingerprint"])
    assert new["document"] == {**old["document"], "version": 4}
    async with connected(database_url) as connection:
        rows = await connection.fetch("select * from record where kind = 'policy_rolled_back'")
    assert [(row["by"], row["policy"], row["policy_version"]) for row in rows] == [("ada", "standard", 4)]
    assert json.loads(rows[0]["body"]) == {"to": 2, "comment": "9 % was a mistake"}


async def test_a_rollback_whose_answer_was_lost_is_made_once(api: Api) -> None:
    await publish(api, STRICTER)
    people, ada = PeopleDesk(api.desk), Identity("ada", frozenset({"admin"}))
    assert [await people.rollback(ada, "standard", 1, key="http/ada/k") for _ in range(2)] == [3, 3]


async def test_a_rollback_that_cannot_be_is_refused(api: Api) -> None:
    await publish(api, STRICTER)
    path, back = "/policies/standard/rollback", {"json": {"to": 1}}
    assert await api.refused("POST", path, "rosa", **back) == (403, "admin_only")
    assert (await roll_back(api, 2)).json()["code"] == "wrong_state"
    assert (await roll_back(api, 7)).json()["code"] == "unknown_policy"
    unknown = await api.call("POST", path, "ada", "admin", json={"to": 1, "why": "x"})
    assert unknown.json()["code"] == "unknown_field"

    # Who approved then may be gone since: a rollback is checked like everything that is published.
    people = (HOSPITAL / "directory.yaml").read_text(encoding="utf-8").replace("finance:  ", "treasury: ")
    loaded = await api.call("PUT", "/directory", "ada", "admin", content=people.encode(), headers=YAML)
    assert loaded.status_code == 200, loaded.text
    assert (await roll_back(api, 1)).json()["code"] == "unknown_approver"
    assert len((await api.get("/policies/standard/versions"))["versions"]) == 2
