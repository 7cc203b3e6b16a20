"""Facts: what a policy can test of a quote (``spec/orders.md`` 7, last paragraph).

Header fields, ``terms.*`` and ``fields.*`` by their bare name too, totals, and the fields of lines in aggregates.
Money is in the quote's currency; dates are ISO texts, which sort as dates do.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from domain.policy.comparison import Value
from domain.pricing import PricedLine, PricedQuote

HEADER = (
    "quote_id", "title", "owner", "currency", "customer", "customer_id", "bill_to", "accepted_on", "start_date",
    "net_total", "list_total", "line_count", "term_months",
)  # fmt: skip
HEADER_MONEY = frozenset(("net_total", "list_total"))
LINE_MONEY = frozenset(("net_total", "list_total", "list_price", "net_price", "standalone_price"))
LINE_FIELDS = (
    "line_id", "product", "family", "description", "group", "kind", "quantity", "unit", "component_of", "segment",
    "asset", "acceptance", "revenue", "list_price", "discount_percent", "net_price", "net_total", "list_total",
    "standalone_price", "price_per", "start_date", "end_date", "term_months", "proration", "percent", "by",
)  # fmt: skip


def header_facts(priced: PricedQuote) -> dict[str, Value]:
    """The facts of the quote itself, by every name they have. Blank is ``None``."""
    quote = priced.quote
    facts: dict[str, Value] = {}
    for prefix, values in (("fields", quote.fields), ("terms", quote.terms)):
        for name, value in values.items():
            facts[name] = facts[f"{prefix}.{name}"] = value.strip() or None
    months = [line.line.term_months for line in priced.lines if line.line.term_months is not None]
    facts.update(
        quote_id=quote.quote_id,
        title=quote.title,
        owner=quote.owner,
        currency=quote.currency,
        customer=quote.customer.name,
        customer_id=quote.customer.customer_id,
        bill_to=quote.bill_to or None,
        accepted_on=_text(quote.accepted_on),
        start_date=_text(quote.start_date),
        net_total=priced.net_total,
        list_total=priced.list_total,
        line_count=Decimal(len(priced.lines)),
        term_months=Decimal(max(months)) if months else None,
    )
    return facts


def _text(value: Any) -> Value:
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return str(value).strip() or None


NUMBER_FIELDS = frozenset((
    "quantity", "list_price", "discount_percent", "net_price", "net_total", "list_total", "standalone_price", "percent",
))  # fmt: skip
TEXTS_AS_THEY_ARE = frozenset(("line_id", "product", "family", "group", "unit", "component_of", "segment"))
"""Texts that cannot be blank where they are there."""


def line_values(lines: Sequence[PricedLine], name: str) -> list[Value]:
    """One of :data:`LINE_FIELDS` over all lines."""
    get = attrgetter(name)
    if name in ("net_total", "list_total"):
        return [get(priced) for priced in lines]
    if name in NUMBER_FIELDS or name in TEXTS_AS_THEY_ARE:
        return [get(priced.line) for priced in lines]
    return [_text(get(priced.line)) for priced in lines]


def custom_values(lines: Sequence[PricedLine], name: str, otherwise: Value) -> list[Value]:
    """A custom field, by bare name or as ``fields.name``, over all lines; ``otherwise`` where a line has it not."""
    bare = name.removeprefix("fields.")
    return [(priced.line.fields[bare].strip() or None) if bare in priced.line.fields else otherwise for priced in lines]
