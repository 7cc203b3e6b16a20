"""Moving an order's date, with all that follows from it (``spec/orders.md`` 3)."""

from __future__ import annotations

from datetime import date, timedelta

from domain.order.book import OrderBook
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.no_return import is_past_no_return, refuse_past
from domain.order.order import Order
from domain.order.permission import Operation, refuse_state
from domain.order.redating import amount_from, redated
from domain.order.revision import Revision
from domain.reading import LAST_DAY
from domain.refusal import Refusal

__all__ = ["amount_from", "is_past_no_return", "move_date"]


def move_date(book: OrderBook, name: str, to: date, cause: Cause, *, cut_off: timedelta | None = None) -> Change:
    """The order ``name`` (its id or key) on the local date ``to``.

    Item starts that equal the old date move along, earlier starts never stay before the new date, other starts stay.
    ``end_fixed`` reprices an item by its line's method with its frozen unit price and books the difference to its
    quote amount as variance; ``term_fixed`` keeps term and amount. Shares in draft or scheduled orders follow when
    an amount in their base changes. ``cut_off`` before 00:00 of the present order date (local) the date stands fast.
    The same date again changes nothing.

    Codes: ``unknown_order``, ``past_no_return``, ``wrong_state`` (no longer scheduled), ``on_hold``, ``in_the_past``,
    ``after_cut_off``, ``dates_out_of_order`` (a start after a fixed end), ``invalid_date`` (a date or a fixed term
    beyond the calendar), ``invariant_broken``.
    """
    order = book.order(name)
    refuse_past(order, [item for item in order.items if item.counts], "its date stands")
    refuse_state(order, Operation.MOVE_DATE)
    if to == order.order_date:
        return Change()
    refuse_date(order, to, cause)
    refuse_after_cut_off(order, cause, cut_off)
    revision = Revision(book, cause, Operation.MOVE_DATE)
    revision.put(on_date(order, to, revision))
    revision.note(order.order_id, OrderEventKind.DATE_MOVED)
    follow(revision)
    return revision.change()


def on_date(order: Order, to: date, revision: Revision) -> Order:
    """``order`` on another date, with the variance of its items booked. Code: ``dates_out_of_order``."""
    items = tuple(redated(item, order.order_date, to, order.currency) if item.counts else item for item in order.items)
    for old, new in zip(order.items, items, strict=True):
        if old.amount != new.amount:
            revision.shift(new.line_id, variance=new.amount - old.amount)
    return order.model_copy(update={"order_date": to, "items": items})


def refuse_date(order: Order, to: date, cause: Cause) -> None:
    """Refuse a date that has passed where the customer is. Codes: ``in_the_past``, ``invalid_date`` (no calendar)."""
    today = order.local_date(cause.at)
    if to > LAST_DAY:
        raise Refusal("invalid_date", f"{to} lies beyond {LAST_DAY}; choose an earlier date", "to")
    if to < today:
        raise Refusal("in_the_past", f"{to} is past at the customer, where it is {today}; choose a later date", "to")


def refuse_after_cut_off(order: Order, cause: Cause, cut_off: timedelta | None) -> None:
    """Refuse to change an order so shortly before its date. Code: ``after_cut_off``."""
    if cut_off is not None and cause.at >= order.due - cut_off:
        raise Refusal("after_cut_off", f"order {order.order_id} stands since {order.due - cut_off}", "order")
