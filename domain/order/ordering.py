"""What splits by keys and orders by hand have in common: orders of groups of parts, and what stays unordered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import count

from domain.order.book import OrderBook
from domain.order.creation import Batch, item_ids
from domain.order.event import Cause, Change, LineBalance
from domain.order.grouping import Group, Grouping, line_numbers
from domain.order.invariants import refuse_broken
from domain.order.order import Order, OrderState
from domain.order.parts import Part
from domain.order.rest import Spot
from domain.order.telling import telling_left
from domain.pricing import PricedQuote
from domain.quote import Quote
from domain.refusal import Refusal


def ordered(book: OrderBook, priced: PricedQuote, grouping: Grouping, cause: Cause) -> Change:
    """Every group as a scheduled order, numbered in the order of parts; its quantities and amounts leave unordered.

    Codes: ``nothing_unordered``, ``dates_out_of_order``, ``missing_field``, ``invariant_broken``.
    """
    groups = grouping.groups
    if not groups:
        raise Refusal("nothing_unordered", f"nothing of {book.quote_id} is left to order")
    orders = _headed(book, priced, groups, cause)
    parts = tuple(grouping.in_line_order(group) for group in groups)
    ids = tuple(item_ids(order.order_id, of_order) for order, of_order in zip(orders, parts, strict=True))
    taken = frozenset((item.line_id, item.key) for order in book.orders for item in order.items)
    created = Batch(orders, parts, ids, line_numbers(priced), taken).create(cause)
    change = created.model_copy(
        update={"balances": balances_after(book, [part for group in groups for part in group.parts])}
    )
    refuse_broken(book.applied(change))
    return telling_left(book, change)


def _headed(book: OrderBook, priced: PricedQuote, groups: Sequence[Group], cause: Cause) -> tuple[Order, ...]:
    """An order without items for each group, with its id, number and key."""
    taken = {order.key for order in book.orders}
    first = max((order.number for order in book.orders), default=0) + 1
    return tuple(
        headed_order(priced.quote, number, (group.order_date, group.ship_to), taken, cause)
        for number, group in enumerate(groups, start=first)
    )


def headed_order(quote: Quote, number: int, spot: Spot, taken: set[str], cause: Cause) -> Order:
    """A scheduled order of ``quote`` without items, of that date and place; its key joins the ``taken`` ones."""
    order_date, ship_to = spot
    name = f"{order_date}/{ship_to}" if ship_to else str(order_date)
    key = next(key for times in count(1) if (key := name if times == 1 else f"{name}#{times}") not in taken)
    taken.add(key)
    return Order(
        order_id=f"{quote.quote_id}-{number}",
        quote_id=quote.quote_id,
        number=number,
        key=key,
        customer_id=quote.customer.customer_id,
        bill_to=quote.bill_to,
        currency=quote.currency,
        time_zone=quote.customer.time_zone,
        contracting_method=quote.contracting.method,
        contracting_setting=quote.contracting.setting,
        order_date=order_date,
        ship_to=ship_to,
        state=OrderState.SCHEDULED,
        created_at=cause.at,
        items=(),
    )


def balances_after(book: OrderBook, parts: Iterable[Part]) -> tuple[LineBalance, ...]:
    """The balances of all lines after ``parts`` were ordered."""
    balances = book.by_line
    for part in parts:
        balance = balances[part.line.line_id]
        left = Decimal(0) if balance.is_share else balance.unordered_quantity - part.place.quantity
        update = {"unordered_quantity": left, "unordered_amount": balance.unordered_amount - part.amount}
        balances[balance.line_id] = balance.model_copy(update=update)
    return tuple(balances.values())
