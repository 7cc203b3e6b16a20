"""Rounds in the store: one open round, decisions once, and the lists that show them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from activities.store.round_rows import round_row
from activities.store.rounds import RoundName
from activities.store.tables import decisions, rounds
from activities.store.work import Database
from domain.approval.state import ApprovalState, Outcome, RoundState, Verdict
from domain.refusal import Refusal
from tests.activities.samples import NOON, approval, closed, open_two, round_of, seat, small, store_quote, vote


async def test_a_round_comes_back_equal(database: Database) -> None:
    state = await open_two(database)
    async with database.reading() as work:
        assert await work.rounds.get("Q-1", 1) == state
        assert await work.rounds.all("Q-1") == (state,)
        assert await work.rounds.locate("legal") == RoundName("Q-1", 1)
        with pytest.raises(Refusal) as refused:
            await work.rounds.get("Q-1", 2)
        assert refused.value.code == "unknown_round"


async def test_a_repeated_opening_changes_nothing(database: Database) -> None:
    state = await open_two(database)
    async with database.work() as work:
        assert not await work.rounds.open(state)


async def test_a_quote_has_one_open_round(database: Database) -> None:
    async with database.work() as work:
        await store_quote(work)

    async def submit(number: int) -> str:
        try:
            async with database.work() as work:
                await work.rounds.open(round_of(approval(f"a{number}", seat("mei")), number=number))
        except Refusal as refusal:
            return refusal.code
        return "opened"

    assert sorted(await asyncio.gather(submit(1), submit(2))) == ["already_pending", "opened"]


async def test_the_table_itself_holds_one_open_round(database: Database) -> None:
    state = await open_two(database)
    second = round_row(state.model_copy(update={"round": 2}), 0) | {"quote_version": 1}
    with pytest.raises(IntegrityError, match="uq_rounds_open"):
        async with database.work() as work:
            await work.connection.execute(rounds.insert().values(second))


async def test_decisions_are_kept_once(database: Database) -> None:
    state = await open_two(database)
    first = vote("mei", "d-1", comment="fine", channel="mail")
    decided = round_of(
        approval("manager", seat("mei", vote=first), state=ApprovalState.APPROVED, settled_at=NOON),
        state.approvals[1],
    )
    async with database.work() as work:
        await work.rounds.save(decided)
        await work.rounds.save(decided)
    # The same person answering once more under another id, and the same id once more: both are absorbed.
    again = decided.approvals[0].model_copy(update={"seats": (seat("mei", vote=vote("mei", "d-2")),)})
    async with database.work() as work:
        await work.rounds.save(decided.model_copy(update={"approvals": (again, decided.approvals[1])}))
    async with database.reading() as work:
        rows = (await work.connection.execute(select(decisions))).mappings().all()
    assert [(row["decision_id"], row["by"], row["channel"], row["comment"]) for row in rows] == [
        ("d-1", "mei", "mail", "fine")
    ]


async def test_the_clock_may_decide_several_seats(database: Database) -> None:
    state = await open_two(database)
    late = [
        seat(name, vote=vote("system", f"t-{name}", Verdict.REJECT, channel="timeout")) for name in ("liam", "nora")
    ]
    timed_out = state.approvals[1].model_copy(update={"seats": tuple(late), "state": ApprovalState.REJECTED})
    async with database.work() as work:
        await work.rounds.save(state.model_copy(update={"approvals": (state.approvals[0], timed_out)}))
        found = (await work.connection.execute(select(decisions.c.decision_id))).scalars().all()
    assert sorted(found) == ["t-liam", "t-nora"]


async def test_an_older_state_never_replaces_a_newer_one(database: Database) -> None:
    state = await open_two(database)
    newer = state.model_copy(update={"comment": "newer"})
    async with database.work() as work:
        assert await work.rounds.save(newer, revision=2)
    async with database.work() as work:
        assert not await work.rounds.save(state, revision=1)
        assert await work.rounds.get("Q-1", 1) == newer


async def test_two_savers_go_one_after_the_other(database: Database) -> None:
    await open_two(database)

    async def add(name: str) -> None:
        async with database.work() as work:
            state = await work.rounds.get("Q-1", 1, for_update=True)
            await work.rounds.save(state.model_copy(update={"watchers": (*state.watchers, name)}))

    await asyncio.gather(*(add(name) for name in "abcdef"))
    async with database.reading() as work:
        assert sorted((await work.rounds.get("Q-1", 1)).watchers) == list("abcdef")


async def inbox(database: Database, person: str, state: ApprovalState = ApprovalState.REQUESTED) -> list[str]:
    async with database.reading() as work:
        return [line.approval_id for line in (await work.views.inbox(person, state=state)).lines]


async def test_the_inbox_follows_who_is_asked(database: Database) -> None:
    state = await open_two(database)
    assert await inbox(database, "mei") == ["manager"]
    assert await inbox(database, "nora") == ["legal"]
    # mei is silent: the request moves up to david. liam has voted.
    moved = approval("manager", seat("david"))
    voted = approval("legal", seat("liam", vote=vote("liam")), seat("nora"))
    async with database.work() as work:
        await work.rounds.save(state.model_copy(update={"approvals": (moved, voted)}))
    assert await inbox(database, "mei") == []
    assert await inbox(database, "david") == ["manager"]
    assert await inbox(database, "liam") == []
    assert await inbox(database, "nora") == ["legal"]
    async with database.work() as work:
        settled = voted.model_copy(update={"state": ApprovalState.APPROVED, "settled_at": NOON})
        await work.rounds.save(state.model_copy(update={"approvals": (moved, settled)}))
    assert await inbox(database, "nora") == []
    assert await inbox(database, "liam", ApprovalState.APPROVED) == ["legal"]


async def test_the_inbox_has_what_is_due_first_page_by_page(database: Database) -> None:
    async with database.work() as work:
        await store_quote(work)
        due = [NOON + timedelta(days=day) if day else None for day in (3, 0, 1, 2, 0)]
        each = [approval(f"a{number}", seat("mei", due=moment)) for number, moment in enumerate(due)]
        await work.rounds.open(round_of(*each))
    seen: list[str] = []
    cursor: str | None = None
    async with database.reading() as work:
        while True:
            page = await work.views.inbox("mei", cursor=cursor, limit=2)
            seen += [line.approval_id for line in page.lines]
            cursor = page.next
            if cursor is None:
                break
    assert seen == ["a2", "a3", "a0", "a1", "a4"]
    line = page.lines[0]
    assert (line.title, line.customer_id, line.waiting_for, str(line.net_total)) == (
        "Pumps Q-1",
        "acme",
        ("mei",),
        "99.30",
    )


async def test_open_rounds_of_a_person_are_found_page_by_page(database: Database) -> None:
    async with database.work() as work:
        for number in range(3):
            name = f"Q-{number}"
            await store_quote(work, small(name))
            asked = approval(f"{name}/a", seat("mei"), state=ApprovalState.ASSIGNED)
            await work.rounds.open(round_of(asked, approval(f"{name}/b", seat("sam", "mei")), quote_id=name))
        await store_quote(work, small("Q-9"))
        await work.rounds.open(closed(round_of(quote_id="Q-9")))
    async with database.reading() as work:
        first = await work.rounds.involving("mei", limit=2)
        assert first == (RoundName("Q-0", 1), RoundName("Q-1", 1))
        assert await work.rounds.involving("mei", after=first[-1]) == (RoundName("Q-2", 1),)
        assert await work.rounds.involving("david") == ()
        assert [each.quote_id for each in await work.views.open_rounds()] == ["Q-0", "Q-1", "Q-2"]


async def test_the_quote_page_shows_the_latest_round(database: Database) -> None:
    state = await open_two(database)
    over = closed(state, Outcome.REJECTED)
    async with database.work() as work:
        await work.rounds.save(over)
        await work.quotes.set_state("Q-1", "rejected", NOON, round=1)
    async with database.reading() as work:
        page = await work.views.quote_page("Q-1")
        lines = await work.views.rounds("Q-1")
    assert isinstance(page.round, RoundState)
    assert (page.round, page.quote.state, page.content.version) == (over, "rejected", 1)
    assert [(line.round, line.outcome) for line in lines] == [(1, Outcome.REJECTED)]
