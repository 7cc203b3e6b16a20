"""What an amendment takes away, as parts of its orders: all that is left of it, or lines by hand.

Quantities of these parts are below zero. By hand the size of a reduction is named, as the quote has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from domain.money import cumulative_split
from domain.order.book import OrderBook
from domain.order.choosing import Pick, picked_quantity
from domain.order.parts import Part, Place, parts_of, place_order, start_of, top_of_bundle
from domain.order.rest import Spot
from domain.pricing import PricedLine, PricedQuote
from domain.quote import Quote, QuoteLine
from domain.refusal import Refusal

Numbered = Mapping[int, Pick]
"""Lines by hand by their place in the request."""
Placed = Mapping[Spot, Decimal]


def reductions(book: OrderBook, priced: PricedQuote) -> tuple[Part, ...]:
    """All that is unordered of what is taken away, parents before their components.

    Codes: ``conflicting_fields`` (several dates or places), ``missing_field`` (no date).
    """
    return tuple(_in_order(priced.quote, _all_left(book, priced)))


def picked_reductions(book: OrderBook, priced: PricedQuote, picks: Numbered) -> tuple[Part, ...]:
    """What ``picks`` name of what is taken away, with its components, parents first.

    Each is ordered where its line takes away, on a date of its own where one is given; of the line's unordered
    amount it has the part of a cumulative split, the rest last. Codes: ``bundle_broken`` (a component, or its part is
    not exact), ``ship_to_differs``, ``quantity_out_of_range``, ``amount_too_small``, those of :func:`reductions`.
    """
    tops: dict[str, dict[Spot, Decimal]] = {}
    balances = book.by_line
    for number, pick in picks.items():
        line, path = priced.quote.line(pick.line), f"lines.{number}"
        if line.component_of is not None:
            message = f"{line.line_id} is a component and goes with its parent; name {line.component_of}"
            raise Refusal("bundle_broken", message, f"{path}.line")
        sizes, spot = tops.setdefault(line.line_id, {}), _spot(priced.quote, line, pick, path)
        left = -balances[line.line_id].unordered_quantity - sum(sizes.values(), Decimal(0))
        sizes[spot] = sizes.get(spot, Decimal(0)) + picked_quantity(line, pick.quantity, left, path)
    taking = PricedQuote(priced.quote, tuple(line for line in priced.lines if line.line.takes_away))
    places = {line_id: _places(sizes) for line_id, sizes in tops.items()}
    parts = parts_of(taking, places, lambda line, here: _amounts(book, line, here))
    below = (replace(part, place=replace(part.place, quantity=-part.place.quantity)) for part in parts)
    return tuple(_in_order(priced.quote, below))


def refuse_half_replaced(quote: Quote, taken: Iterable[Part], put: Mapping[str, Placed]) -> None:
    """Refuse to order one half of a cancel-and-replace by hand: a new price holds from the day that the old one ends.

    ``put`` is what is put in of each line, by date and place. Code: ``conflicting_fields``.
    """
    gone: dict[str, dict[Spot, Decimal]] = {}
    for part in taken:
        gone.setdefault(part.line.line_id, {})[part.place.order_date, part.place.ship_to] = -part.place.quantity
    for old, new in _replaced(quote):
        if gone.get(old, {}) != put.get(new, {}):
            message = f"{new} takes the place of {old}; name both, of one quantity, on one date, to one place"
            raise Refusal("conflicting_fields", message, "lines")


def _replaced(quote: Quote) -> Iterator[tuple[str, str]]:
    """The lines that take away and those that put the same of the same in again from the same day on."""
    waiting = [line for line in quote.lines if line.quantity_change is not None and not line.takes_away]
    for old in quote.lines:
        if old.takes_away and old.component_of is None:
            mark = (old.revises, old.start_date, old.quantity)
            new = next((line for line in waiting if (line.revises, line.start_date, line.quantity) == mark), None)
            if new is not None:
                waiting.remove(new)
                yield old.line_id, new.line_id


def _all_left(book: OrderBook, priced: PricedQuote) -> Iterator[Part]:
    for line in priced.lines:
        balance = book.balance(line.line.line_id)
        if line.line.takes_away and balance.unordered_quantity:
            top = top_of_bundle(priced.quote, line.line)
            spot = spot_of(priced.quote, top)
            yield Part(line, Place(*spot, balance.unordered_quantity), balance.unordered_amount, top)


def spot_of(quote: Quote, line: QuoteLine) -> Spot:
    """Where a reduction is ordered: by its delivery, or at the start of the amendment.

    Codes: ``conflicting_fields``, ``missing_field``.
    """
    spots = {(each.order_date, each.ship_to) for each in line.deliveries or ()} or {(start_of(quote, line), None)}
    if len(spots) > 1:
        message = "a line that takes away is ordered on one date at one place; write a line for each"
        raise Refusal("conflicting_fields", message, f"lines.{line.line_id}.deliveries")
    return spots.pop()


def _spot(quote: Quote, line: QuoteLine, pick: Pick, path: str) -> Spot:
    order_date, ship_to = spot_of(quote, line)
    if ship_to is not None and pick.ship_to not in (None, ship_to):
        message = f"{line.line_id} takes away at {ship_to}; leave ship_to out"
        raise Refusal("ship_to_differs", message, f"{path}.ship_to")
    if pick.ship_to is not None and quote.sites and pick.ship_to not in {site.site_id for site in quote.sites}:
        raise Refusal("unknown_site", f"{pick.ship_to} is not among the quote's sites", f"{path}.ship_to")
    return pick.order_date or order_date, ship_to or pick.ship_to


def _places(sizes: Placed) -> Sequence[Place]:
    return tuple(Place(*spot, sizes[spot]) for spot in sorted(sizes, key=lambda spot: place_order(*spot)))


def _amounts(book: OrderBook, line: PricedLine, here: Sequence[Place]) -> Sequence[Decimal]:
    if not here:
        return ()
    balance, path = book.balance(line.line.line_id), f"lines.{line.line.line_id}"
    sizes = [place.quantity for place in here]
    rest = -balance.unordered_quantity - sum(sizes)
    if rest < 0:
        message = f"more of {line.line.line_id} would go with its parent than is left of it"
        raise Refusal("bundle_broken", message, path)
    found = cumulative_split(balance.unordered_amount, [*sizes, rest], book.currency)[:-1]
    if line.line.component_of is None and balance.unordered_amount and not all(found):
        message = f"so little of {line.line.line_id} comes to nothing in {book.currency}; take away more at once"
        raise Refusal("amount_too_small", message, path)
    return found


def _in_order(quote: Quote, parts: Iterable[Part]) -> list[Part]:
    """In line order, each bundle where its top stands, and parents in it before their components."""
    numbers = {line.line_id: number for number, line in enumerate(quote.lines)}

    def depth(line: QuoteLine) -> int:
        return 0 if line.component_of is None else 1 + depth(quote.line(line.component_of))

    return sorted(parts, key=lambda part: (numbers[part.bundle.line_id], depth(part.line)))
