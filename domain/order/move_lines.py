"""Moving lines to another or a new order; their bundles move as a whole (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from domain.order.book import OrderBook
from domain.order.bundle import whole
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.item import Item
from domain.order.no_return import refuse_past
from domain.order.order import Order, OrderState
from domain.order.permission import Operation, refuse_state
from domain.order.redating import redated
from domain.order.reschedule import refuse_after_cut_off, refuse_date
from domain.order.revision import Revision
from domain.order.years import years_of
from domain.refusal import Refusal


def move_lines(
    book: OrderBook,
    name: str,
    lines: Sequence[str],
    cause: Cause,
    *,
    to: str | Order | None = None,
    order_date: date | None = None,
    key: str | None = None,
    cut_off: timedelta | None = None,
) -> Change:
    """``lines`` (line or item ids) of the order ``name`` with their bundles, to the order ``to`` or to a new one.

    With one segment of a multi-year line go its others, unless the order was split by segment.

    A new order is for ``order_date``, left out: for the date of the present one; ``key`` is a name of your own for
    it. Starts follow the other order's date as by a date move. A share that follows its order's base goes with it,
    never alone. An order that is left empty is superseded by the other.

    Codes: ``unknown_order``, ``unknown_line``, ``past_no_return``, ``wrong_state``, ``on_hold``, ``customer_differs``,
    ``bill_to_differs``, ``currency_differs``, ``quote_differs``, ``same_order``, ``in_the_past``, ``after_cut_off``,
    ``dates_out_of_order``, ``conflicting_fields`` (a share alone; a date and an order), ``key_taken``.
    """
    order = book.order(name)
    moving = _moving(order, lines)
    refuse_past(order, moving, "they stay where they are")
    refuse_state(order, Operation.MOVE)
    refuse_after_cut_off(order, cause, cut_off)
    revision = Revision(book, cause, Operation.MOVE)
    target = _target(revision, order, to, order_date, key, cut_off)
    carry(revision, order, moving, target)
    revision.note(order.order_id, OrderEventKind.LINES_MOVED, after={"to": target.key, "lines": named(moving)})
    revision.note(target.order_id, OrderEventKind.LINES_MOVED, after={"from": order.key, "lines": named(moving)})
    follow(revision)
    close_if_empty(revision, order.order_id, target.order_id)
    return revision.change()


def named(items: Iterable[Item]) -> str:
    """The line ids of ``items``, for an event."""
    return ", ".join(dict.fromkeys(item.line_id for item in items))


def _moving(order: Order, lines: Sequence[str]) -> tuple[Item, ...]:
    named_ones = whole(order, lines)
    chosen = whole(order, [year.item_id for item in named_ones for year in years_of(order, item)])
    moving = tuple(item for item in chosen if item.share_of != "order")
    if not moving:
        message = f"{named(chosen)} follows its base from order to order; move that"
        raise Refusal("conflicting_fields", message, "lines")
    return moving


def _target(
    revision: Revision,
    order: Order,
    to: str | Order | None,
    order_date: date | None,
    key: str | None,
    cut: timedelta | None,
) -> Order:
    if to is None:
        day = order_date or order.order_date
        refuse_date(order, day, revision.cause)
        return revision.new_order(order, day, key=key)
    if order_date is not None:
        raise Refusal("conflicting_fields", "name an order to move to, or a date for a new one", "order_date")
    target = revision.book.order(to) if isinstance(to, str) else to
    refuse_strangers(order, target)
    refuse_state(target, Operation.MOVE)
    refuse_after_cut_off(target, revision.cause, cut)
    return target


def refuse_strangers(order: Order, other: Order) -> None:
    """Refuse to join orders that are not for the same: ``customer_differs``, ``bill_to_differs``,
    ``currency_differs``, ``quote_differs``; ``same_order``."""
    for name in ("customer_id", "bill_to", "currency", "quote_id"):
        mine, theirs = getattr(order, name), getattr(other, name)
        if mine != theirs:
            what = name.removesuffix("_id")
            message = (
                f"order {order.order_id} has {mine or 'no'} as its {what}, {other.order_id} has {theirs or 'none'}"
            )
            raise Refusal(f"{what}_differs", message, "to")
    if order.order_id == other.order_id:
        raise Refusal("same_order", f"{order.order_id} is the order itself; name another one", "to")


def carry(revision: Revision, order: Order, moving: Sequence[Item], target: Order) -> None:
    """Put ``moving`` into ``target`` under its date, and book the variance of that."""
    ids = {item.item_id for item in moving}
    target = revision.orders.get(target.order_id, target)
    arrived: list[Item] = []
    for item in moving:
        dated = redated(item, order.order_date, target.order_date, order.currency)
        if dated.amount != item.amount:
            revision.shift(item.line_id, variance=dated.amount - item.amount)
        arrived.append(dated.model_copy(update={"order_id": target.order_id}))
    source = revision.order(order.order_id)
    revision.put(source.model_copy(update={"items": tuple(item for item in source.items if item.item_id not in ids)}))
    revision.put(target.model_copy(update={"items": (*target.items, *arrived)}))


def close_if_empty(revision: Revision, order_id: str, successor: str) -> None:
    """An order that is left without items is superseded by the one that took them."""
    order = revision.order(order_id)
    if not any(item.counts for item in order.items):
        revision.put(order.model_copy(update={"state": OrderState.SUPERSEDED, "superseded_by": successor}))
