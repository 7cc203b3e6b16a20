"""What a change of orders asks approval for: a document in the form of a quote, which a policy is evaluated on.

``spec/orders.md`` 3, at its end: a policy may ask for approval of a change, and the change waits for it. The document
shows what the change would do now; what was approved is carried out only while it would still do the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from domain.money import decimal_text, total_of
from domain.order.event import Change
from domain.order.item import Item
from domain.order.order import Order
from domain.quote import Quote, QuoteLine

FACTS_THAT_PASS = frozenset({"order_state", "comment", "reason"})
"""Facts of a change that may be others by the time it is approved."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody wants: ``operation`` (``move_date``, ``cancel`` …) on ``order``.

    ``before`` are the orders of its quote as they are, ``made`` is what the change would do. ``date`` is the order date
    that it names, ``said`` other words of it (``disposition``, ``reason`` …) that a policy may look at.
    """

    operation: str
    order: Order
    before: Sequence[Order]
    made: Change
    date: date | None = None
    said: Mapping[str, str | None] = field(default_factory=dict)


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
        "fields": {**quote.fields, **_facts(wanted, touched)},
        "rates": {name: decimal_text(rate) for name, rate in quote.rates.items()},
        "lines": [_line(lines.get(line_id), pairs, quote.currency) for line_id, pairs in _by_line(touched).items()],
    }
    return document | ({"bill_to": quote.bill_to} if quote.bill_to is not None else {})


def is_same_change(approved: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a change would do ``now`` what was ``approved``; both are documents of :func:`change_document`."""
    return _effect(approved) == _effect(now)


def _effect(document: Mapping[str, Any]) -> tuple[Any, Any]:
    kept = {name: value for name, value in document["fields"].items() if name not in FACTS_THAT_PASS}
    return kept, list(document["lines"])


Pair = tuple[Item | None, Item | None]
"""An item before and after."""


def _touched(wanted: Wanted) -> Iterator[Pair]:
    """The items that are other afterwards; all of the order's, where the change is about the order alone."""
    changed = {order.order_id for order in wanted.made.orders}
    before = {item.item_id: item for order in wanted.before if order.order_id in changed for item in order.items}
    after = {item.item_id: item for order in wanted.made.orders for item in order.items}
    pairs = [(before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    touched = [pair for pair in pairs if pair[0] != pair[1]]
    return iter(touched or [(item, item) for item in wanted.order.items])


def _by_line(pairs: Sequence[Pair]) -> Mapping[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    numbered = sorted(pairs, key=lambda pair: _one(pair).line_number)
    for pair in numbered:
        found.setdefault(_one(pair).line_id, []).append(pair)
    return found


def _one(pair: Pair) -> Item:
    item = pair[0] or pair[1]
    assert item is not None
    return item


def _sums(pairs: Sequence[Pair], currency: str) -> tuple[Decimal, Decimal]:
    before = total_of((one.amount for one, _ in pairs if one is not None and one.counts), currency)
    return before, total_of((two.amount for _, two in pairs if two is not None and two.counts), currency)


def _quantities(pairs: Sequence[Pair]) -> tuple[Decimal, Decimal]:
    before = sum((one.quantity for one, _ in pairs if one is not None and one.counts), Decimal(0))
    return before, sum((two.quantity for _, two in pairs if two is not None and two.counts), Decimal(0))


def _line(line: QuoteLine | None, pairs: Sequence[Pair], currency: str) -> dict[str, Any]:
    item = _one(pairs[0])
    amounts, quantities = _sums(pairs, currency), _quantities(pairs)
    told = {
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


def _facts(wanted: Wanted, touched: Sequence[Pair]) -> dict[str, str]:
    order, (before, after) = wanted.order, _sums(touched, wanted.order.currency)
    facts: dict[str, str | None] = {
        **wanted.said,
        "operation": wanted.operation,
        "order": order.order_id,
        "order_state": str(order.state),
        "order_date": order.order_date.isoformat(),
        "ship_to": order.ship_to,
        "amount_before": decimal_text(before),
        "amount_after": decimal_text(after),
        "amount_change": decimal_text(after - before),
    }
    if wanted.date is not None:
        facts |= {
            "new_order_date": wanted.date.isoformat(),
            "days_later": str((wanted.date - order.order_date).days),
        }
    return {name: value for name, value in facts.items() if value is not None}
