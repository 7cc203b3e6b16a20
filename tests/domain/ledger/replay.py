"""An oracle of entitlements: the rows that were known are replayed one by one, and the day is counted unit by unit.

It shares no code with what it checks. Services are tokens, one for each unit of a layer: a reduction takes those of the
layer it revises, then of the one that came in last. Things are heaps: what was received, or as planned is to come,
less what came back, never below nothing in a line of revisions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.entries import EntryKind, LedgerEntry

Place = tuple[str, str | None]
NOT_HELD_AT_ALL = ("on_milestone", "percent_complete")


@dataclass
class Told:
    """What the rows say of one item, in the order in which they were added."""

    plan: LedgerEntry
    there: bool = False
    active: bool = False
    rejected: bool = False
    held: list[tuple[date, bool]] = field(default_factory=list)
    delivered: list[tuple[date, Decimal]] = field(default_factory=list)
    accepted: list[tuple[date, Decimal]] = field(default_factory=list)

    def hear(self, row: LedgerEntry) -> None:
        if row.kind is EntryKind.SCHEDULED:
            self.there = not row.counter
            self.plan = self.plan if row.counter else row
        elif row.kind is EntryKind.ACTIVATED:
            self.active = not row.counter
        elif row.kind is EntryKind.REJECTED:
            self.rejected = True
        elif row.kind is EntryKind.DELIVERED:
            self.delivered.append((row.effective, row.quantity))
        elif row.kind is EntryKind.ACCEPTED:
            self.accepted.append((row.effective, row.quantity))
        elif row.kind in (EntryKind.HELD, EntryKind.RELEASED):
            word = (row.effective, row.kind is EntryKind.HELD)
            if row.counter:
                self.held.reverse()
                self.held.remove(word)
                self.held.reverse()
            else:
                self.held.append(word)

    def is_held(self, on: date) -> bool:
        words = sorted((each for each in self.held if each[0] <= on), key=lambda each: each[0])
        return bool(words) and words[-1][1]

    def runs(self, on: date, committed: bool) -> bool:
        start = self.plan.start or (self.plan.order_date if self.plan.covers else None)
        counts = (committed or self.active) and not self.rejected
        return counts and start is not None and start <= on <= (self.plan.end or date.max)


def replayed(rows: Iterable[LedgerEntry], on: date, known: datetime, committed: bool) -> dict[Place, Decimal]:
    """What the customer has on ``on``, as known at ``known``."""
    told: dict[str, Told] = {}
    for row in rows:
        if row.recorded_at <= known:
            told.setdefault(row.item_id, Told(row)).hear(row)
    lines: dict[str, list[Told]] = {}
    for item in told.values():
        if item.there:
            lines.setdefault(item.plan.root_item or item.plan.item_id, []).append(item)
    found: dict[Place, Decimal] = {}
    for items in lines.values():
        for place, quantity in (*_services(items, on, committed), *_things(items, on, committed)):
            found[place] = found.get(place, Decimal(0)) + quantity
    return {place: quantity for place, quantity in found.items() if quantity}


def _services(items: list[Told], on: date, committed: bool) -> list[tuple[Place, Decimal]]:
    services = [item for item in items if item.plan.item_kind != "one_time"]
    running = [item for item in services if item.runs(on, committed)]
    layers = sorted((i for i in running if i.plan.quantity > 0), key=lambda i: i.plan.start or i.plan.order_date)
    left = {item.plan.item_id: item.plan.quantity for item in layers}
    reductions = {item.plan.item_id: item.plan for item in services if item.plan.quantity <= 0}
    for item in running:
        if item.plan.quantity > 0:
            continue
        revised = item.plan.revises
        while revised in reductions and revised != item.plan.item_id:
            revised = reductions[revised].revises
        if revised not in left:
            continue
        missing = -item.plan.quantity
        for layer in [revised, *(each for each in reversed(left) if each != revised)]:
            while missing > 0 and left[layer] > 0:
                unit = min(missing, left[layer], Decimal(1))
                left[layer] -= unit
                missing -= unit
    return [
        ((item.plan.product, item.plan.ship_to), left[item.plan.item_id]) for item in layers if not item.is_held(on)
    ]


def _things(items: list[Told], on: date, committed: bool) -> list[tuple[Place, Decimal]]:
    heap: list[tuple[Place, Decimal]] = []
    gone = Decimal(0)
    for item in items:
        plan = item.plan
        if plan.item_kind != "one_time" or plan.revenue in NOT_HELD_AT_ALL:
            continue
        planned = committed and plan.order_date <= on and not item.rejected
        came = _by(item.delivered, on)
        if plan.quantity < 0:
            gone += -plan.quantity - abs(_by(item.delivered, date.max)) + abs(came) if planned else abs(came)
            continue
        has = _by(item.accepted, on) if plan.acceptance == "required" else came
        if committed and plan.acceptance == "required":
            has += max(came - _by(item.accepted, date.max), Decimal(0))
        if planned:
            has += plan.quantity - _by(item.delivered, date.max)
        heap.append(((plan.product, plan.ship_to), has))
    for number in range(len(heap) - 1, -1, -1):
        place, has = heap[number]
        taken = min(has, gone)
        gone -= taken
        heap[number] = (place, has - taken)
    return heap


def _by(receipts: list[tuple[date, Decimal]], on: date) -> Decimal:
    return sum((quantity for day, quantity in receipts if day <= on), Decimal(0))
