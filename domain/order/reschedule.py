"""Moving an order's date, with all that follows from it (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from domain.money import round_money
from domain.order.book import OrderBook
from domain.order.creation import dates_of_base
from domain.order.event import Cause, Change, LineBalance, OrderEventKind
from domain.order.invariants import refuse_broken
from domain.order.item import Item
from domain.order.journal import Journal
from domain.order.order import PLANNED, Order
from domain.order.standing import wrong_state
from domain.quote import DateChange, Kind, PricePer
from domain.refusal import Refusal
from domain.term import end_of_term, months_of_price


def move_date(book: OrderBook, name: str, to: date, cause: Cause, *, cut_off: timedelta | None = None) -> Change:
    """The order ``name`` (its id or key) on the local date ``to``.

    Item starts that equal the old date move along, earlier starts never stay before the new date, other starts stay.
    ``end_fixed`` reprices an item by its line's method with its frozen unit price and books the difference to its
    quote amount as variance; ``term_fixed`` keeps term and amount. Shares in draft or scheduled orders follow when
    an amount in their base changes. ``cut_off`` before 00:00 of the present order date (local) the date stands fast.
    The same date again changes nothing.

    Codes: ``unknown_order``, ``past_no_return``, ``wrong_state`` (no longer scheduled), ``on_hold``, ``in_the_past``,
    ``after_cut_off``, ``dates_out_of_order`` (a start after a fixed end), ``invariant_broken``.
    """
    order = book.order(name)
    _check_movable(order)
    if to == order.order_date:
        return Change()
    _check_dates(order, to, cause, cut_off)
    moved = _moved(order, to)
    repriced = {order.order_id: moved, **_repriced_shares(book.applied(Change(orders=(moved,))), order, moved)}
    change = Change()
    for other in book.orders:
        if other.order_id in repriced:
            change = change.then(_told(other, repriced[other.order_id], cause))
    change = change.model_copy(update={"balances": _balances(book, repriced)})
    refuse_broken(book.applied(change))
    return change


def _check_movable(order: Order) -> None:
    past = [item.line_id for item in order.items if is_past_no_return(order, item)]
    if past:
        message = f"{', '.join(past)} of order {order.order_id} passed the point of no return; its date stands"
        raise Refusal("past_no_return", message, "order")
    if order.state not in PLANNED:
        raise wrong_state(order, "only a draft or scheduled order changes its date")


def is_past_no_return(order: Order, item: Item) -> bool:
    """Whether ``item`` has passed its own point of no return: activation, sent to the ERP, or first delivery."""
    if item.point_of_no_return == "activation":
        return order.activated_at is not None
    if item.point_of_no_return == "sent":
        return order.sent_at is not None
    return bool(item.delivered or item.reached)


def _check_dates(order: Order, to: date, cause: Cause, cut_off: timedelta | None) -> None:
    today = order.local_date(cause.at)
    if to < today:
        raise Refusal("in_the_past", f"{to} is past at the customer, where it is {today}; choose a later date", "to")
    if cut_off is not None and cause.at >= order.due - cut_off:
        raise Refusal(
            "after_cut_off", f"the date of order {order.order_id} stands since {order.due - cut_off}", "order"
        )


def _moved(order: Order, to: date) -> Order:
    items = tuple(_moved_item(order, item, to) for item in order.items)
    return order.model_copy(update={"order_date": to, "items": items})


def _moved_item(order: Order, item: Item, to: date) -> Item:
    if item.start is None or item.dates_of_base:
        return item
    start = to if item.start == order.order_date or item.start < to else item.start
    if start == item.start:
        return item
    if item.price.date_change is DateChange.TERM_FIXED:
        return item.model_copy(update={"start": start, "end": _same_term(item, start)})
    if item.end is not None and start > item.end:
        message = f"{item.line_id} ends on {item.end}, before its new start {start}; its end is fixed"
        raise Refusal("dates_out_of_order", message, "to")
    return item.model_copy(update={"start": start, "amount": amount_from(item, start, order.currency)})


def _same_term(item: Item, start: date) -> date | None:
    if item.price.term_months is not None:
        return end_of_term(start, item.price.term_months)
    assert item.start is not None
    return item.end and start + (item.end - item.start)


def amount_from(item: Item, start: date, currency: str) -> Decimal:
    """What ``item`` costs from ``start`` to its fixed end, by its frozen price method.

    Back on the dates of the quote it is the quote amount, so that moving there and back leaves nothing behind.
    """
    price = item.price
    if item.kind is not Kind.SUBSCRIPTION or item.end is None or price.price_per is PricePer.ONCE:
        return item.amount
    if (start, item.end) == (price.start, price.end):
        return item.quote_amount
    months = months_of_price(start, item.end, price.proration)
    periods = months / 12 if price.price_per is PricePer.YEAR else months
    return round_money(price.unit_price * Fraction(item.quantity) * periods, currency)


def _repriced_shares(book: OrderBook, before: Order, moved: Order) -> dict[str, Order]:
    """The draft and scheduled orders of ``book`` with a share whose base changed by the move, with that share."""
    changed = {new.item_id for old, new in zip(before.items, moved.items, strict=True) if old != new}
    if not changed:
        return {}
    by_id = {item.item_id: item for order in book.orders for item in order.items}
    found: dict[str, Order] = {}
    for order in book.orders:
        if order.state not in PLANNED:
            continue
        items = tuple(_share_of(item, by_id, changed, order.currency) for item in order.items)
        if items != order.items:
            found[order.order_id] = order.model_copy(update={"items": items})
    return found


def _share_of(item: Item, by_id: Mapping[str, Item], changed: set[str], currency: str) -> Item:
    """A share after the items ``changed``: by the amounts its base has now over those it was frozen with."""
    if not any(part.item_id in changed for part in item.base):
        return item
    base = [by_id[part.item_id] for part in item.base]
    frozen = sum((Fraction(part.amount) for part in item.base), Fraction(0))
    now = sum((Fraction(part.amount) for part in base), Fraction(0))
    update: dict[str, object] = {"amount": round_money(Fraction(item.quote_amount) * now / frozen, currency)}
    if item.dates_of_base:
        update["start"], update["end"] = dates_of_base((part.start, part.end) for part in base)
    return item.model_copy(update=update)


def _told(before: Order, after: Order, cause: Cause) -> Change:
    """The change of one order, with counter-rows and new rows for each item whose plan is another now."""
    journal = Journal.of_change(before, cause)
    moved = before.order_date != after.order_date
    kind = OrderEventKind.DATE_MOVED if moved else OrderEventKind.REPRICED
    journal.event(kind, before=_facts(before), after=_facts(after))
    for old, new in zip(before.items, after.items, strict=True):
        if moved or old != new:
            if old != new:
                journal.event(kind, new, before=_item_facts(old), after=_item_facts(new))
            journal.taken_back(old, before)
            journal.planned(new, after)
    return journal.change(after)


def _facts(order: Order) -> dict[str, object]:
    return {"order_date": order.order_date, "total": order.total}


def _item_facts(item: Item) -> dict[str, object]:
    return {"start": item.start, "end": item.end, "amount": item.amount}


def _balances(book: OrderBook, after: Mapping[str, Order]) -> tuple[LineBalance, ...]:
    """The balances with the variance that the changed orders book."""
    booked: dict[str, Decimal] = {}
    for order in book.orders:
        for line_id, difference in _differences(order.items, after.get(order.order_id, order).items):
            booked[line_id] = booked.get(line_id, Decimal(0)) + difference
    return tuple(
        balance.model_copy(update={"variance": balance.variance + booked[balance.line_id]})
        for balance in book.balances
        if booked.get(balance.line_id)
    )


def _differences(before: Iterable[Item], after: Iterable[Item]) -> Iterable[tuple[str, Decimal]]:
    return ((new.line_id, new.amount - old.amount) for old, new in zip(before, after, strict=True))
