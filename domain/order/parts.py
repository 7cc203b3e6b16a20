"""The parts of quote lines: how much of each line goes where, and what it costs (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.order.item import Item
from domain.pricing import PricedLine, PricedQuote
from domain.quote import Quote, QuoteLine
from domain.refusal import Refusal

PIECES = frozenset({"", "piece", "pieces", "pc", "pcs", "each", "ea"})
Identity = tuple[str, date, str | None]
"""Line, order date and ship-to: no two parts of a quote with a quantity share them."""
Amounts = Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class Place:
    """A quantity on an order date at a place; ``ship_to`` none: no place is named."""

    order_date: date
    ship_to: str | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line with its amount. ``bundle`` is the top line of its bundle (itself when it is in none).

    ``base`` is what a percent-of-total share was taken of.
    """

    priced: PricedLine
    place: Place
    amount: Decimal
    bundle: QuoteLine
    base: tuple[Held, ...] = ()

    @property
    def line(self) -> QuoteLine:
        return self.priced.line

    @property
    def identity(self) -> Identity:
        return (self.line.line_id, self.place.order_date, self.place.ship_to)


@dataclass(frozen=True, slots=True)
class Held:
    """Something that a percent is taken of: a part that is being ordered, or an item that was ordered before.

    ``source`` is none for what stays unordered.
    """

    line_id: str
    amount: Decimal
    place: Place
    source: Part | Item | None

    @property
    def known_item(self) -> str:
        """The id of what was ordered before; ``KeyError`` for what is no item yet."""
        if isinstance(self.source, Item):
            return self.source.item_id
        raise KeyError(self.line_id)

    @classmethod
    def part(cls, part: Part) -> Held:
        return cls(part.line.line_id, part.amount, part.place, part)

    @classmethod
    def item(cls, item: Item, order_date: date) -> Held:
        """An item of an order of that date, at its quote amount: the quote's prices are what the percent is of."""
        return cls(item.line_id, item.quote_amount, Place(order_date, item.ship_to, item.quantity), item)


def parts_of(
    priced: PricedQuote, tops: Mapping[str, Sequence[Place]], amounts: Callable[[PricedLine, Sequence[Place]], Amounts]
) -> tuple[Part, ...]:
    """The parts of every line with a quantity, in line order; a line's own by order date, then ship-to.

    ``tops`` says where the lines at the top of their bundles go; components follow in ratio. ``amounts`` says what
    the parts of a line come to. Code: ``bundle_broken``.
    """
    quote = priced.quote
    places = dict(tops)
    parts: list[Part] = []
    for line in priced.lines:
        if line.line.is_share:
            continue
        here = places_of(quote, line.line, places)
        top = top_of_bundle(quote, line.line)
        parts.extend(Part(line, place, amount, top) for place, amount in zip(here, amounts(line, here), strict=True))
    return tuple(parts)


def places_of(quote: Quote, line: QuoteLine, known: dict[str, Sequence[Place]]) -> Sequence[Place]:
    """Where ``line`` goes, by order date and ship-to; ``known`` has the tops of bundles and remembers the others."""
    if line.line_id not in known:
        if line.component_of is None:
            return ()
        parent = quote.line(line.component_of)
        known[line.line_id] = _in_ratio(line, parent, places_of(quote, parent, known))
    return known[line.line_id]


def top_of_bundle(quote: Quote, line: QuoteLine) -> QuoteLine:
    """The line at the top of the bundle that ``line`` belongs to."""
    while line.component_of is not None:
        line = quote.line(line.component_of)
    return line


def is_whole(quantity: Decimal) -> bool:
    return quantity == quantity.to_integral_value()


def comes_in_pieces(quantity: Decimal, unit: str | None) -> bool:
    """Whether a quantity is counted in pieces, so that no part of one can be delivered."""
    return is_whole(quantity) and (unit or "").casefold() in PIECES


def quoted_places(quote: Quote, line: QuoteLine, otherwise: date | None = None) -> tuple[Place, ...]:
    """Where the quote says that ``line`` goes, in the order of parts.

    ``otherwise`` is the date of a line for which it names none; without it: code ``missing_field``.
    """
    if not line.deliveries:
        return (Place(quote.start_date or otherwise or start_of(quote, line), None, line.quantity),)
    sums: dict[tuple[date, str | None], Decimal] = {}
    for delivery in line.deliveries:
        assert delivery.quantity is not None
        key = (delivery.order_date, delivery.ship_to)
        sums[key] = sums.get(key, Decimal(0)) + delivery.quantity
    ordered = sorted(sums.items(), key=lambda entry: place_order(*entry[0]))
    return tuple(Place(order_date, ship_to, quantity) for (order_date, ship_to), quantity in ordered)


def place_order(order_date: date, ship_to: str | None) -> tuple[date, str]:
    """The order of parts: order date, then ship-to, no place first."""
    return (order_date, ship_to or "")


def start_of(quote: Quote, line: QuoteLine) -> date:
    """The order date of a line without deliveries. Code: ``missing_field``."""
    if quote.start_date is None:
        raise Refusal(
            "missing_field",
            f"line {line.line_id} has no deliveries: give it some, or the quote a start_date",
            "start_date",
        )
    return quote.start_date


def _in_ratio(line: QuoteLine, parent: QuoteLine, places: Sequence[Place]) -> tuple[Place, ...]:
    ratio = Fraction(line.quantity) / Fraction(parent.quantity)
    return tuple(
        Place(place.order_date, place.ship_to, _component_quantity(line, ratio * Fraction(place.quantity), place))
        for place in places
    )


def _component_quantity(line: QuoteLine, exact: Fraction, place: Place) -> Decimal:
    scale = 1 if comes_in_pieces(line.quantity, line.unit) else 10**6
    if (exact * scale).denominator != 1:
        where = f"{place.order_date}/{place.ship_to}" if place.ship_to else str(place.order_date)
        raise Refusal(
            "bundle_broken",
            f"{place.quantity} of {line.component_of} on {where} would need {float(exact):g} of {line.line_id}; "
            "choose quantities that keep the bundle whole",
            f"lines.{line.component_of}.deliveries",
        )
    return Decimal(exact.numerator) if exact.denominator == 1 else Decimal(int(exact * 10**6)).scaleb(-6).normalize()
