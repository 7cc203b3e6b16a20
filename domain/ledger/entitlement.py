"""Entitlements: what a customer may use or is owed, on any date, as known at any moment (``spec/orders.md`` 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem, by, known_items
from domain.quote import Kind, Revenue
from domain.refusal import Refusal


class View(StrEnum):
    """``contracted``: activated or delivered. ``committed``: plus what is planned. ``unordered``: not built yet."""

    CONTRACTED = "contracted"
    COMMITTED = "committed"
    UNORDERED = "unordered"


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


def entitlements(
    entries: Iterable[LedgerEntry], on: date, known: datetime | None = None, view: View = View.CONTRACTED
) -> Entitlements:
    """What ``entries`` (of one customer, in the order they were added) entitle to on the local date ``on``.

    ``known`` none: everything recorded. Things count from their delivery, from acceptance where the line requires it;
    services from start to end, both inclusive. ``contracted`` takes services of activated orders; ``committed`` all,
    and counts what is not delivered yet from its order date, what is delivered and not yet accepted from delivery.
    Work recognised by milestones or progress is never held; a rejected order entitles to nothing that is not
    delivered. Code: ``not_built_yet`` (view ``unordered``).
    """
    if view is View.UNORDERED:
        raise Refusal("not_built_yet", "the view unordered is not built yet; use contracted or committed", "view")
    sums: dict[tuple[str, str | None], Decimal] = {}
    for item in known_items(entries, known):
        held = quantity_held(item, on, view)
        if held:
            key = (item.plan.product, item.plan.ship_to)
            sums[key] = sums.get(key, Decimal(0)) + held
    ordered = sorted(sums.items(), key=lambda entry: (entry[0][0], entry[0][1] or ""))
    return Entitlements(tuple(Entitlement(product, site, quantity) for (product, site), quantity in ordered))


def quantity_held(item: KnownItem, on: date, view: View) -> Decimal:
    """How much of one item counts on ``on``."""
    if item.plan.item_kind is Kind.ONE_TIME:
        return _thing(item, on, view)
    return item.plan.quantity if _runs(item, on, view) else Decimal(0)


def covers(
    entries: Iterable[LedgerEntry], on: date, known: datetime | None = None, view: View = View.CONTRACTED
) -> Mapping[str, tuple[str, ...]]:
    """The sites whose assets are covered on the local date ``on``, sorted, for each product that covers any."""
    if view is View.UNORDERED:
        raise Refusal("not_built_yet", "the view unordered is not built yet; use contracted or committed", "view")
    found: dict[str, set[str]] = {}
    for product, site in _covering(entries, on, known, view):
        found.setdefault(product, set()).add(site)
    return {product: tuple(sorted(sites)) for product, sites in sorted(found.items())}


def _covering(
    entries: Iterable[LedgerEntry], on: date, known: datetime | None, view: View
) -> Iterator[tuple[str, str]]:
    for item in known_items(entries, known):
        plan = item.plan
        if plan.covers is not None and plan.ship_to is not None and _runs(item, on, view):
            yield plan.product, plan.ship_to


def _runs(item: KnownItem, on: date, view: View) -> bool:
    """Whether a service runs on ``on``; coverage without dates of its own runs from its order date."""
    plan = item.plan
    if item.rejected or (view is View.CONTRACTED and not item.activated):
        return False
    start = plan.order_date if plan.start is None and plan.covers is not None else plan.start
    return start is not None and start <= on and (plan.end is None or on <= plan.end)


def _thing(item: KnownItem, on: date, view: View) -> Decimal:
    plan = item.plan
    if plan.revenue in (Revenue.ON_MILESTONE, Revenue.PERCENT_COMPLETE):
        return Decimal(0)
    received = by(item.received, on)
    if view is View.CONTRACTED:
        return received
    delivered = sum((quantity for _, quantity in item.delivered), Decimal(0))
    return received + _awaiting_acceptance(item, on) + _to_come(item, delivered, on)


def _to_come(item: KnownItem, delivered: Decimal, on: date) -> Decimal:
    """What is still to be delivered counts from the order date."""
    if item.rejected or item.plan.order_date > on:
        return Decimal(0)
    return item.plan.quantity - delivered


def _awaiting_acceptance(item: KnownItem, on: date) -> Decimal:
    """What was delivered by ``on`` and has not been accepted at all: the latest deliveries wait longest."""
    if item.plan.acceptance != "required":
        return Decimal(0)
    accepted = sum((quantity for _, quantity in item.accepted), Decimal(0))
    return max(by(item.delivered, on) - accepted, Decimal(0))
