"""Progress, usage and invoices of an activated order, as they are told to us (``spec/orders.md`` 3 and 5).

Dates are local to the customer and inclusive. Left out, a date is that of ``cause.at``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.ledger.entries import EntryKind
from domain.money import minor_digits, round_money
from domain.order.activation import tell_progress
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.item import Invoiced, Item, Progress, Used
from domain.order.journal import Journal
from domain.order.order import Order
from domain.order.permission import Operation, refuse_state
from domain.order.standing import FINAL_ITEMS, latest_percent, settled
from domain.quote import Revenue
from domain.refusal import Refusal

LARGEST = 100


def progress(
    order: Order,
    cause: Cause,
    *,
    percent: Decimal,
    line: str | None = None,
    on: date | None = None,
    evidence: str | None = None,
) -> Change:
    """Record that work is ``percent`` complete by ``on``, cumulative; it may be less than before. At 100: fulfilled.

    Without ``line``, all work of the order that is recognised so. The same percent again on the same day changes
    nothing. Codes: ``wrong_state``, ``on_hold``, ``unknown_line``, ``no_progress`` (not recognised by progress),
    ``percent_out_of_range`` (below 0 or above 100), ``in_the_future``, ``dates_out_of_order``.
    """
    refuse_state(order, Operation.PROGRESS)
    if not 0 <= percent <= LARGEST:
        raise Refusal("percent_out_of_range", "give a percent from 0 to 100, of all the work", "percent")
    day = _day(order, cause, on)
    chosen = _chosen(order, line, _makes_progress, ("no_progress", "is not recognised by progress"))
    told = {item.item_id for item in chosen if (day, percent) != _latest(item)}
    if not told:
        return Change()
    journal = Journal.of_change(order, cause)
    items: list[Item] = []
    for item in order.items:
        if item.item_id not in told:
            items.append(item)
            continue
        before = {"percent": latest_percent(item)}
        facts = {"percent": percent, "evidence": evidence}
        journal.event(OrderEventKind.PROGRESSED, item, on=day, before=before, after=facts)
        journal.progressed(item, percent, day)
        step = Progress(on=day, percent=percent, evidence=evidence)
        items.append(item.model_copy(update={"progress": (*item.progress, step)}))
    return _settled(order, items, journal)


def usage(
    order: Order,
    cause: Cause,
    *,
    line: str,
    quantity: Decimal,
    amount: Decimal | None = None,
    on: date | None = None,
    evidence: str | None = None,
) -> Change:
    """Record that ``quantity`` of ``line`` was used on ``on``, for ``amount``, left out: at the item's unit price.

    Codes: ``wrong_state``, ``on_hold``, ``unknown_line``, ``no_usage`` (not recognised by usage),
    ``quantity_out_of_range`` (0), ``ambiguous_line`` (several items of the line; name one), ``in_the_future``,
    ``dates_out_of_order``, ``amount_too_fine``.
    """
    refuse_state(order, Operation.USAGE)
    if quantity == 0:
        raise Refusal("quantity_out_of_range", "say how much was used; a correction is negative", "quantity")
    day = _day(order, cause, on)
    item = _one(_chosen(order, line, _is_metered, ("no_usage", "is not recognised by usage")), line)
    cost = (
        _amount(order, amount)
        if amount is not None
        else round_money(item.price.unit_price * Fraction(quantity), order.currency)
    )
    journal = Journal.of_change(order, cause)
    facts = {"quantity": quantity, "amount": cost, "evidence": evidence}
    journal.event(OrderEventKind.USED, item, on=day, after=facts)
    journal.counted(EntryKind.USAGE, item, quantity, cost, day)
    used = Used(on=day, quantity=quantity, amount=cost, evidence=evidence)
    return journal.change(_with(order, item.model_copy(update={"used": (*item.used, used)})))


def invoice(
    order: Order,
    cause: Cause,
    *,
    line: str,
    amount: Decimal,
    on: date | None = None,
    document: str | None = None,
) -> Change:
    """Record that the ERP invoiced ``amount`` (a credit note: negative) for ``line``, by its invoice ``document``.

    The same document with the same amount and date again changes nothing.
    Codes: ``wrong_state``, ``on_hold``, ``unknown_line``, ``ambiguous_line``, ``amount_too_fine``, ``in_the_future``,
    ``dates_out_of_order``.
    """
    refuse_state(order, Operation.INVOICE)
    day = _day(order, cause, on)
    item = _one(_chosen(order, line, _any, ("unknown_line", "is not invoiced")), line)
    told = Invoiced(on=day, amount=_amount(order, amount), document=document)
    if document is not None and told in item.invoiced:
        return Change()
    journal = Journal.of_change(order, cause)
    before = {"invoiced": item.invoiced_amount}
    facts = {"invoiced": item.invoiced_amount + told.amount, "document": document}
    journal.event(OrderEventKind.INVOICED, item, on=day, before=before, after=facts)
    journal.counted(EntryKind.INVOICED, item, Decimal(0), told.amount, day)
    return journal.change(_with(order, item.model_copy(update={"invoiced": (*item.invoiced, told)})))


def _settled(order: Order, items: list[Item], journal: Journal) -> Change:
    after = settled(order, items, order.local_date(journal.cause.at))
    tell_progress(journal, order, after)
    return journal.change(after)


def _with(order: Order, item: Item) -> Order:
    items = tuple(item if each.item_id == item.item_id else each for each in order.items)
    return order.model_copy(update={"items": items})


def _day(order: Order, cause: Cause, on: date | None) -> date:
    today = order.local_date(cause.at)
    day = on or today
    if day > today:
        raise Refusal("in_the_future", f"{day} has not come yet at the customer, where it is {today}", "on")
    first = min(order.order_date, order.local_date(order.activated_at or cause.at))
    if day < first:
        raise Refusal("dates_out_of_order", f"{day} lies before the order's date {first}", "on")
    return day


def _chosen(order: Order, line: str | None, fits: Callable[[Item], bool], unfit: tuple[str, str]) -> tuple[Item, ...]:
    named = order.items if line is None else order.items_of(line)
    found = tuple(item for item in named if item.state not in FINAL_ITEMS and fits(item))
    if not found:
        code, reason = unfit
        raise Refusal(code, f"{line or f'anything in order {order.order_id}'} {reason}", "line")
    return found


def _one(items: tuple[Item, ...], line: str) -> Item:
    if len(items) > 1:
        names = ", ".join(item.item_id for item in items)
        raise Refusal("ambiguous_line", f"{line} is several items here; name one of {names}", "line")
    return items[0]


def _amount(order: Order, amount: Decimal) -> Decimal:
    """``amount`` at the scale of the currency. Code: ``amount_too_fine``."""
    rounded = round_money(amount, order.currency)
    if rounded != amount:
        digits = minor_digits(order.currency)
        raise Refusal("amount_too_fine", f"{order.currency} has {digits} digits behind the point", "amount")
    return rounded


def _latest(item: Item) -> tuple[date, Decimal] | None:
    return (item.progress[-1].on, item.progress[-1].percent) if item.progress else None


def _makes_progress(item: Item) -> bool:
    return item.revenue is Revenue.PERCENT_COMPLETE


def _is_metered(item: Item) -> bool:
    return item.revenue is Revenue.USAGE


def _any(item: Item) -> bool:
    return True
