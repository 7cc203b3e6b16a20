"""Splitting quantities again: a part of an order's items goes to another or a new order (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from domain.order.book import OrderBook
from domain.order.bundle import Quantities, bundle_of, chosen, top_of
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.item import Item
from domain.order.move_lines import close_if_empty, named, refuse_strangers
from domain.order.no_return import refuse_past
from domain.order.order import Order
from domain.order.permission import Operation, refuse_state
from domain.order.redating import redated
from domain.order.reschedule import refuse_after_cut_off, refuse_date
from domain.order.revision import Revision
from domain.order.taking import held_by, part_of, refuse_too_small, without
from domain.order.years import with_years
from domain.refusal import Refusal


def divide(
    book: OrderBook,
    name: str,
    lines: Mapping[str, Decimal],
    cause: Cause,
    *,
    to: str | None = None,
    order_date: date | None = None,
    key: str | None = None,
    cut_off: timedelta | None = None,
) -> Change:
    """The quantities of ``lines`` (line or item ids) out of the order ``name``, into ``to`` or a new order.

    Amounts are split cumulatively, what stays is the first part; components go in ratio, and so do the other segments
    of a multi-year line, unless the order was split by segment. The new order is for
    ``order_date``, left out: for the date of the present one; ``key`` is a name of your own for it.

    Codes: ``unknown_order``, ``unknown_line``, ``quantity_out_of_range`` (not above 0, all of it or more, part of a
    piece), ``amount_too_small``, ``bundle_broken``, ``missing_field`` (no lines), and those of moving lines.
    """
    order = book.order(name)
    if not lines:
        raise Refusal("missing_field", "say how much of which line goes", "lines")
    taken = with_years(order, chosen(order, lines, _quantity, less_than_all=True))
    refuse_past(order, [order.item(item_id) for item_id in taken], "it stays whole")
    refuse_state(order, Operation.SPLIT)
    refuse_after_cut_off(order, cause, cut_off)
    revision = Revision(book, cause, Operation.SPLIT)
    target = _target(revision, order, to, order_date, key, cut_off)
    _divide(revision, order, taken, target)
    facts = {"lines": named(order.item(item_id) for item_id in taken)}
    revision.note(order.order_id, OrderEventKind.DIVIDED, after={"to": target.key, **facts})
    revision.note(target.order_id, OrderEventKind.DIVIDED, after={"from": order.key, **facts})
    follow(revision)
    close_if_empty(revision, order.order_id, target.order_id)
    return revision.change()


def _quantity(item: Item) -> Decimal:
    return item.quantity


def _target(
    revision: Revision,
    order: Order,
    to: str | None,
    order_date: date | None,
    key: str | None,
    cut: timedelta | None,
) -> Order:
    if to is None:
        day = order_date or order.order_date
        refuse_date(order, day, revision.cause)
        return revision.new_order(order, day, key=key)
    if order_date is not None:
        raise Refusal("conflicting_fields", "name an order to go to, or a date for a new one", "order_date")
    target = revision.book.order(to)
    refuse_strangers(order, target)
    refuse_state(target, Operation.SPLIT)
    refuse_after_cut_off(target, revision.cause, cut)
    return target


def _divide(revision: Revision, order: Order, taken: Quantities, target: Order) -> None:
    """Take the quantities out and make new items of them, parents before their components."""
    revision.put(target)
    made: dict[str, str] = {}
    tops = dict.fromkeys(top_of(order, order.item(item_id)).item_id for item_id in taken)
    for item in (member for top in tops for member in bundle_of(order, order.item(top))):
        if item.item_id not in taken:
            continue
        if taken[item.item_id] == item.quantity:
            message = f"all {item.quantity} of {item.line_id} would go; move the line, or split less of it"
            raise Refusal("quantity_out_of_range", message, f"lines.{item.line_id}")
        gone = part_of(held_by(item), taken[item.item_id], order.currency)
        refuse_too_small(item, gone)
        fresh = item.model_copy(
            update={
                "quantity": gone.quantity,
                "amount": gone.amount,
                "quote_amount": gone.quote_amount,
                "parent_item": made.get(item.parent_item or ""),
            }
        )
        dated = redated(fresh, order.order_date, target.order_date, order.currency)
        if dated.amount != gone.amount:
            revision.shift(item.line_id, variance=dated.amount - gone.amount)
        part = revision.named_apart(dated, revision.order(target.order_id))
        made[item.item_id] = part.item_id
        stays = without(item, gone)
        revision.put_item(order.order_id, stays)
        revision.put_item(target.order_id, part)
        revision.pieces[item.item_id] = ((item.item_id, stays.quote_amount), (part.item_id, gone.quote_amount))
