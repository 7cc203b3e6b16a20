"""Subscriptions and assets: what the customer holds, a service over time or a thing (``spec/orders.md`` 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem, known_items
from domain.ledger.timeline import Family, Step, families
from domain.ledger.view import View
from domain.quote import Kind

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Movement:
    """How much arrived by which order on which local date; below zero it went back.

    Where the line requires acceptance, arrival is acceptance.
    """

    on: date
    quantity: Decimal
    order_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing that the customer has, since ``since``; ``until`` is the day before it came back.

    ``per_line`` there is one of an item with all that was received of it; ``per_unit`` one for each unit, numbered
    from 1 in the order of receipt. A number is never given twice. The last unit may be a part of one. ``movements``
    are how it came and went, in the order of their dates.
    """

    asset_id: str
    root: str
    product: str
    line_id: str
    ship_to: str | None
    number: int | None
    quantity: Decimal
    since: date
    until: date | None = None
    movements: tuple[Movement, ...] = ()

    def is_held(self, on: date) -> bool:
        """Whether the customer has it on ``on``."""
        return self.since <= on and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service over time, with all its changes; ``steps`` are what it comes to, and ``end`` none: it runs on."""

    subscription_id: str
    product: str
    line_id: str
    ship_to: str | None
    kind: Kind
    start: date
    end: date | None
    steps: tuple[Step, ...]
    items: tuple[str, ...]

    def quantity(self, on: date) -> Decimal:
        """What runs on ``on``; 0 outside its days."""
        found = (step.quantity for step in self.steps if step.start <= on and (step.end is None or on <= step.end))
        return next(found, Decimal(0))


def subscriptions(
    entries: Iterable[LedgerEntry], known: datetime | None = None, view: View = View.CONTRACTED
) -> tuple[Subscription, ...]:
    """The services of which anything runs at any time, one for each line of revisions; held days are left out."""
    found: list[Subscription] = []
    for family in families(known_items(entries, known)):
        plan = family.first.plan
        steps = family.steps(view, holds=True) if plan.item_kind is not Kind.ONE_TIME else ()
        if steps:
            found.append(
                Subscription(
                    subscription_id=family.root,
                    product=plan.product,
                    line_id=plan.line_id,
                    ship_to=plan.ship_to,
                    kind=plan.item_kind,
                    start=steps[0].start,
                    end=steps[-1].end,
                    steps=steps,
                    items=tuple(item.item_id for item in family.items),
                )
            )
    return tuple(found)


def assets(entries: Iterable[LedgerEntry], on: date | None = None, known: datetime | None = None) -> Iterator[Asset]:
    """The things that were received, as known at a moment, line by line; with ``on`` those that are held then.

    Things count from delivery, from acceptance where the line requires it. What comes back was the last one in.
    """
    for family in families(known_items(entries, known)):
        plan = family.first.plan
        if plan.item_kind is Kind.ONE_TIME and plan.asset != "none":
            held = _units(family) if plan.asset == "per_unit" else _whole(family)
            yield from (asset for asset in held if on is None or asset.is_held(on))


def movements(family: Family) -> list[Movement]:
    """What came in and went back of a family's things, by date; on one date what came in stands first."""
    came = [_movement(item, on, quantity) for item in family.layers for on, quantity in item.received]
    went = [_movement(item, on, -abs(quantity)) for item in family.cuts for on, quantity in item.delivered]
    return sorted((*came, *went), key=lambda each: (each.on, each.quantity < 0))


def _movement(item: KnownItem, on: date, quantity: Decimal) -> Movement:
    return Movement(on, quantity, item.plan.order_id, item.item_id)


def _whole(family: Family) -> Iterator[Asset]:
    """One asset with all that is held; its quantity is that of its last day."""
    held = Decimal(0)
    since: date | None = None
    until: date | None = None
    last = Decimal(0)
    moved = movements(family)
    for each in moved:
        since = since or each.on
        held = max(held + each.quantity, Decimal(0))
        until = None if held else each.on
        last = held or last
    if since is not None:
        yield _asset(family, None, last, since, moved, until)


def _units(family: Family) -> Iterator[Asset]:
    """One asset for each unit that was ever received; what comes back is taken from the last one in."""
    units: list[Asset] = []
    gone: list[Asset] = []
    for each in movements(family):
        quantity, number = each.quantity, len(units) + len(gone)
        while quantity > 0:
            number += 1
            part = min(quantity, ONE)
            units.append(_asset(family, number, part, each.on, [replace(each, quantity=part)]))
            quantity -= units[-1].quantity
        while quantity < 0 and units:
            unit = units.pop()
            back = min(unit.quantity, -quantity)
            quantity += back
            went = (*unit.movements, replace(each, quantity=-back))
            if back == unit.quantity:
                gone.append(replace(unit, until=each.on, movements=went))
            else:
                units.append(replace(unit, quantity=unit.quantity - back, movements=went))
    yield from sorted((*units, *gone), key=lambda unit: unit.number or 0)


def _asset(
    family: Family,
    number: int | None,
    quantity: Decimal,
    since: date,
    moved: Sequence[Movement],
    until: date | None = None,
) -> Asset:
    plan = family.first.plan
    return Asset(
        asset_id=family.root if number is None else f"{family.root}:{number}",
        root=family.root,
        product=plan.product,
        line_id=plan.line_id,
        ship_to=plan.ship_to,
        number=number,
        quantity=quantity,
        since=since,
        until=until,
        movements=tuple(moved),
    )
