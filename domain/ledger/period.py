"""Revenue within bounds: what is earned from one day to another, and what is left then (``spec/orders.md`` 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from domain.ledger.recognition import month_ends
from domain.ledger.revenue import ItemSchedule, Recognised
from domain.reading import read_date
from domain.refusal import Refusal
from domain.term import end_of_term


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
        end = end_of_term(end, 1)
    if start is not None and end is not None and end < start:
        raise Refusal("dates_out_of_order", "until lies before from", "until")
    return Period(start, end)


def _day(text: str, path: str) -> date:
    return read_date(f"{text}-01" if len(text) == len("2027-02") else text, path)


def within(schedules: Iterable[ItemSchedule], period: Period) -> tuple[ItemSchedule, ...]:
    """The schedules with only what is earned in ``period``; months that it cuts show what is earned by its days."""
    if period.is_open:
        return tuple(schedules)
    return tuple(replace(schedule, months=_months(schedule, period)) for schedule in schedules)


def _months(schedule: ItemSchedule, period: Period) -> tuple[Recognised, ...]:
    told = [date.fromisoformat(f"{each.month}-01") for each in schedule.months]
    if not told:
        return ()
    first = max(period.first or told[0], told[0])
    last = min(period.last or date.max, end_of_term(told[-1], 1))
    if last < first:
        return ()
    found: list[Recognised] = []
    before = schedule.recognised_by(first - timedelta(days=1))
    for day in (min(month_end, last) for month_end in month_ends(first, last)):
        by_then = schedule.recognised_by(day)
        if by_then != before:
            found.append(Recognised(day.isoformat()[:7], by_then - before))
        before = by_then
    return tuple(found)
