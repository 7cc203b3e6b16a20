"""What is known of a customer: the customer part of their latest quote."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.quotes import QuoteStore
from activities.store.tables import quotes
from domain.quote import Customer
from domain.refusal import Refusal


async def hold_ledger(connection: AsyncConnection, customer_id: str) -> None:
    """Keep others who book what time brings to this customer's ledger waiting until this transaction ends.

    They count the rows that are there: of two who counted at once one would lose a row, or keep only a part of them.
    """
    key = func.hashtextextended(f"ledger/{customer_id}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock(key)))


async def customer_of(connection: AsyncConnection, customer_id: str) -> Customer:
    """The customer as the quote says that was changed last. Code: ``unknown_customer``."""
    mine = (quotes.c.customer_id == customer_id) & (quotes.c.kind == "quote")
    latest = select(quotes.c.quote_id, quotes.c.version).where(mine)
    latest = latest.order_by(quotes.c.updated_at.desc(), quotes.c.quote_id.desc()).limit(1)
    found = (await connection.execute(latest)).one_or_none()
    if found is None:
        raise Refusal("unknown_customer", f"no quote names a customer {customer_id}", "customer")
    return (await QuoteStore(connection).content(found.quote_id, found.version)).quote.customer
