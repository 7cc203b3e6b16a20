"""A chain of orders: an order and those that it superseded by supplements (``spec/orders.md`` 3).

The newest order of a chain stands for all of it: what is done to running orders is named by it, and reaches the items
of the orders before it, with the deltas that later orders put on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from domain.order.book import OrderBook
from domain.order.item import Item
from domain.order.order import Order, OrderKind, OrderState
from domain.order.standing import is_owed, wrong_state
from domain.order.taking import Taken


def chain_of(book: OrderBook, order: Order) -> tuple[Order, ...]:
    """``order``, then the one it supplements, and so on back to the first."""
    found = [order]
    while found[-1].kind is OrderKind.SUPPLEMENT and found[-1].revises_order is not None:
        found.append(book.order(found[-1].revises_order))
    return tuple(found)


def refuse_over(order: Order, chain: Iterable[Order]) -> None:
    """Refuse to change an order of which, and of those that it stands for, nothing is still to come: ``wrong_state``.

    A supplement that only takes away is fulfilled at once, while what it superseded goes on.
    """
    if order.state is OrderState.FULFILLED and not any(is_owed(each) for each in chain):
        raise wrong_state(order, "only an activated order that is not fulfilled is supplemented")


def deltas_of(book: OrderBook, item: Item, orders: Iterable[OrderKind]) -> tuple[Item, ...]:
    """The counted items of orders of those kinds in ``book`` that revise ``item``."""
    kinds = frozenset(orders)
    return tuple(
        delta
        for order in book.orders
        if order.kind in kinds
        for delta in order.items
        if delta.counts and delta.revises == item.item_id
    )


def due_of(book: OrderBook, item: Item) -> Taken:
    """What is due of ``item``: its quantity and amounts, less what supplements took away of it."""
    deltas = [delta for delta in deltas_of(book, item, [OrderKind.SUPPLEMENT]) if delta.quantity <= 0]
    return Taken(
        item.quantity - item.taken_away,
        item.amount + sum((delta.amount for delta in deltas), Decimal(0)),
        item.quote_amount + sum((delta.quote_amount for delta in deltas), Decimal(0)),
    )
