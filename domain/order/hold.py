"""Holding an order with a reason, and releasing it (``spec/orders.md`` 3)."""

from __future__ import annotations

from domain.ledger.entries import EntryKind
from domain.order.block import waivable
from domain.order.book import OrderBook
from domain.order.chain import chain_of
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.order import Hold, Order, OrderState
from domain.order.permission import Operation, refuse_state
from domain.order.revision import Revision
from domain.refusal import Refusal


def hold(book: OrderBook, name: str, cause: Cause) -> Change:
    """The order ``name`` on hold: it is not activated, nothing is recorded, and its services are suspended.

    ``cause.why`` is the reason. No end moves, revenue goes on, and things that were delivered stay the customer's.
    The orders that a supplement superseded are suspended with it.
    Codes: ``unknown_order``, ``reason_missing``, ``on_hold`` (already), ``wrong_state``.
    """
    order = book.order(name)
    refuse_state(order, Operation.HOLD)
    if not (cause.why or "").strip():
        raise Refusal("reason_missing", f"say why order {order.order_id} is held", "reason")
    revision = Revision(book, cause, Operation.HOLD)
    held = Hold(at=cause.at, by=cause.by, why=cause.why or "", state_before=order.state)
    revision.put(order.model_copy(update={"state": OrderState.ON_HOLD, "hold": held}))
    _mark(revision, order, EntryKind.HELD, OrderEventKind.HELD)
    return revision.change()


def release(book: OrderBook, name: str, cause: Cause) -> Change:
    """The order ``name`` back in the state it was held or blocked in; after its date it is due at once.

    Released from a block it goes without the data that are missing; a credit block is lifted for the customer alone.
    Codes: ``unknown_order``, ``wrong_state`` (it is not held).
    """
    order = book.order(name)
    refuse_state(order, Operation.RELEASE)
    revision = Revision(book, cause, Operation.RELEASE)
    kept = order.hold or order.block
    state = kept.state_before if kept else OrderState.SCHEDULED
    update = {"hold": None} if order.hold else {"block": None, "waived": (*order.waived, *waivable(order))}
    revision.put(order.model_copy(update={"state": state, **update}))
    if order.hold:
        _mark(revision, order, EntryKind.RELEASED, OrderEventKind.RELEASED)
    else:
        revision.note(order.order_id, OrderEventKind.RELEASED)
    return revision.change()


def _mark(revision: Revision, order: Order, kind: EntryKind, told: OrderEventKind) -> None:
    """An event and a row for each item, in the order itself and in those that it superseded."""
    today = order.local_date(revision.cause.at)
    for each in chain_of(revision.book, order):
        if each.order_id not in revision.orders:
            revision.put(each)
        revision.note(each.order_id, told)
        revision.standing.extend((each.order_id, kind, item, today, False) for item in each.items if item.counts)
