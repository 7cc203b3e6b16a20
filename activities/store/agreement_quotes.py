"""The quotes that an agreement was ordered of, and those that renew it, read by one statement."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.quote import Quote, read_quote

FOUND = text("""
SELECT v.content FROM quotes q JOIN quote_versions v ON v.quote_id = q.quote_id AND v.version = q.version
WHERE q.customer_id = :customer AND q.kind = 'quote' AND (
    q.quote_id = ANY(:names)
    OR (v.content -> 'fields' ->> 'renews' = :renewed AND v.content ->> 'amends' IS NULL
        AND EXISTS (SELECT FROM order_books WHERE order_books.quote_id = q.quote_id)))
ORDER BY q.quote_id
""")
UNORDERED = text("""
SELECT v.content FROM quotes q JOIN quote_versions v ON v.quote_id = q.quote_id AND v.version = q.version
WHERE q.customer_id = :customer AND q.kind = 'quote' AND q.state <> 'rejected'
  AND v.content -> 'fields' ->> 'renews' = :renewed AND v.content ->> 'amends' IS NULL
  AND NOT EXISTS (SELECT FROM order_books WHERE order_books.quote_id = q.quote_id)
ORDER BY q.quote_id
""")


async def quotes_of_agreement(
    connection: AsyncConnection, customer_id: str, names: Sequence[str], renewed: str
) -> tuple[Quote, ...]:
    """The quotes of these ids, and those of the customer that renew ``renewed`` and of which something was ordered."""
    asked = {"customer": customer_id, "names": list(names), "renewed": renewed}
    return tuple(read_quote(content) for content in (await connection.execute(FOUND, asked)).scalars())


async def unordered_renewals(connection: AsyncConnection, customer_id: str, renewed: str) -> tuple[Quote, ...]:
    """The quotes of the customer that renew ``renewed`` and of which nothing was ordered."""
    asked = {"customer": customer_id, "renewed": renewed}
    return tuple(read_quote(content) for content in (await connection.execute(UNORDERED, asked)).scalars())
