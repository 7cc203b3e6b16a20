"""What the page of a customer is made of, read by one statement: one moment, one way to the server and back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.credit_holds import CreditWord
from activities.store.cursor import make_cursor, read_cursor, read_number
from activities.store.customers import SPEAKS_FIRST
from activities.store.kept_ledgers import KeptLedger, KeptLedgers
from activities.store.short_rows import MARK, SHORT_ROWS, read_short
from domain.ledger.closing import ClosedPeriod
from domain.order.order import OrderState
from domain.quote import Customer
from domain.refusal import Refusal

RECENT = 20
"""How many changes the page shows; the timeline has them all."""


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class QuoteFacts(View):
    """A quote of the customer, with what was agreed in it; money is in ``currency``."""

    quote_id: str
    title: str
    state: str
    amends: str | None
    renews: str | None
    accepted_at: AwareDatetime | None
    currency: str
    net_total: Decimal
    terms: dict[str, str]
    totals: dict[str, Decimal] | None
    """What became of its money besides orders: unordered, cancelled, returned, variance; none: nothing is ordered."""


class OrderFacts(View):
    order_id: str
    quote_id: str
    key: str
    state: OrderState
    order_date: str
    ship_to: str | None
    currency: str
    total: Decimal
    prices: tuple[dict[str, Any], ...]
    """Line, product and frozen unit price of each item, as the order has them."""


class ChangeFacts(View):
    """An entry of the record: what was changed, when, by whom, on whose behalf, over which way and why."""

    seq: int
    at: AwareDatetime
    kind: str
    quote_id: str | None
    order_id: str | None
    by: str | None
    on_behalf_of: str | None
    channel: str | None
    body: dict[str, Any]


class ChangeList(View):
    changes: tuple[ChangeFacts, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """All that the page is made of. ``customer`` is as the quote says that speaks for them."""

    customer: Customer
    quotes: tuple[QuoteFacts, ...]
    orders: tuple[OrderFacts, ...]
    changes: tuple[ChangeFacts, ...]
    ledger: KeptLedger
    closed: tuple[ClosedPeriod, ...]
    credit: CreditWord | None


CLOSED = TypeAdapter(tuple[ClosedPeriod, ...])
QUOTES = TypeAdapter(tuple[QuoteFacts, ...])
ORDERS = TypeAdapter(tuple[OrderFacts, ...])
CHANGES = TypeAdapter(tuple[ChangeFacts, ...])
NOTHING = "[]"
PAGE = text(f"""
WITH own AS (
    SELECT q.quote_id, q.title, q.state, q.accepted_at, q.currency, q.net_total, q.updated_at, q.kind, v.content
    FROM quotes q JOIN quote_versions v ON v.quote_id = q.quote_id AND v.version = q.version
    WHERE q.customer_id = :customer
), totals AS (
    SELECT quote_id, json_build_object(
        'unordered', sum(unordered_amount)::text, 'cancelled', sum(cancelled_amount)::text,
        'returned', sum(returned_amount)::text, 'variance', sum(variance)::text
    ) AS sums
    FROM order_balances WHERE quote_id IN (SELECT quote_id FROM own) GROUP BY quote_id
), changes AS (
    SELECT seq, at, kind, quote_id, order_id, "by", on_behalf_of, channel, body FROM record
    WHERE quote_id IN (SELECT quote_id FROM own) ORDER BY seq DESC LIMIT :recent
)
SELECT
    (SELECT content -> 'customer' FROM own WHERE kind = 'quote' ORDER BY {SPEAKS_FIRST} LIMIT 1)::text AS customer,
    (SELECT json_agg(json_build_object(
        'quote_id', quote_id, 'title', title, 'state', state, 'accepted_at', accepted_at, 'currency', currency,
        'net_total', net_total::text, 'terms', coalesce(content -> 'terms', '{{}}'::json),
        'amends', content ->> 'amends', 'renews', content -> 'fields' ->> 'renews',
        'totals', totals.sums) ORDER BY updated_at, quote_id)
     FROM own LEFT JOIN totals USING (quote_id) WHERE kind = 'quote')::text AS quotes,
    (SELECT json_agg(json_build_object(
        'order_id', order_id, 'quote_id', quote_id, 'key', key, 'state', state, 'order_date', order_date,
        'ship_to', ship_to, 'currency', currency, 'total', total::text, 'prices', (
            SELECT coalesce(json_agg(json_build_object(
                'line_id', item ->> 'line_id', 'product', item ->> 'product', 'price', item -> 'price')), '[]')
            FROM jsonb_array_elements(body -> 'items') AS item)) ORDER BY order_date, order_id)
     FROM orders WHERE customer_id = :customer)::text AS orders,
    (SELECT json_agg(changes ORDER BY seq DESC) FROM changes)::text AS changes,
    {MARK} AS mark,
    {SHORT_ROWS} AS entries,
    (SELECT json_agg(json_build_object('month', month, 'at', at, 'by', "by", 'customer_id', customer_id,
        'ledger_seq', ledger_seq) ORDER BY seq)
     FROM closed_periods WHERE customer_id IS NULL OR customer_id = :customer)::text AS closed,
    (SELECT json_build_object(
        'customer_id', customer_id, 'held', held, 'reason', reason, 'by', "by", 'at', at)
     FROM credit_holds WHERE customer_id = :customer ORDER BY seq DESC LIMIT 1)::text AS credit
""")

TIMELINE = text("""
SELECT seq, at, kind, quote_id, order_id, "by", on_behalf_of, channel, body FROM record
WHERE quote_id IN (SELECT quote_id FROM quotes WHERE customer_id = :customer)
  AND seq < :before ORDER BY seq DESC LIMIT :limit
""")


class CustomerPages:
    """Reads what pages of customers show, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def facts(self, customer_id: str, kept: KeptLedgers) -> CustomerFacts:
        """All that the page of a customer is made of. Code: ``unknown_customer``."""
        asked = {"customer": customer_id, "recent": RECENT, "mark": kept.mark(customer_id)}
        row = (await self._connection.execute(PAGE, asked)).mappings().one()
        if row["customer"] is None:
            raise Refusal("unknown_customer", f"no quote names a customer {customer_id}", "customer")
        return CustomerFacts(
            customer=Customer.model_validate_json(row["customer"]),
            quotes=QUOTES.validate_json(row["quotes"] or NOTHING),
            orders=ORDERS.validate_json(row["orders"] or NOTHING),
            changes=CHANGES.validate_json(row["changes"] or NOTHING),
            ledger=kept.at(customer_id, row["mark"], lambda: read_short(row["entries"])),
            closed=CLOSED.validate_json(row["closed"] or NOTHING),
            credit=CreditWord.model_validate_json(row["credit"]) if row["credit"] is not None else None,
        )

    async def timeline(self, customer_id: str, *, cursor: str | None = None, limit: int = 50) -> ChangeList:
        """Everything that was recorded of a customer's quotes and orders, the latest first."""
        before = read_number(read_cursor(cursor, 1)[0]) if cursor is not None else 2**62
        asked = {"customer": customer_id, "before": before, "limit": limit + 1}
        rows = (await self._connection.execute(TIMELINE, asked)).mappings().all()
        changes = tuple(ChangeFacts.model_validate(dict(row)) for row in rows[:limit])
        return ChangeList(changes=changes, next=make_cursor(str(changes[-1].seq)) if len(rows) > limit else None)

    async def with_endless(self) -> tuple[str, ...]:
        """The customers of whom something was ordered that runs without end."""
        found = text("SELECT DISTINCT customer_id FROM ledger WHERE body ->> 'item_kind' = 'evergreen'")
        return tuple((await self._connection.execute(found)).scalars())

    async def with_orders(self, after: str = "", limit: int = 500) -> tuple[str, ...]:
        """The next customers of whom anything was ordered, by id, behind ``after``."""
        found = text("SELECT DISTINCT customer_id FROM orders WHERE customer_id > :after ORDER BY 1 LIMIT :limit")
        return tuple((await self._connection.execute(found, {"after": after, "limit": limit})).scalars())
