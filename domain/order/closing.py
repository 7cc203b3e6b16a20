"""Closing an order that is fulfilled: nothing happens to it any more (``spec/orders.md`` 3)."""

from __future__ import annotations

from domain.order.event import Cause, Change, OrderEventKind
from domain.order.journal import Journal
from domain.order.order import Order, OrderState
from domain.order.permission import Operation, refuse_state


def close(order: Order, cause: Cause) -> Change:
    """The fulfilled ``order`` closed: no return, no hold; invoices are still noted. Code: ``wrong_state``."""
    refuse_state(order, Operation.CLOSE)
    journal = Journal.of_change(order, cause)
    journal.event(OrderEventKind.CLOSED, before={"state": order.state}, after={"state": OrderState.CLOSED})
    return journal.change(order.model_copy(update={"state": OrderState.CLOSED}))
