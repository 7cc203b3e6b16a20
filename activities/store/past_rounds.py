"""Past submissions as they were, for replays: content, submitter, editors and earlier rounds of every round.

Read only, a few quotes at a time: the memory needed does not grow with the number of rounds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, exists, extract, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.tables import approvals, decisions, quote_versions, quotes, rounds
from domain.approval.state import Outcome

QUOTES_AT_ONCE = 50
NOT_BY_A_PERSON = ("timeout", "override")
READ = ("quote_id", "round", "quote_version", "submitter", "outcome", "opened_at", "state")


@dataclass(frozen=True, slots=True)
class PastRound:
    """One submission: documents are as stored, ``editors`` and ``status`` as they were when it was made."""

    quote_id: str
    round: int
    content: Mapping[str, Any]
    submitter: str
    at: datetime
    editors: tuple[str, ...]
    status: str
    earlier: tuple[Mapping[str, Any], ...]


OF_QUOTES = ~exists().where(quotes.c.quote_id == rounds.c.quote_id, quotes.c.kind == "change")
"""Changes of orders have a policy of their own; a draft of another one says nothing of them."""


@dataclass(frozen=True, slots=True)
class RecordedWaits:
    """Median seconds from request to vote: of every person who ever voted, and of all votes together."""

    by_person: Mapping[str, float]
    overall: float | None


class PastRounds:
    """Reads past submissions within one transaction. With a ``limit`` only so many, the newest."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def count(self) -> int:
        """How many there are."""
        statement = select(func.count()).select_from(rounds).where(OF_QUOTES)
        return int((await self._connection.execute(statement)).scalar_one())

    async def pages(self, limit: int | None = None) -> AsyncIterator[list[PastRound]]:
        """All of them, by quote and number, in lists of a few quotes each."""
        wanted = await self._newest(limit)
        after = ""
        while ids := await self._quotes(after, wanted):
            after = ids[-1]
            yield await self._of(ids, wanted)

    async def _newest(self, limit: int | None) -> ColumnElement[bool]:
        if limit is None:
            return true()
        order = (rounds.c.opened_at, rounds.c.quote_id, rounds.c.round)
        statement = (
            select(*order).where(OF_QUOTES).order_by(*(each.desc() for each in order)).offset(limit - 1).limit(1)
        )
        oldest = (await self._connection.execute(statement)).one_or_none()
        return true() if oldest is None else tuple_(*order) >= tuple(oldest)

    async def _quotes(self, after: str, wanted: ColumnElement[bool]) -> Sequence[str]:
        statement = select(rounds.c.quote_id).distinct().where(rounds.c.quote_id > after, wanted, OF_QUOTES)
        found = await self._connection.execute(statement.order_by(rounds.c.quote_id).limit(QUOTES_AT_ONCE))
        return found.scalars().all()

    async def _of(self, ids: Sequence[str], wanted: ColumnElement[bool]) -> list[PastRound]:
        columns = rounds.c
        statement = (
            select(*(columns[name] for name in READ), wanted.label("wanted"))
            .where(columns.quote_id.in_(ids))
            .order_by(columns.quote_id, columns.round)
        )
        rows = (await self._connection.execute(statement)).all()
        contents = await self._contents([(row.quote_id, row.quote_version) for row in rows if row.wanted])
        hands = await self._hands(ids)
        return [
            _past_round(mine[at], mine[:at], contents[quote_id, mine[at].quote_version], hands[quote_id])
            for quote_id, mine in ((name, list(each)) for name, each in groupby(rows, key=attrgetter("quote_id")))
            for at in range(len(mine))
            if mine[at].wanted
        ]

    async def _contents(self, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Mapping[str, Any]]:
        columns = quote_versions.c
        key = tuple_(columns.quote_id, columns.version)
        statement = select(columns.quote_id, columns.version, columns.content).where(key.in_(names))
        return {(row.quote_id, row.version): row.content for row in await self._connection.execute(statement)}

    async def _hands(self, ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
        """Who handed in which version of each quote."""
        columns = quote_versions.c
        statement = select(columns.quote_id, columns.version, columns.by).where(columns.quote_id.in_(ids))
        found: dict[str, list[tuple[int, str]]] = {}
        for row in await self._connection.execute(statement):
            found.setdefault(row.quote_id, []).append((row.version, row.by))
        return found

    async def waits(self) -> RecordedWaits:
        """How long people took so far, from being asked to voting."""
        seconds = extract("epoch", decisions.c.at - approvals.c.requested_at)
        median = func.percentile_cont(0.5).within_group(seconds)
        voted = (
            select(decisions.c.by, median.label("median"))
            .join(approvals, approvals.c.approval_id == decisions.c.approval_id)
            .where(decisions.c.channel.not_in(NOT_BY_A_PERSON), approvals.c.requested_at.is_not(None))
        )
        by_person = {
            row.by: float(row.median) for row in await self._connection.execute(voted.group_by(decisions.c.by))
        }
        overall = (await self._connection.execute(voted.with_only_columns(median))).scalar_one()
        return RecordedWaits(by_person, None if overall is None else float(overall))


def _past_round(
    row: Any, earlier: Sequence[Any], content: Mapping[str, Any], hands: Sequence[tuple[int, str]]
) -> PastRound:
    approved = max((each.quote_version for each in earlier if each.outcome == Outcome.APPROVED), default=0)
    editors = {by for version, by in hands if approved < version <= row.quote_version}
    return PastRound(
        row.quote_id,
        row.round,
        content,
        row.submitter,
        row.opened_at,
        tuple(sorted(editors)),
        _status(row, earlier),
        tuple(each.state for each in earlier),
    )


def _status(row: Any, earlier: Sequence[Any]) -> str:
    """The quote's state when it was submitted: an edit makes it a draft, else it is what its last round came to."""
    if not earlier or earlier[-1].quote_version < row.quote_version:
        return "draft"
    return str(earlier[-1].outcome)
