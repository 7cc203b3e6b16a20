"""Quotes: their approval state, and every version of their content, kept as it was handed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.jsonable import jsonable, refuse_unstorable
from activities.store.tables import quote_versions, quotes, rounds
from domain.approval.state import Outcome
from domain.pricing import price
from domain.quote import Quote, read_quote
from domain.refusal import Refusal
from domain.standing import QuoteState

# Made once: building a statement costs as much as running it.
READ_QUOTE = select(quotes).where(quotes.c.quote_id == bindparam("name"))
HOLD_QUOTE = READ_QUOTE.with_for_update()


class StoredQuote(BaseModel):
    """A quote without its content: ``version`` counts contents, ``etag`` every change, ``round`` is the latest (or 0).

    ``net_total`` is in ``currency``. ``accepted_at`` is set once the customer said yes; nothing is edited after it.
    ``kind`` is ``quote``, or ``change`` where it is what a change of an order asks approval for: nobody edits, accepts
    or orders that, and it is accepted when the change was carried out.
    """

    model_config = ConfigDict(frozen=True)

    quote_id: str
    version: int
    content_hash: str
    state: QuoteState
    round: int
    title: str
    owner: str
    customer_id: str
    currency: str
    net_total: Decimal
    etag: int
    accepted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    kind: str = "quote"

    @property
    def is_change(self) -> bool:
        """Whether it is no quote, but what a change of an order asks."""
        return self.kind == "change"


class QuoteContent(BaseModel):
    """One version of a quote's content, as handed in ``by`` somebody ``at`` a moment."""

    model_config = ConfigDict(frozen=True)

    quote_id: str
    version: int
    content_hash: str
    content: dict[str, Any]
    by: str
    at: datetime

    @property
    def quote(self) -> Quote:
        """The content as a quote."""
        return read_quote(self.content)


class QuoteStore:
    """Reads and writes quotes within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        # What this transaction holds stays as it is until we change it ourselves: it is not read again.
        self._held: dict[str, StoredQuote] = {}

    async def put(
        self,
        content: Mapping[str, Any] | Quote,
        by: str,
        at: datetime,
        expected_version: int | None = None,
        *,
        kind: str = "quote",
    ) -> StoredQuote:
        """Store a quote as it was handed in; the same content again changes nothing.

        New content makes it a draft. ``expected_version`` is the ``etag`` that the caller has seen (0: that there is
        no such quote). Codes: those of ``read_quote`` and ``price``, ``stale``, ``not_editable``, ``invalid_text``.
        """
        raw = content.model_dump(mode="json", exclude_unset=True) if isinstance(content, Quote) else jsonable(content)
        refuse_unstorable(raw)
        quote = content if isinstance(content, Quote) else read_quote(raw)
        row = self._row(quote, at) | {"kind": kind}
        before = await self.find(quote.quote_id, for_update=True)
        if before is None and await self._insert(row, expected_version):
            return await self._add_version(quote, raw, by, at, version=1)
        before = before or await self.get(quote.quote_id, for_update=True)
        _refuse_stale(before, expected_version)
        if before.is_change or kind == "change":
            raise Refusal("not_editable", f"{quote.quote_id} is a change of an order; ask for another change instead")
        if before.content_hash == quote.content_hash:
            return before
        if before.state is QuoteState.PENDING or before.accepted_at is not None:
            why = "is being decided; recall it first" if before.accepted_at is None else "is accepted; amend it instead"
            raise Refusal("not_editable", f"quote {quote.quote_id} {why}")
        changes = {**row, "state": QuoteState.DRAFT, "version": before.version + 1, "etag": before.etag + 1}
        del changes["created_at"]
        await self._connection.execute(update(quotes).where(quotes.c.quote_id == quote.quote_id).values(changes))
        return await self._add_version(quote, raw, by, at, version=before.version + 1)

    @staticmethod
    def _row(quote: Quote, at: datetime) -> dict[str, Any]:
        return {
            "quote_id": quote.quote_id,
            "content_hash": quote.content_hash,
            "title": quote.title,
            "owner": quote.owner,
            "customer_id": quote.customer.customer_id,
            "currency": quote.currency,
            "net_total": price(quote).net_total,
            "created_at": at,
            "updated_at": at,
        }

    async def _insert(self, row: dict[str, Any], expected_version: int | None) -> bool:
        if expected_version:
            raise Refusal("stale", f"there is no quote {row['quote_id']} yet; hand it in without a version")
        first = {**row, "state": QuoteState.DRAFT, "version": 1, "round": 0, "etag": 1}
        statement = upsert(quotes).values(first).on_conflict_do_nothing().returning(quotes.c.quote_id)
        # No row: somebody handed in the same quote at this moment, and theirs is there now.
        return (await self._connection.execute(statement)).one_or_none() is not None

    async def _add_version(self, quote: Quote, raw: Any, by: str, at: datetime, version: int) -> StoredQuote:
        row = {"quote_id": quote.quote_id, "version": version, "content_hash": quote.content_hash}
        await self._connection.execute(insert(quote_versions).values(row | {"content": raw, "by": by, "at": at}))
        self._held.pop(quote.quote_id, None)
        return await self.get(quote.quote_id, for_update=True)

    async def find(self, quote_id: str, *, for_update: bool = False) -> StoredQuote | None:
        """The quote of that id, if there is one; ``for_update`` holds it until the transaction ends."""
        if quote_id in self._held:
            return self._held[quote_id]
        statement = HOLD_QUOTE if for_update else READ_QUOTE
        row = (await self._connection.execute(statement, {"name": quote_id})).mappings().one_or_none()
        found = None if row is None else StoredQuote(**row)
        if found is not None and for_update:
            self._held[quote_id] = found
        return found

    def hold(self, stored: StoredQuote) -> None:
        """Know a quote that another statement of this transaction has read and holds."""
        self._held[stored.quote_id] = stored

    async def get(self, quote_id: str, *, for_update: bool = False) -> StoredQuote:
        """The quote of that id. Code: ``unknown_quote``."""
        found = await self.find(quote_id, for_update=for_update)
        if found is None:
            raise Refusal("unknown_quote", f"there is no quote {quote_id}; hand it in first", "quote_id")
        return found

    async def of_customer(self, customer_id: str) -> tuple[StoredQuote, ...]:
        """The quotes of a customer, by id."""
        mine = (quotes.c.customer_id == customer_id) & (quotes.c.kind == "quote")
        statement = select(quotes).where(mine).order_by(quotes.c.quote_id)
        return tuple(StoredQuote(**row) for row in (await self._connection.execute(statement)).mappings())

    async def content(self, quote_id: str, which: int | str | None = None) -> QuoteContent:
        """The content of that version, the newest with that hash, or the newest. Code: ``unknown_quote``."""
        statement = select(quote_versions).where(quote_versions.c.quote_id == quote_id)
        if isinstance(which, int):
            statement = statement.where(quote_versions.c.version == which)
        elif which is not None:
            statement = statement.where(quote_versions.c.content_hash == which)
        statement = statement.order_by(quote_versions.c.version.desc()).limit(1)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            what = f"quote {quote_id}" + ("" if which is None else f" with content {which}")
            raise Refusal("unknown_quote", f"there is no {what}", "quote_id")
        return QuoteContent(**row)

    async def set_state(
        self,
        quote_id: str,
        state: QuoteState | str,
        at: datetime,
        *,
        round: int | None = None,
        expected_version: int | None = None,
    ) -> StoredQuote:
        """Move the quote to ``state`` (and ``round``); the same again changes nothing.

        Codes: ``unknown_quote``, ``stale``.
        """
        before = await self.get(quote_id, for_update=True)
        _refuse_stale(before, expected_version)
        after = {"state": QuoteState(state), "round": before.round if round is None else round}
        if (before.state, before.round) == (after["state"], after["round"]):
            return before
        return await self._change(before, after, at)

    def moved(self, quote_id: str, state: QuoteState | str, at: datetime, *, round: int) -> list[dict[str, Any]]:
        """What ``set_state`` would write, for a statement that writes it with other rows; the quote must be held."""
        before = self._held[quote_id]
        after = {"state": QuoteState(state), "round": round}
        if (before.state, before.round) == (after["state"], after["round"]):
            return []
        changes = {**after, "etag": before.etag + 1, "updated_at": at}
        self._held[quote_id] = before.model_copy(update=changes)
        return [{"quote_id": quote_id, **changes}]

    async def accept(self, quote_id: str, at: datetime, *, expected_version: int | None = None) -> StoredQuote:
        """Note that the customer accepted an approved quote; once more changes nothing.

        Codes: ``not_approved``, ``stale``.
        """
        before = await self.get(quote_id, for_update=True)
        if before.accepted_at is not None:
            return before
        _refuse_stale(before, expected_version)
        if before.state is not QuoteState.APPROVED:
            raise Refusal("not_approved", f"quote {quote_id} is {before.state}; only an approved quote can be accepted")
        return await self._change(before, {"accepted_at": at}, at)

    async def _change(self, before: StoredQuote, after: Mapping[str, Any], at: datetime) -> StoredQuote:
        changes = {**after, "etag": before.etag + 1, "updated_at": at}
        await self._connection.execute(update(quotes).where(quotes.c.quote_id == before.quote_id).values(changes))
        self._held[before.quote_id] = before.model_copy(update=changes)
        return self._held[before.quote_id]

    async def editors_since(self, quote_id: str, moment: datetime | None) -> tuple[str, ...]:
        """Who handed in content at or after ``moment`` (none: ever), sorted."""
        statement = select(quote_versions.c.by).where(quote_versions.c.quote_id == quote_id)
        if moment is not None:
            statement = statement.where(quote_versions.c.at >= moment)
        return tuple(sorted(set((await self._connection.execute(statement)).scalars())))

    async def editors(self, quote_id: str) -> tuple[str, ...]:
        """Who handed in content since the last approved round, counted in versions and not in moments; sorted."""
        approved = (
            select(func.coalesce(func.max(rounds.c.quote_version), 0))
            .where(rounds.c.quote_id == quote_id, rounds.c.outcome == Outcome.APPROVED)
            .scalar_subquery()
        )
        statement = select(quote_versions.c.by).where(
            quote_versions.c.quote_id == quote_id, quote_versions.c.version > approved
        )
        return tuple(sorted(set((await self._connection.execute(statement)).scalars())))


def _refuse_stale(before: StoredQuote, expected: int | None) -> None:
    if expected is not None and expected != before.etag:
        raise Refusal(
            "stale",
            f"quote {before.quote_id} has changed: it is at {before.etag}, you saw {expected}; read it again",
        )
