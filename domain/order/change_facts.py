"""What a policy can test of a change of orders, and what tells one change from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from domain.money import decimal_text, total_of
from domain.order.order import Order
from domain.order.wanted import Held, Pair, Wanted, by_line, counting, sums

LONGEST = 1000
"""Of a text that lists dates."""


def dates(pairs: Sequence[Pair], side: int) -> str:
    """When and where what counts goes, each once: order date, place, and the term of a service."""
    told = dict.fromkeys(_when(held) for held in counting(pairs, side))
    return "; ".join(told)[:LONGEST]


def _when(held: Held) -> str:
    item, place = held.item, held.item.ship_to or held.order.ship_to
    term = f" ({item.start} to {item.end or 'open'})" if item.start is not None else ""
    return f"{held.order.order_date}{f' {place}' if place else ''}{term}"


def facts_of(wanted: Wanted, touched: Sequence[Pair]) -> dict[str, str]:
    order, (before, after) = wanted.order, sums(touched, wanted.order.currency)
    facts: dict[str, str | None] = {
        **wanted.said,
        "operation": wanted.operation,
        "order": order.order_id,
        "order_state": str(order.state),
        "order_date": order.order_date.isoformat(),
        "ship_to": order.ship_to,
        "new_order_date": wanted.date.isoformat() if wanted.date is not None else None,
        "days_later": _days_later(touched),
        "days_after_quote": _days_after_quote(touched),
        "amount_before": decimal_text(before),
        "amount_after": decimal_text(after),
        "amount_change": decimal_text(after - before),
        "given_up": decimal_text(_given_up(wanted)),
        "undoes": _undone(wanted),
        "effect": _digest(wanted, touched),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _days_later(touched: Sequence[Pair]) -> str | None:
    """How many days later the part goes that is moved furthest; negative where all go earlier."""
    moved = [days for pairs in by_line(touched).values() for days in _shifts(pairs)]
    return str(max(moved)) if moved else None


def _shifts(pairs: Sequence[Pair]) -> Iterator[int]:
    """By how many days the parts of a line are moved, whichever items and orders hold them before and after.

    What goes on one day before and after has not moved; of the rest, the earliest that is gone is the earliest that
    has come.
    """
    gone, come = _by_date(pairs, 0), _by_date(pairs, 1)
    for day in gone.keys() & come.keys():
        same = min(gone[day], come[day])
        gone[day], come[day] = gone[day] - same, come[day] - same
    leaving, coming = ([each for each in sorted(found.items()) if each[1]] for found in (gone, come))
    while leaving and coming:
        (left, open_), (day, wanted) = leaving[0], coming[0]
        yield (day - left).days
        part = min(open_, wanted)
        leaving[:1] = [(left, open_ - part)] if open_ > part else []
        coming[:1] = [(day, wanted - part)] if wanted > part else []


def _by_date(pairs: Sequence[Pair], side: int) -> dict[date, Decimal]:
    found: dict[date, Decimal] = {}
    for held in counting(pairs, side):
        if held.item.quantity > 0:
            day = held.order.order_date
            found[day] = found.get(day, Decimal(0)) + held.item.quantity
    return found


def _days_after_quote(touched: Sequence[Pair]) -> str | None:
    """The same against the day that the quote had planned."""
    late = [
        (held.order.order_date - held.item.planned_for).days
        for held in counting(touched, 1)
        if held.item.planned_for is not None
    ]
    return str(max(late)) if late else None


def _given_up(wanted: Wanted) -> Decimal:
    """What is cancelled or came back of the whole quote once the change is made."""
    balances = {balance.line_id: balance for balance in (*wanted.balances, *wanted.made.balances)}
    amounts = (balance.cancelled_amount + balance.returned_amount for balance in balances.values())
    return total_of(amounts, wanted.order.currency)


def _undone(wanted: Wanted) -> str | None:
    """Which change a roll-back takes back."""
    last = wanted.order.last_change
    return f"{last.operation} of {last.at.isoformat()}" if wanted.operation == "rollback" and last is not None else None


def _digest(wanted: Wanted, touched: Sequence[Pair]) -> str:
    """All that changes, item by item and order by order, in one short text to compare."""
    known = {order.order_id: order for order in wanted.before}
    items = [[_told(held, known, wanted) for held in pair] for pair in touched]
    orders = [_of_order(known.get(order.order_id), order) for order in wanted.made.orders]
    told = json.dumps([sorted(items, key=str), sorted(orders, key=str)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _told(held: Held | None, known: Mapping[str, Order], wanted: Wanted) -> list[str] | None:
    if held is None:
        return None
    item, is_new = held.item, held.order.order_id not in known
    # An order that is made has another number and another day by the time it is made.
    where = "new" if is_new else held.order.order_id
    free = is_new and wanted.on_its_day
    dated = [] if free else [held.order.order_date, item.start, item.end, item.amount]
    return [str(each) for each in (item.line_id, where, item.quantity, item.counts, item.ship_to, *dated)]


def _of_order(before: Order | None, after: Order) -> list[str]:
    """What becomes of an order itself: whether it is held, and until when it stands."""
    if before is None:
        return ["new", after.kind]
    dates = [str(after.order_date)] if before.order_date != after.order_date else []
    held = [f"held {after.hold is not None}"] if (before.hold is None) != (after.hold is None) else []
    return [after.order_id, *dates, *held]
