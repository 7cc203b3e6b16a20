"""Analytics over HTTP: figures of the hospital's rounds, as JSON and as a table, and who may see whose."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from starter.cli.analytics import lines
from starter.clock import StoryClock
from tests.starter.api.conftest import BEGIN, YES, Api

pytestmark = pytest.mark.usefixtures("working")


async def test_waits_of_a_round_are_told_by_rule_step_and_approver(api: Api, quote: str) -> None:
    assert isinstance(api.desk.clock, StoryClock)
    await api.post(f"/quotes/{quote}/submit")
    for person, rule in YES:
        await api.post(f"/approvals/{quote}.1.{rule}/approve", person)
    found = await api.get("/analytics/approvals?by=rule")
    assert {each["rule"] for each in found["groups"]} == {rule for _, rule in YES}
    assert found["all"]["answers"] == len(YES)
    assert found["counted"] == {"approvals": 5, "of": 5, "settled": 5, "quotes": 1, "rounds": 1}
    assert found["rounds_per_quote"] == {"mean": 1.0, "quotes": {"1": 1}}
    by_step = await api.get("/analytics/approvals?by=step&policy=standard")
    assert "commercial 1" in {each["step"] for each in by_step["groups"]}
    answer = await api.call("GET", "/analytics/approvals?by=approver", "ines", "admin")
    assert {each["approver"] for each in answer.json()["groups"]} == {person for person, _ in YES}
    told = list(lines(found))
    assert told[0].split()[:2] == ["rule", "answers"]
    assert "counted 5 approvals in 1 rounds of 1 quotes" in told


async def test_the_table_has_a_row_for_each_group(api: Api, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit")
    await api.post(f"/approvals/{quote}.1.terms-legal/reject", "nora", {"reason": "terms"})
    answer = await api.call("GET", "/analytics/approvals?by=rule&format=csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["rule"], row["answers"], row["working_median_seconds"]) == ("terms-legal", "1", "0")
    found = await api.get("/analytics/approvals")
    assert found["rejections"] == [{"reason": "terms", "count": 1}]
    later = (BEGIN + timedelta(days=1)).date().isoformat()
    assert (await api.get(f"/analytics/approvals?from={later}"))["counted"]["approvals"] == 0


async def test_nothing_yet_is_no_error(api: Api) -> None:
    found = await api.get("/analytics/approvals")
    assert (found["groups"], found["all"]["working_median"], found["skipped"]) == ([], None, {"share_by_smart": None})
    assert list(lines(found))[-1] == "timeouts 0 · overrides 0 · withdrawn 0"


async def test_refusals(api: Api) -> None:
    assert await api.refused("GET", "/analytics/approvals?by=approver") == (403, "admin_only")
    assert await api.refused("GET", "/analytics/approvals?by=weather") == (422, "invalid_choice")
    backwards = "/analytics/approvals?from=2026-11-02&until=2026-11-01"
    assert await api.refused("GET", backwards) == (422, "dates_out_of_order")
