"""Timelines: what a line of revisions comes to on any day, layer by layer (``spec/orders.md`` 3 and 4).

An item with a quantity above zero is a layer; a delta below zero is a cut. A cut takes from the layer it revises, as
long as that one runs, and what that one cannot give from the other layers, last in first out; no layer falls below
zero. A cut of a layer that does not run takes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.ledger.hold import hold_dates, is_held
from domain.ledger.known import KnownItem
from domain.ledger.view import View
from domain.term import ONE_DAY

Runs = Callable[[KnownItem], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """A quantity that holds from ``start`` to ``end``, both inclusive; no end: for good."""

    start: date
    end: date | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Family:
    """The items of one line of revisions: ``layers`` and ``cuts``, each in the order of their planning.

    ``root`` is the id of the first item; it need not be among them, when it was cancelled.
    """

    root: str
    layers: tuple[KnownItem, ...]
    cuts: tuple[KnownItem, ...]

    @property
    def items(self) -> tuple[KnownItem, ...]:
        return (*self.layers, *self.cuts)

    @property
    def first(self) -> KnownItem:
        """The root, or the earliest item that is left of its family."""
        named = (item for item in self.items if item.item_id == self.root)
        return next(named, self.items[0])

    def left(self, on: date, view: View) -> Mapping[str, Decimal]:
        """What is left on the local date ``on`` of each layer that runs then, last in last; holds do not count."""
        return self.left_of(lambda item: runs(item, on, view))

    def left_of(self, counts: Runs) -> dict[str, Decimal]:
        """What is left of the layers that count, by the cuts that count; last in last."""
        left = {layer.item_id: layer.plan.quantity for layer in in_order(filter(counts, self.layers))}
        if self.cuts and left:
            for cut in filter(counts, self.cuts):
                self._take(left, cut)
        return left

    def served(self, on: date, view: View) -> Mapping[str, Decimal]:
        """What may be used on ``on`` of each layer: what is left of it, unless its order is held."""
        held = {layer.item_id for layer in self.layers if is_held(layer, on)}
        return {item_id: left for item_id, left in self.left(on, view).items() if left and item_id not in held}

    def steps(self, view: View = View.COMMITTED, *, holds: bool = False) -> tuple[Step, ...]:
        """What the services of the family come to over all time, without gaps of nothing; ``holds``: held days out."""
        found: list[Step] = []
        days = self.days(holds=holds)
        for position, day in enumerate(days):
            quantity = sum((self.served if holds else self.left)(day, view).values(), Decimal(0))
            following = days[position + 1] - ONE_DAY if position + 1 < len(days) else None
            if found and found[-1].quantity == quantity and found[-1].end == day - ONE_DAY:
                found[-1] = Step(found[-1].start, following, quantity)
            elif quantity:
                found.append(Step(day, following, quantity))
        return tuple(found)

    def days(self, *, holds: bool = False) -> tuple[date, ...]:
        """The days on which what runs may become another, in order."""
        found: set[date] = set()
        for item in self.items:
            start = start_of(item)
            if start is not None:
                found.add(start)
            if item.plan.end is not None and item.plan.end < date.max:
                found.add(item.plan.end + ONE_DAY)
            if holds:
                found |= hold_dates(item)
        return tuple(sorted(found))

    def last_day(self) -> date | None:
        """The last day on which anything of what is planned runs; none: it runs on, or has no days at all.

        A family of which nothing ever runs ends when its first item was to end.
        """
        if not self.cuts:
            ends = [layer.plan.end for layer in self.layers if start_of(layer) is not None]
            return None if None in ends or not ends else max(end for end in ends if end is not None)
        following: date | None = None
        for day in reversed(self.days()):
            if any(self.left(day, View.COMMITTED).values()):
                return following and following - ONE_DAY
            following = day
        return self.first.plan.end

    def target(self, cut: KnownItem) -> str | None:
        """The layer that ``cut`` revises, by way of other cuts where it revises one of those."""
        cuts = {item.item_id: item for item in self.cuts}
        here, seen = cut.plan.revises, {cut.item_id}
        while here in cuts and here not in seen:
            seen.add(here)
            here = cuts[here].plan.revises
        return here

    def _take(self, left: dict[str, Decimal], cut: KnownItem) -> None:
        target, missing = self.target(cut), -cut.plan.quantity
        if target not in left:
            return
        others = [item_id for item_id in reversed(left) if item_id != target]
        for item_id in (target, *others):
            taken = min(left[item_id], missing)
            left[item_id] -= taken
            missing -= taken


def families(items: Iterable[KnownItem]) -> tuple[Family, ...]:
    """``items`` by their line of revisions, in the order in which those were begun."""
    found: dict[str, list[KnownItem]] = {}
    for item in items:
        found.setdefault(item.plan.root_item or item.item_id, []).append(item)
    return tuple(
        Family(
            root,
            tuple(item for item in members if item.plan.quantity > 0),
            tuple(item for item in members if item.plan.quantity <= 0),
        )
        for root, members in found.items()
    )


def in_order(layers: Iterable[KnownItem]) -> Sequence[KnownItem]:
    """``layers`` by their start, those that start together in the order of planning: the last one in is last."""
    return sorted(layers, key=lambda layer: start_of(layer) or date.min)


def start_of(item: KnownItem) -> date | None:
    """The first day of a service; coverage without dates of its own runs from its order date."""
    plan = item.plan
    return plan.order_date if plan.start is None and plan.covers is not None else plan.start


def runs(item: KnownItem, on: date, view: View) -> bool:
    """Whether a service runs on ``on``: activated, or in ``committed`` planned; holds are another matter."""
    if item.rejected or (view is View.CONTRACTED and not item.activated):
        return False
    start, end = start_of(item), item.plan.end
    return start is not None and start <= on and (end is None or on <= end)
