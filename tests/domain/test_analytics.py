"""Waits: medians, percentiles, working time and what they leave out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analytics import Answer, By, Silence, WorkingClock, percentile, waits
from domain.calendar import ROUND_THE_CLOCK, WorkingCalendar

OFFICE = WorkingCalendar(time_zone="America/Chicago", hours={"mon-fri": ("09:00-12:00", "13:00-17:00")})
ODD = [
    OFFICE,
    ROUND_THE_CLOCK,
    WorkingCalendar(time_zone="America/Sao_Paulo", hours={"mon-sun": ("00:00-02:30", "03:00-24:00")}),
    WorkingCalendar(time_zone="Europe/Berlin", hours={"sun": ("01:30-02:30", "02:45-05:00"), "mon": ("22:00-24:00",)}),
    WorkingCalendar(time_zone="Africa/Cairo", hours={"fri-sat": ("00:00-01:30",)}, holidays=("2018-05-04",)),
]
YEAR = (datetime.fromisoformat("2018-01-01"), datetime.fromisoformat("2018-12-31"))
MOMENTS = st.datetimes(*YEAR, timezones=st.just(UTC))
MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)  # nine in Chicago
HOUR = timedelta(hours=1)


@given(st.sampled_from(ODD), st.lists(st.tuples(MOMENTS, MOMENTS), min_size=1, max_size=6))
def test_many_waits_come_to_what_each_comes_to(
    calendar: WorkingCalendar, pairs: list[tuple[datetime, datetime]]
) -> None:
    clock = WorkingClock(calendar)
    for start, end in pairs:
        expected = calendar.working_time(start, end) if end > start else timedelta()
        assert clock.between(start, end) == expected


def answer(person: str, hours: float, rule: str = "r", step: int = 1, **more: object) -> Answer:
    given = {"person": person, "rule": rule, "chain": "c", "step": step, "asked_at": MONDAY, "calendar": "office"}
    return Answer(**{**given, "at": MONDAY + hours * HOUR, **more})  # type: ignore[arg-type]


CALENDARS = {"office": OFFICE, None: ROUND_THE_CLOCK}


def test_working_time_is_that_of_the_persons_calendar() -> None:
    (sam, mei), _ = waits([answer("mei", 24), answer("sam", 24, calendar=None)], [], By.APPROVER, CALENDARS)
    assert (sam.key, sam.working_median, sam.wall_median) == ("sam", 24 * HOUR, 24 * HOUR)
    assert (mei.key, mei.working_median, mei.wall_median) == ("mei", 7 * HOUR, 24 * HOUR)


def test_the_time_of_an_open_question_is_nobodys_wait() -> None:
    asked = MONDAY + HOUR
    pauses = [(asked, asked + HOUR), (asked + HOUR / 2, asked + 2 * HOUR), (MONDAY + 30 * HOUR, MONDAY + 40 * HOUR)]
    (mei,), _ = waits([answer("mei", 24, pauses=pauses)], [], By.APPROVER, CALENDARS)
    assert (mei.wall_median, mei.working_median) == (22 * HOUR, 5 * HOUR)


def test_a_question_that_is_open_when_one_answers_counts_until_then() -> None:
    (mei,), _ = waits([answer("mei", 2, pauses=[(MONDAY + HOUR, MONDAY + 9 * HOUR)])], [], By.APPROVER, CALENDARS)
    assert mei.wall_median == HOUR


def test_groups_by_rule_and_step_and_those_who_never_answered() -> None:
    answers = [
        answer("mei", 1, rule="a", step=1),
        answer("sam", 2, rule="b", step=2),
        answer("mei", 3, rule="b", step=2),
    ]
    silences = [Silence("tom", "b", "c", 2)]
    by_rule, whole = waits(answers, silences, By.RULE, CALENDARS)
    assert [(each.key, each.answers, each.unanswered) for each in by_rule] == [("b", 2, 1), ("a", 1, 0)]
    assert (whole.answers, whole.unanswered, whole.wall_median) == (3, 1, 2 * HOUR)
    by_step, _ = waits(answers, silences, By.STEP, CALENDARS)
    assert [each.key for each in by_step] == ["c 2", "c 1"]
    by_person, _ = waits(answers, silences, By.APPROVER, CALENDARS)
    assert [(each.key, each.answers, each.wall_median) for each in by_person if not each.answers] == [("tom", 0, None)]


@pytest.mark.parametrize(
    ("count", "median", "p90"), [(1, 1, 1), (2, 1, 2), (3, 2, 3), (10, 5, 9), (11, 6, 10), (100, 50, 90)]
)
def test_percentiles_are_by_nearest_rank(count: int, median: int, p90: int) -> None:
    ordered = [number * HOUR for number in range(1, count + 1)]
    assert (percentile(ordered, 50), percentile(ordered, 90)) == (median * HOUR, p90 * HOUR)
    assert percentile([], 50) is None
