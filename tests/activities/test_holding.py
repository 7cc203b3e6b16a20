"""A quote and its round held together, what a submit reads at once, and what is written with a round."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from activities.store.holding import hold_round
from activities.store.submissions import read_submission
from activities.store.work import Database
from domain.approval.state import Notice, RoundState
from domain.refusal import Refusal
from domain.standing import QuoteState
from tests.activities.samples import NOON, closed, open_two

LATER = NOON + timedelta(hours=2)


async def test_who_had_to_wait_for_a_round_sees_what_the_other_made_of_it(database: Database) -> None:
    state = await open_two(database)
    seen: list[tuple[str, RoundState]] = []

    async def second() -> None:
        async with database.work() as work:
            stored, found = await hold_round(work, "Q-1", 1)
            seen.append((stored.state, found))

    async with database.work() as work:
        await hold_round(work, "Q-1", 1)
        waiting = asyncio.create_task(second())
        await asyncio.wait([waiting], timeout=0.5)
        assert not seen
        moved = work.quotes.moved("Q-1", QuoteState.APPROVED, LATER, round=1)
        await work.rounds.save(closed(state), moved=moved)
    await waiting
    assert seen == [("approved", closed(state))]


@pytest.mark.parametrize(("quote_id", "number", "code"), [("Q-9", 1, "unknown_quote"), ("Q-1", 2, "unknown_round")])
async def test_what_is_not_there_is_not_held(database: Database, quote_id: str, number: int, code: str) -> None:
    await open_two(database)
    async with database.work() as work:
        with pytest.raises(Refusal) as refused:
            await hold_round(work, quote_id, number)
    assert refused.value.code == code


async def test_messages_go_with_the_round_in_their_order_and_once(database: Database) -> None:
    state = await open_two(database)
    about = {"quote_id": "Q-1", "round": 1, "at": LATER}
    notices = [Notice(key=f"Q-1/1/{name}", kind="approved", to=name, **about) for name in ("zoe", "mei", "liam")]
    for each in (closed(state), closed(state)):
        async with database.work() as work:
            await hold_round(work, "Q-1", 1)
            await work.rounds.save(each, notices=notices, moved=work.quotes.moved("Q-1", "approved", LATER, round=1))
    async with database.reading() as work:
        assert [each.recipient for each in await work.outgoing.of_quote("Q-1")] == ["zoe", "mei", "liam"]
        assert (await work.quotes.get("Q-1")).state == "approved"
        assert await work.rounds.get("Q-1", 1) == closed(state)


async def test_a_submit_reads_the_same_at_once_as_one_by_one(database: Database) -> None:
    state = await open_two(database)
    async with database.work() as work:
        await hold_round(work, "Q-1", 1)
        await work.rounds.save(closed(state), moved=work.quotes.moved("Q-1", "approved", LATER, round=1))
    async with database.reading() as work:
        facts = await read_submission(work.connection, "Q-1", "standard")
        assert facts.stored == await work.quotes.get("Q-1")
        assert facts.content == (await work.quotes.content("Q-1")).content
        assert facts.editors == await work.quotes.editors("Q-1")
        assert facts.earlier == (closed(state),)
        assert facts.policy_version == await work.policies.newest_version("standard")
        assert facts.directory_version == await work.directory.version()
        with pytest.raises(Refusal) as refused:
            await read_submission(work.connection, "Q-9", "standard")
    assert refused.value.code == "unknown_quote"
