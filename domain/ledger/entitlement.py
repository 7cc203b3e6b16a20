"""Entitlements: what a customer may use or is owed, on any date, as known at any moment (``spec/orders.md`` 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.contract import contract_items
from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem, by, known_items
from domain.ledger.promise import Promise, left_at
from domain.ledger.timeline import Family, families
from domain.ledger.view import View
from domain.quote import Kind, Revenue

__all__ = ["Entitlement", "Entitlements", "Scope", "View", "covers", "entitlements", "quantity_held"]

Held = tuple[KnownItem, Decimal]


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A quantity of a product at a site (none: no place is named); never zero."""

    product: str
    ship_to: str | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Entitlements:
    """All entitlements on one date, sorted by product and site."""

    rows: tuple[Entitlement, ...]

    def of(self, product: str, ship_to: str | None = None) -> Decimal:
        """The quantity of ``product``, at one site when that is named; 0 without entitlement."""
        matching = (row for row in self.rows if row.product == product)
        return sum((row.quantity for row in matching if ship_to in (None, row.ship_to)), Decimal(0))

    @property
    def by_product(self) -> Mapping[str, Decimal]:
        """The quantity of each product over all sites."""
        return {product: self.of(product) for product in dict.fromkeys(row.product for row in self.rows)}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about: a product, a site, a contract (by its id); none: any."""

    product: str | None = None
    ship_to: str | None = None
    contract: str | None = None

    def fits(self, product: str, ship_to: str | None) -> bool:
        return self.product in (None, product) and self.ship_to in (None, ship_to)


EVERYTHING = Scope()


def entitlements(
    entries: Iterable[LedgerEntry],
    on: date,
    known: datetime | None = None,
    view: View = View.CONTRACTED,
    *,
    scope: Scope = EVERYTHING,
    promises: Iterable[Promise] = (),
) -> Entitlements:
    """What ``entries`` (of one customer, in the order they were added) entitle to on the local date ``on``.

    ``known`` none: everything recorded. Things count from their delivery, from acceptance where the line requires it;
    services from start to end, both inclusive, unless their order is held. ``contracted`` takes services of activated
    orders; ``committed`` all, and counts what is not delivered yet from its order date, what is delivered and not yet
    accepted from delivery. ``unordered`` is what ``promises`` say is left of approved quotes, and nothing else.
    Deltas count with what they revise: reductions from the last layer in, nothing below zero. Work recognised by
    milestones or progress is never held; a rejected order entitles to nothing that is not delivered.
    Code: ``unknown_contract``.
    """
    rows = tuple(entries)
    sums: dict[tuple[str, str | None], Decimal] = {}
    for product, ship_to, quantity in (
        _promised(rows, on, known, scope, promises)
        if view is View.UNORDERED
        else ((item.plan.product, item.plan.ship_to, held) for item, held in _held(rows, on, known, view, scope))
    ):
        sums[product, ship_to] = sums.get((product, ship_to), Decimal(0)) + quantity
    ordered = sorted(sums.items(), key=lambda entry: (entry[0][0], entry[0][1] or ""))
    return Entitlements(tuple(Entitlement(*place, quantity) for place, quantity in ordered if quantity))


def covers(
    entries: Iterable[LedgerEntry],
    on: date,
    known: datetime | None = None,
    view: View = View.CONTRACTED,
    *,
    scope: Scope = EVERYTHING,
) -> Mapping[str, tuple[str, ...]]:
    """The sites whose assets are covered on the local date ``on``, sorted, for each product that covers any.

    Nothing that is unordered covers anything. Code: ``unknown_contract``.
    """
    found: dict[str, set[str]] = {}
    for item, _ in _held(tuple(entries), on, known, view, scope) if view is not View.UNORDERED else ():
        if item.plan.covers is not None and item.plan.ship_to is not None:
            found.setdefault(item.plan.product, set()).add(item.plan.ship_to)
    return {product: tuple(sorted(sites)) for product, sites in sorted(found.items())}


def quantity_held(family: Family, on: date, view: View) -> Iterator[Held]:
    """How much counts of each item of ``family`` on ``on``, in the order of planning: nothing of cuts and returns."""
    things = [item for item in family.items if item.plan.item_kind is Kind.ONE_TIME]
    yield from _things(things, on, view)
    if len(things) < len(family.items):
        served = family.served(on, view)
        services = (item for item in family.layers if item.plan.item_kind is not Kind.ONE_TIME)
        yield from ((item, served[item.item_id]) for item in services if item.item_id in served)


def _held(entries: Sequence[LedgerEntry], on: date, known: datetime | None, view: View, scope: Scope) -> Iterator[Held]:
    chosen = contract_items(entries, scope.contract, known) if scope.contract is not None else None
    items = known_items(entries, known)
    for family in families(items):
        for item, quantity in quantity_held(family, on, view):
            if scope.fits(item.plan.product, item.plan.ship_to) and (chosen is None or item.item_id in chosen):
                yield item, quantity


def _promised(
    entries: Sequence[LedgerEntry], on: date, known: datetime | None, scope: Scope, promises: Iterable[Promise]
) -> Iterator[tuple[str, str | None, Decimal]]:
    if scope.contract is not None:
        return  # nothing that is unordered is in a contract
    for promise in left_at(promises, entries, known):
        if promise.counts(on) and scope.fits(promise.product, promise.ship_to):
            yield promise.product, promise.ship_to, promise.left


def _things(items: Sequence[KnownItem], on: date, view: View) -> Iterator[Held]:
    """What is held of each item; what came back, or was taken out of the plan, is taken from the last ones in."""
    held = [(item, _thing(item, on, view)) for item in items]
    missing = -sum((quantity for _, quantity in held if quantity < 0), Decimal(0))
    kept: list[Held] = []
    for item, quantity in reversed([(item, quantity) for item, quantity in held if quantity > 0]):
        taken = min(quantity, missing)
        missing -= taken
        kept.append((item, quantity - taken))
    return reversed([(item, quantity) for item, quantity in kept if quantity])


def _thing(item: KnownItem, on: date, view: View) -> Decimal:
    plan = item.plan
    if plan.revenue in (Revenue.ON_MILESTONE, Revenue.PERCENT_COMPLETE):
        return Decimal(0)
    if plan.quantity < 0:
        return _came_back(item, on, view)
    received = by(item.received, on)
    if view is View.CONTRACTED:
        return received
    return received + _awaiting_acceptance(item, on) + _to_come(item, on)


def _came_back(item: KnownItem, on: date, view: View) -> Decimal:
    """What a negative item takes away by ``on``: what has come back, and as planned what is still to."""
    back = -abs(by(item.delivered, on))
    if view is View.CONTRACTED or item.rejected or item.plan.order_date > on:
        return back
    return back + item.plan.quantity + abs(by(item.delivered, date.max))


def _to_come(item: KnownItem, on: date) -> Decimal:
    """What is still to be delivered counts from the order date."""
    if item.rejected or item.plan.order_date > on:
        return Decimal(0)
    return item.plan.quantity - by(item.delivered, date.max)


def _awaiting_acceptance(item: KnownItem, on: date) -> Decimal:
    """What was delivered by ``on`` and has not been accepted at all: the latest deliveries wait longest."""
    if item.plan.acceptance != "required":
        return Decimal(0)
    return max(by(item.delivered, on) - by(item.accepted, date.max), Decimal(0))
