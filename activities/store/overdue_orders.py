"""Orders that time, or the ERP's turn, should have moved on by now: found by what is in the tables alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order.order import RUNNING
from domain.quote import Kind

# The day is the latest that has begun anywhere: whoever asks looks at each order in its own time zone.
OVERDUE = text(
    "SELECT order_id FROM orders WHERE state = 'scheduled' AND due_at < :until AND order_id > :after"
    " UNION "
    "SELECT order_id FROM orders WHERE state = ANY(:running) AND order_id > :after AND activated_at < :until AND ("
    " body ->> 'sent_at' IS NULL OR body -> 'acknowledgement' <> 'null' AND EXISTS ("
    " SELECT FROM jsonb_array_elements(body -> 'items') i WHERE i ->> 'state' = 'activated' AND i ->> 'kind' <> :thing"
    " AND (i ->> 'start')::date <= (CAST(:until AS timestamptz) AT TIME ZONE 'Pacific/Kiritimati')::date))"
    " ORDER BY order_id LIMIT :most"
).bindparams(bindparam("running", type_=ARRAY(Text)), thing=str(Kind.ONE_TIME), running=sorted(map(str, RUNNING)))


async def overdue_orders(connection: AsyncConnection, until: datetime, *, after: str, limit: int) -> tuple[str, ...]:
    """Ids behind ``after``: orders that were due before ``until``, that were activated before it and not sent to the
    ERP, or of which a service should have started. Some may have nothing due: ask their standing.
    """
    values = {"until": until, "after": after, "most": limit}
    return tuple((await connection.execute(OVERDUE, values)).scalars())
