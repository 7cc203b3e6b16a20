"""Terms: ends, days and months, over leap years and month ends."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quote import Proration
from domain.term import add_months, calendar_months, days_in_month, end_of_term, months_of_price, term_days

starts = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2027-02-01", 12, "2028-01-31"),
        ("2027-05-01", 12, "2028-04-30"),
        ("2027-03-01", 12, "2028-02-29"),
        ("2026-03-01", 12, "2027-02-28"),
        ("2027-01-31", 1, "2027-02-27"),
        ("2028-01-31", 1, "2028-02-28"),
        ("2028-02-29", 12, "2029-02-27"),
        ("2027-12-15", 1, "2028-01-14"),
        ("2027-08-31", 6, "2028-02-28"),
        ("2027-01-01", 1200, "2126-12-31"),
    ],
)
def test_a_term_ends_so_many_months_later_less_one_day(start: str, months: int, end: str) -> None:
    assert end_of_term(day(start), months) == day(end)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2027-02-01", "2030-01-31", "36"),
        ("2027-03-01", "2030-01-31", "35"),
        ("2027-01-01", "2027-01-01", "1/31"),
        ("2027-01-31", "2027-02-01", "1/31 + 1/28"),
        ("2028-02-29", "2028-03-01", "1/29 + 1/31"),
        ("2027-01-16", "2027-03-15", "16/31 + 1 + 15/31"),
        ("2027-02-15", "2027-02-28", "14/28"),
        ("2028-02-15", "2028-02-29", "15/29"),
        ("2027-12-31", "2028-01-01", "1/31 + 1/31"),
    ],
)
def test_each_calendar_month_touched_counts_its_days(start: str, end: str, months: str) -> None:
    expected = sum((Fraction(part.strip()) for part in months.split("+")), Fraction(0))
    assert calendar_months(day(start), day(end)) == expected


@pytest.mark.parametrize(
    ("proration", "months"),
    [
        (Proration.CALENDAR_MONTHS, Fraction(1, 31) + 1),
        (Proration.MONTHS_ROUNDED_UP, Fraction(2)),
        (Proration.DAYS, Fraction(12 * 29, 365)),
    ],
)
def test_how_many_monthly_prices_a_broken_term_costs(proration: Proration, months: Fraction) -> None:
    assert months_of_price(day("2027-01-31"), day("2027-02-28"), proration) == months


def test_whole_months_are_not_rounded_up_further() -> None:
    assert months_of_price(day("2027-01-01"), day("2027-03-31"), Proration.MONTHS_ROUNDED_UP) == 3


def test_a_leap_year_costs_a_day_more_by_days() -> None:
    assert months_of_price(day("2028-01-01"), day("2028-12-31"), Proration.DAYS) == Fraction(12 * 366, 365)
    assert months_of_price(day("2027-01-01"), day("2027-12-31"), Proration.DAYS) == 12


@given(starts, st.integers(1, 120))
def test_a_term_from_the_first_counts_exactly_its_months(start: date, months: int) -> None:
    first = start.replace(day=1)
    assert calendar_months(first, end_of_term(first, months)) == months


@given(starts, st.integers(0, 2000), st.integers(1, 2000))
def test_months_of_neighbouring_terms_add_up(start: date, length: int, more: int) -> None:
    middle = start + timedelta(days=length)
    end = middle + timedelta(days=more)
    parts = calendar_months(start, middle) + calendar_months(middle + timedelta(days=1), end)
    assert parts == calendar_months(start, end)
    assert term_days(start, middle) + term_days(middle + timedelta(days=1), end) == term_days(start, end)


@given(starts, st.integers(-100, 100))
def test_adding_months_keeps_the_day_or_goes_to_the_last(start: date, months: int) -> None:
    reached = add_months(start, months)
    assert (reached.year * 12 + reached.month) - (start.year * 12 + start.month) == months
    assert reached.day == min(start.day, days_in_month(reached))
