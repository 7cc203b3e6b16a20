"""The record over HTTP answers for any approval, page by page and whole as a table."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from activities.store.audit import audit
from activities.store.record_entry import RecordEntry
from tests.starter.api.conftest import BEGIN, YES, Api

pytestmark = pytest.mark.usefixtures("working")


async def table(api: Api, path: str, **how: Any) -> list[dict[str, str]]:
    answer = await api.call("GET", path, **how)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def approved(api: Api, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit", body={"comment": "please"})
    for person, rule in YES:
        await api.post(f"/approvals/{quote}.1.{rule}/approve", person, body={"comment": f"fine by {person}"})


async def test_the_record_answers_for_any_approval(api: Api, quote: str) -> None:
    await approved(api, quote)
    found = await api.get(f"/approvals/{quote}.1.discount-manager/record")
    assert found["approval"]["state"] == "approved"
    requested, voted = found["entries"]
    for entry in (requested, voted):
        assert entry["body"]["approver"]
        assert entry["body"]["why"]
        assert entry["body"]["tested"][0]["value"]
        assert (entry["policy"], entry["policy_version"]) == ("standard", 1)
        assert entry["content_hash"] == found["approval"]["content_hash"]
    assert requested["body"]["asked"] == ["mei"]
    assert (voted["kind"], voted["by"], voted["channel"]) == ("approved", "mei", "api")
    assert voted["body"]["comment"] == "fine by mei"
    assert voted["at"].startswith(BEGIN.isoformat()[:10])
    report = await audit(api.desk.database)
    assert (report.rounds, report.violations) == (1, ())


async def test_why_nobody_was_asked_again_is_told_with_its_basis(api: Api, quote: str) -> None:
    await approved(api, quote)
    await api.post(f"/quotes/{quote}/recall")
    await api.post(f"/quotes/{quote}/submit")
    skips = [
        row for row in await table(api, f"/quotes/{quote}/record?format=csv") if row["round"] == "2" and row["basis"]
    ]
    assert skips, "smart approval carries something over"
    for row in skips:
        assert row["kind"] == "skipped"
        assert row["basis"].startswith("smart: ")
        assert f"approved {quote}.1.{row['rule']} (round 1)" in row["basis"]
    assert (await audit(api.desk.database)).violations == ()


async def test_pages_and_the_table_tell_the_same(api: Api, quote: str) -> None:
    await approved(api, quote)
    pages: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await api.get(f"/quotes/{quote}/record?limit=3{cursor}")
        pages += page["entries"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    rows = await table(api, f"/quotes/{quote}/record", headers={"Accept": "text/csv"})
    assert [row["seq"] for row in rows] == [str(entry["seq"]) for entry in pages]
    assert [row["hash"] for row in rows] == [entry["hash"] for entry in pages]
    assert {row["comment"] for row in rows if row["kind"] == "approved"} == {f"fine by {person}" for person, _ in YES}


async def test_a_table_longer_than_a_part_is_whole(api: Api, quote: str) -> None:
    entries = [RecordEntry(kind="noted", at=BEGIN, quote_id=quote, body={"number": number}) for number in range(1203)]
    async with api.desk.database.work() as work:
        await work.record.append(entries)
    rows = await table(api, f"/quotes/{quote}/record?format=csv")
    assert [json.loads(row["detail"])["number"] for row in rows if row["kind"] == "noted"] == list(range(1203))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
async def test_no_cell_of_the_table_is_a_formula(api: Api, quote: str, text: str) -> None:
    await api.post(f"/quotes/{quote}/submit", body={"comment": text})
    (row,) = [row for row in await table(api, f"/quotes/{quote}/record?format=csv") if row["kind"] == "submitted"]
    assert row["comment"] == "'" + text


async def test_refusals(api: Api, quote: str) -> None:
    assert await api.refused("GET", "/approvals/nope/record") == (404, "unknown_approval")
    assert await api.refused("GET", "/quotes/nope/record?format=csv") == (404, "unknown_quote")
    assert await api.refused("GET", f"/quotes/{quote}/record?format=xml") == (422, "invalid_choice")
    assert await api.refused("GET", f"/quotes/{quote}/record?cursor=x") == (400, "invalid_cursor")
    assert await api.refused("GET", f"/quotes/{quote}/record?format=csv&cursor=x") == (422, "conflicting_fields")
