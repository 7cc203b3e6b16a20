"""The audit plays the record again and finds rounds that were changed by hand."""

from __future__ import annotations

import pytest

from activities.store.audit import audit
from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from domain.approval.round import ApprovalRound
from domain.approval.state import ApprovalState, Decision, RoundState, Verdict
from domain.people import read_directory
from tests.activities.samples import NOON, approval, round_of, seat, store_quote
from tests.activities.test_record import tamper

PEOPLE = read_directory({"users": {name: {"name": name.title()} for name in ("rosa", "mei", "liam", "nora")}})


async def keep(database: Database, moving: ApprovalRound, *, opening: bool = False) -> RoundState:
    async with database.work() as work:
        if opening:
            await store_quote(work)
            await work.rounds.open(moving.state)
        else:
            await work.rounds.save(moving.state)
        await work.record.append([RecordEntry.of_round(event, moving.state) for event in moving.events])
    return moving.state


async def a_round(database: Database) -> RoundState:
    """Opened, and approved by mei, while legal waits."""
    assigned = {"state": ApprovalState.ASSIGNED}
    state = round_of(
        approval("manager", seat("mei"), **assigned), approval("legal", seat("liam"), seat("nora"), **assigned)
    )
    moving = ApprovalRound(state, PEOPLE)
    moving.open(NOON)
    state = await keep(database, moving, opening=True)
    moving = ApprovalRound(state, PEOPLE)
    moving.decide(Decision(decision_id="d1", approval="manager", verdict=Verdict.APPROVE, by="mei"), NOON)
    return await keep(database, moving)


async def found(database: Database) -> list[tuple[str, str]]:
    report = await audit(database)
    assert report.rounds <= 1
    return [(each.code, each.where) for each in report.violations]


async def test_a_round_that_is_as_the_record_tells_is_sound(database: Database) -> None:
    await a_round(database)
    assert await found(database) == []


REJECTED = "UPDATE approvals SET state = 'rejected' WHERE approval_id = 'manager'"
IN_STATE = "UPDATE rounds SET state = jsonb_set(state, '{approvals,0,state}', '\"rejected\"')"
FORGED = {
    "a row": ((("row_differs", "quote Q-1 round 1 manager"),), (REJECTED,)),
    "state and row": ((("round_differs", "quote Q-1 round 1"),), (REJECTED, IN_STATE)),
    "a voter": ((("row_differs", "quote Q-1 round 1 d1"),), ("UPDATE decisions SET by = 'liam'",)),
    "a vanished vote": ((("row_differs", "quote Q-1 round 1 d1"),), ("DELETE FROM decisions",)),
    "an outcome": (
        (("round_differs", "quote Q-1 round 1"),),
        ("UPDATE rounds SET state = jsonb_set(state, '{outcome}', '\"approved\"')",),
    ),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_round_that_was_changed_by_hand_is_found(database: Database, name: str) -> None:
    expected, statements = FORGED[name]
    await a_round(database)
    await tamper(database, *statements)
    assert await found(database) == list(expected)


async def test_a_round_that_vanished_and_one_that_nobody_recorded_are_found(database: Database) -> None:
    await a_round(database)
    gone = ("decisions", "approval_people", "approvals", "rounds")
    await tamper(database, *(f"DELETE FROM {table}" for table in gone))
    assert await found(database) == [("round_missing", "quote Q-1 round 1")]
    async with database.work() as work:
        await work.rounds.open(round_of(approval("x", seat("mei")), number=2))
    assert await found(database) == [
        ("round_unrecorded", "quote Q-1 round 2"),
        ("round_missing", "quote Q-1 round 1"),
    ]
