"""Closing an order that is fulfilled: nothing happens to it any more (``spec/orders.md`` 3)."""

from __future__ import annotations

from domain.order.book import OrderBook
from domain.order.chain import chain_of
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.journal import Journal
from domain.order.order import OrderState
from domain.order.permission import Operation, refuse_state
from domain.order.standing import is_owed, wrong_state


def close(book: OrderBook, name: str, cause: Cause) -> Change:
    """The fulfilled order ``name`` closed: no return, no hold; invoices are still noted.

    A supplement stands for the orders that it superseded: it is closed when nothing of them is still to come. Codes:
    ``unknown_order``, ``wrong_state``, ``on_hold``.
    """
    order = book.order(name)
    refuse_state(order, Operation.CLOSE)
    for earlier in chain_of(book, order)[1:]:
        if is_owed(earlier):
            raise wrong_state(order, f"but {earlier.order_id}, for which it stands, is not")
    journal = Journal.of_change(order, cause)
    journal.event(OrderEventKind.CLOSED, before={"state": order.state}, after={"state": OrderState.CLOSED})
    return journal.change(order.model_copy(update={"state": OrderState.CLOSED}))
