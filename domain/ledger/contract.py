"""Contracts: live views over the ledger, grouped by a contracting method (``spec/orders.md`` 4).

Everything ordered is in, planned or activated; every later row moves dates and value. A delta is in the contract of
what it revises, and what an amendment adds in a contract of the quote that it amends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import known_items
from domain.ledger.timeline import Family, families, start_of
from domain.money import total_of
from domain.quote import Kind
from domain.refusal import Refusal

LastDays = Mapping[str, date | None]
"""The last day of each family that has days, by its root; none: it runs on."""
METHODS = ("single", "by_end_date", "by_group")


@dataclass(frozen=True, slots=True)
class Contract:
    """A customer's agreement on items of one quote, and on what amendments made of them.

    ``start`` is the first start, ``end`` the latest end, both inclusive local dates; no end: it runs on. ``lines``
    are line ids in the order of the quote, ``value`` is the sum of the items' amounts in ``currency``. ``term_end`` is
    the latest end of what has one, also where something else in it runs on.
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
    term_end: date | None = None


def contracts(
    entries: Iterable[LedgerEntry], method: str | None = None, known: datetime | None = None
) -> tuple[Contract, ...]:
    """The contracts as known at a moment, sorted by end (none last), then quote.

    ``method`` none: each quote's own. ``single`` makes one per quote with everything in it; ``by_end_date`` one for
    each end, without things (they have none), a component with its parent; what runs without end is one more;
    ``by_group`` one for each group of lines, those without a group together. A setting ``separate`` makes one of
    an item alone, with its deltas; ``none`` leaves it out. Code: ``unknown_method``.
    """
    if method is not None and method not in METHODS:
        raise Refusal("unknown_method", f"{method} is no contracting method; use {' or '.join(METHODS)}", "method")
    items = known_items(entries, known)
    amended = {item.plan.quote_id: item.plan.contract_of for item in items if item.plan.contract_of is not None}
    methods = {item.plan.quote_id: item.plan.contracting_method for item in items}
    groups: dict[tuple[str, str], list[Family]] = {}
    found_families = families(items)
    last_days = {family.root: family.last_day() for family in found_families if _is_running(family)}
    by_item = {item.item_id: family for family in found_families for item in family.items}
    for family in found_families:
        quote_id = _origin(family.first.plan.quote_id, amended)
        own = methods.get(quote_id, family.first.plan.contracting_method)
        name = _group(family, quote_id, method or own, _days_of_bundle(family, by_item, last_days))
        if name is not None:
            groups.setdefault((quote_id, name), []).append(family)
    found = [_contract(name, quote_id, members, last_days) for (quote_id, name), members in groups.items()]
    return tuple(sorted(found, key=lambda one: (one.end or date.max, one.quote_id, one.contract_id)))


def contract_items(entries: Iterable[LedgerEntry], contract: str, known: datetime | None = None) -> frozenset[str]:
    """The items in the contract of that id, as known at a moment. Code: ``unknown_contract``."""
    found = contracts(entries, known=known)
    for each in found:
        if each.contract_id == contract:
            return frozenset(each.items)
    names = ", ".join(each.contract_id for each in found) or "none yet"
    raise Refusal("unknown_contract", f"{contract} is no contract of this customer; there are {names}", "contract")


def _origin(quote_id: str, amended: Mapping[str, str]) -> str:
    """The quote whose contract it is: what was amended first."""
    seen: set[str] = set()
    while quote_id in amended and quote_id not in seen:
        seen.add(quote_id)
        quote_id = amended[quote_id]
    return quote_id


def _group(family: Family, quote_id: str, method: str, last_days: LastDays) -> str | None:
    """What tells the contract of a family from others of the quote; none: it is in no contract."""
    plan = family.first.plan
    if plan.contracting_setting == "none":
        return None
    if plan.contracting_setting == "separate":
        return family.root
    if method == "single":
        return quote_id
    if method == "by_group":
        return f"{quote_id}/{plan.group or 'ungrouped'}"
    if family.root not in last_days:
        return None
    return f"{quote_id}/{last_days[family.root] or 'evergreen'}"


def _days_of_bundle(family: Family, by_item: Mapping[str, Family], last_days: LastDays) -> LastDays:
    """``last_days``, where a component has that of the bundle's head, as far up as the bundle runs.

    A bundle is one thing to agree on and to renew, whichever of its parts ends first.
    """
    seen, head = {family.root}, family
    while (parent := by_item.get(head.first.plan.parent_item or "")) is not None and parent.root not in seen:
        if parent.root not in last_days:
            break
        seen.add(parent.root)
        head = parent
    return last_days if head is family else {family.root: last_days[head.root]}


def _is_running(family: Family) -> bool:
    """Whether the family has days at all: things have none, nor has a share whose base has none."""
    return any(_has_days(item.plan) for item in family.items)


def _has_days(plan: LedgerEntry) -> bool:
    return plan.item_kind is not Kind.ONE_TIME and plan.start is not None


def _contract(name: str, quote_id: str, members: Sequence[Family], last_days: LastDays) -> Contract:
    running = [family for family in members if family.root in last_days]
    plans = sorted((item.plan for family in members for item in family.items), key=lambda plan: plan.line_number)
    starts = [day for family in running for day in map(start_of, family.layers) if day is not None]
    ends = [last_days[family.root] for family in running]
    term_end = max((end for end in ends if end is not None), default=None)
    lines = sorted(
        (family.first.plan for family in members), key=lambda plan: (plan.quote_id != quote_id, plan.line_number)
    )
    return Contract(
        contract_id=name,
        quote_id=quote_id,
        customer_id=plans[0].customer_id,
        start=min(starts or [plan.order_date for plan in plans]),
        end=term_end if None not in ends else None,
        lines=tuple(dict.fromkeys(plan.line_id for plan in lines)),
        value=total_of((plan.amount for plan in plans), plans[0].currency),
        currency=plans[0].currency,
        items=tuple(plan.item_id for plan in plans),
        term_end=term_end,
    )
