"""Invoices against revenue: what is deferred, and what is accrued (``spec/orders.md`` 5).

A bundle with all that revises it is one account: what one part of it was invoiced too much is not owed by another.
Both figures stand with the first item of the account, so that they add up by every grouping; deferred less accrued is
always what was invoiced less what was recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import by
from domain.ledger.obligation import root_of
from domain.ledger.report import ContractOf, Grouping, keys
from domain.ledger.revenue import ItemSchedule, one_currency
from domain.money import total_of

NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """Amounts at the end of a day. ``deferred`` and ``accrued`` are none as long as no invoice is known at all."""

    invoiced: Decimal
    recognised: Decimal
    deferred: Decimal | None
    accrued: Decimal | None


def position(schedules: Iterable[ItemSchedule], day: date) -> Position:
    """Where ``schedules`` stand together at the end of ``day``. Code: ``currency_differs`` when they have several."""
    return _added(_positions(tuple(schedules), day).values())


def positions(
    schedules: Iterable[ItemSchedule], day: date, by_key: Grouping, contract: ContractOf | None = None
) -> Mapping[str | None, Position]:
    """The same by any key but months, in the order of their first item."""
    rows = tuple(schedules)
    stand = _positions(rows, day)
    key_of = keys(by_key, contract)
    found: dict[str | None, list[Position]] = {}
    for row in rows:
        found.setdefault(key_of(row.plan), []).append(stand[row.plan.item_id])
    return {key: _added(of_key) for key, of_key in found.items()}


def _positions(rows: Sequence[ItemSchedule], day: date) -> Mapping[str, Position]:
    """The position of each item, that of its account with the first item of it."""
    one_currency(rows)
    known = any(row.invoiced for row in rows)
    invoiced = {row.plan.item_id: total_of([by(row.invoiced, day)], row.plan.currency) for row in rows}
    recognised = {row.plan.item_id: row.recognised_by(day) for row in rows}
    first = _first_items(rows)
    net = {item_id: 0 * amount for item_id, amount in recognised.items()}
    for item_id, head in first.items():
        net[head] += invoiced[item_id] - recognised[item_id]
    return {
        item_id: Position(
            invoiced=invoiced[item_id],
            recognised=recognised[item_id],
            deferred=max(net[item_id], 0 * net[item_id]) if known else None,
            accrued=max(-net[item_id], 0 * net[item_id]) if known else None,
        )
        for item_id in first
    }


def _first_items(rows: Sequence[ItemSchedule]) -> Mapping[str, str]:
    """The first item of each item's account, of those that are here."""
    plans = {row.plan.item_id: row.plan for row in rows}
    accounts = {item_id: _account(plan, plans) for item_id, plan in plans.items()}
    heads: dict[str, str] = {}
    for item_id, account in accounts.items():
        heads.setdefault(account, account if account in plans else item_id)
    return {item_id: heads[account] for item_id, account in accounts.items()}


def _account(plan: LedgerEntry, plans: Mapping[str, LedgerEntry]) -> str:
    """What is netted: from an item to what it revises, and to the top of the bundle that this is in."""
    seen: set[str] = set()
    while plan.item_id not in seen:
        seen.add(plan.item_id)
        plan = plans.get(root_of(plan), plan)
        plan = plans.get(plan.parent_item or "", plan)
    return root_of(plan)


def _added(positions_: Iterable[Position]) -> Position:
    rows = tuple(positions_)
    deferred = [row.deferred for row in rows if row.deferred is not None]
    accrued = [row.accrued for row in rows if row.accrued is not None]
    return Position(
        invoiced=sum((row.invoiced for row in rows), NONE),
        recognised=sum((row.recognised for row in rows), NONE),
        deferred=sum(deferred, NONE) if deferred else None,
        accrued=sum(accrued, NONE) if accrued else None,
    )
