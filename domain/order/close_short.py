"""Closing an order short: what was not delivered is not delivered any more (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from domain.order.book import OrderBook
from domain.order.bundle import as_decimal, bundle_of, smallest_whole, top_of
from domain.order.chain import chain_of, due_of
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.item import Item, ItemState
from domain.order.order import Order, OrderKind, OrderState
from domain.order.permission import Operation, refuse_state
from domain.order.revision import Disposition, Revision
from domain.order.standing import is_coming_back, is_deliverable, is_open, settled
from domain.order.taking import Taken, held_by, part_of, without
from domain.refusal import Refusal


def close_short(book: OrderBook, name: str, cause: Cause, *, disposition: Disposition = "unordered") -> Change:
    """What is neither delivered nor invoiced of the running order ``name``, to unordered or to cancelled.

    Things keep what was delivered or invoiced, bundles the smallest whole that holds it; services that have not begun
    and work of which nothing was reached go whole; what has begun stays. Shares of the order follow. An order of
    which nothing is left is cancelled. The event tells the ERP's part as ``erp``: ``modify``, or ``delete`` when
    nothing is left of it. The open items of orders that it superseded are closed with it. Of a return, what has not
    arrived stays with the customer.

    Codes: ``unknown_order``, ``wrong_state``, ``on_hold``, ``nothing_open``.
    """
    order = book.order(name)
    if not is_owed_by_earlier(book, order):
        refuse_state(order, Operation.CLOSE_SHORT)
    return close_all_short(book, [name], cause, disposition=disposition)


def is_owed_by_earlier(book: OrderBook, order: Order) -> bool:
    """Whether a supplement that is itself fulfilled stands for orders of which something is still open."""
    if order.kind is not OrderKind.SUPPLEMENT or order.state is not OrderState.FULFILLED:
        return False
    return any(is_open(each, item) for each in chain_of(book, order) for item in each.items)


def close_all_short(
    book: OrderBook, names: Iterable[str], cause: Cause, *, disposition: Disposition = "unordered"
) -> Change:
    """The same for several running orders in one change. Code: ``nothing_open`` when nothing of any is open."""
    revision = Revision(book, cause, Operation.CLOSE_SHORT)
    chains = [chain_of(book, book.order(name)) for name in names]
    for each in (order for chain in chains for order in chain):
        for top in _tops(each):
            if each.kind is OrderKind.RETURN:
                _keep_with_customer(revision, each, top)
            else:
                _shorten(revision, each, top, disposition)
    if not revision.orders:
        named = ", ".join(chain[0].order_id for chain in chains)
        raise Refusal("nothing_open", f"nothing of order {named} is open", "order")
    changed = tuple(revision.orders)
    follow(revision, disposition, also=changed)
    for chain in chains:
        ids = [each.order_id for each in chain if each.order_id in changed]
        told = {"disposition": disposition, "erp": erp_action(revision.order(each.order_id) for each in chain)}
        for order_id in dict.fromkeys((*ids, chain[0].order_id)) if ids else ():
            _settle(revision, order_id)
            revision.note(order_id, OrderEventKind.CLOSED_SHORT, after=told)
    return revision.change()


def erp_action(chain: Iterable[Order]) -> Literal["modify", "delete"]:
    """What the ERP gets once ``chain`` (an order, then those that it superseded) is closed short.

    ``delete`` when nothing of it is left: what supplements took from a line on its own days is off it.
    """
    left: dict[str, Decimal] = {}
    lines: dict[str, Item] = {}
    for item in (item for order in reversed(tuple(chain)) for item in order.items if item.counts):
        known = lines.get(item.revises or "", item)
        same = (known.start, known.end, known.ship_to) == (item.start, item.end, item.ship_to)
        lines[item.item_id] = line = known if same else item
        left[line.item_id] = left.get(line.item_id, Decimal(0)) + item.quantity
    return "modify" if any(left.values()) else "delete"


def _tops(order: Order) -> tuple[Item, ...]:
    return tuple(item for item in order.items if item.counts and top_of(order, item) is item)


def _shorten(revision: Revision, order: Order, top: Item, to: Disposition) -> None:
    """Take what is open out of one bundle."""
    bundle = [item for item in bundle_of(order, top) if item.counts]
    if top.quantity <= 0 or not any(is_open(order, item) for item in bundle):
        return
    held = max(_held(item, due_of(revision.book, item)) for item in bundle)
    due = top.due_quantity
    if held >= 1 or due <= 0:
        return
    stays = smallest_whole(order, top, held * Fraction(due) / Fraction(top.quantity))
    if stays >= due:
        return
    for item in bundle:
        own = due_of(revision.book, item)
        take = as_decimal(Fraction(own.quantity) * Fraction(due - stays) / Fraction(due))
        _reduce(revision, order, item, part_of(own, take, order.currency), to)


def _keep_with_customer(revision: Revision, order: Order, top: Item) -> None:
    """Take out of a return what has not arrived of one bundle; reductions of services in it go in ratio."""
    bundle = [item for item in bundle_of(order, top) if item.counts]
    if not any(is_coming_back(item) for item in bundle):
        return
    arrived = max(_arrived(item) for item in bundle)
    stays = Fraction(-smallest_whole(order, top.model_copy(update={"quantity": -top.quantity}), arrived))
    for item in bundle:
        take = as_decimal(Fraction(item.quantity) * (1 - stays / Fraction(top.quantity)))
        if take:
            gone = part_of(held_by(item), take, order.currency)
            left = without(item, gone)
            if left.quantity == 0:
                left = item.model_copy(update={"state": ItemState.CANCELLED})
            revision.put_item(order.order_id, left)
            quantity = Decimal(0) if item.is_share else gone.quantity
            revision.shift(item.line_id, returned_quantity=quantity, returned_amount=gone.amount)


def _arrived(item: Item) -> Fraction:
    """Which share (0 to 1) of an item of a return is back, or credited: all of work that is."""
    if item.comes_back and not is_deliverable(item):
        return Fraction(1 if item.reached or item.progress or item.invoiced else 0)
    delivered = Fraction(item.delivered_quantity) / Fraction(item.quantity)
    invoiced = Fraction(item.invoiced_amount) / Fraction(item.amount) if item.amount else Fraction(bool(item.invoiced))
    return min(max(delivered, invoiced), Fraction(1))


def _held(item: Item, due: Taken) -> Fraction:
    """Which share (0 to 1) of an item must stay: what was delivered or invoiced of it, all of what has begun."""
    if due.quantity <= 0:
        return Fraction(0)
    if not is_deliverable(item):
        begun = item.reached or item.progress or item.invoiced or item.state is ItemState.FULFILLED
        return Fraction(1 if begun else 0)
    delivered = Fraction(item.delivered_quantity) / Fraction(due.quantity)
    invoiced = Fraction(item.invoiced_amount) / Fraction(due.amount) if due.amount else Fraction(bool(item.invoiced))
    return min(max(delivered, invoiced), Fraction(1))


def _reduce(revision: Revision, order: Order, item: Item, gone: Taken, to: Disposition) -> None:
    left = without(item, gone)
    if left.quantity == 0:
        left = item.model_copy(update={"state": ItemState.CANCELLED})
    revision.put_item(order.order_id, left)
    revision.leave(item.line_id, gone.quantity, gone.quote_amount, gone.amount, to)


def _settle(revision: Revision, order_id: str) -> None:
    """States as they follow from what is left."""
    order = revision.order(order_id)
    if not any(item.counts for item in order.items):
        state = OrderState.SUPERSEDED if order.state is OrderState.SUPERSEDED else OrderState.CANCELLED
        revision.put(order.model_copy(update={"state": state}))
    else:
        revision.put(settled(order, order.items, order.local_date(revision.cause.at)))
