"""The years of one multi-year line within an order: they move and are split together (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from domain.order.bundle import DIGITS, Quantities, as_decimal, chosen, top_of
from domain.order.item import Item
from domain.order.order import Order
from domain.order.parts import comes_in_pieces
from domain.refusal import Refusal


def years_of(order: Order, item: Item) -> tuple[Item, ...]:
    """The items of ``order`` that stay together with ``item``, itself among them: all years of one line to one place.

    A component stays with its parent and has no years of its own; what was split by segment has none either.
    """
    if item.segment is None:
        return (item,)
    return tuple(each for each in order.items if each.counts and _multi_year(each) == _multi_year(item))


def _multi_year(item: Item) -> tuple[object, ...] | None:
    if item.segment is None:
        return None
    return item.product, item.family, item.group, item.kind, item.ship_to


def with_years(order: Order, taken: Quantities) -> Quantities:
    """``taken`` with the same part of every other year of its multi-year lines, bundles whole.

    Code: ``bundle_broken`` (a part finer than its unit, or years that are named with different parts).
    """
    found = dict(taken)
    seen: set[str] = set()
    for item_id in taken:
        years = years_of(order, top_of(order, order.item(item_id)))
        if item_id in seen or len({year.line_id for year in years}) < 2:
            continue
        seen.update(year.item_id for year in years)
        for year, quantity in _others(years, taken):
            found |= chosen(order, {year.item_id: quantity}, lambda each: each.quantity)
    return found


def _others(years: tuple[Item, ...], taken: Quantities) -> Iterable[tuple[Item, Decimal]]:
    """How much of each item of the years that are not named goes."""
    lines = {year.line_id: [each for each in years if each.line_id == year.line_id] for year in years}
    parts = {
        line: Fraction(_sum(taken.get(item.item_id, Decimal(0)) for item in items))
        / Fraction(_sum(item.quantity for item in items))
        for line, items in lines.items()
    }
    part = max(parts.values())
    for line, items in lines.items():
        if parts[line] == part:
            continue
        if parts[line]:
            message = f"{line} is a year of the same line; split the same part of every year, or name one of them"
            raise Refusal("bundle_broken", message, f"lines.{line}")
        yield from _spread(items, part)


def _spread(items: list[Item], part: Fraction) -> Iterable[tuple[Item, Decimal]]:
    whole = _sum(item.quantity for item in items)
    exact = part * Fraction(whole)
    scale = 1 if any(comes_in_pieces(item.quantity, item.unit) for item in items) else 10**DIGITS
    if (exact * scale).denominator != 1:
        line = items[0].line_id
        message = f"it would take {float(exact):g} of {line}, a year of the same line; choose a part that is exact"
        raise Refusal("bundle_broken", message, f"lines.{line}")
    left = as_decimal(exact)
    for item in items:
        take = min(left, item.quantity)
        if take > 0:
            yield item, take
            left -= take


def _sum(quantities: Iterable[Decimal]) -> Decimal:
    return sum(quantities, Decimal(0))
