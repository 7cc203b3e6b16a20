"""Reports of revenue: sums by whatever one asks for, what remains at a date, and rows for a table.

Whatever the rows are grouped by, they add up to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from domain.ledger.contract import contracts
from domain.ledger.entries import LedgerEntry
from domain.ledger.obligation import root_of
from domain.ledger.revenue import ItemSchedule, one_currency, summed
from domain.money import decimal_text, total_of
from domain.quote import Revenue
from domain.term import ONE_DAY, add_months

ContractOf = Mapping[str, str]
"""The contract of each item that is in one."""
BANDS = (12, 24, 36)
"""Months from the day asked for at which the bands of what remains end."""
CSV_HEADER = (
    "customer",
    "contract",
    "quote",
    "order",
    "item",
    "obligation",
    "line",
    "product",
    "month",
    "corrects",
    "amount",
    "currency",
)


class Grouping(StrEnum):
    """What a row of a report stands for."""

    MONTH = "month"
    ITEM = "item"
    LINE = "line"
    ORDER = "order"
    QUOTE = "quote"
    PRODUCT = "product"
    CONTRACT = "contract"
    CUSTOMER = "customer"
    OBLIGATION = "obligation"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The sums of one ``key`` (none: what is in no contract), of which ``corrected`` belongs to closed months.

    ``contracted`` is none for a month: a contract is not of a month.
    """

    key: str | None
    contracted: Decimal | None
    recognised: Decimal
    corrected: Decimal
    months: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Band:
    """What remains to be recognised from ``first`` to ``last``, both inclusive; ``last`` none: from there on."""

    first: date
    last: date | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What remains after ``day``: by bands of time as far as dates are known, and ``undated``. All add up to total."""

    day: date
    total: Decimal
    bands: tuple[Band, ...]
    undated: Decimal


def contract_of(entries: Iterable[LedgerEntry], method: str | None = None, known: datetime | None = None) -> ContractOf:
    """The contract of each item, by the contracting method. Code: ``unknown_method``."""
    return {item: contract.contract_id for contract in contracts(entries, method, known) for item in contract.items}


def grouped(
    schedules: Iterable[ItemSchedule], by: Grouping, contract: ContractOf | None = None
) -> tuple[ReportRow, ...]:
    """The sums of ``schedules`` by month or by another key, in the order of their first item, months in order.

    ``contract`` is needed to group by it. Code: ``currency_differs`` when they have several.
    """
    rows = tuple(schedules)
    one_currency(rows)
    if by is Grouping.MONTH:
        return _by_month(rows)
    key_of = keys(by, contract)
    found: dict[str | None, list[ItemSchedule]] = {}
    for row in rows:
        found.setdefault(key_of(row.plan), []).append(row)
    return tuple(_row(key, of_key) for key, of_key in found.items())


def keys(by: Grouping, contract: ContractOf | None = None) -> Callable[[LedgerEntry], str | None]:
    """What tells the rows of a grouping apart; a month is of no plan, and has none."""
    of_item = contract or {}
    found: dict[Grouping, Callable[[LedgerEntry], str | None]] = {
        Grouping.ITEM: lambda plan: plan.item_id,
        Grouping.LINE: lambda plan: plan.line_id,
        Grouping.ORDER: lambda plan: plan.order_id,
        Grouping.QUOTE: lambda plan: plan.quote_id,
        Grouping.PRODUCT: lambda plan: plan.product,
        Grouping.CONTRACT: lambda plan: of_item.get(plan.item_id),
        Grouping.CUSTOMER: lambda plan: plan.customer_id,
        Grouping.OBLIGATION: root_of,
    }
    return found[by]


def _row(key: str | None, rows: Sequence[ItemSchedule]) -> ReportRow:
    told = summed(rows)
    corrected = (part.amount for row in rows for part in row.months if part.original)
    return ReportRow(key, told.contracted, told.total, total_of(corrected, rows[0].plan.currency), told.months)


def _by_month(rows: Sequence[ItemSchedule]) -> tuple[ReportRow, ...]:
    corrected: dict[str, Decimal] = {}
    for part in (part for row in rows for part in row.months if part.original):
        corrected[part.month] = corrected.get(part.month, 0 * part.amount) + part.amount
    months = summed(rows).months
    told = {month: months.get(month, Decimal(0)) for month in sorted({*months, *corrected})}
    return tuple(
        ReportRow(month, None, amount, corrected.get(month, 0 * amount), {month: amount})
        for month, amount in told.items()
    )


def outstanding(schedules: Iterable[ItemSchedule], day: date, months: Sequence[int] = BANDS) -> Outstanding:
    """What remains to be recognised after ``day``, by when: up to each of ``months`` (rising) from it, and beyond.

    What is earned over time falls where its schedule says. What is still to be delivered falls on its order date, as
    long as that lies ahead. What waits for work, use or a date nobody knows is ``undated``.
    """
    rows = tuple(schedules)
    one_currency(rows)
    edges = [day, *(add_months(day, number) for number in months), None]
    bands = [
        Band(first + ONE_DAY, last, _between(rows, first, last)) for first, last in pairwise(edges) if first is not None
    ]
    total = sum((row.remaining(day) for row in rows), Decimal(0))
    return Outstanding(day, total, tuple(bands), total - sum((band.amount for band in bands), Decimal(0)))


def _between(rows: Iterable[ItemSchedule], after: date, until: date | None) -> Decimal:
    last = until or date.max
    scheduled = (row.recognised_by(last) - row.recognised_by(after) for row in rows)
    return sum(scheduled, Decimal(0)) + sum((_to_deliver(row, after, last) for row in rows), Decimal(0))


def _to_deliver(row: ItemSchedule, after: date, last: date) -> Decimal:
    """What is to be delivered on an order date in the band."""
    expected = row.plan.revenue is Revenue.ON_DELIVERY and after < row.plan.order_date <= last
    return row.remaining(date.max) if expected else Decimal(0)


def csv_rows(schedules: Iterable[ItemSchedule], contract: ContractOf | None = None) -> tuple[tuple[str, ...], ...]:
    """A header, then one row for each item and month; a correction is a row of its own and names its month."""
    rows = [CSV_HEADER]
    for schedule in schedules:
        plan = schedule.plan
        names = (plan.customer_id, (contract or {}).get(plan.item_id, ""), plan.quote_id, plan.order_id, plan.item_id)
        for part in schedule.months:
            told = (part.month, part.original or "", decimal_text(part.amount), plan.currency)
            rows.append((*names, root_of(plan), plan.line_id, plan.product, *told))
    return tuple(rows)
