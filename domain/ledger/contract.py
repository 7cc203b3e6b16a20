"""Contracts: live views over the ledger, grouped by a contracting method (``spec/orders.md`` 4).

Everything ordered is in, planned or activated; every later row moves dates and value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import known_items
from domain.money import total_of
from domain.quote import Kind
from domain.refusal import Refusal

METHODS = ("single", "by_end_date")


@dataclass(frozen=True, slots=True)
class Contract:
    """A customer's agreement on items of one quote.

    ``start`` is the first start, ``end`` the latest end, both inclusive local dates; no end: it runs on. ``lines``
    are line ids in the order of the quote, ``value`` is the sum of the items' amounts in ``currency``.
    """

    contract_id: str
    quote_id: str
    customer_id: str
    start: date | None
    end: date | None
    lines: tuple[str, ...]
    value: Decimal
    currency: str
    items: tuple[str, ...]


def contracts(
    entries: Iterable[LedgerEntry], method: str | None = None, known: datetime | None = None
) -> tuple[Contract, ...]:
    """The contracts as known at a moment, sorted by end (none last), then quote.

    ``method`` none: each quote's own. ``single`` makes one per quote with everything in it; ``by_end_date`` one for
    each end, without things (they have none); what runs without end is one more. A setting ``separate`` makes one
    of an item alone, ``none`` leaves it out. Code: ``unknown_method``.
    """
    if method is not None and method not in METHODS:
        raise Refusal("unknown_method", f"{method} is no contracting method; use {' or '.join(METHODS)}", "method")
    groups: dict[tuple[str, str], list[LedgerEntry]] = {}
    for item in known_items(entries, known):
        name = _group(item.plan, method or item.plan.contracting_method)
        if name is not None:
            groups.setdefault((item.plan.quote_id, name), []).append(item.plan)
    found = [_contract(name, plans) for (_, name), plans in groups.items()]
    return tuple(sorted(found, key=lambda one: (one.end or date.max, one.quote_id, one.contract_id)))


def _group(plan: LedgerEntry, method: str) -> str | None:
    """What tells the contract of an item from others of the quote; none: it is in no contract."""
    if plan.contracting_setting == "none":
        return None
    if plan.contracting_setting == "separate":
        return plan.item_id
    if method == "single":
        return plan.quote_id
    if plan.item_kind is Kind.ONE_TIME or plan.start is None:
        return None
    return f"{plan.quote_id}/{plan.end or 'evergreen'}"


def _contract(name: str, plans: Sequence[LedgerEntry]) -> Contract:
    running = [plan for plan in plans if plan.start is not None and plan.item_kind is not Kind.ONE_TIME]
    starts = [plan.start for plan in running if plan.start is not None] or [plan.order_date for plan in plans]
    ends = [plan.end for plan in running if plan.end is not None]
    plans = sorted(plans, key=lambda plan: plan.line_number)
    first = plans[0]
    return Contract(
        contract_id=name,
        quote_id=first.quote_id,
        customer_id=first.customer_id,
        start=min(starts),
        end=max(ends) if ends and len(ends) == len(running) else None,
        lines=tuple(dict.fromkeys(plan.line_id for plan in plans)),
        value=total_of((plan.amount for plan in plans), first.currency),
        currency=first.currency,
        items=tuple(plan.item_id for plan in plans),
    )
