"""Work that is changed late: it comes back, or more of it is ordered when all was done; and the moment of a closing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.closing import ClosedPeriod
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.order.choosing import Pick
from domain.order.give_back import give_back
from domain.order.pick import pick
from domain.order.supplement import supplement
from domain.order.work import progress_work, reach_work
from tests.domain.ledger.ledger_rows import Ledger
from tests.domain.order.story import Story, cause, noon, quoted, thing

HALVES = [{"name": "built", "percent": "50"}, {"name": "run in", "percent": "50"}]


def months(story: Story) -> dict[str, str]:
    assert revenue_violations(story.entries) == ()
    return {month: str(amount) for month, amount in report(revenue(story.entries)).months.items()}


def done(**line: Any) -> Story:
    """Work of 1,000.00 over 10 pieces, all of it told as done in January."""
    story = Story(quoted(thing("W", **line))).split().until(noon("2027-01-02"))
    if line["revenue"] == "percent_complete":
        story.keep(progress_work(story.book, "Q-1-1", cause(noon("2027-01-20")), percent=Decimal(100)))
    for _ in range(len(line.get("milestones", ())) or 1):
        if line["revenue"] == "on_milestone":
            story.keep(reach_work(story.book, "Q-1-1", cause(noon("2027-01-20"))))
    return story


@pytest.mark.parametrize(
    "line",
    [
        {"revenue": "on_milestone"},
        {"revenue": "on_milestone", "milestones": HALVES},
        {"revenue": "percent_complete"},
    ],
)
def test_work_that_comes_back_is_earned_back_when_it_is_told(line: dict[str, Any]) -> None:
    """Once it was earned back as soon as the return was activated."""
    story = done(**line)
    story.keep(give_back(story.book, "Q-1-1", {"W": Decimal(3)}, cause(noon("2027-02-10"))))
    story.until(noon("2027-02-11"))
    assert months(story) == {"2027-01": "1000.00"}
    again = cause(noon("2027-03-05"))
    if line["revenue"] == "on_milestone":
        story.keep(reach_work(story.book, "Q-1-2", again))
    else:
        story.keep(progress_work(story.book, "Q-1-2", again, percent=Decimal(100)))
    assert months(story) == {"2027-01": "1000.00", "2027-03": "-300.00"}
    assert story.order("Q-1-2").state == "fulfilled"


def test_a_return_of_before_is_earned_back_with_the_work() -> None:
    ledger = Ledger()
    ledger.plan("W", "on_milestone", "1000.00", "10")
    ledger.reach("W", "2027-01-20")
    ledger.delta("W2", "W", "-300.00", "-3", activated="2027-02-10")
    assert ledger.months("W2") == {"2027-02": "-300.00"}


def test_work_added_when_all_was_done_is_earned_by_the_last_word_until_another_is_told() -> None:
    story = Story(quoted(thing("W", "12", revenue="percent_complete"), thing("A")))
    first = (Pick(line="W", quantity=Decimal(10)), Pick(line="A"))
    story.keep(pick(story.book, story.priced, first, cause()))
    story.until(noon("2027-01-02"))
    story.keep(progress_work(story.book, "Q-1-1", cause(noon("2027-01-20")), percent=Decimal(100)))
    story.keep(supplement(story.book, "Q-1-1", {"W": Decimal(2)}, cause(noon("2027-02-10"))))
    story.until(noon("2027-02-11"))
    assert months(story) == {"2027-01": "1000.00", "2027-02": "200.00"}
    assert story.order("Q-1-2").state == "in_fulfilment"
    story.keep(progress_work(story.book, "Q-1-2", cause(noon("2027-02-12")), percent=Decimal(90)))
    assert months(story) == {"2027-01": "1000.00", "2027-02": "80.00"}
    story.keep(progress_work(story.book, "Q-1-2", cause(noon("2027-03-12")), percent=Decimal(100)))
    assert months(story) == {"2027-01": "1000.00", "2027-02": "80.00", "2027-03": "120.00"}
    assert story.order("Q-1-2").state == "fulfilled"


def test_what_is_recorded_in_the_very_moment_of_a_closing_is_known_to_it_if_it_came_before() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.on("2027-02-01").deliver("A", "1", "2027-01-31")
    ledger.close("2027-01")
    ledger.deliver("A", "2", "2027-01-31")
    assert ledger.months("A") == {"2027-01": "100.00", "2027-02<2027-01": "200.00"}
    (asked,) = revenue(ledger.entries, noon("2027-02-01"), ledger.closed)
    assert [(row.month, row.original, str(row.amount)) for row in asked.months] == [
        ("2027-01", None, "100.00"),
        ("2027-02", "2027-01", "200.00"),
    ]


def test_what_is_recorded_in_the_very_moment_of_a_closing_of_an_earlier_release_is_known_to_it() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.on("2027-02-01").closed.append(ClosedPeriod(month="2027-01", at=noon("2027-02-01"), by="fin"))
    ledger.deliver("A", "1", "2027-01-31")
    ledger.on("2027-02-02").deliver("A", "2", "2027-01-31")
    assert ledger.months("A") == {"2027-01": "100.00", "2027-02<2027-01": "200.00"}
    (then,) = revenue(ledger.entries, noon("2027-02-01"), ledger.closed)
    assert [str(row.amount) for row in then.months] == ["100.00"]


@pytest.mark.parametrize(("first", "second", "total"), [("60", "80", "960.00"), ("80", "60", "720.00")])
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_words_for_one_day_the_one_told_last_counts_whichever_order_was_told(
    first: str, second: str, total: str, turned: bool
) -> None:
    story = Story(quoted(thing("W", "12", revenue="percent_complete")))
    story.keep(pick(story.book, story.priced, (Pick(line="W", quantity=Decimal(10)),), cause()))
    story.until(noon("2027-01-02"))
    story.keep(supplement(story.book, "Q-1-1", {"W": Decimal(2)}, cause(noon("2027-02-10"))))
    story.until(noon("2027-02-11"))
    names = ("Q-1-1", "Q-1-2") if turned else ("Q-1-2", "Q-1-1")
    at = noon("2027-02-20")
    for hours, (name, percent) in enumerate(zip(names, (first, second), strict=True)):
        later = cause(at + timedelta(hours=hours))
        story.keep(progress_work(story.book, name, later, percent=Decimal(percent)))
    assert months(story) == {"2027-02": total}


def test_work_is_not_ended_by_an_old_word_when_other_work_of_its_order_is_told() -> None:
    story = Story(quoted(thing("W", "12", revenue="percent_complete"), thing("V", revenue="percent_complete")))
    first = (Pick(line="W", quantity=Decimal(10)), Pick(line="V"))
    story.keep(pick(story.book, story.priced, first, cause()))
    story.until(noon("2027-01-02"))
    at = noon("2027-02-20")
    story.keep(progress_work(story.book, "Q-1-1", cause(at), percent=Decimal(100), line="W"))
    story.keep(supplement(story.book, "Q-1-1", {"W": Decimal(2)}, cause(at)))
    story.until(at)
    story.keep(progress_work(story.book, "Q-1-2", cause(at + timedelta(hours=1)), percent=Decimal(80)))
    assert story.order("Q-1-2").state == "partially_fulfilled"
    two_hours = cause(at + timedelta(hours=2))
    story.keep(progress_work(story.book, "Q-1-1", two_hours, percent=Decimal(50), line="V"))
    assert story.order("Q-1-2").state == "partially_fulfilled"
