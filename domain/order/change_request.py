"""What a change of orders asks approval for: a document in the form of a quote, which a policy is evaluated on.

``spec/orders.md`` 3, at its end: a policy may ask for approval of a change, and the change waits for it. The document
shows what the change would do now; what was approved is carried out only while it would still do the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from domain.money import decimal_text, total_of
from domain.order.event import Change, LineBalance
from domain.order.item import Item
from domain.order.order import Order
from domain.quote import Quote, QuoteLine

FACTS_THAT_PASS = frozenset({"order_state", "comment", "reason", "given_up"})
"""Facts of a change that may be others by the time it is approved."""
OF_THE_DAY = frozenset({"amount_before", "amount_after", "amount_change", "days_after_quote", "dates_after"})
"""Facts that are those of the day on which it is carried out, where a change names no day."""
LONGEST = 1000
FACTS = frozenset({
    "operation", "order", "order_state", "order_date", "ship_to", "new_order_date", "days_later", "days_after_quote",
    "amount_before", "amount_after", "amount_change", "given_up", "disposition", "reason", "comment", "into",
    "into_date", "merged", "undoes", "effect",
})  # fmt: skip
"""All facts of a change: a quote's own fields of these names do not stand in for them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody wants: ``operation`` (``move_date``, ``cancel`` …) on ``order``.

    ``before`` are the orders of its quote as they are, with its ``balances``; ``made`` is what the change would do.
    ``date`` is the order date that it names, ``said`` other words of it (``disposition``, ``reason`` …) that a policy
    may look at. ``on_its_day``: it takes effect on the day on which it is carried out.
    """

    operation: str
    order: Order
    before: Sequence[Order]
    made: Change
    date: date | None = None
    said: Mapping[str, str | None] = field(default_factory=dict)
    balances: Sequence[LineBalance] = ()
    on_its_day: bool = False


def change_document(change_id: str, quote: Quote, wanted: Wanted) -> dict[str, Any]:
    """The change as a document ``change_id`` for approval, with the header of the ``quote`` that was ordered.

    Its lines are the quote lines that the change touches, each at what is at stake: the larger of its amounts before
    and after, without sign. Facts of the change stand in ``fields``, beside those of the quote; amounts are in the
    quote's currency.
    """
    touched = list(_touched(wanted))
    lines = {line.line_id: line for line in quote.lines}
    document: dict[str, Any] = {
        "quote_id": change_id,
        "title": f"{wanted.operation} {wanted.order.order_id}" + (f" to {wanted.date}" if wanted.date else ""),
        "owner": quote.owner,
        "currency": quote.currency,
        "customer": quote.customer.model_dump(mode="json"),
        "terms": dict(quote.terms),
        "fields": {**_own_fields(quote), **_facts(wanted, touched)},
        "rates": {name: decimal_text(rate) for name, rate in quote.rates.items()},
        "lines": [_line(lines.get(line_id), pairs, wanted) for line_id, pairs in _by_line(touched).items()],
    }
    return document | ({"bill_to": quote.bill_to} if quote.bill_to is not None else {})


def is_same_change(approved: Mapping[str, Any], now: Mapping[str, Any], *, on_its_day: bool = False) -> bool:
    """Whether a change would do ``now`` what was ``approved``; both are documents of :func:`change_document`.

    ``on_its_day``: as in :class:`Wanted`; then amounts and dates may be those of another day.
    """
    return _effect(approved, on_its_day) == _effect(now, on_its_day)


def _effect(document: Mapping[str, Any], on_its_day: bool) -> tuple[Any, Any]:
    passing = FACTS_THAT_PASS | (OF_THE_DAY if on_its_day else frozenset())
    kept = {name: value for name, value in document["fields"].items() if name not in passing}
    lines = [
        {name: value for name, value in line.items() if name != "net_total" or not on_its_day}
        | {"fields": {name: value for name, value in line["fields"].items() if name not in passing}}
        for line in document["lines"]
    ]
    return kept, lines


def _own_fields(quote: Quote) -> dict[str, str]:
    return {name: value for name, value in quote.fields.items() if name not in FACTS}


@dataclass(frozen=True, slots=True)
class _Held:
    """An item in the order that holds it."""

    item: Item
    order: Order


Pair = tuple[_Held | None, _Held | None]
"""An item before and after."""


def _touched(wanted: Wanted) -> Iterator[Pair]:
    """The items that are other afterwards; all of the order's, where the change is about the order alone."""
    changed = {order.order_id for order in wanted.made.orders}
    before = _items(order for order in wanted.before if order.order_id in changed)
    after = _items(wanted.made.orders)
    pairs = [(before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    touched = [pair for pair in pairs if _differs(*pair)]
    return iter(touched or [(held, held) for held in _items([wanted.order]).values()])


def _items(orders: Iterable[Order]) -> dict[str, _Held]:
    return {item.item_id: _Held(item, order) for order in orders for item in order.items}


def _differs(one: _Held | None, two: _Held | None) -> bool:
    return one is None or two is None or one.item != two.item or one.order.order_date != two.order.order_date


def _by_line(pairs: Sequence[Pair]) -> Mapping[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    numbered = sorted(pairs, key=lambda pair: _one(pair).item.line_number)
    for pair in numbered:
        found.setdefault(_one(pair).item.line_id, []).append(pair)
    return found


def _one(pair: Pair) -> _Held:
    held = pair[0] or pair[1]
    assert held is not None
    return held


def _counting(pairs: Sequence[Pair], side: int) -> list[_Held]:
    """The items of one side (0 before, 1 after) that count."""
    return [held for pair in pairs if (held := pair[side]) is not None and held.item.counts]


def _sums(pairs: Sequence[Pair], currency: str) -> tuple[Decimal, Decimal]:
    before, after = (total_of((held.item.amount for held in _counting(pairs, side)), currency) for side in (0, 1))
    return before, after


def _quantities(pairs: Sequence[Pair]) -> tuple[Decimal, Decimal]:
    before, after = (sum((held.item.quantity for held in _counting(pairs, side)), Decimal(0)) for side in (0, 1))
    return before, after


def _line(line: QuoteLine | None, pairs: Sequence[Pair], wanted: Wanted) -> dict[str, Any]:
    item = _one(pairs[0]).item
    amounts, quantities = _sums(pairs, wanted.order.currency), _quantities(pairs)
    told = {
        "dates_before": _dates(pairs, 0),
        "dates_after": _dates(pairs, 1),
        "amount_before": decimal_text(amounts[0]),
        "amount_after": decimal_text(amounts[1]),
        "amount_change": decimal_text(amounts[1] - amounts[0]),
        "quantity_before": decimal_text(quantities[0]),
        "quantity_after": decimal_text(quantities[1]),
        "item_kind": str(item.kind),
    }
    found = {
        "line_id": item.line_id,
        "product": item.product,
        "family": item.family,
        "kind": "one_time",
        "quantity": decimal_text(max(abs(quantities[0]), abs(quantities[1])) or Decimal(1)),
        "net_total": decimal_text(max(abs(amounts[0]), abs(amounts[1]))),
        "fields": {**(line.fields if line is not None else {}), **told},
    }
    named = {"description": item.description, "group": item.group, "unit": item.unit}
    return found | {name: value for name, value in named.items() if value is not None}


def _dates(pairs: Sequence[Pair], side: int) -> str:
    """When and where what counts goes, each once: order date, place, and the term of a service."""
    told = dict.fromkeys(_when(held) for held in _counting(pairs, side))
    return "; ".join(told)[:LONGEST]


def _when(held: _Held) -> str:
    item, place = held.item, held.item.ship_to or held.order.ship_to
    term = f" ({item.start} to {item.end or 'open'})" if item.start is not None else ""
    return f"{held.order.order_date}{f' {place}' if place else ''}{term}"


def _facts(wanted: Wanted, touched: Sequence[Pair]) -> dict[str, str]:
    order, (before, after) = wanted.order, _sums(touched, wanted.order.currency)
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
    moved = [days for pairs in _by_line(touched).values() for days in _shifts(pairs)]
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
    for held in _counting(pairs, side):
        if held.item.quantity > 0:
            day = held.order.order_date
            found[day] = found.get(day, Decimal(0)) + held.item.quantity
    return found


def _days_after_quote(touched: Sequence[Pair]) -> str | None:
    """The same against the day that the quote had planned."""
    late = [
        (held.order.order_date - held.item.planned_for).days
        for held in _counting(touched, 1)
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


def _told(held: _Held | None, known: Mapping[str, Order], wanted: Wanted) -> list[str] | None:
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
