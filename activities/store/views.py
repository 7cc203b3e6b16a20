"""What pages, lists and doors show: read straight from the tables, one question each, paged by key."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.cursor import fetch_page, make_cursor, read_cursor, read_moment, read_number
from activities.store.quotes import QuoteContent, QuoteStore, StoredQuote
from activities.store.record import Record, RecordedEntry
from activities.store.rounds import RoundStore
from activities.store.tables import approval_people, approvals, quotes, rounds
from domain.approval.state import ApprovalState, Outcome, RoundState


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class QuotePage(View):
    """A quote with its newest content and its latest round; ``round`` is none before the first submit."""

    quote: StoredQuote
    content: QuoteContent
    round: RoundState | None


class InboxLine(View):
    """One approval in somebody's list: what is asked, why, by when, and who else is asked."""

    approval_id: str
    state: ApprovalState
    quote_id: str
    round: int
    title: str
    customer_id: str
    owner: str
    currency: str
    net_total: Decimal
    rule: str
    chain: str
    step: int
    approver: str
    reason: str | None
    waiting_for: tuple[str, ...]
    requested_at: datetime | None
    due_at: datetime | None
    settled_at: datetime | None


class OpenRound(View):
    """A round that is not over, and when something will happen in it by itself."""

    quote_id: str
    round: int
    submitter: str
    opened_at: datetime
    next_moment: datetime | None


class RoundLine(View):
    """One round in the list of a quote's rounds."""

    quote_id: str
    round: int
    submitter: str
    policy: str
    policy_version: int
    content_hash: str
    outcome: Outcome | None
    opened_at: datetime
    closed_at: datetime | None


class InboxPage(View):
    lines: tuple[InboxLine, ...]
    next: str | None
    """The cursor of the next page; none on the last one."""


class RecordPage(View):
    entries: tuple[RecordedEntry, ...]
    next: str | None


class QuoteList(View):
    quotes: tuple[StoredQuote, ...]
    next: str | None


class Views:
    """Answers what pages ask, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def quote_page(self, quote_id: str) -> QuotePage:
        """All that a quote's page shows. Code: ``unknown_quote``."""
        store = QuoteStore(self._connection)
        quote = await store.get(quote_id)
        round_ = await RoundStore(self._connection).find(quote_id, quote.round) if quote.round else None
        return QuotePage(quote=quote, content=await store.content(quote_id, quote.version), round=round_)

    async def quote_list(self, *, owner: str | None = None, cursor: str | None = None, limit: int = 50) -> QuoteList:
        """Quotes by id, of that owner where one is named; what changes of orders ask for is not among them."""
        statement = select(quotes).where(quotes.c.kind == "quote").order_by(quotes.c.quote_id)
        if owner is not None:
            statement = statement.where(quotes.c.owner == owner)
        if cursor is not None:
            statement = statement.where(quotes.c.quote_id > read_cursor(cursor, 1)[0])
        rows, following = await fetch_page(self._connection, statement, limit)
        found = tuple(StoredQuote(**row) for row in rows)
        return QuoteList(quotes=found, next=make_cursor(found[-1].quote_id) if following else None)

    async def inbox(
        self,
        person: str,
        *,
        state: ApprovalState = ApprovalState.REQUESTED,
        cursor: str | None = None,
        limit: int = 50,
    ) -> InboxPage:
        """The approvals that ask ``person`` (or asked, where they are settled), the earliest due first."""
        mine, about = approval_people.c, approvals.c
        plain = ("quote_id", "round", "rule", "chain", "step", "approver", "reason", "waiting_for")
        statement = (
            select(
                mine.approval_id,
                mine.sort_at,
                *(about[column] for column in (*plain, "state", "requested_at", "due_at", "settled_at")),
                *(quotes.c[column] for column in ("title", "customer_id", "owner", "currency", "net_total")),
            )
            .join(approvals, about.approval_id == mine.approval_id)
            .join(quotes, quotes.c.quote_id == about.quote_id)
            .where(mine.person == person, mine.state == state, mine.asked)
            .order_by(mine.sort_at, mine.approval_id)
        )
        if cursor is not None:
            moment, last = read_cursor(cursor, 2)
            statement = statement.where(tuple_(mine.sort_at, mine.approval_id) > (read_moment(moment), last))
        rows, following = await fetch_page(self._connection, statement, limit)
        lines = tuple(InboxLine(**{key: row[key] for key in InboxLine.model_fields}) for row in rows)
        after = make_cursor(rows[-1]["sort_at"].isoformat(), rows[-1]["approval_id"]) if following else None
        return InboxPage(lines=lines, next=after)

    async def everybodys(
        self, *, state: ApprovalState = ApprovalState.REQUESTED, cursor: str | None = None, limit: int = 50
    ) -> InboxPage:
        """All approvals in that state, whomever they ask, in the order of their ids."""
        about = approvals.c
        inbox = [name for name in InboxLine.model_fields if name in about]
        statement = (
            select(
                *(about[column] for column in inbox),
                *(quotes.c[column] for column in ("title", "customer_id", "owner", "currency", "net_total")),
            )
            .join(quotes, quotes.c.quote_id == about.quote_id)
            .where(about.state == state)
            .order_by(about.approval_id)
        )
        if cursor is not None:
            statement = statement.where(about.approval_id > read_cursor(cursor, 1)[0])
        rows, following = await fetch_page(self._connection, statement, limit)
        lines = tuple(InboxLine(**row) for row in rows)
        return InboxPage(lines=lines, next=make_cursor(lines[-1].approval_id) if following else None)

    async def rounds(self, quote_id: str) -> tuple[RoundLine, ...]:
        """The rounds of a quote, the first one first."""
        columns = [rounds.c[column] for column in RoundLine.model_fields]
        statement = select(*columns).where(rounds.c.quote_id == quote_id).order_by(rounds.c.round)
        return tuple(RoundLine(**row) for row in (await self._connection.execute(statement)).mappings())

    async def open_rounds(self, *, due_until: datetime | None = None, limit: int = 500) -> tuple[OpenRound, ...]:
        """Open rounds, the one with the earliest next moment first; those without one come last."""
        columns = [rounds.c[column] for column in OpenRound.model_fields]
        statement = select(*columns).where(rounds.c.outcome.is_(None))
        if due_until is not None:
            statement = statement.where(rounds.c.next_moment <= due_until)
        statement = statement.order_by(rounds.c.next_moment, rounds.c.quote_id).limit(limit)
        return tuple(OpenRound(**row) for row in (await self._connection.execute(statement)).mappings())

    async def record_page(self, quote_id: str, *, cursor: str | None = None, limit: int = 100) -> RecordPage:
        """What happened to a quote and its orders, oldest first."""
        after = read_number(read_cursor(cursor, 1)[0]) if cursor is not None else 0
        record = Record(self._connection, _no_clock)
        found = await record.of_quote(quote_id, after, limit + 1)
        entries = found[:limit]
        return RecordPage(entries=entries, next=make_cursor(str(entries[-1].seq)) if len(found) > limit else None)


def _no_clock() -> datetime:
    raise AssertionError("a view writes nothing")
