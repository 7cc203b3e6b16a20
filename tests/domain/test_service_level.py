"""Service levels: targets, jeopardy and breach on a working calendar."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import WorkingCalendar
from domain.order.activation import acknowledge
from domain.order.fulfilment import deliver
from domain.reading import read_model
from domain.refusal import Refusal
from domain.service_level import (
    Clock,
    LevelState,
    ServiceLevels,
    Target,
    before,
    order_clocks,
    quote_clock,
    read_clock,
)
from tests.domain.order.story import ZONE, Story, day, noon, quoted, thing

OFFICE = WorkingCalendar(
    time_zone="America/Chicago", hours={"mon-fri": ("09:00-17:00",)}, holidays=(day("2027-01-18"),)
)
FRIDAY = datetime(2027, 1, 15, 15, tzinfo=ZONE)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def state(target: Target, now: str, ended: str | None = None) -> LevelState:
    end = at(ended) if ended else None
    return read_clock(target, OFFICE, "Q-1", FRIDAY, ended=end, now=at(now)).state


def test_a_clock_runs_on_working_time_into_jeopardy_and_breach() -> None:
    target = Target(clock=Clock.QUOTE_TO_ORDER, within="1d", warn="2h")
    read = read_clock(target, OFFICE, "Q-1", FRIDAY, now=FRIDAY)
    assert (read.target, read.jeopardy) == (at("2027-01-19T15:00"), at("2027-01-19T13:00"))
    assert read.next_moment == read.jeopardy
    assert state(target, "2027-01-19T12:59") is LevelState.RUNNING
    assert state(target, "2027-01-19T13:00") is LevelState.JEOPARDY
    assert state(target, "2027-01-19T15:00") is LevelState.JEOPARDY
    assert state(target, "2027-01-19T15:01") is LevelState.BREACHED


def test_the_end_decides_whether_it_was_met() -> None:
    target = Target(clock=Clock.QUOTE_TO_ORDER, within="1d")
    assert state(target, "2027-02-01T09:00", "2027-01-19T15:00") is LevelState.MET
    assert state(target, "2027-02-01T09:00", "2027-01-19T15:01") is LevelState.MISSED
    assert state(target, "2027-01-19T10:00", "2027-01-19T15:00") is LevelState.RUNNING


def test_without_a_warning_there_is_no_jeopardy() -> None:
    target = Target(clock=Clock.QUOTE_TO_ORDER, within="1d")
    assert state(target, "2027-01-19T15:00") is LevelState.RUNNING
    assert read_clock(target, OFFICE, "Q-1", FRIDAY, now=at("2027-01-20T09:00")).next_moment is None


def test_a_target_needs_its_time() -> None:
    with pytest.raises(Refusal) as refusal:
        read_clock(Target(clock=Clock.QUOTE_TO_ORDER), OFFICE, "Q-1", FRIDAY, now=FRIDAY)
    assert refusal.value.code == "missing_field"


def test_the_first_order_ends_the_clock_of_a_quote() -> None:
    story = Story(quoted(thing()))
    target = Target(clock=Clock.QUOTE_TO_ORDER, within="3d")
    accepted, now = noon("2026-11-30"), noon("2026-12-02")
    assert quote_clock("Q-1", accepted, story.book.orders, target, OFFICE, now).state is LevelState.RUNNING
    story.split()
    read = quote_clock("Q-1", accepted, story.book.orders, target, OFFICE, now)
    assert (read.state, read.ended) == (LevelState.MET, story.book.orders[0].created_at)


def test_orders_are_timed_to_their_acknowledgement_and_their_last_delivery() -> None:
    story = Story(quoted(thing("A"), thing("B"))).split()
    targets = [
        Target(clock=Clock.ORDER_TO_ACKNOWLEDGEMENT, within="4h", warn="1h"),
        Target(clock=Clock.ACTIVATION_TO_DELIVERY, within="10d"),
    ]
    order = story.order("Q-1-1")
    assert order_clocks(order, targets, noon("2026-12-30")) == ()
    story.until(noon("2027-01-01"), acknowledged=False)
    early = order_clocks(story.order("Q-1-1"), targets, at("2027-01-01T03:30"))
    assert [read.state for read in early] == [LevelState.JEOPARDY, LevelState.RUNNING]
    story.do(acknowledge, "Q-1-1", at("2027-01-01T05:00"))
    story.do(deliver, "Q-1-1", noon("2027-01-08"), line="A")
    now = noon("2027-01-12")
    read = order_clocks(story.order("Q-1-1"), targets, now)
    assert [each.state for each in read] == [LevelState.MISSED, LevelState.BREACHED]
    story.do(deliver, "Q-1-1", now, line="B", on=day("2027-01-10"))
    assert [each.state for each in order_clocks(story.order("Q-1-1"), targets, now)][1] is LevelState.MET


def test_a_promised_date_is_kept_until_its_end_and_warned_of_before() -> None:
    story = Story(quoted(thing("A"))).split().until(noon("2027-01-01"))
    targets = [Target(clock=Clock.PROMISED_DATE, warn="8h")]
    promised = {"Q-1-1/A": day("2027-01-19")}

    def read(now: str) -> LevelState:
        (found,) = order_clocks(story.order("Q-1-1"), targets, at(now), calendar=OFFICE, promised=promised)
        return found.state

    assert read("2027-01-15T17:00") is LevelState.RUNNING
    assert read("2027-01-19T09:00") is LevelState.JEOPARDY
    assert read("2027-01-19T23:59") is LevelState.JEOPARDY
    assert read("2027-01-20T00:00") is LevelState.BREACHED
    story.do(deliver, "Q-1-1", noon("2027-01-20"), on=day("2027-01-19"), quantity=Decimal(10), line="A")
    assert read("2027-01-20T13:00") is LevelState.MET


@given(st.integers(0, 60 * 24 * 30), st.integers(1, 40))
def test_the_time_before_a_moment_is_the_time_until_it(minutes: int, hours: int) -> None:
    moment = datetime.fromtimestamp(FRIDAY.timestamp() + 60 * minutes, ZONE)
    found = before(OFFICE, moment, f"{hours}h")
    assert found <= moment
    assert OFFICE.working_time(found, moment).total_seconds() == pytest.approx(hours * 3600, abs=1)
    assert (
        OFFICE.working_time(datetime.fromtimestamp(found.timestamp() + 61, ZONE), moment).total_seconds() < hours * 3600
    )


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({"clock": "quote_to_order"}, "missing_field"),
        ({"clock": "promised_date", "within": "2d"}, "conflicting_fields"),
        ({"clock": "quote_to_order", "within": "soon"}, "invalid_duration"),
        ({"clock": "quote_to_cash", "within": "2d"}, "invalid_choice"),
    ],
)
def test_targets_that_could_never_be_read_are_refused(target: dict[str, str], code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_model(ServiceLevels, {"targets": [target]})
    assert refusal.value.code == code
