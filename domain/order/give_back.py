"""Returns of what was delivered, and reductions of services that run (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.money import round_money
from domain.order.book import OrderBook
from domain.order.bundle import bundle_of, chosen
from domain.order.chain import chain_of, deltas_of, due_of
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.item import Item, ItemState
from domain.order.order import Order, OrderKind
from domain.order.permission import Operation, refuse_state
from domain.order.redating import amount_from
from domain.order.reschedule import refuse_date
from domain.order.revision import Revision
from domain.order.standing import is_returnable, is_service
from domain.order.taking import Taken, part_of
from domain.quote import Kind, PricePer
from domain.refusal import Refusal
from domain.term import term_days


def give_back(
    book: OrderBook,
    name: str,
    lines: Mapping[str, Decimal],
    cause: Cause,
    *,
    order_date: date | None = None,
    key: str | None = None,
) -> Change:
    """An order of negative items that takes ``lines`` of the fulfilled order ``name`` back.

    Things come back at what they cost, the first delivered part staying; the return is fulfilled when they have
    arrived (``deliver`` on it). A running service is reduced from ``order_date`` (local; today when left out) to its
    end, by its frozen price; one without end by one period. Components go in ratio. All of it adds to ``returned``.
    Shares of the order stand: they are reduced by name, in whole.

    Codes: ``unknown_order``, ``wrong_state``, ``on_hold``, ``missing_field`` (no lines), ``unknown_line``,
    ``quantity_out_of_range`` (more than was delivered and not returned yet), ``bundle_broken``, ``in_the_past``,
    ``dates_out_of_order`` (the service has ended by then), ``key_taken``.
    """
    order = book.order(name)
    refuse_state(order, Operation.RETURN)
    if not lines:
        raise Refusal("missing_field", "say how much of which line comes back", "lines")
    day = order_date or order.local_date(cause.at)
    refuse_date(order, day, cause)
    revision = Revision(book, cause, Operation.RETURN)
    made = revision.new_order(order, day, kind=OrderKind.RETURN, key=key)
    revision.put(made)
    for line, quantity in lines.items():
        holder = _holder(book, order, line)
        _give(revision, made.order_id, holder, line, quantity)
    facts = {"revises": order.key, "lines": ", ".join(lines)}
    revision.note(made.order_id, OrderEventKind.RETURNED, after=facts)
    return revision.change()


def _holder(book: OrderBook, order: Order, line: str) -> Order:
    for each in chain_of(book, order):
        if any(is_returnable(item) and line in (item.line_id, item.item_id) for item in each.items):
            return each
    order.items_of(line)
    raise Refusal("quantity_out_of_range", f"nothing of {line} was delivered", f"lines.{line}")


def returned_of(book: OrderBook, item: Item) -> Decimal:
    """How much of ``item`` was returned already."""
    return -sum((delta.quantity for delta in deltas_of(book, item, [OrderKind.RETURN])), Decimal(0))


def returnable(book: OrderBook, item: Item) -> Decimal:
    """How much of ``item`` can come back: delivered (a service: what runs), less returned."""
    if not is_returnable(item):
        return Decimal(0)
    had = item.delivered_quantity if item.delivered else item.due_quantity
    return had - returned_of(book, item)


def _give(revision: Revision, order_id: str, holder: Order, line: str, quantity: Decimal) -> None:
    taken = chosen(holder, {line: quantity}, lambda item: returnable(revision.book, item))
    made: dict[str, str] = {}
    members = dict.fromkeys(
        member.item_id
        for item_id in taken
        for member in bundle_of(holder, holder.item(item_id))
        if member.item_id in taken
    )
    for item in map(holder.item, members):
        if taken[item.item_id] > returnable(revision.book, item):
            message = (
                f"{taken[item.item_id]} of the component {item.line_id} is more than was delivered and not returned"
            )
            raise Refusal("quantity_out_of_range", message, f"lines.{item.line_id}")
        delta = _delta(revision, revision.order(order_id), item, taken[item.item_id], made.get(item.parent_item or ""))
        made[item.item_id] = delta.item_id
        revision.put_item(order_id, delta)
        quantity_back = Decimal(0) if item.is_share else -delta.quantity
        revision.shift(item.line_id, returned_quantity=quantity_back, returned_amount=-delta.amount)


def _delta(revision: Revision, order: Order, item: Item, take: Decimal, parent: str | None) -> Item:
    start = _start(order, item)
    amount = -_amount(revision.book, order, item, take, start)
    fresh = item.model_copy(
        update={
            "quantity": -take,
            "amount": amount,
            "quote_amount": amount,
            "revises": item.item_id,
            "parent_item": parent,
            "start": start,
            "price": item.price.model_copy(update={"start": start, "end": item.end}),
            "state": ItemState.SCHEDULED,
            "comes_back": not is_service(item),
            "acceptance": "none",
            "milestones": (),
            "taken_away": Decimal(0),
            **dict.fromkeys(("delivered", "accepted", "reached", "progress", "used", "invoiced"), ()),
        }
    )
    return revision.named_apart(fresh, order)


def _start(order: Order, item: Item) -> date | None:
    """From when a service is reduced. Code: ``dates_out_of_order``."""
    if item.start is None or not is_service(item):
        return item.start
    start = max(item.start, order.order_date)
    if item.end is not None and start > item.end:
        raise Refusal("dates_out_of_order", f"{item.line_id} ended on {item.end}", f"lines.{item.line_id}")
    return start


def _amount(book: OrderBook, order: Order, item: Item, take: Decimal, start: date | None) -> Decimal:
    """What comes back for ``take``: its part of the amount, of a service by what is left of its term."""
    back = part_of(_left(book, item, order.currency), take, order.currency).amount
    if start is None or item.start is None or start == item.start or item.end is None or not is_service(item):
        return back
    priced = item.kind is Kind.SUBSCRIPTION and item.price.price_per is not PricePer.ONCE
    if priced:
        part = item.model_copy(update={"quantity": take, "price": item.price.model_copy(update={"start": None})})
        return amount_from(part, start, order.currency)
    days = Fraction(term_days(start, item.end), term_days(item.start, item.end))
    return round_money(Fraction(back) * days, order.currency)


def _left(book: OrderBook, item: Item, currency: str) -> Taken:
    """What is left of an item after earlier returns: the cumulative split goes on where it stopped."""
    due = due_of(book, item)
    gone = returned_of(book, item)
    if not gone:
        return due
    back = part_of(due, gone, currency)
    return Taken(due.quantity - gone, due.amount - back.amount, due.quote_amount - back.quote_amount)
