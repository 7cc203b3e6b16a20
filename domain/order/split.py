"""Splitting an accepted quote into orders by keys, and the preview of that (``spec/orders.md`` 2).

The caller makes sure that the quote is approved and accepted: only then is it ordered.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.order.book import OrderBook, open_book
from domain.order.creation import revenue_of
from domain.order.event import Cause, Change
from domain.order.grouping import Grouping, add_following, grouped
from domain.order.keys import KeyOf, key_function
from domain.order.ordering import ordered
from domain.order.parts import Part
from domain.order.rest import rest_of
from domain.order.segments import leaders
from domain.order.shares import Sharing, is_placed
from domain.pricing import PricedQuote


def split(book: OrderBook, priced: PricedQuote, split_by: Sequence[str], cause: Cause) -> Change:
    """Everything unordered of ``priced`` as scheduled orders, numbered in the order of parts.

    ``split_by`` names any of ``order_date``, ``ship_to``, fields of the lines (``segment`` among them) and names in
    their ``fields``; nothing: one order. Components go with their parent whatever they hold themselves, segments with
    the first of their line unless split by ``segment``; lines with a blank key are together. Without ``order_date``
    an order has the earliest date of its parts, and each service the start it would have had alone. An order whose
    date has come is due at once (:func:`~domain.order.activation.next_moment`).

    Codes: ``nothing_unordered``, ``unknown_field``, ``missing_field`` (no order date, no term), ``bundle_broken``,
    ``dates_out_of_order``, ``percent_of_nothing``, ``conflicting_fields``, ``invariant_broken``.
    """
    key_of = key_function(priced, split_by)
    check_schedules(priced)
    parts = rest_of(book, priced)
    if "segment" not in split_by:
        key_of = _of_leader(priced, parts, key_of)
    grouping = grouped(priced, parts, key_of)
    _add_shares(book, priced, grouping, key_of)
    change = ordered(book, priced, grouping, cause)
    return _apart(change) if "segment" in split_by else change


def preview(priced: PricedQuote, split_by: Sequence[str], cause: Cause, book: OrderBook | None = None) -> OrderBook:
    """The book as :func:`split` would leave it, orders, items, amounts and unordered rest; nothing is written."""
    before = book or open_book(priced)
    return before.applied(split(before, priced, split_by, cause))


def check_schedules(priced: PricedQuote) -> None:
    """Refuse lines that could never be recognised as they say. Code: ``conflicting_fields``."""
    for line in priced.quote.lines:
        revenue_of(line)


def _of_leader(priced: PricedQuote, parts: Sequence[Part], key_of: KeyOf) -> KeyOf:
    leader = leaders(priced.quote, parts)
    return lambda part: key_of(leader(part))


def _apart(change: Change) -> Change:
    """``change`` with every segment for itself, for nothing keeps together what was split by segment."""
    orders = tuple(
        order.model_copy(update={"items": tuple(item.model_copy(update={"segment": None}) for item in order.items)})
        for order in change.orders
    )
    return change.model_copy(update={"orders": orders})


def _add_shares(book: OrderBook, priced: PricedQuote, grouping: Grouping, key_of: KeyOf) -> None:
    """Put the shares of all that is ordered now or was before into orders: first those that say where they go."""
    sharings = [Sharing.of(book, line, grouping.parts, ()) for line in priced.lines if line.line.is_share]
    waiting: list[Sharing] = []
    for sharing in sharings:
        claims = sharing.placed() if is_placed(sharing.line) else sharing.orphans(book)
        shares = sharing.shares(claims) if claims else ()
        for share in shares:
            grouping.add(key_of(share), share)
        if not is_placed(sharing.line):
            waiting.append(sharing.less(shares))
    add_following(grouping, waiting)
