"""What a person picks of the lines of a quote: how much, when, and to where (``spec/orders.md`` 2, by hand)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.order.book import OrderBook
from domain.order.exact import ExactQuantity
from domain.order.parts import Place, comes_in_pieces, is_whole, place_order, start_of
from domain.order.rest import UNDATED, Spot, fill, places_left, remaining
from domain.quote import LocalDate, Quote, QuoteLine, Text
from domain.refusal import Refusal

FINEST = 10**6


class Pick(BaseModel):
    """What of a line is ordered when, to where.

    Without ``quantity``: all that is left of the line (there, when a place is named and no date). Without
    ``order_date`` it goes when the quote's own deliveries say, the earliest first, to those of ``ship_to`` where that
    is named. Without ``ship_to`` on a date: to the place that all that is left of the line goes to, if there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Text
    quantity: ExactQuantity | None = None
    order_date: LocalDate | None = None
    ship_to: Text | None = None


@dataclass(slots=True)
class Choosing:
    """What is picked so far, by line, and what that leaves of the places where the quote wants the rest."""

    quote: Quote
    unordered: Mapping[str, Decimal]
    open_at: dict[str, dict[Spot, Decimal]]
    picked: dict[str, dict[Spot, Decimal]] = field(default_factory=dict)

    @classmethod
    def of(cls, book: OrderBook, quote: Quote) -> Choosing:
        left = places_left(book, quote, otherwise=UNDATED)
        spots = {
            line_id: {(place.order_date, place.ship_to): place.quantity for place in places}
            for line_id, places in left.items()
        }
        return cls(quote, {balance.line_id: balance.unordered_quantity for balance in book.balances}, spots)

    @property
    def places(self) -> dict[str, Sequence[Place]]:
        """What is picked, in the order of parts."""
        return {
            line_id: tuple(Place(*spot, picked[spot]) for spot in sorted(picked, key=lambda spot: place_order(*spot)))
            for line_id, picked in self.picked.items()
        }

    @property
    def left(self) -> dict[str, Sequence[Place]]:
        """Where what is not picked goes, by line."""
        return {line_id: remaining(open_at) for line_id, open_at in self.open_at.items()}

    def take(self, pick: Pick, path: str) -> None:
        """Pick more of a line.

        Codes: ``quantity_out_of_range``, ``missing_field`` (no date, and the quote names none).
        """
        line, open_at = self.quote.line(pick.line), self.open_at[pick.line]
        picked = self.picked.setdefault(pick.line, {})
        if pick.order_date is None:
            spots = [spot for spot in open_at if pick.ship_to in (None, spot[1])]
            if any(spot[0] == UNDATED for spot in spots):
                start_of(self.quote, line)
            quantity = picked_quantity(line, pick.quantity, sum((open_at[spot] for spot in spots), Decimal(0)), path)
            for spot in spots:
                taken = fill(open_at, [spot], quantity)
                quantity -= taken
                if taken:
                    picked[spot] = picked.get(spot, Decimal(0)) + taken
            return
        spot = (pick.order_date, pick.ship_to or _only_site(open_at))
        quantity = picked_quantity(line, pick.quantity, sum(open_at.values(), Decimal(0)), path)
        picked[spot] = picked.get(spot, Decimal(0)) + quantity
        self._fill(open_at, spot, quantity)

    def _fill(self, open_at: dict[Spot, Decimal], own: Spot, quantity: Decimal) -> None:
        """What is picked fills its own delivery first, then others to its place, then the earliest."""
        quantity -= fill(open_at, [spot for spot in open_at if spot == own], quantity)
        quantity -= fill(open_at, [spot for spot in open_at if spot[1] == own[1]], quantity)
        fill(open_at, list(open_at), quantity)


def _only_site(open_at: Mapping[Spot, Decimal]) -> str | None:
    sites = {site for (_, site), quantity in open_at.items() if quantity}
    return sites.pop() if len(sites) == 1 else None


def picked_quantity(line: QuoteLine, wanted: Decimal | None, left: Decimal, path: str) -> Decimal:
    """How much is picked of the ``left``. Code: ``quantity_out_of_range``."""
    quantity = left if wanted is None else wanted
    path = f"{path}.quantity"
    if not 0 < quantity <= left:
        message = f"{quantity} of {line.line_id} is not above 0 and at most the {left} that are left to order"
        raise Refusal("quantity_out_of_range", message, path)
    if not is_whole(quantity * FINEST):
        raise Refusal("quantity_out_of_range", "a quantity has at most 6 decimals", path)
    if comes_in_pieces(line.quantity, line.unit) and not is_whole(quantity):
        message = f"{line.line_id} comes in pieces; order a whole number of them"
        raise Refusal("quantity_out_of_range", message, path)
    return quantity
