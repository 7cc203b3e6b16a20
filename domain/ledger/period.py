"""Revenue within bounds: what is earned from one day to another, and what is left then (``spec/orders.md`` 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from domain.ledger.closing import Recognised, end_of_month
from domain.ledger.revenue import ItemSchedule
from domain.reading import read_date
from domain.refusal import Refusal
from domain.term import ONE_DAY, last_of_month


@dataclass(frozen=True, slots=True)
class Period:
    """Local dates, both inclusive; none: without bound."""

    first: date | None = None
    last: date | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has no bound at all."""
        return self.first is None and self.last is None


def read_period(first: str | None, last: str | None) -> Period:
    """The period between months (``2027-02``) or dates, both inclusive.

    Codes: ``invalid_date``, ``dates_out_of_order``.
    """
    start = _day(first, "from") if first is not None else None
    end = _day(last, "until") if last is not None else None
    if last is not None and end is not None and len(last) == len("2027-02"):
        end = last_of_month(end)
    if start is not None and end is not None and end < start:
        raise Refusal("dates_out_of_order", "until lies before from", "until")
    return Period(start, end)


def _day(text: str, path: str) -> date:
    return read_date(f"{text}-01" if len(text) == len("2027-02") else text, path)


def within(schedules: Iterable[ItemSchedule], period: Period) -> tuple[ItemSchedule, ...]:
    """The schedules with only what is earned in ``period``; months that it cuts show what is earned by its days."""
    if period.is_open:
        return tuple(schedules)
    return tuple(replace(schedule, chosen=_months(schedule, period)) for schedule in schedules)


def _months(schedule: ItemSchedule, period: Period) -> tuple[Recognised, ...]:
    cut = _cut_months(period)
    whole = [row for row in schedule.months if row.month not in cut and _is_in(row.month, period)]
    parts = [row for month in cut for row in _in_part(schedule, month, period)]
    return tuple(sorted((*whole, *parts), key=lambda row: (row.month, row.original or "")))


def _cut_months(period: Period) -> frozenset[str]:
    """The months of which only some days lie in ``period``: at most the first and the last."""
    cut = set()
    if period.first is not None and period.first.day != 1:
        cut.add(_month(period.first))
    if period.last is not None and period.last != end_of_month(_month(period.last)):
        cut.add(_month(period.last))
    return frozenset(cut)


def _is_in(month: str, period: Period) -> bool:
    after = period.first is None or _month(period.first) <= month
    return after and (period.last is None or month <= _month(period.last))


def _in_part(schedule: ItemSchedule, month: str, period: Period) -> tuple[Recognised, ...]:
    """What the days of ``month`` that lie in ``period`` earn; corrections are booked on its first day."""
    begin = date.fromisoformat(f"{month}-01")
    first = max(begin, period.first or begin)
    last = min(end_of_month(month), period.last or date.max)
    corrections = [row for row in schedule.months if row.original and row.month == month and first == begin]
    before = schedule.recognised_by(first - ONE_DAY) if first > date.min else Decimal(0)
    earned = schedule.recognised_by(last) - before - sum(row.amount for row in corrections)
    return (Recognised(month, earned), *corrections) if earned else tuple(corrections)


def _month(day: date) -> str:
    return day.isoformat()[:7]
