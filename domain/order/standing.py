"""Where an order and its items stand, as it follows from what happened to them (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from domain.order.item import Item, ItemState
from domain.order.order import Order, OrderState
from domain.quote import Kind, Revenue
from domain.refusal import Refusal

FINAL_ITEMS = frozenset({ItemState.REJECTED, ItemState.SUPERSEDED, ItemState.CANCELLED})


def is_service(item: Item) -> bool:
    """Whether time fulfils the item: subscription, evergreen and percent-of-total."""
    return item.kind is not Kind.ONE_TIME


def is_deliverable(item: Item) -> bool:
    """Whether the item is fulfilled by deliveries: things that are not recognised by milestones or progress."""
    return not is_service(item) and item.revenue not in (Revenue.ON_MILESTONE, Revenue.PERCENT_COMPLETE)


def received_quantity(item: Item) -> Decimal:
    """What counts towards fulfilment: what was delivered, or accepted where the line requires it."""
    return item.accepted_quantity if item.acceptance == "required" else item.delivered_quantity


def is_fulfilled(item: Item, acknowledged: bool, today: date) -> bool:
    """Whether nothing more is owed: services acknowledged and started, the last milestone, or all received."""
    if is_service(item):
        return acknowledged and (item.start is None or item.start <= today)
    if item.revenue is Revenue.ON_MILESTONE:
        return len(item.reached) >= max(1, len(item.milestones))
    return received_quantity(item) >= item.quantity


def settled_item(item: Item, acknowledged: bool, today: date) -> Item:
    """``item`` of an activated order with the state that follows from its facts; final states stay."""
    if item.state in FINAL_ITEMS or item.state is ItemState.FULFILLED:
        return item
    if is_fulfilled(item, acknowledged, today):
        state = ItemState.FULFILLED
    elif item.delivered or item.reached:
        state = ItemState.PARTIALLY_FULFILLED
    else:
        state = ItemState.ACTIVATED
    return item if state is item.state else item.model_copy(update={"state": state})


def settled(order: Order, items: Iterable[Item], today: date) -> Order:
    """An activated ``order`` with ``items`` and the states that follow; ``today`` is local to the customer."""
    now = tuple(settled_item(item, order.acknowledged, today) for item in items)
    return order.model_copy(update={"items": now, "state": _state(order, now)})


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
