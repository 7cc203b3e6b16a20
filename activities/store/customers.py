"""What is known of a customer: the customer part of the quote that speaks for them."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.quote import Customer
from domain.refusal import Refusal

SPEAKS_FIRST = "accepted_at DESC NULLS LAST, (state = 'approved') DESC, updated_at DESC, quote_id DESC"
"""The order of quotes that name a customer: the latest that was accepted speaks for them, else the latest approved,
else the latest. A draft that nobody has seen changes no name and moves no day of what was agreed."""
NAMED = text(f"""
SELECT v.content -> 'customer' FROM (
    SELECT quote_id, version FROM quotes WHERE customer_id = :customer AND kind = 'quote'
    ORDER BY {SPEAKS_FIRST} LIMIT 1
) q JOIN quote_versions v ON v.quote_id = q.quote_id AND v.version = q.version
""")


async def hold_ledger(connection: AsyncConnection, customer_id: str) -> None:
    """Keep others who book what time brings to this customer's ledger waiting until this transaction ends.

    They count the rows that are there: of two who counted at once one would lose a row, or keep only a part of them.
    """
    key = func.hashtextextended(f"ledger/{customer_id}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock(key)))


async def customer_of(connection: AsyncConnection, customer_id: str) -> Customer:
    """The customer as the quote says that speaks for them. Code: ``unknown_customer``."""
    found = (await connection.execute(NAMED, {"customer": customer_id})).scalar_one_or_none()
    if found is None:
        raise Refusal("unknown_customer", f"no quote names a customer {customer_id}", "customer")
    return Customer.model_validate(found)
