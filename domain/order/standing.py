"""Where an order and its items stand, as it follows from what happened to them (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from domain.order.item import Item, ItemState
from domain.order.order import Order, OrderState
from domain.quote import Kind, Revenue
from domain.refusal import Refusal

FINAL_ITEMS = frozenset({ItemState.REJECTED, ItemState.SUPERSEDED, ItemState.CANCELLED, ItemState.MERGED})


def is_service(item: Item) -> bool:
    """Whether time fulfils the item: subscription, evergreen and percent-of-total."""
    return item.kind is not Kind.ONE_TIME


def is_deliverable(item: Item) -> bool:
    """Whether the item is fulfilled by deliveries: things that are not recognised by milestones or progress."""
    if is_service(item) or item.revenue in (Revenue.ON_MILESTONE, Revenue.PERCENT_COMPLETE):
        return False
    return item.quantity > 0 or item.comes_back


def is_open(order: Order, item: Item) -> bool:
    """Whether something of ``item`` has not been delivered, or has not begun, and could still be left out."""
    if not item.counts or item.quantity <= 0 or item.is_share:
        return False
    if is_deliverable(item):
        return item.due_quantity > item.delivered_quantity
    return item.state is not ItemState.FULFILLED and not item.reached and not item.progress


def is_coming_back(item: Item) -> bool:
    """Whether something of a return has not arrived yet."""
    return item.counts and item.comes_back and item.state is not ItemState.FULFILLED


def is_returnable(item: Item) -> bool:
    """Whether something of ``item`` was delivered or runs, so that it could come back or be reduced."""
    return item.counts and item.quantity > 0 and (item.state is ItemState.FULFILLED or bool(item.delivered))


def received_quantity(item: Item) -> Decimal:
    """What counts towards fulfilment: what was delivered, or accepted where the line requires it."""
    return item.accepted_quantity if item.acceptance == "required" else item.delivered_quantity


def is_fulfilled(item: Item, acknowledged: bool, today: date) -> bool:
    """Whether nothing more is owed: services acknowledged and started, the last milestone, or all received."""
    if is_service(item):
        return acknowledged and (item.start is None or item.start <= today)
    if item.quantity < 0 and not item.comes_back:
        return True
    if item.due_quantity == 0:
        return True
    if item.revenue is Revenue.ON_MILESTONE:
        return len(item.reached) >= max(1, len(item.milestones))
    if item.revenue is Revenue.PERCENT_COMPLETE:
        return bool(item.progress) and latest_percent(item) >= 100
    return abs(received_quantity(item)) >= abs(item.due_quantity)


def latest_percent(item: Item) -> Decimal:
    """How much of the work is complete by the latest word on it, in percent."""
    return (
        max(enumerate(item.progress), key=lambda each: (each[1].on, each[0]))[1].percent
        if item.progress
        else Decimal(0)
    )


def settled_item(item: Item, acknowledged: bool, today: date) -> Item:
    """``item`` of an activated order with the state that follows from its facts; final states stay."""
    if item.state in FINAL_ITEMS or item.state is ItemState.FULFILLED:
        return item
    if is_fulfilled(item, acknowledged, today):
        state = ItemState.FULFILLED
    elif item.delivered or item.reached or item.progress:
        state = ItemState.PARTIALLY_FULFILLED
    else:
        state = ItemState.ACTIVATED
    return item if state is item.state else item.model_copy(update={"state": state})


def settled(order: Order, items: Iterable[Item], today: date) -> Order:
    """An activated ``order`` with ``items`` and the states that follow; ``today`` is local to the customer.

    A superseded order stays so: what was ordered under it still arrives, and its items tell of that.
    """
    now = tuple(settled_item(item, order.acknowledged, today) for item in items)
    state = order.state if order.state is OrderState.SUPERSEDED else _state(order, now)
    return order.model_copy(update={"items": now, "state": state})


def is_owed(order: Order) -> bool:
    """Whether anything of ``order`` is still to come: also of a superseded one, whose run ends only after that."""
    return any(item.state not in FINAL_ITEMS and item.state is not ItemState.FULFILLED for item in order.items)


def _state(order: Order, items: Iterable[Item]) -> OrderState:
    states = [item.state for item in items if item.state not in FINAL_ITEMS]
    if states and all(state is ItemState.FULFILLED for state in states):
        return OrderState.FULFILLED
    if any(state in (ItemState.FULFILLED, ItemState.PARTIALLY_FULFILLED) for state in states):
        return OrderState.PARTIALLY_FULFILLED
    return OrderState.IN_FULFILMENT if order.acknowledged else OrderState.ACTIVATED


def wrong_state(order: Order, what: str) -> Refusal:
    """The refusal of ``what`` in the order's present state. Code: ``wrong_state``, or ``on_hold`` while held."""
    if order.state is OrderState.ON_HOLD:
        return Refusal("on_hold", f"order {order.order_id} is on hold; release it first", "order")
    return Refusal("wrong_state", f"order {order.order_id} is {order.state}; {what}", "order")
