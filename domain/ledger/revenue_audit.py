"""The audit of revenue: what must hold of any ledger, looked at from figures that do not depend on each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from domain.ledger.closing import ClosedPeriod, extents
from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.known import known_items
from domain.ledger.revenue import ItemSchedule, revenue
from domain.quote import Revenue
from domain.refusal import Problem


def revenue_violations(entries: Iterable[LedgerEntry], closed: Sequence[ClosedPeriod] = ()) -> tuple[Problem, ...]:
    """What is wrong with the revenue of a customer's ledger; empty: it holds.

    Codes: ``revenue_contracted`` (schedules and ledger rows differ in sum), ``revenue_months`` (an item's months do
    not come to what its events earned), ``revenue_over`` (over time: not all of it is earned in the end),
    ``revenue_closed`` (a closed month is not what it was when it was closed).
    """
    rows = tuple(entries)
    schedules = revenue(rows, closed=closed)
    return (*_contracted(rows, schedules), *_months(schedules), *_closed(rows, schedules, closed))


def _contracted(rows: Sequence[LedgerEntry], schedules: Iterable[ItemSchedule]) -> Iterator[Problem]:
    """Everything planned, later periods, and use beyond orders make up what the schedules are contracted for."""
    gone = {row.item_id for row in rows} - {item.item_id for item in known_items(rows)}
    booked = sum((row.amount for row in rows if row.kind is EntryKind.SCHEDULED), Decimal(0))
    booked += sum((row.amount for row in rows if row.kind is EntryKind.PERIOD and row.item_id not in gone), Decimal(0))
    told = sum((row.contracted for row in schedules), Decimal(0))
    beyond = sum((_beyond(row) for row in schedules if row.plan.revenue is Revenue.USAGE), Decimal(0))
    if told - beyond != booked:
        yield Problem("revenue_contracted", f"schedules come to {told - beyond}, the ledger to {booked}", "revenue")


def _beyond(row: ItemSchedule) -> Decimal:
    return row.contracted - row.plan.amount if row.contracted or row.obligations else Decimal(0)


def _months(schedules: Iterable[ItemSchedule]) -> Iterator[Problem]:
    for row in schedules:
        path = f"items.{row.plan.item_id}"
        by_then = row.recognised_by(date.max)
        if row.recognised != by_then:
            yield Problem("revenue_months", f"its months come to {row.recognised}, its events to {by_then}", path)
        over_time = row.plan.revenue in (Revenue.DAILY, Revenue.MONTHLY, Revenue.MID_MONTH)
        if over_time and row.recognised != row.contracted:
            yield Problem("revenue_over", f"it earns {row.recognised} of {row.contracted} in the end", path)


def _closed(
    rows: Sequence[LedgerEntry], schedules: Iterable[ItemSchedule], closed: Sequence[ClosedPeriod]
) -> Iterator[Problem]:
    """Each closed month shows what it showed at its closing."""
    before: list[ClosedPeriod] = []
    for each, extent in extents(closed):
        then = _by_month(revenue([row for row in rows if extent.knows(row)], closed=before), each.month)
        before.append(each)
        now = _by_month(schedules, each.month)
        for month in sorted({*then, *now}):
            if then.get(month, Decimal(0)) != now.get(month, Decimal(0)):
                message = f"{month} was closed with {then.get(month, 0)} and shows {now.get(month, 0)}"
                yield Problem("revenue_closed", message, f"months.{month}")


def _by_month(schedules: Iterable[ItemSchedule], last: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for part in (part for row in schedules for part in row.months if part.month <= last):
        sums[part.month] = sums.get(part.month, Decimal(0)) + part.amount
    return sums
