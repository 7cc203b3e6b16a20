"""The ledger: entries that are only ever added, read in the order they were added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.kept_ledgers import KeptLedger, KeptLedgers
from activities.store.order_rows import ledger_row
from activities.store.order_tables import ledger
from activities.store.short_rows import MARK, SHORT_ROWS, read_short
from domain.ledger.entries import LedgerEntry

SHORT = text(f"SELECT {MARK}, {SHORT_ROWS}")


class LedgerStore:
    """Adds and reads ledger entries within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, entries: Iterable[LedgerEntry]) -> None:
        """Add ``entries`` in order; one whose id is there already is left as it is."""
        rows = [ledger_row(entry) for entry in entries]
        if rows:
            await self._connection.execute(upsert(ledger).on_conflict_do_nothing(index_elements=["entry_id"]), rows)

    async def entries(
        self,
        *,
        customer: str | None = None,
        quote: str | None = None,
        order: str | None = None,
        known: datetime | None = None,
    ) -> tuple[LedgerEntry, ...]:
        """The entries of a customer, quote or order as known at ``known`` (inclusive; left out: all), as added.

        With several given, those that are of all of them; at least one must be.
        """
        asked = {"customer_id": customer, "quote_id": quote, "order_id": order}
        where = [ledger.c[column] == value for column, value in asked.items() if value is not None]
        if not where:
            raise ValueError("say of whom: a customer, a quote or an order")
        if known is not None:
            where.append(ledger.c.recorded_at <= known)
        statement = select(ledger.c.body, ledger.c.seq).where(*where).order_by(ledger.c.seq)
        found = (await self._connection.execute(statement)).all()
        return tuple(LedgerEntry.model_validate({**body, "seq": seq}) for body, seq in found)

    async def short(self, customer: str, kept: KeptLedgers) -> KeptLedger:
        """All entries of a customer, for questions about them: facts tell only what is new (:mod:`short_rows`)."""
        asked = {"customer": customer, "mark": kept.mark(customer)}
        mark, told = (await self._connection.execute(SHORT, asked)).one()
        return kept.at(customer, mark, lambda: read_short(told))
