"""The audit of ledger rows: each is held against its columns, the order's items and the record, and so is who closed.

Whoever changes a row and its columns alike must change the items too, for the sums that are planned of each; and what
was delivered, accepted, used and invoiced stands in the record, where the chain of hashes shows what was changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

UNLIKE = text("""
SELECT entry_id FROM ledger
WHERE (kind, quote_id, item_id, order_id, line_id, version, position, customer_id, currency, product, ship_to,
       start_date, end_date, effective, recorded_at, quantity, amount) IS DISTINCT FROM (
    body ->> 'kind', body ->> 'quote_id', body ->> 'item_id', body ->> 'order_id', body ->> 'line_id',
    (body ->> 'version')::int, (body ->> 'position')::int, body ->> 'customer_id', body ->> 'currency',
    body ->> 'product', body ->> 'ship_to', (body ->> 'start')::date, (body ->> 'end')::date,
    (body ->> 'effective')::date, (body ->> 'recorded_at')::timestamptz,
    (body ->> 'quantity')::numeric, (body ->> 'amount')::numeric)
ORDER BY seq
""")
UNPLANNED = text("""
WITH planned AS (
    SELECT item_id, sum(quantity) AS quantity, sum(amount) AS amount
    FROM ledger WHERE kind = 'scheduled' GROUP BY item_id
), held AS (
    SELECT item_id, quantity, amount FROM order_items WHERE state NOT IN ('cancelled', 'merged')
)
SELECT item_id, planned.quantity, planned.amount, held.quantity, held.amount
FROM planned FULL JOIN held USING (item_id)
WHERE (coalesce(planned.quantity, 0), coalesce(planned.amount, 0))
    <> (coalesce(held.quantity, 0), coalesce(held.amount, 0))
ORDER BY item_id
""")
UNRECORDED = text("""
WITH told AS (
    SELECT item_id, kind, sum(CASE WHEN kind IN ('delivered', 'accepted') THEN quantity ELSE amount END) AS much
    FROM ledger WHERE kind IN ('delivered', 'accepted', 'usage', 'invoiced') GROUP BY item_id, kind
), recorded AS (
    SELECT item_id, kind, sum(after - before) AS much FROM (
        SELECT body ->> 'item_id' AS item_id,
            CASE kind WHEN 'order_used' THEN 'usage' ELSE replace(kind, 'order_', '') END AS kind,
            CASE kind
                WHEN 'order_used' THEN body -> 'after' ->> 'amount'
                WHEN 'order_invoiced' THEN body -> 'after' ->> 'invoiced'
                ELSE body -> 'after' ->> 'quantity' END::numeric AS after,
            coalesce(CASE kind
                WHEN 'order_used' THEN '0'
                WHEN 'order_invoiced' THEN body -> 'before' ->> 'invoiced'
                ELSE body -> 'before' ->> 'quantity' END, '0')::numeric AS before
        FROM record WHERE kind IN ('order_delivered', 'order_accepted', 'order_used', 'order_invoiced')
    ) AS events GROUP BY item_id, kind
)
SELECT item_id, kind, coalesce(told.much, 0) AS told, coalesce(recorded.much, 0) AS recorded
FROM told FULL JOIN recorded USING (item_id, kind)
WHERE coalesce(told.much, 0) <> coalesce(recorded.much, 0)
ORDER BY item_id, kind
""")
UNTOLD = text("""
SELECT month, customer_id, at FROM closed_periods c
WHERE NOT EXISTS (
    SELECT FROM record r WHERE r.kind = 'period_closed' AND r.at = c.at AND r."by" = c."by"
      AND r.body ->> 'month' = c.month AND r.body ->> 'customer_id' IS NOT DISTINCT FROM c.customer_id
      AND (r.body ->> 'ledger_seq')::bigint IS NOT DISTINCT FROM c.ledger_seq)
ORDER BY seq
""")


async def ledger_violations(connection: AsyncConnection) -> AsyncIterator[tuple[str, str, str]]:
    """Code, place and message of each.

    Codes: ``row_differs``, ``ledger_unplanned`` (what is planned of an item is not what its order has),
    ``ledger_unrecorded`` (what happened to an item is not what the record tells), ``closing_unrecorded``.
    """
    for entry_id in (await connection.execute(UNLIKE)).scalars():
        yield "row_differs", f"ledger {entry_id}", "its columns are not what it says whole"
    for item_id, quantity, amount, held, worth in (await connection.execute(UNPLANNED)).all():
        message = f"the ledger plans {quantity or 0} for {amount or 0}, the order has {held or 0} for {worth or 0}"
        yield "ledger_unplanned", f"item {item_id}", message
    for item_id, kind, told, recorded in (await connection.execute(UNRECORDED)).all():
        message = f"the ledger has {told} {kind}, the record {recorded}"
        yield "ledger_unrecorded", f"item {item_id}", message
    for month, customer_id, at in (await connection.execute(UNTOLD)).all():
        message = f"the record does not tell that it was closed at {at.isoformat()}"
        yield "closing_unrecorded", f"period {month} {customer_id or 'of every customer'}", message
