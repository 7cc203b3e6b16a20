"""Revenue by progress and by use, and the later periods of what runs without end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.later_period import due_periods
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.quote import Kind, PricePer
from tests.domain.ledger.ledger_rows import Ledger
from tests.domain.order.story import Story, day, noon, percent, quoted, seats, thing

# percent_complete


def work(amount: str = "1000.00") -> Ledger:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", amount)
    return ledger


def test_progress_is_cumulative_to_date() -> None:
    ledger = work()
    ledger.progress("W", "33.333", "2027-01-31")
    ledger.progress("W", "50", "2027-02-28")
    ledger.progress("W", "100", "2027-04-02")
    assert ledger.months("W") == {"2027-01": "333.33", "2027-02": "166.67", "2027-04": "500.00"}


def test_progress_may_fall() -> None:
    ledger = work()
    ledger.progress("W", "60", "2027-01-31")
    ledger.progress("W", "45", "2027-02-28")
    assert ledger.months("W") == {"2027-01": "600.00", "2027-02": "-150.00"}
    schedule = ledger.schedule("W")
    assert (schedule.recognised, schedule.remaining(day("2027-02-28"))) == (Decimal(450), Decimal(550))


def test_of_two_percents_for_one_day_the_later_recorded_counts() -> None:
    ledger = work()
    for told in ("60", "40"):
        ledger.progress("W", told, "2027-01-31")
    ledger.progress("W", "10", "2027-01-05")
    assert ledger.months("W") == {"2027-01": "400.00"}
    assert ledger.schedule("W").recognised_by(day("2027-01-30")) == 100


def test_work_without_progress_earns_nothing() -> None:
    assert (work().months("W"), work().schedule("W").remaining(day("2099-01-01"))) == ({}, Decimal(1000))


# usage


def test_usage_earns_what_was_used() -> None:
    ledger = Ledger()
    ledger.plan("U", "usage", "100.00")
    ledger.use("U", "30.00", "2027-01-31")
    ledger.use("U", "20.50", "2027-01-31")
    ledger.use("U", "-0.50", "2027-02-01")
    assert ledger.months("U") == {"2027-01": "50.50", "2027-02": "-0.50"}
    assert ledger.schedule("U").remaining(day("2027-12-31")) == 50


def test_use_beyond_the_order_adds_to_what_is_contracted() -> None:
    ledger = Ledger()
    ledger.plan("U", "usage", "100.00")
    ledger.use("U", "80.00", "2027-01-31")
    ledger.use("U", "70.00", "2027-02-28")
    schedule = ledger.schedule("U")
    assert schedule.contracted == schedule.recognised == 150
    assert schedule.remaining(day("2027-02-28")) == 0
    assert schedule.remaining(day("2027-01-31")) == 70


def test_more_ordered_later_covers_what_was_used_beyond() -> None:
    ledger = Ledger()
    ledger.plan("U", "usage", "100.00")
    ledger.use("U", "130.00", "2027-01-31")
    ledger.on("2027-02-15").delta("U2", "U", "50.00", "5")
    found = report(ledger.schedules())
    assert found.contracted == 150
    assert found.total == 130
    assert revenue_violations(ledger.entries) == ()


def test_a_credit_for_use_mirrors_its_charge() -> None:
    ledger = Ledger()
    ledger.plan("U", "usage", "-100.00")
    ledger.use("U", "-130.00", "2027-01-31")
    assert ledger.schedule("U").contracted == ledger.schedule("U").recognised == -130


# shares of what is earned so


def test_a_share_follows_progress_and_use() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "100.00")
    ledger.plan("U", "usage", "100.00")
    ledger.plan("X", "on_milestone", "100.00")
    base = [{"item_id": each, "amount": "100.00"} for each in "WUX"]
    ledger.plan("M", "as_base", "30.00", item_kind=Kind.PERCENT_OF_TOTAL, base=base)
    ledger.progress("W", "50", "2027-01-31")
    ledger.use("U", "250.00", "2027-02-28")
    ledger.reach("X", "2027-03-31")
    ledger.progress("W", "20", "2027-04-30")
    assert ledger.months("M") == {"2027-01": "5.00", "2027-02": "10.00", "2027-03": "10.00", "2027-04": "-3.00"}


@pytest.mark.parametrize("method", ["percent_complete", "usage"])
def test_a_line_by_progress_or_use_can_be_ordered(method: str) -> None:
    story = Story(quoted(thing("A", "3", revenue=method), percent("M"))).split()
    assert [item.revenue for order in story.book.orders for item in order.items] == [method, "as_base"]
    assert report(revenue(story.entries)).contracted == 330


# later periods


def evergreen(start: str = "2027-01-31", **more: Any) -> Ledger:
    ledger = Ledger()
    ledger.plan("E", "monthly", "31.00", start=start, item_kind=Kind.EVERGREEN, price_per=PricePer.MONTH, **more)
    return ledger


def due(ledger: Ledger, until: str) -> list[tuple[str, str, str]]:
    """Adds the rows that are due, and tells them."""
    rows = due_periods(ledger.entries, day(until), ledger.at)
    ledger.entries.extend(rows)
    return [(str(row.start), str(row.end), str(row.amount)) for row in rows]


def test_each_later_period_adds_a_row_when_it_begins() -> None:
    ledger = evergreen()
    assert due(ledger, "2027-02-27") == []
    assert due(ledger, "2027-02-28") == [("2027-02-28", "2027-03-30", "31.00")]
    assert due(ledger, "2027-05-01") == [
        ("2027-03-31", "2027-04-29", "31.00"),
        ("2027-04-30", "2027-05-30", "31.00"),
    ]
    assert due(ledger, "2027-05-01") == []
    schedule = ledger.schedule("E")
    assert schedule.contracted == schedule.recognised == 124
    assert len({row.entry_id for row in ledger.entries}) == len(ledger.entries)
    assert revenue_violations(ledger.entries) == ()


def test_periods_of_a_year_keep_the_leap_day() -> None:
    ledger = evergreen("2028-02-29")
    ledger.replan("E", price_per=PricePer.YEAR)
    assert due(ledger, "2032-02-29") == [
        ("2029-02-28", "2030-02-27", "31.00"),
        ("2030-02-28", "2031-02-27", "31.00"),
        ("2031-02-28", "2032-02-28", "31.00"),
        ("2032-02-29", "2033-02-27", "31.00"),
    ]


def test_what_is_not_activated_or_was_refused_has_no_later_period() -> None:
    assert due(evergreen(activated=None), "2028-01-01") == []
    ledger = evergreen()
    ledger.entries.append(ledger.plans["E"].model_copy(update={"kind": "rejected"}))
    assert due(ledger, "2028-01-01") == []


def test_an_end_cuts_the_last_period_by_days_and_takes_back_what_lies_behind() -> None:
    ledger = evergreen("2027-01-01")
    due(ledger, "2027-04-01")
    ledger.replan("E", end=day("2027-03-10"))
    assert due(ledger, "2027-04-01") == [
        ("2027-03-01", "2027-03-31", "-31.00"),
        ("2027-03-01", "2027-03-10", "10.00"),
        ("2027-04-01", "2027-04-30", "-31.00"),
    ]
    assert due(ledger, "2027-12-01") == []
    assert ledger.months("E") == {"2027-01": "31.00", "2027-02": "31.00", "2027-03": "10.00"}


def test_a_cancelled_item_gives_its_later_periods_back() -> None:
    ledger = evergreen("2027-01-01")
    due(ledger, "2027-02-01")
    ledger.cancel("E")
    assert due(ledger, "2027-03-01") == [("2027-02-01", "2027-02-28", "-31.00")]
    assert due(ledger, "2027-03-01") == []
    assert report(ledger.schedules()).contracted == 0


def test_an_ordered_evergreen_line_counts_one_period_until_more_are_booked() -> None:
    line = {**seats("E", "3", "10.00"), "kind": "evergreen"}
    story = Story(quoted(line)).split().until(noon("2027-01-02"))
    assert report(revenue(story.entries)).contracted == 30
    story.entries.extend(due_periods(story.entries, day("2027-03-31"), noon("2027-03-31")))
    found = report(revenue(story.entries))
    assert {month: str(amount) for month, amount in found.months.items()} == dict.fromkeys(
        ("2027-01", "2027-02", "2027-03"), "30.00"
    )
    assert story.book.totals.ordered == 30
