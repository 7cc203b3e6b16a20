"""Which operation an order's state allows: the table of ``spec/orders.md`` 3, one row for each operation.

The operations themselves and :func:`allowed` ask the same table, so that what is shown is what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from domain.order.no_return import past_items
from domain.order.order import FINAL, PLANNED, RUNNING, Order, OrderKind, OrderState
from domain.order.standing import is_coming_back, is_open, is_owed, is_returnable, wrong_state
from domain.refusal import Refusal


class Operation(StrEnum):
    """What can be done to an order, as people write it."""

    MOVE_DATE = "move_date"
    MOVE = "move"
    SPLIT = "split"
    MERGE = "merge"
    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    ACTIVATE = "activate"
    SUPPLEMENT = "supplement"
    CLOSE_SHORT = "close_short"
    RETURN = "return"
    ROLLBACK = "rollback"
    CLOSE = "close"
    ACKNOWLEDGE = "acknowledge"
    DELIVER = "deliver"
    ACCEPT_ITEM = "accept_item"
    REACH = "reach"
    PROGRESS = "progress"
    USAGE = "usage"
    INVOICE = "invoice"


EVERY = frozenset(OrderState)
NOT_FINAL = EVERY - FINAL
RECORDED = RUNNING | {OrderState.FULFILLED, OrderState.SUPERSEDED}
"""States in which facts are recorded: what was ordered under a superseded order still arrives."""
STATES: Mapping[Operation, tuple[frozenset[OrderState], str]] = MappingProxyType(
    {
        Operation.MOVE_DATE: (PLANNED, "only a draft or scheduled order changes its date"),
        Operation.MOVE: (PLANNED, "lines move between draft or scheduled orders"),
        Operation.SPLIT: (PLANNED, "only a draft or scheduled order is split"),
        Operation.MERGE: (PLANNED, "only draft or scheduled orders are merged"),
        Operation.CANCEL: (
            PLANNED | {OrderState.BLOCKED, OrderState.REJECTED},
            "only a draft, scheduled or rejected order is cancelled; close it short",
        ),
        Operation.HOLD: (NOT_FINAL - {OrderState.ON_HOLD}, "it cannot be held"),
        Operation.RELEASE: (frozenset({OrderState.ON_HOLD, OrderState.BLOCKED}), "it is not held"),
        Operation.ACTIVATE: (PLANNED | {OrderState.BLOCKED}, "only a draft or scheduled order is activated"),
        Operation.SUPPLEMENT: (RUNNING, "only an activated order that is not fulfilled is supplemented"),
        Operation.CLOSE_SHORT: (RUNNING, "only an activated order that is not fulfilled is closed short"),
        Operation.RETURN: (frozenset({OrderState.FULFILLED}), "things come back from a fulfilled order"),
        Operation.ROLLBACK: (NOT_FINAL, "its last change stands"),
        Operation.CLOSE: (frozenset({OrderState.FULFILLED}), "only a fulfilled order is closed"),
        Operation.ACKNOWLEDGE: (RECORDED, "an order is acknowledged once it is activated"),
        Operation.DELIVER: (RECORDED, "only an activated order is delivered"),
        Operation.ACCEPT_ITEM: (RECORDED, "only an activated order is delivered"),
        Operation.REACH: (RECORDED, "only an activated order is delivered"),
        Operation.PROGRESS: (RECORDED, "only an activated order makes progress"),
        Operation.USAGE: (RECORDED, "only an activated order is used"),
        Operation.INVOICE: (RECORDED | {OrderState.CLOSED}, "only an activated order is invoiced"),
    }
)
FOR_THE_SUPERSEDED = frozenset({Operation.SUPPLEMENT, Operation.CLOSE_SHORT, Operation.RETURN})
BEFORE_NO_RETURN = frozenset({Operation.MOVE_DATE, Operation.MOVE, Operation.SPLIT, Operation.MERGE})


def refuse_state(order: Order, operation: Operation) -> None:
    """Refuse ``operation`` in the order's present state. Codes: ``wrong_state``, ``on_hold``."""
    states, why = STATES[operation]
    if order.kind is OrderKind.SUPPLEMENT and operation in FOR_THE_SUPERSEDED:
        # It may be fulfilled at once, when it only takes away; what it superseded is still open, and changed by it.
        states = states | {OrderState.FULFILLED}
    if order.kind is OrderKind.SUPPLEMENT and operation is Operation.ROLLBACK:
        states = states | {OrderState.REJECTED}
    if order.state not in states:
        if operation is Operation.HOLD and order.state is OrderState.ON_HOLD:
            raise Refusal("on_hold", f"order {order.order_id} is already on hold", "order")
        raise wrong_state(order, why)
    if order.kind is not OrderKind.NORMAL and operation in (Operation.MOVE, Operation.SPLIT, Operation.MERGE):
        raise wrong_state(order, f"it is a {order.kind}: its deltas stay together")


def allowed(order: Order, superseded: Sequence[Order] | None = None) -> Mapping[Operation, str | None]:
    """Every operation with nothing when it can be tried now, else with the code that it would be refused with.

    ``superseded`` are the orders that a supplement stands for; none: what may lie in them is not looked at. Neither is
    what depends on the quantities, dates and other orders that the operation will name.
    """
    return {operation: _refusal(order, operation, superseded) for operation in Operation}


def _refusal(order: Order, operation: Operation, superseded: Sequence[Order] | None) -> str | None:
    try:
        if operation is Operation.CANCEL:
            refuse_received(order)
        if operation in BEFORE_NO_RETURN and all(item in past_items(order) for item in order.items if item.counts):
            return "past_no_return"
        refuse_state(order, operation)
    except Refusal as refusal:
        return refusal.code
    if superseded is None and order.kind is OrderKind.SUPPLEMENT and operation in FOR_THE_SUPERSEDED:
        return None
    return _nothing_to_do(order, operation, (order, *(superseded or ())))


def _nothing_to_do(order: Order, operation: Operation, chain: Sequence[Order]) -> str | None:
    if operation is Operation.CLOSE_SHORT and not any(
        is_open(each, item) or is_coming_back(item) for each in chain for item in each.items
    ):
        return "nothing_open"
    if operation is Operation.RETURN and not any(is_returnable(item) for each in chain for item in each.items):
        return "quantity_out_of_range"
    if operation is Operation.CLOSE and any(map(is_owed, chain[1:])):
        return "wrong_state"
    if operation is Operation.SUPPLEMENT and order.state is OrderState.FULFILLED and not any(map(is_owed, chain)):
        return "wrong_state"
    if operation is Operation.ROLLBACK and order.last_change is None:
        return no_last_change(order).code
    if operation is Operation.CANCEL and order.kind is OrderKind.SUPPLEMENT:
        return "wrong_state"
    if operation is Operation.ACKNOWLEDGE and order.acknowledgement is not None:
        return "already_acknowledged"
    return None


def refuse_received(order: Order) -> None:
    """Refuse to cancel what has been received or invoiced. Codes: ``already_delivered``, ``already_invoiced``."""
    for item in order.items:
        if item.counts and (item.delivered or item.reached or item.progress):
            raise Refusal(
                "already_delivered", f"{item.line_id} of order {order.order_id} is delivered in part", "order"
            )
        if item.counts and item.invoiced:
            raise Refusal("already_invoiced", f"{item.line_id} of order {order.order_id} is invoiced", "order")


def no_last_change(order: Order) -> Refusal:
    """Why there is nothing to roll back: ``already_delivered``, or ``not_the_last_change``."""
    if any(item.delivered or item.reached or item.progress for item in order.items):
        return Refusal("already_delivered", f"something of order {order.order_id} was delivered since", "order")
    message = f"something else has happened to order {order.order_id} since its last change, or nothing was changed"
    return Refusal("not_the_last_change", message, "order")
