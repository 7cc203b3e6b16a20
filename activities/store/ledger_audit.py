"""The audit of ledger rows: what a row says whole is what it shows in its columns, and who closed is on the record."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

UNLIKE = text("""
SELECT entry_id FROM ledger
WHERE (kind, item_id, order_id, customer_id, currency, effective, recorded_at, quantity, amount) IS DISTINCT FROM (
    body ->> 'kind', body ->> 'item_id', body ->> 'order_id', body ->> 'customer_id', body ->> 'currency',
    (body ->> 'effective')::date, (body ->> 'recorded_at')::timestamptz,
    (body ->> 'quantity')::numeric, (body ->> 'amount')::numeric)
ORDER BY seq
""")
UNTOLD = text("""
SELECT month, customer_id, at FROM closed_periods c
WHERE NOT EXISTS (
    SELECT FROM record r WHERE r.kind = 'period_closed' AND r.at = c.at AND r."by" = c."by"
      AND r.body ->> 'month' = c.month AND r.body ->> 'customer_id' IS NOT DISTINCT FROM c.customer_id)
ORDER BY seq
""")


async def ledger_violations(connection: AsyncConnection) -> AsyncIterator[tuple[str, str, str]]:
    """Code, place and message of each. Codes: ``row_differs``, ``closing_unrecorded``."""
    for entry_id in (await connection.execute(UNLIKE)).scalars():
        yield "row_differs", f"ledger {entry_id}", "its columns are not what it says whole"
    for month, customer_id, at in (await connection.execute(UNTOLD)).all():
        message = f"the record does not tell that it was closed at {at.isoformat()}"
        yield "closing_unrecorded", f"period {month} {customer_id or 'of every customer'}", message
