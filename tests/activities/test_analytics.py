"""Analytics over real tables and a real record: who waited how long, who never answered, what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.store.analytics import Analytics, Chosen, Material
from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from domain.analytics import Answer
from domain.approval.round import ApprovalRound
from domain.approval.state import ActVerb, ApprovalState, Decision, RoundAct, RoundState, Verdict
from domain.calendar import Sla
from domain.people import read_directory
from tests.activities.samples import approval, round_of, seat, small, store_quote

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
PEOPLE = read_directory(
    {
        "calendars": {
            "office": {"hours": {"mon-fri": ["09:00-17:00"]}},
            "shift": {"hours": {"mon-sun": ["06:00-14:00"]}},
        },
        "users": {
            name: {"name": name.title(), "calendar": "office", **more}
            for name, more in {
                "rosa": {}, "mei": {"deputy": "sam"}, "sam": {}, "liam": {}, "nora": {}, "ines": {},
            }.items()
        },
        "approvers": {"desk": {"user": "liam", "calendar": "shift"}},
    }
)  # fmt: skip


class Story:
    """One quote on its way through the tables, hour by hour."""

    def __init__(self, database: Database, quote_id: str = "Q-1") -> None:
        self.database = database
        self.quote_id = quote_id
        self.number = 0
        self.state: RoundState
        self.acts = 0

    async def submit(self, *approvals: Any, at: datetime = NINE, **more: Any) -> None:
        self.number += 1
        assigned = tuple(
            each if each.basis else each.model_copy(update={"state": ApprovalState.ASSIGNED}) for each in approvals
        )
        renamed = tuple(
            each.model_copy(update={"approval_id": f"{self.quote_id}.{self.number}.{each.rule}"}) for each in assigned
        )
        state = round_of(*renamed, quote_id=self.quote_id, number=self.number, **more)
        self.state = state.model_copy(update={"opened_at": at})
        async with self.database.work() as work:
            await store_quote(work, small(self.quote_id))
        await self._keep(lambda moving: moving.open(at), opening=True)

    async def decide(self, rule: str, by: str, hours: float, verdict: Verdict = Verdict.APPROVE, **more: Any) -> None:
        at = NINE + timedelta(hours=hours)
        name = f"{self.quote_id}.{self.number}.{rule}"
        decision = Decision(decision_id=f"{name}.{by}", approval=name, verdict=verdict, by=by, **more)
        await self._keep(lambda moving: moving.decide(decision, at))

    async def act(self, verb: ActVerb, by: str, hours: float, **more: Any) -> None:
        self.acts += 1
        act = RoundAct(act_id=f"act-{self.acts}", verb=verb, by=by, **more)
        at = NINE + timedelta(hours=hours)
        await self._keep(lambda moving: moving.act(act, at, is_admin=True, may_override=True))

    async def wait(self, hours: float) -> None:
        await self._keep(lambda moving: moving.advance(NINE + timedelta(hours=hours), exact=True))

    async def _keep(self, verb: Any, *, opening: bool = False) -> None:
        moving = ApprovalRound(self.state, PEOPLE)
        verb(moving)
        async with self.database.work() as work:
            if opening:
                await work.rounds.open(moving.state)
            else:
                await work.rounds.save(moving.state)
            await work.record.append([RecordEntry.of_round(event, moving.state) for event in moving.events])
        self.state = moving.state


async def gathered(database: Database, chosen: Chosen | None = None, **how: Any) -> Material:
    async with database.reading() as work:
        return await Analytics(work.connection).gather(chosen or Chosen(), PEOPLE, **how)


def waited(answers: Sequence[Answer]) -> dict[str, tuple[float, str | None]]:
    """Hours of wall time and the calendar, by person."""
    return {each.person: ((each.at - each.asked_at) / timedelta(hours=1), each.calendar) for each in answers}


async def test_a_wait_begins_when_the_persons_seat_was_asked(database: Database) -> None:
    story = Story(database)
    await story.submit(
        approval("a", seat("mei"), sla=Sla(escalate="4h")), approval("b", seat("liam"), approver="desk"), at=NINE
    )
    await story.wait(5)
    await story.decide("a", "sam", 7)
    await story.decide("b", "liam", 2)
    found = await gathered(database)
    # Sam was asked after four hours of silence; liam sits at a desk with a calendar of its own.
    assert waited(found.answers) == {"sam": (3.0, "office"), "liam": (2.0, "shift")}
    assert [silence.person for silence in found.silences] == ["mei"]


async def test_the_clock_and_an_override_are_nobodys_answers(database: Database) -> None:
    story = Story(database)
    await story.submit(
        approval("a", seat("nora"), sla=Sla(escalate="4h", on_timeout="approve")), approval("b", seat("liam")), at=NINE
    )
    await story.wait(8)
    await story.act(ActVerb.OVERRIDE, "ines", 9, approval="b", verdict=Verdict.APPROVE, comment="urgent")
    found = await gathered(database)
    assert found.answers == []
    assert [silence.person for silence in found.silences] == ["nora"]
    assert (found.totals.timeouts, found.totals.overrides, found.totals.settled) == (1, 1, 2)


async def test_an_open_question_stops_the_clock_of_whoever_asked(database: Database) -> None:
    story = Story(database)
    await story.submit(approval("a", seat("liam"), seat("nora"), needed=2, group="legal", quorum="all"), at=NINE)
    await story.act(ActVerb.ASK, "liam", 1, approval="a", comment="why?")
    await story.act(ActVerb.ANSWER, "rosa", 4, approval="a", comment="so")
    await story.decide("a", "liam", 5)
    await story.decide("a", "nora", 6)
    pauses = {answer.person: len(answer.pauses) for answer in (await gathered(database)).answers}
    assert pauses == {"liam": 1, "nora": 0}


async def test_what_became_of_rounds_is_counted(database: Database) -> None:
    one, two = Story(database, "Q-1"), Story(database, "Q-2")
    await one.submit(approval("a", seat("mei")), approval("b", seat("mei"), chain="legal"))
    await one.decide("a", "mei", 1, Verdict.REJECT, reason="too cheap")
    await one.submit(approval("a", seat("mei")), approval("b", seat("mei"), chain="legal"))
    await one.decide("a", "mei", 2)
    await two.submit(approval("a", seat("liam")), at=NINE + timedelta(days=3))
    totals = (await gathered(database)).totals
    assert (totals.quotes, totals.rounds, totals.rounds_of_quotes) == (2, 3, {1: 1, 2: 1})
    assert totals.rounds_per_quote == 1.5
    assert totals.reasons == {"too cheap": 1}
    # Of the five approvals one was revoked and one waits; the same person settled another.
    assert (totals.approvals, totals.settled, totals.skipped) == (5, 3, {"same_person": 1})
    assert totals.skipped_by_smart == 0


@pytest.mark.parametrize(
    ("chosen", "approvals"),
    [
        (Chosen(since=date(2026, 11, 23), until=date(2026, 11, 23)), 2),
        (Chosen(since=date(2026, 11, 24)), 1),
        (Chosen(until=date(2026, 11, 25)), 2),
        (Chosen(until=date(2026, 11, 26)), 3),
        (Chosen(until=date.max), 3),
        (Chosen(chain="legal"), 1),
        (Chosen(policy="standard"), 3),
        (Chosen(policy="other"), 0),
    ],
)
async def test_filters_are_inclusive(database: Database, chosen: Chosen, approvals: int) -> None:
    one, two = Story(database, "Q-1"), Story(database, "Q-2")
    await one.submit(approval("a", seat("mei")), approval("b", seat("liam"), chain="legal"))
    await two.submit(approval("a", seat("liam")), at=NINE + timedelta(days=3))
    assert (await gathered(database, chosen)).totals.approvals == approvals


async def test_it_says_over_how_many_it_counted(database: Database) -> None:
    for number in range(4):
        story = Story(database, f"Q-{number}")
        await story.submit(approval("a", seat("mei")), at=NINE + timedelta(days=number))
        await story.decide("a", "mei", 24 * number + 1)
    found = await gathered(database, most=3)
    assert (found.totals.approvals, found.totals.approvals_in_all, len(found.answers)) == (3, 4, 3)
    assert min(answer.asked_at for answer in found.answers) == NINE + timedelta(days=1), "the newest rounds are counted"


async def test_what_smart_approval_carried_over_is_told_by_the_record(database: Database) -> None:
    story = Story(database)
    await story.submit(approval("a", seat("mei")))
    async with database.work() as work:
        await work.connection.execute(text("UPDATE approvals SET state = 'skipped'"))
        entry = {"kind": "skipped", "at": NINE, "quote_id": "Q-1", "approval_id": "Q-1.1.a", "round": 1}
        await work.record.append([RecordEntry.model_validate({**entry, "body": {"kind": "smart", "round": 1}})])
    totals = (await gathered(database)).totals
    assert (totals.skipped, totals.skipped_by_smart) == ({"smart": 1}, 1.0)
