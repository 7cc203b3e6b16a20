"""Bundles within an order, and the choice of items and quantities that keeps them whole (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import lcm

from domain.order.item import Item
from domain.order.order import Order
from domain.order.parts import comes_in_pieces, is_whole
from domain.refusal import Refusal

Quantities = dict[str, Decimal]
Lines = Mapping[str, Decimal | None]
"""Quantities by line or item id; none: all of it."""
DIGITS = 6


def top_of(order: Order, item: Item) -> Item:
    """The item at the top of the bundle of ``item`` (itself when it is in none)."""
    by_id = {other.item_id: other for other in order.items}
    while item.parent_item in by_id:
        item = by_id[item.parent_item]
    return item


def bundle_of(order: Order, item: Item) -> tuple[Item, ...]:
    """The whole bundle that ``item`` is in, parents before their components."""
    found = [top_of(order, item)]
    for parent in found:
        found.extend(other for other in order.items if other.parent_item == parent.item_id)
    return tuple(found)


def whole(order: Order, lines: Iterable[str] | None) -> tuple[Item, ...]:
    """The counted items of ``lines`` (line or item ids; none: of the order), each with its whole bundle.

    Code: ``unknown_line``.
    """
    named = order.items if lines is None else [item for line in lines for item in order.items_of(line)]
    chosen = {member.item_id for item in named if item.counts for member in bundle_of(order, item) if member.counts}
    if not chosen and lines is not None:
        raise Refusal("unknown_line", f"{', '.join(lines)} is no longer in order {order.order_id}", "lines")
    return tuple(item for item in order.items if item.item_id in chosen)


def chosen(
    order: Order, lines: Lines, open_of: Callable[[Item], Decimal], *, less_than_all: bool = False
) -> Quantities:
    """How much of each item is meant: the quantities of ``lines``, and of the components in ratio.

    A quantity of a line with several items goes over them in their order. A component has no quantity of its own.
    ``less_than_all``: something of each item must stay.
    Codes: ``unknown_line``, ``quantity_out_of_range``, ``bundle_broken``.
    """
    taken: Quantities = {}
    for line, quantity in lines.items():
        items = [item for item in order.items_of(line) if item.counts]
        _refuse_components(order, items, quantity, line)
        tops = list({top.item_id: top for top in (top_of(order, item) for item in items)}.values())
        for top, take in _over(tops, quantity, open_of, less_than_all=less_than_all, line=line):
            for member in bundle_of(order, top):
                if member.counts:
                    taken[member.item_id] = _in_ratio(member, top, take)
    return taken


def _refuse_components(order: Order, items: Iterable[Item], quantity: Decimal | None, line: str) -> None:
    if quantity is not None and any(top_of(order, item) is not item for item in items):
        message = f"{line} is a component and goes with its parent; name a quantity of the parent"
        raise Refusal("bundle_broken", message, f"lines.{line}")


def _over(
    items: list[Item],
    quantity: Decimal | None,
    open_of: Callable[[Item], Decimal],
    *,
    less_than_all: bool,
    line: str,
) -> Iterable[tuple[Item, Decimal]]:
    left = [(item, open_of(item)) for item in items]
    everything = sum((open_ for _, open_ in left), Decimal(0))
    path = f"lines.{line}"
    if quantity is None:
        quantity = everything
    if not 0 < quantity <= everything or (less_than_all and quantity == everything):
        bound = "less than" if less_than_all else "at most"
        raise Refusal("quantity_out_of_range", f"give a quantity of {line} above 0 and {bound} {everything}", path)
    if not is_whole(quantity) and any(comes_in_pieces(item.quantity, item.unit) for item in items):
        raise Refusal("quantity_out_of_range", f"{line} is counted in pieces; give a whole number", path)
    for item, open_ in left:
        take = min(quantity, open_)
        if take > 0:
            yield item, take
            quantity -= take


def _in_ratio(member: Item, top: Item, take: Decimal) -> Decimal:
    exact = Fraction(member.quantity) * Fraction(take) / Fraction(top.quantity)
    scale = 1 if comes_in_pieces(member.quantity, member.unit) else 10**DIGITS
    if (exact * scale).denominator != 1:
        message = f"{take} of {top.line_id} would take {float(exact):g} of {member.line_id}; keep the bundle whole"
        raise Refusal("bundle_broken", message, f"lines.{top.line_id}")
    return as_decimal(exact)


def smallest_whole(order: Order, top: Item, share: Fraction) -> Decimal:
    """The smallest quantity of ``top``, at least ``share`` (0 to 1) of it, with which its whole bundle stays exact."""
    unit = 1 if comes_in_pieces(top.quantity, top.unit) else 10**DIGITS
    step = 1
    for member in bundle_of(order, top):
        if member.counts:
            scale = 1 if comes_in_pieces(member.quantity, member.unit) else 10**DIGITS
            step = lcm(step, (Fraction(member.quantity) * scale / (Fraction(top.quantity) * unit)).denominator)
    steps = share * Fraction(top.quantity) * unit / step
    return min(as_decimal(Fraction(-(-steps.numerator // steps.denominator) * step, unit)), top.quantity)


def as_decimal(exact: Fraction) -> Decimal:
    """``exact``, which has at most 6 decimals, as a decimal."""
    if exact.denominator == 1:
        return Decimal(exact.numerator)
    return Decimal(int(exact * 10**DIGITS)).scaleb(-DIGITS).normalize()
