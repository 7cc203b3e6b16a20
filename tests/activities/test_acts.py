"""Acts as activities: once in effect however often they are tried, dated in order, and free of deadlocks."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from activities.approvals import ApprovalActivities
from activities.requests import ActOnRound, OpenRound, RecallRound, RecordDecision, RoundMoved
from activities.store.outage import is_outage
from activities.store.retelling import Retelling
from activities.store.tables import quotes
from activities.store.work import Database
from activities.tokens import Identity
from domain.approval.deeds import deed_of
from domain.approval.state import ActVerb, Decision, RoundAct, Verdict
from domain.refusal import Refusal
from starter.approval_desk import ApprovalDesk
from starter.desk import Desk
from starter.people_desk import PeopleDesk
from starter.quote_desk import QuoteDesk
from tests.workflows.house import ADMIN, DIRECTORY, LIAM, MEI, NORA, POLICY, ROSA, TOKENS, quote_document

NOW = datetime.now(UTC)
INES = Identity("ines", frozenset({"override"}))


class Office:
    """Activities on a database, without a server."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.activities = ApprovalActivities(database, TOKENS)
        self.desk = Desk(cast("Any", None), database, TOKENS)
        self.quotes = QuoteDesk(self.desk)

    async def furnish(self) -> None:
        people = PeopleDesk(self.desk)
        await people.load_directory(ADMIN, DIRECTORY)
        await people.publish(ADMIN, POLICY)

    async def open(self, quote_id: str) -> RoundMoved:
        await self.quotes.put(ROSA, quote_document(quote_id))
        return await self.submit(quote_id, 1)

    async def submit(self, quote_id: str, number: int) -> RoundMoved:
        token = TOKENS.access("rosa", datetime.now(UTC), timedelta(hours=1))
        at = datetime.now(UTC)
        return await self.activities.open_round(
            OpenRound(quote_id=quote_id, round=number, by="rosa", at=at, token=token)
        )

    async def act(
        self, quote_id: str, rule: str, who: Identity, verb: ActVerb, key: str, at: datetime | None = None, **more: Any
    ) -> RoundMoved:
        act = RoundAct(act_id=key, verb=verb, by=who.user, approval=f"{quote_id}.1.{rule}", **more)
        token = TOKENS.act(who, act.approval, deed_of(act), key)
        request = ActOnRound(quote_id=quote_id, round=1, act=act, token=token, at=at or datetime.now(UTC))
        return await self.activities.act_on_round(request)

    async def decide(self, quote_id: str, rule: str, who: Identity, key: str) -> RoundMoved:
        name = f"{quote_id}.1.{rule}"
        decision = Decision(decision_id=key, approval=name, verdict=Verdict.APPROVE, by=who.user)
        token = TOKENS.act(who, name, "approve", key)
        request = RecordDecision(quote_id=quote_id, round=1, decision=decision, token=token, at=datetime.now(UTC))
        return await self.activities.record_decision(request)

    async def recall(self, quote_id: str, key: str) -> RoundMoved:
        token = TOKENS.act(ROSA, f"{quote_id}.1", "recall", key)
        request = RecallRound(quote_id=quote_id, round=1, by="rosa", token=token, key=key, at=datetime.now(UTC))
        return await self.activities.recall_round(request)

    @asynccontextmanager
    async def holding(self, quote_id: str) -> AsyncIterator[None]:
        """Somebody holds the quote's row."""
        async with self.database.work() as work:
            await work.connection.execute(
                select(quotes.c.version).where(quotes.c.quote_id == quote_id).with_for_update()
            )
            yield


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.furnish()
    return office


async def test_an_act_that_is_tried_again_is_done_once(office: Office) -> None:
    await office.open("Q-1")
    first = await office.act("Q-1", "manager", MEI, ActVerb.ASK, "k", comment="why?")
    again = await office.act("Q-1", "manager", MEI, ActVerb.ASK, "k", comment="why?")
    assert first == again
    async with office.database.reading() as work:
        kinds = Counter(each.kind for each in await work.record.of_quote("Q-1"))
        sent = Counter(each.kind for each in await work.outgoing.of_quote("Q-1"))
    assert (kinds["asked"], sent["question"]) == (1, 1)


async def test_a_refused_act_is_an_answer_and_writes_nothing(office: Office) -> None:
    opened = await office.open("Q-1")
    moved = await office.act("Q-1", "director", MEI, ActVerb.ASK, "k")
    assert moved.refused is not None
    assert (moved.refused.code, moved.state) == ("not_yours", None)
    assert opened.state is not None
    async with office.database.reading() as work:
        assert await work.rounds.get("Q-1", 1) == opened.state
        assert {each.kind for each in await work.record.of_quote("Q-1")} == {"created", "submitted", "requested"}


async def test_what_comes_later_is_never_recorded_as_earlier(office: Office) -> None:
    """Two machines: the clock of the second one is slow."""
    await office.open("Q-1")
    late = datetime.now(UTC) + timedelta(seconds=3)
    await office.act("Q-1", "manager", MEI, ActVerb.ASK, "k", at=late)
    await office.act("Q-1", "terms", NORA, ActVerb.ASK, "l", at=late - timedelta(seconds=2))
    async with office.database.reading() as work:
        entries = await work.record.of_quote("Q-1")
    assert all(one.at <= other.at for one, other in pairwise(entries))
    assert entries[-1].at == late


async def test_who_waits_too_long_for_a_row_is_told_to_try_again(office: Office, database_url: str) -> None:
    await office.open("Q-1")
    hasty = Database(database_url, statement_timeout=0.2)
    try:
        impatient = Office(hasty)
        async with office.holding("Q-1"):
            with pytest.raises(DBAPIError) as held:
                await impatient.act("Q-1", "manager", MEI, ActVerb.ASK, "k")
            assert is_outage(held.value), "an activity is tried again; a door says unavailable"
        assert (await impatient.act("Q-1", "manager", MEI, ActVerb.ASK, "k")).refused is None
    finally:
        await hasty.close()


async def test_nobody_waits_in_a_circle(office: Office) -> None:
    """Everything that holds rows, all at once on three quotes: quotes, rounds, people, the head of the record."""
    names = ("Q-1", "Q-2", "Q-3")
    for name in names:
        await office.open(name)
    people, dice = PeopleDesk(office.desk), random.Random(7)
    comments = ApprovalDesk(office.desk)

    def calls(number: int) -> list[Awaitable[object]]:
        name, key = dice.choice(names), f"k-{number}"
        return [
            office.act(name, "manager", MEI, ActVerb.ASK, f"a{key}"),
            office.act(name, "terms", LIAM, ActVerb.WITHDRAW, f"w{key}"),
            office.decide(name, "terms", LIAM, f"d{key}"),
            office.act(name, "director", INES, ActVerb.OVERRIDE, f"o{key}", verdict=Verdict.APPROVE),
            office.quotes.put(ROSA, quote_document(name, f"{40 + number}.00")),
            office.submit(name, 2),
            office.quotes.accept(ROSA, name),
            comments.comment(ROSA, name, f"note {number}"),
            *([office.recall(name, key)] if number > 15 else []),
            *([people.load_directory(ADMIN, DIRECTORY)] if number % 5 == 0 else []),
        ]

    every = [call for number in range(25) for call in calls(number)]
    dice.shuffle(every)
    found = await asyncio.gather(*every, return_exceptions=True)
    assert [each for each in found if isinstance(each, BaseException) and not isinstance(each, Refusal)] == []
    async with office.database.reading() as work:
        deadlocks = await work.connection.execute(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
        assert deadlocks.scalar_one() == 0
        assert not await work.record.verify()
        assert [each async for each in Retelling(work.connection).unlike()] == []
        for name in names:
            # A comment carries the moment of its writing, and is no part of what happened to the quote.
            entries = [each for each in await work.record.of_quote(name, limit=1000) if each.kind != "commented"]
            assert all(one.at <= other.at for one, other in pairwise(entries)), [(e.kind, str(e.at)) for e in entries]
