"""Facts: what a policy can test of a quote (``spec/orders.md`` 7, last paragraph).

Header fields, ``terms.*`` and ``fields.*`` by their bare name too, totals, and the fields of lines in aggregates.
Money is in the quote's currency; dates are ISO texts, which sort as dates do.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.money import total_of
from domain.policy.conditions import as_number
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

Value = Decimal | str | None


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


def line_facts(priced: PricedLine) -> dict[str, Value]:
    """The facts of one line; its own ``fields`` by bare name and as ``fields.*``."""
    facts: dict[str, Value] = {}
    for name, value in priced.line.fields.items():
        facts[name] = facts[f"fields.{name}"] = value.strip() or None
    for name in LINE_FIELDS:
        facts[name] = _text(getattr(priced.line, name, None))
    facts["net_total"] = priced.net_total
    facts["list_total"] = priced.list_total
    return facts


def _text(value: Any) -> Value:
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return str(value).strip() or None


def aggregate(kind: str, values: list[Value], count: int, currency: str | None) -> Value:
    """One aggregate over the values of the lines that passed ``where``; blanks are left out.

    Nothing to aggregate is 0 for ``sum`` and ``count`` and blank for the others; dates have a ``min`` and a ``max``.
    ``currency`` gives a money sum its scale.
    """
    if kind == "count":
        return Decimal(count)
    given = [value for value in values if value is not None]
    numbers = [number for number in map(as_number, given) if number is not None]
    if kind == "sum":
        return total_of(numbers, currency) if currency else sum(numbers, Decimal(0))
    if kind in ("min", "max") and given and not numbers:
        texts = [str(value) for value in given]
        return max(texts) if kind == "max" else min(texts)
    if not numbers:
        return None
    if kind == "avg":
        return sum(numbers, Decimal(0)) / len(numbers)
    return max(numbers) if kind == "max" else min(numbers)
