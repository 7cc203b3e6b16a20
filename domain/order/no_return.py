"""The point of no return of an item, and of its bundle as a whole (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable

from domain.order.bundle import bundle_of
from domain.order.item import Item
from domain.order.order import Order
from domain.refusal import Refusal


def is_past_no_return(order: Order, item: Item) -> bool:
    """Whether ``item`` has passed its own point of no return: activation, sent to the ERP, or first delivery."""
    if item.point_of_no_return == "activation":
        return order.activated_at is not None
    if item.point_of_no_return == "sent":
        return order.sent_at is not None
    return bool(item.delivered or item.reached or item.progress)


def is_bundle_past(order: Order, item: Item) -> bool:
    """Whether any member of the bundle of ``item`` has passed its own: a bundle passes as a whole."""
    return any(is_past_no_return(order, member) for member in bundle_of(order, item) if member.counts)


def past_items(order: Order) -> tuple[Item, ...]:
    """The items of ``order`` whose bundle has passed the point of no return."""
    return tuple(item for item in order.items if item.counts and is_bundle_past(order, item))


def refuse_past(order: Order, items: Iterable[Item], what: str) -> None:
    """Refuse ``what`` when a bundle of ``items`` has passed its point. Code: ``past_no_return``."""
    past = dict.fromkeys(item.line_id for item in items if is_bundle_past(order, item))
    if past:
        message = f"{', '.join(past)} of order {order.order_id} passed the point of no return; {what}"
        raise Refusal("past_no_return", message, "order")
