"""Supplements and the orders that they stand for: what they credit, what ends together, and what may be closed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.entitlement import entitlements
from domain.ledger.revenue import report, revenue
from domain.order.cancel import cancel
from domain.order.close_short import close_short
from domain.order.closing import close
from domain.order.event import Change
from domain.order.fulfilment import deliver
from domain.order.item import Item
from domain.order.order import OrderState
from domain.order.permission import Operation, allowed
from domain.order.standing import is_owed
from domain.order.supplement import supplement
from domain.order.work import progress_work, reach_work
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, day, noon, percent, quoted, seats, thing, to

D = Decimal
NEW_YEAR, JULY = "2027-01-01", "2027-07-01"
OPEN = thing("A", "5", deliveries=to((NEW_YEAR, None, "5")))
"""Something to deliver, so that the order is not over and can be supplemented."""


def running(*lines: dict[str, Any], at: str = NEW_YEAR) -> Story:
    return Story(quoted(*lines)).split().until(noon(at))


def work(**more: Any) -> Story:
    """Work of ten, of which eight are ordered and running."""
    story = Story(quoted(thing("W", "10", deliveries=to((NEW_YEAR, None, "10")), **more))).split()
    story.keep(cancel(story.book, "Q-1-1", cause(), lines={"W": D(2)}))
    return story.until(noon(NEW_YEAR))


def do(
    story: Story, operation: Callable[..., Change], *more: Any, at: str, name: str = "Q-1-1", **named: Any
) -> Change:
    change = story.keep(operation(story.book, name, *more, cause(noon(at), why="so it is"), **named))
    story.until(noon(at))
    return change


def code(story: Story, operation: Callable[..., Change], name: str, *more: Any, at: str) -> str:
    with pytest.raises(Refusal) as refusal:
        operation(story.book, name, *more, cause(noon(at)))
    return refusal.value.code


def item(story: Story, name: str, line: str) -> Item:
    return next(each for each in story.order(name).items if each.line_id == line)


def test_less_of_a_running_service_is_credited_from_its_day_on() -> None:
    year = seats("S", "10", deliveries=to((NEW_YEAR, None, "10")), end_date="2027-12-31")
    story = running(year, OPEN)
    do(story, supplement, {"S": D(-4)}, at=JULY, disposition="cancelled")
    delta = item(story, "Q-1-2", "S")
    assert (delta.quantity, delta.amount, delta.start, delta.end) == (D(-4), D("-240.00"), day(JULY), day("2027-12-31"))
    assert str(story.book.totals.cancelled) == "240.00"
    for on, seats_held in (("2027-06-30", 10), (JULY, 6), ("2027-12-31", 6), ("2028-01-01", 0)):
        assert entitlements(story.entries, day(on)).of("P-S") == seats_held
    months = report(revenue(story.entries)).lines["S"].months
    before = report(revenue(running(year, OPEN).entries)).lines["S"].months
    assert {month: months[month] for month in before if month < "2027-07"} == {
        month: amount for month, amount in before.items() if month < "2027-07"
    }
    assert sum(months.values()) == D("960.00")


def test_what_comes_back_to_unordered_is_what_the_quote_says_and_the_used_time_is_variance() -> None:
    story = running(seats("S", "10", deliveries=to((NEW_YEAR, None, "10")), end_date="2027-12-31"), OPEN)
    do(story, supplement, {"S": D(-4)}, at=JULY)
    totals = story.book.totals
    assert (str(totals.unordered), str(totals.ordered), str(totals.variance)) == ("480.00", "1460.00", "240.00")


def test_all_of_a_lump_sum_taken_in_steps_from_its_first_day_comes_to_its_amount() -> None:
    line = seats("S", "7", net_total="100.00", deliveries=to((NEW_YEAR, None, "7")), end_date="2027-12-31")
    story = running(line, OPEN)
    do(story, supplement, {"S": D(-2)}, at=NEW_YEAR, disposition="cancelled")
    do(story, supplement, {"S": D(-3)}, at=NEW_YEAR, name="Q-1-2", disposition="cancelled")
    do(story, supplement, {"S": D(-2)}, at=NEW_YEAR, name="Q-1-3", disposition="cancelled")
    assert sum(each.amount for order in story.book.orders for each in order.items if each.line_id == "S") == 0


def test_a_share_of_a_running_service_is_credited_with_it() -> None:
    year = seats("S", "10", deliveries=to((NEW_YEAR, "N", "10")), end_date="2027-12-31")
    open_still = thing("A", "5", deliveries=to((NEW_YEAR, "N", "5")))
    story = running(year, open_still, percent(of="10", of_lines=["S"]))
    do(story, supplement, {"S": D(-10)}, at=JULY, disposition="cancelled")
    delta = item(story, "Q-1-2", "M")
    assert (delta.amount, delta.start, delta.end) == (D("-60.00"), day(JULY), day("2027-12-31"))


@pytest.mark.parametrize("told", ["Q-1-1", "Q-1-2"])
def test_progress_told_to_one_order_ends_the_work_in_all(told: str) -> None:
    story = work(revenue="percent_complete")
    do(story, supplement, {"W": D(2)}, at="2027-02-01")
    assert is_owed(story.order("Q-1-1"))
    do(story, progress_work, at="2027-03-01", name=told, percent=D(100))
    assert not is_owed(story.order("Q-1-1"))
    assert story.order("Q-1-1").state is OrderState.SUPERSEDED
    assert story.order("Q-1-2").state is OrderState.FULFILLED
    assert report(revenue(story.entries)).total == D("1000.00")


@pytest.mark.parametrize("stones", [(), ({"name": "dug", "percent": "40"}, {"name": "built", "percent": "60"})])
def test_milestones_reached_in_one_order_end_the_work_in_all(stones: tuple[dict[str, str], ...]) -> None:
    story = work(revenue="on_milestone", **({"milestones": list(stones)} if stones else {}))
    if stones:
        do(story, reach_work, at="2027-01-15", line="W")
    do(story, supplement, {"W": D(2)}, at="2027-02-01")
    do(story, reach_work, at="2027-03-01", name="Q-1-2", line="W", milestone="built" if stones else None)
    assert not is_owed(story.order("Q-1-1"))
    assert story.order("Q-1-2").state is OrderState.FULFILLED
    assert report(revenue(story.entries)).total == D("1000.00")


def test_a_supplement_is_not_closed_while_something_is_open_under_what_it_stands_for() -> None:
    story = running(thing("A", "5", deliveries=to((NEW_YEAR, None, "5"))))
    do(story, supplement, {"A": D(-1)}, at="2027-02-01")
    assert story.order("Q-1-2").state is OrderState.FULFILLED
    base = (story.order("Q-1-1"),)
    assert code(story, close, "Q-1-2", at="2027-02-02") == "wrong_state"
    assert allowed(story.order("Q-1-2"), base)[Operation.CLOSE] == "wrong_state"
    assert allowed(story.order("Q-1-2"), base)[Operation.CLOSE_SHORT] is None
    assert allowed(story.order("Q-1-2"), base)[Operation.SUPPLEMENT] is None
    assert allowed(story.order("Q-1-2"), base)[Operation.RETURN] == "quantity_out_of_range"
    story.do(deliver, "Q-1-1", noon("2027-02-02"))
    base = (story.order("Q-1-1"),)
    assert allowed(story.order("Q-1-2"), base)[Operation.CLOSE_SHORT] == "nothing_open"
    assert allowed(story.order("Q-1-2"), base)[Operation.RETURN] is None
    do(story, close, at="2027-02-03", name="Q-1-2")
    assert story.order("Q-1-2").state is OrderState.CLOSED


def test_the_event_says_modify_where_something_of_the_order_is_left() -> None:
    story = running(seats("S", "10", deliveries=to((NEW_YEAR, None, "10")), end_date="2027-12-31"), OPEN)
    change = do(story, close_short, at="2027-02-01")
    assert change.events[0].after["erp"] == "modify"


def test_the_event_says_delete_where_nothing_of_order_and_supplement_is_left() -> None:
    story = running(OPEN)
    do(story, supplement, {"A": D(-2)}, at="2027-02-01")
    change = do(story, close_short, at="2027-02-02", name="Q-1-2")
    assert {event.after.get("erp") for event in change.events if event.item_id is None} == {"delete"}
