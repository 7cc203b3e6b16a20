"""Revenue by each schedule, its sums, and what replaces what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.revenue import RevenueReport, remaining, report, revenue
from domain.order.fulfilment import accept_item, deliver, reach
from domain.refusal import Refusal
from tests.domain.order.story import BEFORE, Story, day, noon, percent, quoted, seats, thing, to


def of(story: Story) -> RevenueReport:
    return report(revenue(story.entries))


def months(found: RevenueReport) -> Mapping[str, str]:
    return {month: str(amount) for month, amount in found.months.items()}


def term(**more: Any) -> Story:
    """One subscription of 1,000.00, from 2027-01-15 to 2027-04-10 unless ``more`` says otherwise."""
    line = {"net_total": "1000.00", "start_date": "2027-01-15", "end_date": "2027-04-10", **more}
    return Story(quoted(seats("S", "1", **line))).split()


# over time


def test_daily_counts_both_ends_and_shows_the_future_of_what_is_only_scheduled() -> None:
    found = of(term(revenue="daily"))
    assert months(found) == {"2027-01": "197.67", "2027-02": "325.59", "2027-03": "360.46", "2027-04": "116.28"}
    assert found.total == found.contracted == 1000


def test_monthly_goes_by_the_calendar_month_factor() -> None:
    whole = Decimal(17) / 31 + 2 + Decimal(10) / 30
    first = round(1000 * Decimal(17) / 31 / whole, 2)
    found = of(term(revenue="monthly"))
    assert found.amount("2027-01") == first
    assert found.total == 1000
    assert abs(found.amount("2027-02") - found.amount("2027-03")) <= Decimal("0.01")


def test_mid_month_counts_halves_at_both_ends() -> None:
    found = of(term(revenue="mid_month"))
    assert months(found) == {"2027-01": "166.67", "2027-02": "333.33", "2027-03": "333.33", "2027-04": "166.67"}


def test_mid_month_within_one_month_is_all_of_it() -> None:
    assert months(of(term(revenue="mid_month", end_date="2027-01-31"))) == {"2027-01": "1000.00"}


def test_a_leap_day_is_a_day() -> None:
    found = of(term(start_date="2028-02-01", end_date="2028-03-01", revenue="daily", net_total="30.00"))
    assert months(found) == {"2028-02": "29.00", "2028-03": "1.00"}


def test_evergreen_recognises_its_first_period() -> None:
    line = {**seats("E", "1", "100.00", start_date="2027-01-16"), "kind": "evergreen"}
    assert of(Story(quoted(line)).split()).total == 100
    line["price_per"] = "year"
    found = of(Story(quoted(line)).split())
    assert (found.total, found.years["2028"]) == (Decimal(100), found.amount("2028-01"))


def test_a_credit_has_a_negative_schedule() -> None:
    found, mirrored = of(term(revenue="daily")), of(term(revenue="daily", net_total="-1000.00"))
    assert {month: f"-{amount}" for month, amount in months(found).items()} == months(mirrored)


@pytest.mark.parametrize("method", ["daily", "monthly", "mid_month"])
def test_what_is_recognised_by_a_day_grows_from_nothing_to_all(method: str) -> None:
    (schedule,) = revenue(term(revenue=method).entries)
    days = [date(2027, 1, 14) + timedelta(days=number) for number in range(90)]
    course = [schedule.recognised_by(on) for on in days]
    assert course == sorted(course)
    assert (course[0], schedule.recognised_by(date(2027, 4, 10))) == (Decimal(0), Decimal(1000))
    for on, amount in zip(days, course, strict=True):
        assert amount + schedule.remaining(on) == 1000
    ends = [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]
    sums = [sum(part.amount for part in schedule.months[: number + 1]) for number in range(4)]
    assert [schedule.recognised_by(on) for on in ends] == sums


def test_a_date_move_replaces_the_schedule() -> None:
    story = Story(quoted(seats("S", "1", "100.00", end_date="2027-12-31"))).split()
    story.move("Q-1-1", "2027-11-01", noon("2026-12-20"))
    assert months(of(story)) == {"2027-11": "98.36", "2027-12": "101.64"}
    assert report(revenue(story.entries, BEFORE)).total == 1200


# by events


def test_on_delivery_is_cumulative_by_quantity_and_dated_by_delivery() -> None:
    story = Story(quoted(thing("A", "3", net_total="100.00"))).split().until(noon("2027-01-01"))
    assert of(story).total == 0
    story.do(deliver, "Q-1-1", noon("2027-03-05"), line="A", quantity=Decimal(1), on=day("2027-01-31"))
    story.do(deliver, "Q-1-1", noon("2027-03-05"), line="A", quantity=Decimal(1))
    story.do(deliver, "Q-1-1", noon("2027-04-05"))
    assert months(of(story)) == {"2027-01": "33.33", "2027-03": "33.34", "2027-04": "33.33"}
    assert months(report(revenue(story.entries, noon("2027-03-31")))) == {"2027-01": "33.33", "2027-03": "33.34"}
    assert remaining(revenue(story.entries), day("2027-03-31")) == Decimal("33.33")


def test_a_delivery_recorded_later_than_another_may_be_dated_before_it() -> None:
    story = Story(quoted(thing("A", "3", net_total="100.00"))).split().until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-03-05"), line="A", quantity=Decimal(2))
    story.do(deliver, "Q-1-1", noon("2027-03-06"), on=day("2027-02-01"))
    assert months(of(story)) == {"2027-02": "33.33", "2027-03": "66.67"}


def test_where_acceptance_is_required_revenue_waits_for_it() -> None:
    story = Story(quoted(thing("A", "4", acceptance="required"))).split().until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-05"))
    assert of(story).total == 0
    story.do(accept_item, "Q-1-1", noon("2027-02-05"), line="A", quantity=Decimal(3))
    assert months(of(story)) == {"2027-02": "300.00"}


def test_everything_is_earned_on_the_first_reach() -> None:
    story = Story(quoted(thing("A", revenue="on_milestone"))).split().until(noon("2027-01-01"))
    story.do(reach, "Q-1-1", noon("2027-02-05"))
    assert months(of(story)) == {"2027-02": "1000.00"}


def test_named_milestones_earn_their_percent_whatever_their_order() -> None:
    steps = [
        {"name": "frame", "percent": "33.3"},
        {"name": "roof", "percent": "33.3"},
        {"name": "keys", "percent": "33.4"},
    ]
    line = thing("A", "1", "10.01", revenue="on_milestone", milestones=steps)
    story = Story(quoted(line)).split().until(noon("2027-01-01"))
    for milestone, on in (("roof", "2027-01-05"), ("frame", "2027-02-05"), ("keys", "2027-02-06")):
        story.do(reach, "Q-1-1", noon(on), milestone=milestone)
    assert months(of(story)) == {"2027-01": "3.33", "2027-02": "6.68"}


# shares


def test_as_base_follows_each_base_item_by_its_method_and_events() -> None:
    lines = [thing("A", "2", "100.00"), seats("S", "1", "100.00", end_date="2027-02-28"), percent("M")]
    story = Story(quoted(*lines)).split().until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-05-05"), line="A", quantity=Decimal(1))
    share = of(story).lines["M"]
    assert share.contracted == 40
    assert months(share) == {"2027-01": "10.51", "2027-02": "9.49", "2027-05": "10.00"}
    story.do(deliver, "Q-1-1", noon("2027-06-05"))
    assert of(story).lines["M"].total == 40


def test_as_base_is_split_in_line_order_by_the_frozen_amounts() -> None:
    lines = [thing("A", "1", "1.00"), thing("B", "1", "1.00"), thing("C", "1", "1.00"), percent("M", "33.333")]
    story = Story(quoted(*lines)).split().until(noon("2027-01-01"))
    schedule = revenue(story.entries)[-1]
    assert [str(part.amount) for part in schedule.obligations] == ["0.33", "0.34", "0.33"]
    assert [part.item.plan.line_id for part in schedule.obligations] == ["A", "B", "C"]


def test_a_share_over_a_term_of_its_own_goes_by_days() -> None:
    share = percent("M", term_months=2, revenue="daily")
    story = Story(quoted(thing("A", "1", "590.00"), share)).split()
    assert months(of(story).lines["M"]) == {"2027-01": "31.00", "2027-02": "28.00"}


# reports


def test_a_report_adds_up_by_month_year_and_line() -> None:
    parts = to(("2027-01-01", "N", "1"), ("2027-07-01", "S", "1"))
    lines = [seats("S", "2", "100.00", term_months=12, deliveries=parts), thing("A", "1", "50.00")]
    story = Story(quoted(*lines)).split().until(noon("2027-08-01"))
    story.do(deliver, "2027-01-01", noon("2027-01-02"))
    found = of(story)
    assert found.total == found.amount("total") == 2450
    assert sum(found.years.values()) == sum(found.months.values()) == found.total
    assert list(found.lines) == ["S", "A"] or list(found.lines) == ["A", "S"]
    assert found.lines["A"].amount("2027") == 50
    assert found.amount("2031") == found.amount("2026-12") == 0
    assert found.currency == "USD"


def test_a_report_of_nothing_is_empty() -> None:
    found = report([])
    assert (found.total, found.contracted, found.months, found.currency) == (Decimal(0), Decimal(0), {}, None)


def test_currencies_do_not_add_up() -> None:
    other = Story(quoted(thing("A"), quote_id="Q-2", currency="EUR")).split()
    with pytest.raises(Refusal) as refusal:
        report(revenue([*term().entries, *other.entries]))
    assert refusal.value.code == "currency_differs"


def test_currencies_without_minor_unit_round_to_whole_amounts() -> None:
    story = Story(quoted(seats("S", "1", net_total="1000", end_date="2027-03-31"), currency="JPY")).split()
    assert months(of(story)) == {"2027-01": "344", "2027-02": "312", "2027-03": "344"}
