"""What an item would cost sold alone: the weight by which the revenue of a bundle is allocated."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from domain.money import round_half_away
from domain.order.item import Item
from domain.quote import DateChange, Kind, PricePer
from domain.term import months_of_price

DIGITS = 6
"""A weight needs no minor unit, only more digits than any currency has."""


def standalone_amount(item: Item) -> Decimal | None:
    """``standalone_price`` x quantity x ``price_per`` periods of the item's present dates; none where none is given."""
    alone = item.price.standalone_price
    if alone is None:
        return None
    return round_half_away(Fraction(alone) * Fraction(item.quantity) * _periods(item), DIGITS)


def _periods(item: Item) -> Fraction:
    """How many periods the item's price counts; what runs without end counts one."""
    price = item.price
    if item.kind is not Kind.SUBSCRIPTION or price.price_per is PricePer.ONCE or item.start is None:
        return Fraction(1)
    keeps_term = price.date_change is DateChange.TERM_FIXED or item.start == price.start
    if price.term_months is not None and keeps_term:
        months = Fraction(price.term_months)
    elif item.end is not None:
        months = months_of_price(item.start, item.end, price.proration)
    else:
        return Fraction(1)
    return months / 12 if price.price_per is PricePer.YEAR else months
