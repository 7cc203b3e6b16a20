"""Rolling back the last change of an order by counter-entries; what happened stays told (``spec/orders.md`` 3)."""

from __future__ import annotations

from decimal import Decimal

from domain.ledger.entries import EntryKind
from domain.order.book import OrderBook
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.item import Item, ItemState
from domain.order.order import BalanceShift, LastChange, Order, OrderState
from domain.order.permission import Operation, no_last_change, refuse_state
from domain.order.revision import FIGURES, Revision
from domain.refusal import Refusal

TOLD: dict[str, EntryKind] = {
    Operation.HOLD: EntryKind.HELD,
    Operation.RELEASE: EntryKind.RELEASED,
    Operation.ACTIVATE: EntryKind.ACTIVATED,
}
"""What operations tell of each item besides its plan."""


def roll_back(book: OrderBook, name: str, cause: Cause) -> Change:
    """Everything as it was before the last change of the order ``name``, in all orders which that change touched.

    An order that the change made is cancelled, with nothing in it; a return or a supplement also after it was activated
    on its date and acknowledged or rejected, as long as nothing arrived. Rolling back again brings the change back.
    Codes: ``unknown_order``, ``wrong_state`` (a final state; an activation whose date has come), ``already_delivered``
    (something was delivered since), ``past_no_return`` (it was sent since), ``not_the_last_change`` (anything else
    happened to one of the orders since, or what it left unordered was ordered again).
    """
    order = book.order(name)
    refuse_state(order, Operation.ROLLBACK)
    last = order.last_change
    if last is None:
        raise no_last_change(order)
    touched = [_touched(book, order_id, version) for order_id, version in last.orders]
    _refuse_due(order, last, cause)
    _refuse_overdrawn(book, last)
    revision = Revision(book, cause, Operation.ROLLBACK)
    befores = [each.last_change.before for each in touched if each.last_change and each.last_change.before]
    restored = frozenset(item.item_id for before in befores for item in before.items)
    for each in touched:
        assert each.last_change is not None
        _restore(revision, each, each.last_change, restored)
        _mark_back(revision, each, each.last_change)
    for shift in last.shifts:
        revision.shift(shift.line_id, **_reversed(shift))
    return revision.change()


def _touched(book: OrderBook, order_id: str, version: int) -> Order:
    order = book.order(order_id)
    last = order.last_change
    if last is None or (order_id, version) not in last.orders or order.version not in (version, last.passed):
        raise no_last_change(order)
    return order


def _refuse_overdrawn(book: OrderBook, last: LastChange) -> None:
    """What the change gave to unordered may be in another order by now."""
    for shift in last.shifts:
        balance = book.balance(shift.line_id)
        left = balance.unordered_quantity - shift.unordered_quantity
        if not balance.is_share and left * balance.quoted_quantity < 0:
            message = f"what it left of {shift.line_id} was ordered again since; cancel that first"
            raise Refusal("not_the_last_change", message, "order")


def _refuse_due(order: Order, last: LastChange, cause: Cause) -> None:
    if last.operation == Operation.ACTIVATE and order.due <= cause.at:
        message = f"the date of order {order.order_id} has come: it would be activated again at once"
        raise Refusal("wrong_state", message, "order")
    if last.operation == Operation.ACTIVATE and order.sent_at is not None:
        raise Refusal("past_no_return", f"order {order.order_id} was sent to the ERP", "order")


def _restore(revision: Revision, now: Order, last: LastChange, restored: frozenset[str]) -> None:
    """``now`` as it was, under its present version; what the change made counts no longer."""
    made = tuple(_gone(item) for item in now.items if item.item_id not in restored)
    if last.before is None:
        revision.put(now.model_copy(update={"state": OrderState.CANCELLED, "items": made}))
    else:
        update = {"items": (*last.before.items, *made), "version": now.version}
        revision.put(last.before.model_copy(update=update))
    revision.note(now.order_id, OrderEventKind.ROLLED_BACK, after={"operation": last.operation})


def _gone(item: Item) -> Item:
    return item.model_copy(update={"state": ItemState.CANCELLED}) if item.counts else item


def _mark_back(revision: Revision, now: Order, last: LastChange) -> None:
    """Counter-rows of what a hold, a release or an activation told of the items."""
    kind = TOLD.get(last.operation)
    if kind is None or last.before is None or (kind is EntryKind.RELEASED and last.before.block is not None):
        return
    on = now.local_date(last.at)
    marked = [item for item in last.before.items if item.counts]
    revision.standing.extend((now.order_id, kind, item, on, True) for item in marked)


def _reversed(shift: BalanceShift) -> dict[str, Decimal]:
    return {name: -getattr(shift, name) for name in FIGURES}
