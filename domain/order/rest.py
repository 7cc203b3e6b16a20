"""What is left to order: how much of each line, for how much, and where it was to go (``spec/orders.md`` 2).

What was ordered fills the deliveries of the quote: an item first the delivery that it was made for, then others to
its place, then the earliest; so does what was cancelled or came back. The deliveries that nothing fills are the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

from domain.money import cumulative_split, round_half_away
from domain.order.book import OrderBook
from domain.order.event import LineBalance
from domain.order.item import Item, ItemState
from domain.order.parts import Held, Part, Place, comes_in_pieces, parts_of, quoted_places, top_of_bundle
from domain.pricing import PricedLine, PricedQuote
from domain.quote import Quote, QuoteLine

NOTHING = Decimal(0)
UNDATED = date.max
"""Stands where the quote names no date to deliver on; nothing is ever ordered on it."""
Spot = tuple[date, str | None]
"""An order date and a ship-to."""


@dataclass(frozen=True, slots=True)
class Unordered:
    """What is left of a line. ``places`` say where the quote wants it; a percent-of-total line names none."""

    line: QuoteLine
    quantity: Decimal
    amount: Decimal
    places: tuple[Place, ...]


def unordered(book: OrderBook, priced: PricedQuote) -> tuple[Unordered, ...]:
    """What is left of each line of which something is left, in line order.

    A percent-of-total line has quantity 1 as long as some of its amount is not ordered. Components are where their
    parents are, in parts that add up. Places are left out where the quote names no date.
    """
    tops = places_left(book, priced.quote, otherwise=UNDATED)
    balances = book.by_line
    found: list[Unordered] = []
    for line in priced.quote.lines:
        balance = balances[line.line_id]
        quantity, wanted = balance.unordered_quantity, tops.get(top_of_bundle(priced.quote, line).line_id, ())
        if balance.is_share:
            quantity = Decimal(1 if balance.unordered_amount else 0)
        places = spread(quantity, wanted, in_pieces=comes_in_pieces(line.quantity, line.unit))
        if quantity:
            found.append(Unordered(line, quantity, balance.unordered_amount, places))
    return tuple(found)


def spread(quantity: Decimal, places: Sequence[Place], *, in_pieces: bool) -> tuple[Place, ...]:
    """``quantity`` of a line over the places of the top of its bundle, whole where it comes in pieces."""
    digits = 0 if in_pieces else 6
    whole = sum((Fraction(place.quantity) for place in places), Fraction(0))
    running = accumulate((Fraction(place.quantity) for place in places), initial=Fraction(0))
    marks = [round_half_away(Fraction(quantity) * part / whole, digits).normalize() for part in running if whole]
    return tuple(
        Place(place.order_date, place.ship_to, after - before)
        for place, (before, after) in zip(places, pairwise(marks), strict=True)
        if place.order_date != UNDATED and after != before
    )


def rest_held(
    priced: PricedQuote, tops: Mapping[str, Sequence[Place]], balances: Iterable[LineBalance]
) -> Iterator[Held]:
    """What ``balances`` leave unordered, in the amounts at each of the places of ``tops``: base not yet ordered."""
    for balance in balances:
        if balance.is_share or balance.line_id not in priced.quote.by_id:
            continue
        top = top_of_bundle(priced.quote, priced.quote.line(balance.line_id))
        places = tops.get(top.line_id) or ()
        weights = [place.quantity for place in places]
        amounts = cumulative_split(balance.unordered_amount, weights, priced.quote.currency) if places else ()
        for place, amount in zip(places, amounts, strict=True):
            yield Held(balance.line_id, amount, place, None)


def rest_of(book: OrderBook, priced: PricedQuote) -> tuple[Part, ...]:
    """The parts of all that is unordered, in line order: each line's unordered amount over the places left of it.

    Codes: ``missing_field`` (no date to deliver on), ``bundle_broken``.
    """

    balances = book.by_line

    def amounts(line: PricedLine, places: Sequence[Place]) -> Sequence[Decimal]:
        whole = balances[line.line.line_id].unordered_amount
        return cumulative_split(whole, [place.quantity for place in places], book.currency) if places else ()

    return parts_of(priced, places_left(book, priced.quote), amounts)


def places_left(book: OrderBook, quote: Quote, otherwise: date | None = None) -> dict[str, Sequence[Place]]:
    """Where the rest of each line at the top of its bundle goes, in the order of parts.

    ``otherwise`` is the date of what the quote names none for; without it: code ``missing_field``.
    """
    made, balances = made_of(book), book.by_line
    found: dict[str, Sequence[Place]] = {}
    for line in quote.lines:
        if line.component_of is None and not line.is_share:
            left = balances[line.line_id].unordered_quantity
            places = quoted_places(quote, line, otherwise) if left else ()
            found[line.line_id] = still_open(places, made.get(line.line_id, ()), left)
    return found


def made_of(book: OrderBook) -> dict[str, list[tuple[Item, Spot]]]:
    """The items of each line with the deliveries they were made for.

    Deltas change what the item they revise fills, and fill nothing themselves.
    """
    made: dict[str, list[tuple[Item, Spot]]] = {}
    for order in book.orders:
        for item in order.items:
            if item.revises is None and item.state is not ItemState.MERGED:
                made.setdefault(item.line_id, []).append((item, (item.planned_for or order.order_date, item.ship_to)))
    return made


def still_open(places: Sequence[Place], made: Sequence[tuple[Item, Spot]], left: Decimal) -> tuple[Place, ...]:
    """``places`` less what was ``made`` of them; ``left`` is how much stays, whatever the items add up to.

    What counts goes before what was cancelled.
    """
    open_at = {(place.order_date, place.ship_to): place.quantity for place in places}
    to_fill = sum(open_at.values(), NOTHING) - left
    for counts in (True, False):
        waiting = [(max(item.due_quantity, NOTHING), spot) for item, spot in made if item.counts is counts]
        for matches in (_same_delivery, _same_place):
            for number, (quantity, own) in enumerate(waiting):
                filled = fill(open_at, [spot for spot in open_at if matches(spot, own)], min(quantity, to_fill))
                waiting[number] = (quantity - filled, own)
                to_fill -= filled
    fill(open_at, list(open_at), to_fill)
    return remaining(open_at)


def remaining(open_at: Mapping[Spot, Decimal]) -> tuple[Place, ...]:
    """The places at which something is open."""
    return tuple(Place(*spot, quantity) for spot, quantity in open_at.items() if quantity)


def _same_delivery(spot: Spot, own: Spot) -> bool:
    return spot == own


def _same_place(spot: Spot, own: Spot) -> bool:
    return spot[1] == own[1]


def fill(open_at: dict[Spot, Decimal], spots: Iterable[Spot], quantity: Decimal) -> Decimal:
    """Take up to ``quantity`` from what is open at ``spots``; how much that was."""
    missing = quantity
    for spot in spots:
        taken = min(open_at[spot], missing)
        open_at[spot] -= taken
        missing -= taken
    return quantity - missing
