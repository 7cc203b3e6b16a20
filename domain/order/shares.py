"""Percent-of-total lines in orders: who gets which share when a quote is split (``spec/orders.md`` 2).

A share is a cumulative split of the line's amount on the base that each order or site holds: no base, no share. What
it was taken of is frozen with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from domain.money import cumulative_split
from domain.order.parts import Part, Place, place_order
from domain.pricing import PricedLine
from domain.quote import Delivery, QuoteLine
from domain.refusal import Refusal

ONE = Decimal(1)
Claim = tuple[Place, tuple[Part, ...]]


def is_placed(line: QuoteLine) -> bool:
    """Whether the line's deliveries say where its shares go."""
    return bool(line.deliveries)


def placed_shares(priced: PricedLine, parts: Sequence[Part], currency: str) -> tuple[Part, ...]:
    """The shares of a line with deliveries.

    ``by: site``: each delivery takes the share of its site, by the base which that site holds over all orders; base
    at sites without a delivery does not count. ``by: order``: the one delivery takes all of it.
    Codes: ``conflicting_fields`` (a place named twice, several deliveries with ``by: order``),
    ``percent_of_nothing`` (no named site holds any base).
    """
    line = priced.line
    deliveries = sorted(line.deliveries or (), key=lambda delivery: place_order(delivery.order_date, delivery.ship_to))
    base = tuple(part for part in parts if part.line.line_id in priced.base)
    path = f"lines.{line.line_id}.deliveries"
    if line.by == "order":
        if len(deliveries) > 1:
            raise Refusal(
                "conflicting_fields",
                "with by: order a percent-of-total line has one delivery, or none to follow its base; or use by: site",
                path,
            )
        return shares(priced, [(_place(deliveries[0]), base)], currency)
    sites = [delivery.ship_to for delivery in deliveries]
    if len(set(sites)) < len(sites):
        raise Refusal("conflicting_fields", "name each site once: its share cannot be divided over dates", path)
    claims = [(_place(delivery), _at_site(base, delivery.ship_to)) for delivery in deliveries]
    return shares(priced, claims, currency)


def _place(delivery: Delivery) -> Place:
    return Place(delivery.order_date, delivery.ship_to, ONE)


def _at_site(base: Iterable[Part], ship_to: str | None) -> tuple[Part, ...]:
    return tuple(part for part in base if part.place.ship_to == ship_to)


def shares(priced: PricedLine, claims: Sequence[Claim], currency: str) -> tuple[Part, ...]:
    """The shares of ``claims`` (a place and the base parts it holds), in their order; without base, no share.

    Code: ``percent_of_nothing`` when there is an amount and nobody holds base.
    """
    weights = [sum((part.amount for part in base), Decimal(0)) for _, base in claims]
    if sum(weights) == 0 and priced.net_total != 0:
        raise Refusal(
            "percent_of_nothing",
            f"none of the places that {priced.line.line_id} goes to holds any of what its percent is taken of",
            f"lines.{priced.line.line_id}.deliveries",
        )
    amounts = cumulative_split(priced.net_total, weights, currency)
    return tuple(
        Part(priced, place, amount, priced.line, base)
        for (place, base), weight, amount in zip(claims, weights, amounts, strict=True)
        if weight != 0
    )


def followed(priced: PricedLine, orders: Sequence[Sequence[Part]]) -> tuple[tuple[int, str | None], ...]:
    """Which orders a line without deliveries follows its base into, by position, and to which site there.

    ``by: order``: every order with base, to the place its parts share. ``by: site``: the first order that goes to a
    site with base. In the order of parts.
    """
    held = [[part for part in parts if part.line.line_id in priced.base] for parts in orders]
    if priced.line.by == "order":
        return tuple((position, shared_place(orders[position])) for position, base in enumerate(held) if base)
    first: dict[str | None, int] = {}
    for position, parts in enumerate(orders):
        for part in parts:
            first.setdefault(part.place.ship_to, position)
    sites = {part.place.ship_to for base in held for part in base}
    return tuple(sorted(((first[site], site) for site in sites), key=lambda spot: (spot[0], spot[1] or "")))


def shared_place(parts: Iterable[Part]) -> str | None:
    """The ship-to that all ``parts`` share, or none."""
    places = {part.place.ship_to for part in parts}
    return places.pop() if len(places) == 1 else None


def following_shares(
    priced: PricedLine, orders: Sequence[Sequence[Part]], currency: str
) -> tuple[tuple[int, Part], ...]:
    """The shares of a line without deliveries, each with the position of the order that takes it."""
    everything = [part for parts in orders for part in parts if part.line.line_id in priced.base]
    positions: list[int] = []
    claims: list[Claim] = []
    for position, site in followed(priced, orders):
        if priced.line.by == "order":
            base = tuple(part for part in orders[position] if part.line.line_id in priced.base)
        else:
            base = _at_site(everything, site)
        if sum(part.amount for part in base) != 0:
            positions.append(position)
            claims.append((Place(orders[position][0].place.order_date, site, ONE), base))
    return tuple(zip(positions, shares(priced, claims, currency), strict=True))
