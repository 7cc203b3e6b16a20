"""Percent-of-total lines in orders: who gets which share when a quote is split (``spec/orders.md`` 2).

A share is a cumulative split of the line's amount on the base that each order or site holds: no base, no share. What
it was taken of is frozen with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    held = [(place, base, sum((part.amount for part in base), Decimal(0))) for place, base in claims]
    if sum(weight for _, _, weight in held) == 0 and priced.net_total != 0:
        raise Refusal(
            "percent_of_nothing",
            f"none of the places that {priced.line.line_id} goes to holds any of what its percent is taken of",
            f"lines.{priced.line.line_id}.deliveries",
        )
    amounts = cumulative_split(priced.net_total, [weight for _, _, weight in held], currency)
    return tuple(
        Part(priced, place, amount, priced.line, base)
        for (place, base, weight), amount in zip(held, amounts, strict=True)
        if weight != 0
    )


def followers(priced: PricedLine, orders: Sequence[Sequence[Part]], places: Sequence[Place]) -> Mapping[int, Part]:
    """The shares of a line without deliveries, by the position of the order that takes each.

    ``orders`` are the parts of every order in the order of parts, ``places`` where a share in each would stand.
    ``by: order``: every order with base takes one; ``by: site``: the first order that goes to a site takes the share
    of all the base which that site holds.
    """
    base = [tuple(part for part in parts if part.line.line_id in priced.base) for parts in orders]
    currency_claims: list[tuple[int, Claim]] = []
    if priced.line.by == "order":
        currency_claims = [(position, (places[position], held)) for position, held in enumerate(base) if held]
    else:
        everything = tuple(part for held in base for part in held)
        for ship_to in dict.fromkeys(part.place.ship_to for part in everything):
            position = first_order_to(orders, ship_to)
            place = Place(places[position].order_date, ship_to, ONE)
            currency_claims.append((position, (place, _at_site(everything, ship_to))))
        currency_claims.sort(key=lambda claim: (claim[0], claim[1][0].ship_to or ""))
    return _numbered(priced, currency_claims)
