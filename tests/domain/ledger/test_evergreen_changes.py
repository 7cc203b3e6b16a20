"""What runs without end changes in mid-period: it is counted on the periods of its line, and by hand to the cent."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.later_period import due_periods
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.money import round_money
from domain.quote import Kind
from domain.term import add_months, calendar_months, end_of_term
from tests.domain.ledger.ledger_rows import Ledger
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import day, noon, seats


def running(start: str, amount: str = "31.00", quantity: str = "10", revenue: str = "monthly", **more: Any) -> Ledger:
    """A line without end, of ``amount`` a period."""
    ledger = Ledger()
    more = {"item_kind": Kind.EVERGREEN, "price_per": "month", "activated": start, **more}
    ledger.plan("E", revenue, amount, quantity, start=start, **more)
    return ledger


def changed(ledger: Ledger, name: str, amount: str, quantity: str, start: str, **more: Any) -> None:
    """A change of ``E`` for good, from ``start`` on."""
    old = ledger.plans["E"]
    more = {"item_kind": old.item_kind, "price_per": old.price_per, "activated": start, **more}
    ledger.delta(name, "E", amount, quantity, start=start, **more)


def seen(ledger: Ledger, on: str) -> dict[str, str]:
    """What each month comes to as it is seen on a day."""
    ledger.on(on).entries.extend(due_periods(ledger.entries, day(on), ledger.at))
    assert due_periods(ledger.entries, day(on), ledger.at) == ()
    assert revenue_violations(ledger.entries) == ()
    assert len({row.entry_id for row in ledger.entries}) == len(ledger.entries)
    return {month: str(amount) for month, amount in report(ledger.schedules()).months.items()}


@pytest.mark.parametrize("method", ["daily", "monthly", "mid_month"])
@pytest.mark.parametrize("on", ["2027-03-20", "2027-04-01", "2027-05-05", "2028-01-01"])
def test_ended_in_mid_period_it_earns_the_days_that_it_ran_and_nothing_after(method: str, on: str) -> None:
    """Once March was 10.22, and on May 5 there stood -0.11 in April and 20.89 in May."""
    ledger = running("2027-01-01", revenue=method)
    seen(ledger, "2027-03-01")
    changed(ledger, "C", "-31.00", "-10", "2027-03-11")
    assert seen(ledger, on) == {"2027-01": "31.00", "2027-02": "31.00", "2027-03": "10.00"}


def test_ended_by_an_amendment() -> None:
    agreed = Agreed({**seats(quantity="1", price="31.00"), "kind": "evergreen"})
    agreed.amend("2027-03-01", {"line": "S", "end_date": "2027-03-10"}, until="2027-03-11")
    rows = agreed.entries
    rows += due_periods(rows, day("2027-05-05"), noon("2027-05-05"))
    found = report(revenue(rows))
    assert {month: str(amount) for month, amount in found.months.items()} == {
        "2027-01": "31.00",
        "2027-02": "31.00",
        "2027-03": "10.00",
    }
    assert found.contracted == 72


def test_less_of_it_in_mid_period_several_times() -> None:
    ledger = running("2027-01-01")
    changed(ledger, "C1", "-9.30", "-3", "2027-03-11")
    changed(ledger, "C2", "-6.20", "-2", "2027-03-21")
    changed(ledger, "C3", "-15.50", "-5", "2027-04-16")
    by_hand = {"2027-03": Decimal("31.00") - Decimal("9.30") * 21 / 31 - Decimal("6.20") * 11 / 31, "2027-04": 7.75}
    assert by_hand["2027-03"] == Decimal("22.50")
    found = {"2027-01": "31.00", "2027-02": "31.00", "2027-03": "22.50", "2027-04": "7.75"}
    assert seen(ledger, "2027-06-30") == found


def test_another_price_in_mid_period_holds_from_its_first_day() -> None:
    ledger = running("2027-01-01")
    changed(ledger, "C", "-31.00", "-10", "2027-03-11")
    changed(ledger, "N", "62.00", "10", "2027-03-11")
    assert seen(ledger, "2027-05-05") == {
        "2027-01": "31.00",
        "2027-02": "31.00",
        "2027-03": "52.00",
        "2027-04": "62.00",
        "2027-05": "62.00",
    }


@pytest.mark.parametrize(
    ("start", "gone", "months"),
    [
        ("2027-01-31", "2027-02-28", {"2027-01": "1.00", "2027-02": "30.00"}),
        ("2027-01-31", "2027-04-15", None),
        ("2028-01-31", "2028-02-29", None),
        ("2028-02-29", "2028-03-15", None),
    ],
)
def test_what_began_on_the_last_day_of_a_month_ends_to_the_cent(
    start: str, gone: str, months: dict[str, str] | None
) -> None:
    ledger = running(start)
    changed(ledger, "C", "-31.00", "-10", gone)
    found = seen(ledger, "2028-12-31")
    assert months in (None, found)
    assert max(found) <= gone[:7]
    assert sum(map(Decimal, found.values())) == ran(day(start), day(gone), Decimal("31.00"), "monthly")


def ran(start: date, gone: date, amount: Decimal, method: str) -> Decimal:
    """What ran from ``start`` to the day before ``gone`` comes to: whole periods, and the part of the last."""
    whole, number = Decimal(0), 0
    while add_months(start, number + 1) <= gone:
        whole, number = whole + amount, number + 1
    begin, end = add_months(start, number), end_of_term(start, number + 1)
    if method == "monthly" and begin < gone:
        part = calendar_months(begin, gone - timedelta(days=1)) / calendar_months(begin, end)
    elif method == "mid_month" and gone.day == 1 and begin < gone:
        part = Fraction(1, 2)
    else:
        part = Fraction((gone - begin).days, (end - begin).days + 1)
    return whole + round_money(Fraction(amount) * part, "USD")


@pytest.mark.parametrize("method", ["daily", "monthly", "mid_month"])
def test_ended_with_a_month_nothing_is_earned_in_the_next(method: str) -> None:
    """Whatever part of the days that is of its period."""
    ledger = running("2027-01-31", revenue=method)
    changed(ledger, "C", "-31.00", "-10", "2027-11-01")
    assert max(seen(ledger, "2028-01-01")) == "2027-10"


def test_a_year_is_counted_by_its_days() -> None:
    ledger = running("2028-02-29", "365.00", revenue="daily", price_per="year")
    changed(ledger, "C", "-365.00", "-10", "2029-02-27")
    assert sum(map(Decimal, seen(ledger, "2031-01-01").values())) == 364


def test_a_change_that_is_told_late_takes_back_what_was_booked_since() -> None:
    ledger = running("2027-01-01")
    seen(ledger, "2027-05-05")
    changed(ledger, "C", "-31.00", "-10", "2027-03-11")
    assert seen(ledger, "2027-05-06") == {"2027-01": "31.00", "2027-02": "31.00", "2027-03": "10.00"}
    ledger.cancel("C")
    assert seen(ledger, "2027-05-07") == dict.fromkeys(("2027-01", "2027-02", "2027-03", "2027-04", "2027-05"), "31.00")


def test_rows_that_an_earlier_release_booked_stay_in_their_closed_months() -> None:
    """There the periods of what is taken away began on its own first day."""
    ledger = running("2027-01-01")
    seen(ledger, "2027-03-01")
    changed(ledger, "C", "-31.00", "-10", "2027-03-11")
    ledger.on("2027-04-01").close("2027-03")
    assert ledger.months("C")["2027-03"] == "-20.78"
    seen(ledger, "2027-04-02")
    assert ledger.months("C")["2027-03"] == "-20.78"
    assert ledger.months("C")["2027-04<2027-03"] == "-0.22"


MOMENTS = st.integers(0, 400).map(lambda number: date(2028, 1, 1) + timedelta(days=number))
STARTS = st.sampled_from(["2027-12-31", "2028-01-31", "2028-02-29", "2028-01-15", "2028-01-01"])


@given(STARTS, st.lists(MOMENTS, min_size=10, max_size=10), st.sampled_from(["daily", "monthly", "mid_month"]))
def test_taken_away_one_by_one_nothing_is_earned_after_the_last(start: str, days: list[date], method: str) -> None:
    ledger = running(start, "33.37", "10", method)
    gone = [max(each, day(start)) for each in days]
    parts = [Decimal("3.33")] * 3 + [Decimal("3.34")] * 7
    for number, (each, part) in enumerate(zip(gone, parts, strict=True)):
        changed(ledger, f"C{number}", str(-part), "-1", str(each))
    months = seen(ledger, "2030-01-01")
    assert all(month <= f"{max(gone):%Y-%m}" for month in months)
    whole = sum((ran(day(start), each, part, method) for each, part in zip(gone, parts, strict=True)), Decimal(0))
    assert sum(map(Decimal, months.values())) == whole
