"""What a line of an amendment or of a renewal has in common with the line that it goes back to.

Every field of a quote line is in one of the three sets below (a test compares them with the document), so that none
is lost only because nobody thought of it.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from domain.money import decimal_text, round_half_away
from domain.order.item import Item
from domain.quote import Kind, PricePer, QuoteLine, Revenue

DIGITS = 6
"""A price in a quote has at most six decimals."""
OF_ITEM = (
    "product",
    "family",
    "description",
    "group",
    "unit",
    "asset",
    "acceptance",
    "point_of_no_return",
    "covers",
    "contracting",
)
CARRIED = frozenset(
    {
        *OF_ITEM,
        "revenue",
        "milestones",
        "proration",
        "date_change",
        "price_per",
        "standalone_price",
        "list_price",
        "fields",
    }
)
WRITTEN_ANEW = frozenset(
    {
        "line_id",
        "kind",
        "quantity",
        "quantity_change",
        "revises",
        "component_of",
        "net_price",
        "net_total",
        "start_date",
        "end_date",
        "term_months",
        "deliveries",
    }
)
"""What each line says for itself."""
LEFT_OUT = frozenset({"segment", "discount_percent", "percent", "of_families", "of_lines", "of", "by"})
"""A segment is a year of the line before; net prices hold the discount; a share goes on as an amount of its own."""
RENEWS = "renews"
"""In ``fields``: of a quote, which one it renews; of a line, which item."""
OF_ITS_TIME = frozenset({RENEWS, "promised_date"})
"""Fields that tell of the line before, and would be false of another."""


def carried(item: Item, line: QuoteLine | None, kind: Kind, term: Fraction = Fraction(1)) -> dict[str, Any]:
    """The fields that another line of ``kind`` takes over from ``item``, ordered of ``line``, where that is known.

    ``term`` is how long the other runs, over how long the item does: what is priced once is priced for its term.
    """
    once = item.is_share or item.price.price_per is PricePer.ONCE
    whole_term = once and item.kind is not Kind.ONE_TIME
    part = term if whole_term else Fraction(1)
    revenue = Revenue.DAILY if item.revenue is Revenue.AS_BASE else item.revenue
    facts: dict[str, Any] = {
        **{name: getattr(item, name) for name in OF_ITEM},
        "revenue": revenue.value,
        "proration": item.price.proration.value,
        "date_change": item.price.date_change.value,
        "price_per": PricePer.ONCE.value if once or kind is Kind.ONE_TIME else item.price.price_per.value,
        "standalone_price": _price(item.price.standalone_price, part),
    }
    if item.milestones:
        facts["milestones"] = [stone.model_dump(mode="json") for stone in item.milestones]
    if line is not None:
        facts["list_price"] = _price(line.list_price, part)
        facts["fields"] = {name: text for name, text in line.fields.items() if name not in OF_ITS_TIME} or None
    return {name: value for name, value in facts.items() if value is not None}


def _price(price: Decimal | None, part: Fraction) -> str | None:
    return None if price is None else decimal_text(round_half_away(Fraction(price) * part, DIGITS).normalize())


def written_price(exact: Fraction) -> str | None:
    """A unit price as a quote writes it; none where six decimals do not hold it."""
    scaled = exact * 10**DIGITS
    return None if scaled.denominator != 1 else decimal_text(Decimal(scaled.numerator).scaleb(-DIGITS).normalize())
