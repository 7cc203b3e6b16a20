"""Cancelling an order or items of it, and a whole fulfilment (``spec/orders.md`` 3)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.order.book import OrderBook
from domain.order.bundle import Lines, Quantities, chosen
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.item import Item, ItemState
from domain.order.no_return import refuse_past
from domain.order.order import FINAL, PLANNED, Order, OrderKind, OrderState
from domain.order.permission import Operation, refuse_received, refuse_state
from domain.order.revision import Disposition, Revision
from domain.order.standing import is_open, wrong_state
from domain.order.taking import Taken, held_by, part_of, refuse_too_small, without
from domain.refusal import Refusal


def cancel(
    book: OrderBook, name: str, cause: Cause, *, lines: Lines | None = None, disposition: Disposition = "unordered"
) -> Change:
    """The order ``name``, or the quantities of ``lines`` (none: all of the line), to unordered or to cancelled.

    What is unordered can be ordered again. Components go with their parent, shares follow their base. An order of
    which nothing is left is cancelled. A return that is cancelled gives back what it took. Of an order that the ERP
    rejected nothing happened, whatever its point of no return.

    Codes: ``unknown_order``, ``unknown_line``, ``already_delivered``, ``already_invoiced``, ``wrong_state``,
    ``on_hold``, ``past_no_return``, ``quantity_out_of_range``, ``amount_too_small``, ``bundle_broken``.
    """
    order = book.order(name)
    refuse_received(order)
    refuse_state(order, Operation.CANCEL)
    if order.kind is OrderKind.SUPPLEMENT:
        raise wrong_state(order, "a supplement is rolled back, not cancelled")
    revision = Revision(book, cause, Operation.CANCEL)
    taken = _everything(order) if lines is None else chosen(order, lines, _quantity)
    if not _is_rejected(order):
        refuse_past(order, [order.item(item_id) for item_id in taken], "it is not cancelled")
    take_out(revision, order, taken, disposition)
    revision.note(order.order_id, OrderEventKind.CANCELLED, after={"disposition": disposition})
    follow(revision, disposition, also=(order.order_id,) if _is_rejected(order) else ())
    cancel_if_empty(revision, order.order_id)
    return revision.change()


def _is_rejected(order: Order) -> bool:
    return order.state is OrderState.REJECTED


def _quantity(item: Item) -> Decimal:
    return item.quantity


def _everything(order: Order) -> Quantities:
    """All items; a share by order follows its base out of the order, unless it is all there is."""
    kept = [item for item in order.items if item.counts]
    return {item.item_id: item.quantity for item in kept if item.share_of != "order"} or {
        item.item_id: item.quantity for item in kept
    }


def take_out(revision: Revision, order: Order, taken: Quantities, to: Disposition) -> None:
    """Take quantities out of ``order``; an item of which nothing stays is cancelled."""
    for item_id, take in taken.items():
        item = order.item(item_id)
        gone = part_of(held_by(item), take, order.currency)
        if take == item.quantity:
            revision.put_item(order.order_id, item.model_copy(update={"state": ItemState.CANCELLED}))
        else:
            refuse_too_small(item, gone)
            revision.put_item(order.order_id, without(item, gone))
        _book(revision, order, item, gone, to)


def _book(revision: Revision, order: Order, item: Item, gone: Taken, to: Disposition) -> None:
    quantity = Decimal(0) if item.is_share else gone.quantity
    if order.kind is OrderKind.RETURN:
        revision.shift(item.line_id, returned_quantity=quantity, returned_amount=gone.amount)
    else:
        revision.leave(item.line_id, quantity, gone.quote_amount, gone.amount, to)


def cancel_if_empty(revision: Revision, order_id: str) -> None:
    """An order of which nothing is left is cancelled."""
    order = revision.order(order_id)
    if not any(item.counts for item in order.items):
        revision.put(order.model_copy(update={"state": OrderState.CANCELLED, "hold": None, "block": None}))


@dataclass(frozen=True, slots=True)
class FulfilmentCancelled:
    """What became of a whole fulfilment: the change that cancels what was not sent, and the ids of the rest.

    ``withdraw`` are orders of which something was sent and not shipped: the ERP is asked, and once it agrees they are
    closed short. ``kept`` are orders that are left as they are: shipped, running or over; they come back by a return.
    """

    change: Change
    withdraw: tuple[str, ...]
    kept: tuple[str, ...]


def cancel_fulfilment(book: OrderBook, cause: Cause, *, disposition: Disposition = "unordered") -> FulfilmentCancelled:
    """All orders of ``book``: cancelled where not sent, to be withdrawn where not shipped, left where shipped.

    Held and blocked orders are cancelled too. Code: ``nothing_open`` when every order is shipped or over.
    """
    revision = Revision(book, cause, "cancel_fulfilment")
    withdraw: list[str] = []
    kept: list[str] = []
    for order in book.orders:
        if _is_unsent(order):
            take_out(revision, order, _everything(order), disposition)
            revision.note(order.order_id, OrderEventKind.CANCELLED, after={"disposition": disposition})
        elif order.state not in FINAL and any(is_open(order, item) for item in order.items):
            withdraw.append(order.order_id)
        elif order.state is not OrderState.CANCELLED:
            kept.append(order.order_id)
    if not revision.orders and not withdraw:
        raise Refusal("nothing_open", f"nothing of {book.quote_id} can be cancelled any more")
    cancelled = tuple(revision.orders)
    follow(revision, disposition, also=cancelled)
    for order_id in cancelled:
        cancel_if_empty(revision, order_id)
    return FulfilmentCancelled(revision.change() if cancelled else Change(), tuple(withdraw), tuple(kept))


def _is_unsent(order: Order) -> bool:
    """Whether the ERP knows nothing of the order, or wants nothing of it, and nothing of it was received."""
    if _is_rejected(order) and order.kind is not OrderKind.SUPPLEMENT:
        return True
    if order.sent_at is not None or order.acknowledgement is not None or order.kind is OrderKind.SUPPLEMENT:
        return False
    state = order.hold.state_before if order.hold else order.state
    touched = any(item.delivered or item.reached or item.progress or item.invoiced for item in order.items)
    return not touched and state in PLANNED | {OrderState.BLOCKED, OrderState.ACTIVATED}
