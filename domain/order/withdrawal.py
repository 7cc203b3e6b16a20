"""Cancelling a whole fulfilment, and taking back what was sent and not shipped (``spec/orders.md`` 3)."""

from __future__ import annotations

from dataclasses import dataclass

from domain.order.book import OrderBook
from domain.order.cancel import FulfilmentCancelled, cancel_fulfilment
from domain.order.close_short import close_all_short, is_owed_by_earlier
from domain.order.event import Cause, Change
from domain.order.hold import release
from domain.order.order import RUNNING, OrderKind, OrderState
from domain.order.revision import Disposition
from domain.order.rollback import roll_back
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The change, and the ids of the orders by what became of them.

    ``cancelled`` had not been sent; of the ``withdrawn`` what was sent and not shipped is closed short; ``kept`` are
    left as they are: shipped, running or over.
    """

    change: Change
    cancelled: tuple[str, ...]
    withdrawn: tuple[str, ...]
    kept: tuple[str, ...]


def withdraw_all(book: OrderBook, cause: Cause, *, disposition: Disposition = "unordered") -> Withdrawal:
    """All orders of ``book``: cancelled where not sent, closed short where not shipped, left where shipped.

    A held order is released for it; a supplement whose date has not come is rolled back, and the order that it
    supersedes is withdrawn. Code: ``nothing_open`` when every order is shipped or over.
    """
    first = _first(book, cause, disposition)
    states = {order.order_id: order.state for order in book.orders}
    change, running, kept = first.change, list[str](), list(first.kept)
    now = book.applied(change)
    for order_id in first.withdraw:
        made, name = _made_ready(now, order_id, cause)
        change, now = (change.then(made), now.applied(made)) if made.orders else (change, now)
        (kept if name is None else running).append(name or order_id)
    running += [each for each in kept if is_owed_by_earlier(now, now.order(each))]
    kept = [each for each in kept if each not in running]
    if running:
        change = change.then(close_all_short(now, running, cause, disposition=disposition))
    if not change.orders:
        raise Refusal("nothing_open", f"nothing of {book.quote_id} can be cancelled any more")
    gone = [order.order_id for order in change.orders if order.state is OrderState.CANCELLED]
    cancelled = [each for each in gone if states.get(each) is not OrderState.CANCELLED and each not in running]
    over = {each for each, state in states.items() if state is OrderState.SUPERSEDED}
    left = tuple(each for each in kept if each not in over)
    return Withdrawal(change, tuple(cancelled), tuple(running), left)


def _first(book: OrderBook, cause: Cause, disposition: Disposition) -> FulfilmentCancelled:
    """What is not sent is cancelled; that there is no such thing says nothing yet."""
    try:
        return cancel_fulfilment(book, cause, disposition=disposition)
    except Refusal as refusal:
        if refusal.code != "nothing_open":
            raise
        ids = tuple(order.order_id for order in book.orders if order.state is not OrderState.CANCELLED)
        return FulfilmentCancelled(Change(), (), ids)


def _made_ready(book: OrderBook, order_id: str, cause: Cause) -> tuple[Change, str | None]:
    """What has to happen before the order is closed short, and which order that is; none: it cannot be."""
    order = book.order(order_id)
    made = Change()
    if order.hold is not None:
        made = release(book, order_id, cause)
        order = made.order if len(made.orders) == 1 else book.applied(made).order(order_id)
    if order.state in RUNNING:
        return made, order_id
    if order.kind is not OrderKind.SUPPLEMENT or order.revises_order is None:
        return Change(), None
    try:
        back = roll_back(book.applied(made), order_id, cause)
    except Refusal:
        return Change(), None
    revised = book.applied(made).applied(back).order(order.revises_order)
    return (made.then(back), revised.order_id) if revised.state in RUNNING else (Change(), None)
