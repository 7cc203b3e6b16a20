"""Terms: how long a service runs, and how many months of price that is (``spec/orders.md`` 2, term prices).

Starts and ends are local dates; both are inclusive.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from fractions import Fraction

from domain.quote import Proration
from domain.reading import LAST_DAY
from domain.refusal import Refusal

ONE_DAY = timedelta(days=1)


def days_in_month(day: date) -> int:
    """How many days the month of ``day`` has."""
    return monthrange(day.year, day.month)[1]


def add_months(start: date, months: int) -> date:
    """``start`` plus ``months``, its day clamped to the length of the month reached."""
    years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(years, month + 1, min(start.day, monthrange(years, month + 1)[1]))


def last_of_month(day: date) -> date:
    """The last day of the month of ``day``."""
    return day.replace(day=days_in_month(day))


def end_of_term(start: date, months: int, path: str = "term_months") -> date:
    """The last day of a term of ``months`` from ``start``: start plus that many months, less one day.

    Code: ``invalid_date`` (beyond the calendar), at ``path``.
    """
    furthest = (LAST_DAY.year + 1 - start.year) * 12
    end = add_months(start, months) - ONE_DAY if months <= furthest else None
    if end is None or end > LAST_DAY:
        message = f"{months} months from {start} lead beyond {LAST_DAY}; correct the start or the term"
        raise Refusal("invalid_date", message, path)
    return end


def as_long(start: date, first: date, last: date, path: str) -> date:
    """The last day of a term from ``start`` of as many days as from ``first`` to ``last``. Code: ``invalid_date``."""
    days = last - first
    if days > LAST_DAY - start:
        message = f"{days.days + 1} days from {start} lead beyond {LAST_DAY}; choose an earlier date"
        raise Refusal("invalid_date", message, path)
    return start + days


def term_days(start: date, end: date) -> int:
    """How many days there are from ``start`` to ``end``, both counted."""
    return (end - start).days + 1


def calendar_months(start: date, end: date) -> Fraction:
    """Months from ``start`` to ``end``: each calendar month touched counts its days covered over its days."""
    if (start.year, start.month) == (end.year, end.month):
        return Fraction(term_days(start, end), days_in_month(start))
    first = Fraction(days_in_month(start) - start.day + 1, days_in_month(start))
    last = Fraction(end.day, days_in_month(end))
    between = (end.year - start.year) * 12 + end.month - start.month - 1
    return first + between + last


def months_of_price(start: date, end: date, proration: Proration) -> Fraction:
    """How many monthly prices the term from ``start`` to ``end`` costs by the line's ``proration``."""
    if proration is Proration.DAYS:
        return Fraction(12 * term_days(start, end), 365)
    months = calendar_months(start, end)
    if proration is Proration.MONTHS_ROUNDED_UP:
        return Fraction(-(-months.numerator // months.denominator))
    return months
