"""A change of orders as somebody wants it, and the items that it touches, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from domain.money import total_of
from domain.order.event import Change, LineBalance
from domain.order.item import Item
from domain.order.order import Order


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody wants: ``operation`` (``move_date``, ``cancel`` …) on ``order``.

    ``before`` are the orders of its quote as they are, with its ``balances``; ``made`` is what the change would do.
    ``date`` is the order date that it names, ``said`` other words of it (``disposition``, ``reason`` …) that a policy
    may look at. ``on_its_day``: it takes effect on the day on which it is carried out.
    """

    operation: str
    order: Order
    before: Sequence[Order]
    made: Change
    date: date | None = None
    said: Mapping[str, str | None] = field(default_factory=dict)
    balances: Sequence[LineBalance] = ()
    on_its_day: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """An item in the order that holds it."""

    item: Item
    order: Order


Pair = tuple[Held | None, Held | None]
"""An item before and after."""


def touched_by(wanted: Wanted) -> Iterator[Pair]:
    """The items that are other afterwards; all of the order's, where the change is about the order alone."""
    changed = {order.order_id for order in wanted.made.orders}
    before = _items(order for order in wanted.before if order.order_id in changed)
    after = _items(wanted.made.orders)
    pairs = [(before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    touched = [pair for pair in pairs if _differs(*pair)]
    return iter(touched or [(held, held) for held in _items([wanted.order]).values()])


def _items(orders: Iterable[Order]) -> dict[str, Held]:
    return {item.item_id: Held(item, order) for order in orders for item in order.items}


def _differs(one: Held | None, two: Held | None) -> bool:
    return one is None or two is None or one.item != two.item or one.order.order_date != two.order.order_date


def by_line(pairs: Sequence[Pair]) -> Mapping[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    numbered = sorted(pairs, key=lambda pair: one_of(pair).item.line_number)
    for pair in numbered:
        found.setdefault(one_of(pair).item.line_id, []).append(pair)
    return found


def one_of(pair: Pair) -> Held:
    held = pair[0] or pair[1]
    assert held is not None
    return held


def counting(pairs: Sequence[Pair], side: int) -> list[Held]:
    """The items of one side (0 before, 1 after) that count."""
    return [held for pair in pairs if (held := pair[side]) is not None and held.item.counts]


def sums(pairs: Sequence[Pair], currency: str) -> tuple[Decimal, Decimal]:
    before, after = (total_of((held.item.amount for held in counting(pairs, side)), currency) for side in (0, 1))
    return before, after


def quantities(pairs: Sequence[Pair]) -> tuple[Decimal, Decimal]:
    before, after = (sum((held.item.quantity for held in counting(pairs, side)), Decimal(0)) for side in (0, 1))
    return before, after
