"""What a change of orders asks approval for: a document in the form of a quote, which a policy is evaluated on.

``spec/orders.md`` 3, at its end: a policy may ask for approval of a change, and the change waits for it. The document
shows what the change would do now; what was approved is carried out only while it would still do the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.money import decimal_text
from domain.order.change_facts import dates, facts_of
from domain.order.wanted import Pair, Wanted, by_line, one_of, quantities, sums, touched_by
from domain.quote import Quote, QuoteLine

FACTS_THAT_PASS = frozenset({"order_state", "comment", "reason", "given_up"})
"""Facts of a change that may be others by the time it is approved."""
OF_THE_DAY = frozenset({"amount_before", "amount_after", "amount_change", "days_after_quote", "dates_after"})
"""Facts that are those of the day on which it is carried out, where a change names no day."""
FACTS = frozenset({
    "operation", "order", "order_state", "order_date", "ship_to", "new_order_date", "days_later", "days_after_quote",
    "amount_before", "amount_after", "amount_change", "given_up", "disposition", "reason", "comment", "into",
    "into_date", "merged", "undoes", "effect",
})  # fmt: skip
"""All facts of a change: a quote's own fields of these names do not stand in for them."""


def change_document(change_id: str, quote: Quote, wanted: Wanted) -> dict[str, Any]:
    """The change as a document ``change_id`` for approval, with the header of the ``quote`` that was ordered.

    Its lines are the quote lines that the change touches, each at what is at stake: the larger of its amounts before
    and after, without sign. Facts of the change stand in ``fields``, beside those of the quote; amounts are in the
    quote's currency.
    """
    touched = list(touched_by(wanted))
    lines = {line.line_id: line for line in quote.lines}
    document: dict[str, Any] = {
        "quote_id": change_id,
        "title": f"{wanted.operation} {wanted.order.order_id}" + (f" to {wanted.date}" if wanted.date else ""),
        "owner": quote.owner,
        "currency": quote.currency,
        "customer": quote.customer.model_dump(mode="json"),
        "terms": dict(quote.terms),
        "fields": {**_own_fields(quote), **facts_of(wanted, touched)},
        "rates": {name: decimal_text(rate) for name, rate in quote.rates.items()},
        "lines": [_line(lines.get(line_id), pairs, wanted) for line_id, pairs in by_line(touched).items()],
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


def _line(line: QuoteLine | None, pairs: Sequence[Pair], wanted: Wanted) -> dict[str, Any]:
    item = one_of(pairs[0]).item
    amounts, counted = sums(pairs, wanted.order.currency), quantities(pairs)
    told = {
        "dates_before": dates(pairs, 0),
        "dates_after": dates(pairs, 1),
        "amount_before": decimal_text(amounts[0]),
        "amount_after": decimal_text(amounts[1]),
        "amount_change": decimal_text(amounts[1] - amounts[0]),
        "quantity_before": decimal_text(counted[0]),
        "quantity_after": decimal_text(counted[1]),
        "item_kind": str(item.kind),
    }
    found = {
        "line_id": item.line_id,
        "product": item.product,
        "family": item.family,
        "kind": "one_time",
        "quantity": decimal_text(max(abs(counted[0]), abs(counted[1])) or Decimal(1)),
        "net_total": decimal_text(max(abs(amounts[0]), abs(amounts[1]))),
        "fields": {**(line.fields if line is not None else {}), **told},
    }
    named = {"description": item.description, "group": item.group, "unit": item.unit}
    return found | {name: value for name, value in named.items() if value is not None}
