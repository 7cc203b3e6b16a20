"""Closed periods: what was closed stays, and corrections name the month they belong to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.ledger.closing import ClosedPeriod, close_period, closed_for
from domain.ledger.period import Period, within
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.refusal import Refusal
from tests.domain.ledger.ledger_rows import ZONE, Ledger
from tests.domain.order.story import day, noon


def things() -> Ledger:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "1", "2027-01-10")
    ledger.on("2027-02-03").close("2027-01")
    return ledger


def test_what_is_told_late_falls_into_the_first_open_month() -> None:
    ledger = things()
    ledger.on("2027-02-05").deliver("A", "2", "2027-01-20")
    ledger.deliver("A", "3", "2027-02-05")
    assert ledger.months("A") == {"2027-01": "100.00", "2027-02": "300.00", "2027-02<2027-01": "200.00"}
    schedule = ledger.schedule("A")
    assert schedule.recognised_by(day("2027-01-31")) == 100
    assert schedule.recognised_by(day("2027-02-01")) == 300
    assert schedule.recognised_by(day("2027-02-05")) == schedule.recognised == 600


def test_a_correction_stays_where_it_fell_when_its_month_is_closed() -> None:
    ledger = things()
    ledger.on("2027-02-05").deliver("A", "2", "2027-01-20")
    ledger.on("2027-03-01").close("2027-02")
    ledger.on("2027-03-02").deliver("A", "1", "2027-01-21")
    ledger.deliver("A", "1", "2027-02-21")
    assert ledger.months("A") == {
        "2027-01": "100.00",
        "2027-02<2027-01": "200.00",
        "2027-03<2027-01": "100.00",
        "2027-03<2027-02": "100.00",
    }
    assert revenue_violations(ledger.entries, ledger.closed) == ()


def test_closing_a_month_closes_all_before_it() -> None:
    ledger = Ledger()
    ledger.plan("S", "monthly", "120.00", start="2027-01-01", end="2027-12-31")
    ledger.on("2027-04-01").close("2027-03")
    ledger.on("2027-04-02").replan("S", amount=Decimal("240.00"))
    assert ledger.months("S")["2027-01"] == "10.00"
    corrections = {month: amount for month, amount in ledger.months("S").items() if "<" in month}
    assert corrections == dict.fromkeys(("2027-04<2027-01", "2027-04<2027-02", "2027-04<2027-03"), "10.00")
    assert report(ledger.schedules()).amount("2027-04") == 50


def test_an_item_that_is_gone_is_corrected_to_nothing() -> None:
    ledger = Ledger()
    ledger.plan("S", "monthly", "120.00", start="2027-01-01", end="2027-12-31")
    ledger.on("2027-02-01").close("2027-01")
    ledger.on("2027-02-02").cancel("S")
    assert ledger.months("S") == {"2027-01": "10.00", "2027-02<2027-01": "-10.00"}
    schedule = ledger.schedule("S")
    assert (schedule.contracted, schedule.recognised, schedule.remaining(day("2027-02-28"))) == (Decimal(0),) * 3
    assert revenue_violations(ledger.entries, ledger.closed) == ()


def test_an_item_ordered_into_a_closed_month_is_earned_after_it() -> None:
    ledger = Ledger("2027-02-01")
    ledger.close("2027-01")
    ledger.on("2027-02-02").plan("S", "monthly", "30.00", start="2027-01-01", end="2027-03-31")
    assert ledger.months("S") == {"2027-02": "10.00", "2027-02<2027-01": "10.00", "2027-03": "10.00"}


def test_nothing_learnt_between_two_closings_changes_nothing() -> None:
    ledger = things()
    before = ledger.months("A")
    ledger.on("2027-03-01").close("2027-02")
    ledger.on("2027-04-01").close("2027-03")
    assert ledger.months("A") == before
    assert len(ledger.schedule("A").books) == 1
    ledger.on("2027-04-02").deliver("A", "1", "2027-01-31")
    assert ledger.months("A") == {**before, "2027-04<2027-01": "100.00"}


def test_an_item_whose_facts_stay_has_one_book_whatever_happens_to_others() -> None:
    ledger = things()
    ledger.on("2027-02-04").plan("B", "on_delivery", "10.00")
    ledger.on("2027-03-01").close("2027-02")
    ledger.on("2027-03-02").plan("C", "on_delivery", "10.00")
    assert [len(each.books) for each in ledger.schedules()] == [1, 2, 2]


def test_what_was_known_before_a_closing_knows_nothing_of_it() -> None:
    ledger = things()
    ledger.on("2027-02-05").deliver("A", "2", "2027-01-20")
    (then,) = revenue(ledger.entries, noon("2027-02-01"), ledger.closed)
    assert [(row.month, row.amount) for row in then.months] == [("2027-01", Decimal(100))]
    assert then.books[0].until is None


def test_a_period_shows_its_corrections() -> None:
    ledger = things()
    ledger.on("2027-02-05").deliver("A", "2", "2027-01-20")
    ledger.deliver("A", "3", "2027-02-05")
    schedules = ledger.schedules()
    cuts = {
        Period(day("2027-02-01"), day("2027-02-28")): ["300.00", "200.00"],
        Period(day("2027-02-01"), day("2027-02-03")): ["200.00"],
        Period(day("2027-02-02"), day("2027-02-28")): ["300.00"],
        Period(None, day("2027-01-31")): ["100.00"],
        Period(day("2027-03-15"), None): [],
    }
    for period, amounts in cuts.items():
        (found,) = within(schedules, period)
        assert [str(row.amount) for row in found.months] == amounts
        assert found.contracted == 1000


def test_a_month_that_comes_to_nothing_still_has_parts() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "100.00")
    ledger.progress("W", "30", "2027-01-10")
    ledger.progress("W", "0", "2027-01-20")
    (found,) = within(ledger.schedules(), Period(None, day("2027-01-15")))
    assert ([row.month for row in found.months], found.recognised) == (["2027-01"], Decimal(30))


# closing itself


def refused(month: str, at: str, *before: str) -> Refusal:
    closed = [ClosedPeriod(month=each, at=noon("2027-02-01"), by="fin") for each in before]
    with pytest.raises(Refusal) as refusal:
        close_period(closed, month, noon(at), "fin", time_zone=ZONE)
    return refusal.value


@pytest.mark.parametrize(
    ("month", "at", "before", "code"),
    [
        ("2027-01", "2027-01-31", (), "in_the_future"),
        ("2027-03", "2027-02-15", (), "in_the_future"),
        ("2027-01", "2027-03-15", ("2027-01",), "already_closed"),
        ("2026-12", "2027-03-15", ("2027-01",), "already_closed"),
        ("2027-13", "2027-03-15", (), "invalid_date"),
        ("2027", "2027-03-15", (), "invalid_date"),
        ("2027-1-1", "2027-03-15", (), "invalid_date"),
    ],
)
def test_what_cannot_be_closed(month: str, at: str, before: tuple[str, ...], code: str) -> None:
    refusal = refused(month, at, *before)
    assert (refusal.code, refusal.path) == (code, "month")


def test_a_month_is_over_where_the_customer_is() -> None:
    at = noon("2027-02-01").replace(hour=1)
    assert close_period((), "2027-01", at, "fin", time_zone=ZONE).month == "2027-01"
    with pytest.raises(Refusal):
        close_period((), "2027-01", at, "fin", time_zone="Pacific/Honolulu")


def test_closings_of_another_customer_do_not_count() -> None:
    own, every, other = (
        ClosedPeriod(month="2027-01", at=noon("2027-02-01"), by="fin", customer_id=customer)
        for customer in ("c-1", None, "c-2")
    )
    assert closed_for((own, every, other), "c-1") == (own, every)
    assert close_period((other,), "2027-01", noon("2027-02-01"), "fin", time_zone=ZONE, customer_id="c-1")


def test_a_closing_of_what_was_closed_already_changes_nothing() -> None:
    ledger = things()
    ledger.on("2027-02-05").deliver("A", "2", "2027-01-20")
    before = ledger.months("A")
    ledger.closed.append(ClosedPeriod(month="2026-12", at=noon("2027-02-10"), by="fin"))
    assert ledger.months("A") == before


def test_the_audit_finds_a_ledger_that_was_tampered_with() -> None:
    ledger = things()
    ledger.on("2027-02-05").deliver("A", "2", "2027-01-20")
    assert revenue_violations(ledger.entries, ledger.closed) == ()
    ledger.plan("B", "daily", "10.00", start="2027-01-01", end="2027-12-31")
    doubled = ledger.entries[0].model_copy(update={"amount": Decimal("1.00")})
    codes = {problem.code for problem in revenue_violations([doubled, *ledger.entries], ledger.closed)}
    assert codes == {"revenue_contracted"}


def test_a_closed_month_stays_when_as_much_is_told_of_the_work_as_is_cancelled() -> None:
    """Found by random ledgers: two states with as many rows over all items of the work were taken for one."""
    ledger = Ledger()
    ledger.plan("W", "on_milestone", "100.00")
    ledger.delta("W2", "W", "-8.00", "-1")
    ledger.on("2027-02-01").close("2027-01")
    ledger.on("2027-02-10").cancel("W2")
    ledger.reach("W", "2027-01-20", "first")
    ledger.reach("W", "2027-01-20", "last")
    assert ledger.months("W") == {"2027-02<2027-01": "100.00"}


# what waited before it was stored


def test_a_row_that_waited_over_a_closing_is_a_correction_though_its_moment_lies_before() -> None:
    ledger = things()
    ledger.on("2027-02-02").deliver("A", "5", "2027-01-15")
    assert ledger.months("A") == {"2027-01": "100.00", "2027-02<2027-01": "500.00"}
    assert revenue_violations(ledger.entries, ledger.closed) == ()
    ledger.on("2027-03-02").close("2027-02")
    ledger.on("2027-03-01").deliver("A", "1", "2027-02-15")
    assert ledger.months("A") == {"2027-01": "100.00", "2027-02<2027-01": "500.00", "2027-03<2027-02": "100.00"}
    assert revenue_violations(ledger.entries, ledger.closed) == ()


def test_a_row_that_was_there_is_known_to_the_closing_though_its_clock_ran_ahead() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.on("2027-02-04").deliver("A", "1", "2027-01-10")
    ledger.on("2027-02-03").close("2027-01")
    assert ledger.months("A") == {"2027-01": "100.00"}
    (asked,) = revenue(ledger.entries, noon("2027-02-03"), ledger.closed)
    assert [(row.month, str(row.amount)) for row in asked.months] == [("2027-01", "100.00")]


def test_two_closings_of_one_moment_know_what_was_recorded_before_each() -> None:
    ledger = things()
    ledger.on("2027-03-03").deliver("A", "1", "2027-01-10")
    ledger.close("2027-02")
    ledger.on("2027-05-03").close("2027-03")
    ledger.deliver("A", "2", "2027-01-11")
    ledger.close("2027-04")
    ledger.deliver("A", "1", "2027-02-10")
    assert ledger.months("A") == {
        "2027-01": "100.00",
        "2027-02<2027-01": "100.00",
        "2027-04<2027-01": "200.00",
        "2027-05<2027-02": "100.00",
    }
    assert revenue_violations(ledger.entries, ledger.closed) == ()


def test_a_closing_of_an_earlier_release_knew_nothing_that_came_behind_the_next_one() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "1", "2027-01-10")
    ledger.closed.append(ClosedPeriod(month="2027-01", at=noon("2027-02-03"), by="fin"))
    ledger.on("2027-03-03").close("2027-02")
    ledger.on("2027-02-03").deliver("A", "2", "2027-01-10")
    assert ledger.months("A") == {"2027-01": "100.00", "2027-03<2027-01": "200.00"}
    assert revenue_violations(ledger.entries, ledger.closed) == ()
