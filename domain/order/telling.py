"""What planning rows say of the rest: how much of their line is unordered once a change is made, and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.ledger.entries import EntryKind, PlaceLeft
from domain.order.book import OrderBook
from domain.order.event import Change
from domain.order.parts import Place
from domain.order.rest import made_of, spread, still_open


def telling_left(book: OrderBook, change: Change) -> Change:
    """``change`` of ``book`` whose planning rows say how much of their line is unordered once it is made.

    The last row of each line that goes to several places says at which of them.
    """
    after = book.applied(change)
    balances = after.by_line
    last = {entry.line_id: at for at, entry in enumerate(change.entries) if entry.kind is EntryKind.SCHEDULED}
    places = places_open(after, last)
    entries = tuple(
        entry.model_copy(
            update={
                "left": balances[entry.line_id].unordered_quantity,
                "left_places": places.get(entry.line_id) if last[entry.line_id] == at else None,
            }
        )
        if entry.kind is EntryKind.SCHEDULED and entry.line_id in balances
        else entry
        for at, entry in enumerate(change.entries)
    )
    return change.model_copy(update={"entries": entries})


def places_open(book: OrderBook, lines: Collection[str]) -> Mapping[str, tuple[PlaceLeft, ...]]:
    """Where something of ``lines`` is unordered, of those that go to several places; only what is open."""
    wanted = {each.line_id: each for each in book.wanted or ()}
    asked = [wanted[line] for line in lines if line in wanted]
    if not asked:
        return {}
    made, balances = made_of(book), book.by_line
    rest = {
        top: still_open(
            [Place(each.order_date, each.ship_to, each.quantity) for each in wanted[top].places],
            made.get(top, ()),
            balances[top].unordered_quantity,
        )
        for top in {each.top for each in asked}
        if balances[top].unordered_quantity
    }
    return {
        each.line_id: tuple(
            PlaceLeft(order_date=place.order_date, ship_to=place.ship_to, quantity=place.quantity)
            for place in spread(
                balances[each.line_id].unordered_quantity, rest.get(each.top, ()), in_pieces=each.in_pieces
            )
        )
        for each in asked
    }
