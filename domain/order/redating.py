"""An item under another order date: which start it gets, and what it costs then (``spec/orders.md`` 3)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.money import round_money
from domain.order.item import Item
from domain.quote import DateChange, Kind, PricePer
from domain.refusal import Refusal
from domain.term import as_long, end_of_term, months_of_price


def redated(item: Item, old: date, new: date, currency: str) -> Item:
    """``item`` of an order of the date ``old`` under the order date ``new``.

    A start that equals the old date moves along, none stays before the new date, others stay. ``end_fixed`` reprices,
    ``term_fixed`` keeps term and amount. Codes: ``dates_out_of_order`` (a start after a fixed end), ``invalid_date``
    (the term leads beyond the calendar).
    """
    if item.start is None or item.dates_of_base:
        return item
    start = new if item.start == old or item.start < new else item.start
    return item if start == item.start else starting(item, start, currency)


def starting(item: Item, start: date, currency: str) -> Item:
    """``item`` from another start; what takes away ends with what it revises. Code: ``dates_out_of_order``."""
    if item.price.date_change is DateChange.TERM_FIXED and not _takes_away(item):
        return item.model_copy(update={"start": start, "end": _same_term(item, start)})
    if item.end is not None and start > item.end:
        message = f"{item.line_id} ends on {item.end}, before its new start {start}; its end is fixed"
        raise Refusal("dates_out_of_order", message, "to")
    return item.model_copy(update={"start": start, "amount": amount_from(item, start, currency)})


def _takes_away(item: Item) -> bool:
    return item.revises is not None and item.quantity < 0


def _same_term(item: Item, start: date) -> date | None:
    if item.price.term_months is not None:
        return end_of_term(start, item.price.term_months, "to")
    assert item.start is not None
    return item.end and as_long(start, item.start, item.end, "to")


def amount_from(item: Item, start: date, currency: str) -> Decimal:
    """What ``item`` costs from ``start`` to its fixed end, by its frozen price method.

    Back on the dates of the quote it is the quote amount, so that moving there and back leaves nothing behind.
    """
    price = item.price
    if _takes_away(item) and item.end is not None and price.start is not None and price.end is not None:
        part = months_of_price(start, item.end, price.proration) / months_of_price(
            price.start, price.end, price.proration
        )
        return round_money(Fraction(item.quote_amount) * part, currency)
    if item.kind is not Kind.SUBSCRIPTION or item.end is None or price.price_per is PricePer.ONCE:
        return item.amount
    if (start, item.end) == (price.start, price.end):
        return item.quote_amount
    months = months_of_price(start, item.end, price.proration)
    periods = months / 12 if price.price_per is PricePer.YEAR else months
    return round_money(price.unit_price * Fraction(item.quantity) * periods, currency)
