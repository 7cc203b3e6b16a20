"""Changes of what was ordered: prospective, catch-up, returns, and the allocation of bundles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.entries import EntryKind
from domain.ledger.report import Grouping, grouped
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from tests.domain.ledger.ledger_rows import Ledger
from tests.domain.order.story import Story, day, noon, quoted, seats, thing, to


def both(ledger: Ledger) -> dict[str, str]:
    """The months of all items together."""
    return {month: str(amount) for month, amount in report(ledger.schedules()).months.items()}


# prospective


def test_more_seats_are_earned_over_their_own_days() -> None:
    ledger = Ledger()
    ledger.plan("S", "daily", "365.00", "10", start="2027-01-01", end="2027-12-31")
    before = ledger.months("S")
    ledger.on("2027-07-01").delta("S2", "S", "92.00", "5", start="2027-10-01")
    assert ledger.months("S") == before
    assert ledger.months("S2") == {"2027-10": "31.00", "2027-11": "30.00", "2027-12": "31.00"}


def test_fewer_seats_have_a_negative_schedule() -> None:
    ledger = Ledger()
    ledger.plan("S", "monthly", "120.00", "10", start="2027-01-01", end="2027-12-31")
    ledger.on("2027-11-01").delta("S2", "S", "-10.00", "-5", start="2027-11-01")
    assert ledger.months("S2") == {"2027-11": "-5.00", "2027-12": "-5.00"}
    assert both(ledger)["2027-12"] == "5.00"


def test_another_price_in_mid_term_leaves_what_was_earned() -> None:
    ledger = Ledger()
    ledger.plan("S", "monthly", "120.00", "10", start="2027-01-01", end="2027-12-31")
    ledger.on("2027-06-15")
    ledger.delta("S-", "S", "-60.00", "-10", start="2027-07-01")
    ledger.delta("S+", "S", "90.00", "10", start="2027-07-01")
    found = both(ledger)
    assert (found["2027-06"], found["2027-07"], found["2027-12"]) == ("10.00", "15.00", "15.00")


def test_things_added_are_earned_by_their_own_deliveries() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "4", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", "450.00", "5")
    ledger.deliver("A2", "5", "2027-02-10")
    assert ledger.months("A") == {"2027-01": "400.00"}
    assert ledger.months("A2") == {"2027-02": "450.00"}


# catch-up


def test_a_change_of_one_piece_of_work_catches_up() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "50", "2027-01-31")
    ledger.on("2027-02-10").delta("W2", "W", "200.00", "0")
    assert ledger.months("W2") == {"2027-02": "100.00"}
    ledger.progress("W", "55", "2027-03-31")
    ledger.progress("W2", "100", "2027-04-30")
    assert ledger.months("W") == {"2027-01": "500.00", "2027-03": "50.00", "2027-04": "450.00"}
    assert ledger.months("W2") == {"2027-02": "100.00", "2027-03": "10.00", "2027-04": "90.00"}


def test_a_change_counts_from_its_activation_and_not_before() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "50", "2027-01-31")
    ledger.on("2027-02-10").delta("W2", "W", "200.00", "0", activated=None)
    assert ledger.months("W2") == {}
    assert report(ledger.schedules()).contracted == 1200
    schedule = ledger.schedule("W2")
    assert schedule.recognised_by(day("9999-12-31")) == 0
    assert schedule.remaining(day("2027-12-31")) == 200
    ledger.activate("W2", "2027-03-05")
    assert ledger.months("W2") == {"2027-03": "100.00"}
    assert ledger.schedule("W2").recognised_by(day("2027-03-04")) == 0


def test_several_changes_are_rounded_as_one_with_the_work() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "0.05")
    ledger.delta("W2", "W", "0.05", "0", activated="2027-01-05")
    ledger.delta("W3", "W", "0.05", "0", activated="2027-01-03")
    ledger.progress("W", "50", "2027-02-28")
    found = both(ledger)
    assert found == {"2027-02": "0.08"}
    ledger.progress("W", "100", "2027-03-31")
    assert [str(ledger.schedule(each).recognised) for each in ("W", "W2", "W3")] == ["0.05", "0.05", "0.05"]


def test_less_work_catches_up_downwards() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "80", "2027-01-31")
    ledger.on("2027-02-10").delta("W2", "W", "-250.00", "0")
    assert ledger.months("W2") == {"2027-02": "-200.00"}


def test_milestones_of_the_work_earn_a_change_of_it() -> None:
    steps = [{"name": "frame", "percent": "40"}, {"name": "keys", "percent": "60"}]
    ledger = Ledger()
    ledger.plan("W", "on_milestone", "1000.00", milestones=steps)
    ledger.reach("W", "2027-01-31", "frame")
    ledger.on("2027-02-10").delta("W2", "W", "100.00", "0")
    assert ledger.months("W2") == {"2027-02": "40.00"}
    ledger.reach("W2", "2027-03-31", "keys")
    assert ledger.schedule("W").recognised == 1000
    assert ledger.schedule("W2").recognised == 100


def test_a_change_with_milestones_of_its_own_goes_by_them() -> None:
    ledger = Ledger()
    ledger.plan("W", "on_milestone", "1000.00", milestones=[{"name": "keys", "percent": "100"}])
    own = [{"name": "pool", "percent": "30"}, {"name": "keys", "percent": "70"}]
    ledger.delta("W2", "W", "100.00", "0", milestones=own)
    ledger.reach("W2", "2027-01-31", "pool")
    assert (ledger.months("W"), ledger.months("W2")) == ({}, {"2027-01": "30.00"})
    ledger.reach("W", "2027-02-28", "keys")
    assert ledger.schedule("W2").recognised == 100


def test_the_criterion_needs_the_same_schedule() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "50", "2027-01-31")
    ledger.delta("W2", "W", "200.00", "2", revenue="on_delivery")
    assert ledger.months("W2") == {}


# what is taken away from deliveries, and what comes back


def test_taking_what_is_open_earns_nothing_and_leaves_nothing() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "4", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", "-300.00", "-3")
    assert ledger.months("A2") == {}
    ledger.deliver("A", "3", "2027-03-10")
    found = report(ledger.schedules())
    assert found.contracted == found.total == 700


def test_an_amount_that_is_not_in_proportion_is_earned_with_what_is_left() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.on("2027-02-01").delta("A2", "A", "-310.00", "-3")
    ledger.deliver("A", "7", "2027-03-10")
    assert both(ledger) == {"2027-03": "690.00"}


def test_a_price_cut_alone_counts_for_what_was_delivered_from_its_day_on() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "4", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", "-100.00", "0")
    assert both(ledger) == {"2027-01": "400.00", "2027-02": "-40.00"}
    ledger.deliver("A", "6", "2027-03-10")
    assert report(ledger.schedules()).total == 900


def test_a_return_is_earned_back_when_it_comes() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "10", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", "-200.00", "-2", activated="2027-02-01")
    assert ledger.months("A2") == {}
    ledger.deliver("A2", "-2", "2027-03-03")
    assert ledger.months("A2") == {"2027-03": "-200.00"}
    assert report(ledger.schedules()).contracted == report(ledger.schedules()).total == 800


def test_everything_given_back_leaves_nothing_earned() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "100.00", "3")
    ledger.deliver("A", "3", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", "-100.00", "-3")
    assert report(ledger.schedules()).total == 100
    ledger.deliver("A2", "-3", "2027-02-02")
    assert report(ledger.schedules()).total == 0


def test_a_row_that_is_taken_back_tells_nothing() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    for percent in ("60", "40", "60"):
        ledger.progress("W", percent, "2027-01-31")
    ledger.entries.append(ledger.entries[-1].model_copy(update={"counter": True}))
    assert ledger.months("W") == {"2027-01": "400.00"}
    ledger.plan("X", "on_milestone", "10.00")
    ledger.reach("X", "2027-01-31")
    ledger.entries.append(ledger.entries[-1].model_copy(update={"counter": True}))
    assert ledger.months("X") == {}


# dates


def test_a_date_moved_replaces_the_schedule() -> None:
    ledger = Ledger()
    ledger.plan("S", "daily", "59.00", start="2027-01-01", end="2027-02-28")
    ledger.replan("S", start=day("2027-02-01"), amount=Decimal("28.00"))
    assert ledger.months("S") == {"2027-02": "28.00"}


# bundles


def bundle(**support: Any) -> Story:
    """A machine of 900.00 with a year of support for 100.00, which alone would cost 25.00 a month."""
    machine = thing("A", "1", "900.00", standalone_price="900.00")
    more = {"price_per": "once", "standalone_price": "300.00", **support}
    year = seats("B", "1", net_total="100.00", component_of="A", end_date="2027-12-31", **more)
    return Story(quoted(machine, year)).split()


def contracted(story: Story) -> dict[str, str]:
    return {each.plan.line_id: str(each.contracted) for each in revenue(story.entries)}


def test_a_bundle_is_allocated_by_what_its_parts_cost_alone() -> None:
    story = bundle()
    assert contracted(story) == {"A": "750.00", "B": "250.00"}
    assert report(revenue(story.entries)).contracted == story.book.totals.ordered == 1000
    assert revenue_violations(story.entries) == ()


def test_a_price_alone_by_the_month_counts_the_months() -> None:
    assert contracted(bundle(price_per="month", standalone_price="25.00")) == {"A": "750.00", "B": "250.00"}
    by_year = bundle(price_per="year", standalone_price="300.00")
    assert contracted(by_year) == {"A": "750.00", "B": "250.00"}


def test_a_part_without_a_price_alone_counts_with_its_own() -> None:
    assert contracted(bundle(standalone_price="100.00")) == {"A": "900.00", "B": "100.00"}
    machine = thing("A", "1", "900.00")
    free = seats("B", "1", net_total="0.00", component_of="A", end_date="2027-12-31", standalone_price="8.3333333"[:8])
    assert contracted(Story(quoted(machine, free)).split()) == {"A": "810.00", "B": "90.00"}


def test_a_bundle_without_prices_alone_keeps_its_amounts() -> None:
    plain = Story(quoted(thing("A", "1", "900.00"), thing("B", "1", "100.00", component_of="A"))).split()
    assert contracted(plain) == {"A": "900.00", "B": "100.00"}


def test_each_order_allocates_the_bundle_it_holds() -> None:
    parts = to(("2027-01-01", "N", "1"), ("2027-03-01", "S", "2"))
    machine = thing("A", "3", "100.00", standalone_price="100.00", deliveries=parts)
    kit = thing("B", "6", "10.00", component_of="A", standalone_price="25.00")
    story = Story(quoted(machine, kit)).split()
    found = [(each.plan.line_id, str(each.contracted)) for each in revenue(story.entries)]
    assert found == [("A", "80.00"), ("B", "40.00"), ("A", "160.00"), ("B", "80.00")]


@pytest.mark.parametrize(("first", "second"), [("-1.00", "1.00"), ("0.00", "0.00"), ("-3.00", "1.00")])
def test_weights_that_say_nothing_allocate_nothing(first: str, second: str) -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "70.00", standalone_amount=Decimal(first))
    ledger.plan("B", "on_delivery", "30.00", standalone_amount=Decimal(second), parent_item="A")
    assert [str(each.contracted) for each in ledger.schedules()] == ["70.00", "30.00"]


def test_use_and_what_runs_on_stay_out_of_the_allocation() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "70.00", standalone_amount=Decimal(100))
    ledger.plan("B", "on_delivery", "30.00", standalone_amount=Decimal(100), parent_item="A")
    ledger.plan("U", "usage", "30.00", standalone_amount=Decimal(100), parent_item="A")
    ledger.plan("E", "monthly", "30.00", start="2027-01-01", item_kind="evergreen", price_per="month", parent_item="A")
    assert [str(each.contracted) for each in ledger.schedules()] == ["50.00", "50.00", "30.00", "30.00"]


def test_an_obligation_is_an_item_with_all_that_revises_it() -> None:
    story = Story(quoted(thing("A", "10"), thing("B", "1"))).split().until(noon("2027-01-02"))
    ledger = Ledger("2027-02-01")
    ledger.entries = story.entries
    ledger.plans = {row.item_id: row for row in story.entries if row.kind is EntryKind.SCHEDULED}
    ledger.delta("Q-1-2/A", "Q-1-1/A", "-300.00", "-3")
    rows = {row.key: row.contracted for row in grouped(ledger.schedules(), Grouping.OBLIGATION)}
    assert rows == {"Q-1-1/A": Decimal(700), "Q-1-1/B": Decimal(100)}
