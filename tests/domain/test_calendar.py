"""Working time: slots, zones, holidays, clock changes, and due moments that are the earliest possible."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import ROUND_THE_CLOCK, Sla, WorkingCalendar, clock_duration


def calendar(zone: str = "UTC", holidays: tuple[str, ...] = (), **hours: Any) -> WorkingCalendar:
    """Nine to five from Monday to Friday, unless other hours are given (``mon_fri=…``)."""
    week = {name.replace("_", "-"): slots for name, slots in hours.items()} or {"mon-fri": ["09:00-17:00"]}
    return WorkingCalendar.model_validate({"time_zone": zone, "hours": week, "holidays": holidays})


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


OFFICE = calendar()
CHICAGO = calendar("America/Chicago", ("2026-11-26", "2026-11-27"), mon_fri=["09:00-12:00", "13:00-17:00"])
SUNDAY_WEEK = calendar("Asia/Riyadh", sun_thu=["08:00-16:00"])
NIGHT = calendar("America/Chicago", mon_sun=["00:00-24:00"])


@pytest.mark.parametrize(
    ("office", "start", "length", "due"),
    [
        # 2026-11-23 is a Monday
        (OFFICE, "2026-11-23T09:00", "8h", "2026-11-23T17:00"),
        (OFFICE, "2026-11-23T09:00", "1d", "2026-11-23T17:00"),
        (OFFICE, "2026-11-23T09:00", "8h 1m", "2026-11-24T09:01"),
        (OFFICE, "2026-11-23T16:00", "2h", "2026-11-24T10:00"),
        (OFFICE, "2026-11-23T17:00", "1h", "2026-11-24T10:00"),
        (OFFICE, "2026-11-23T03:00", "1h", "2026-11-23T10:00"),
        (OFFICE, "2026-11-27T16:00", "2h", "2026-11-30T10:00"),
        (OFFICE, "2026-11-28T12:00", "30m", "2026-11-30T09:30"),
        (OFFICE, "2026-11-23T09:00", "1w", "2026-11-27T17:00"),
        (OFFICE, "2026-11-25T13:00", "1w", "2026-12-02T13:00"),
        (OFFICE, "2026-11-23T09:00", "2d 4h", "2026-11-25T13:00"),
        (OFFICE, "2026-11-23T09:00", "1.5h", "2026-11-23T10:30"),
        # several slots a day, holidays on Thursday and Friday
        (CHICAGO, "2026-11-23T11:30", "1h", "2026-11-23T13:30"),
        (CHICAGO, "2026-11-23T12:00", "1h", "2026-11-23T14:00"),
        (CHICAGO, "2026-11-23T09:00", "3h", "2026-11-23T12:00"),
        (CHICAGO, "2026-11-25T13:00", "1d", "2026-11-30T12:00"),
        (CHICAGO, "2026-11-26T10:00", "1m", "2026-11-30T09:01"),
        # the week begins on Sunday; Friday is free
        (SUNDAY_WEEK, "2026-11-26T15:00", "2h", "2026-11-29T09:00"),
        (ROUND_THE_CLOCK, "2026-11-28T12:00", "1d", "2026-11-29T12:00"),
        (ROUND_THE_CLOCK, "2026-11-28T12:00", "1w", "2026-12-05T12:00"),
    ],
)
def test_due_is_the_earliest_moment_at_which_so_much_working_time_has_passed(
    office: WorkingCalendar, start: str, length: str, due: str
) -> None:
    assert office.due(at(start, office.time_zone), length) == at(due, office.time_zone)


def test_working_time_is_counted_in_the_zone_of_the_calendar_wherever_it_began() -> None:
    tokyo = calendar("Asia/Tokyo", mon_fri=["09:30-18:00"])
    assert tokyo.due(at("2026-11-16T09:00", "America/Chicago"), "4h") == at("2026-11-17T13:30", "Asia/Tokyo")


def test_a_day_is_the_weekly_hours_over_the_working_weekdays() -> None:
    assert CHICAGO.length("1d") == timedelta(hours=7)
    assert calendar(mon=["09:00-17:00"], tue_fri=["09:00-13:00"]).length("1d") == timedelta(hours=4.8)
    assert ROUND_THE_CLOCK.length("1d") == timedelta(hours=24)
    assert CHICAGO.length("1w") == timedelta(hours=35)
    assert calendar(sat=["10:00-12:00"]).length("1w") == timedelta(hours=2)


# The clocks of Chicago go forward on 2027-03-14 and back on 2026-11-01, both at 02:00.


@pytest.mark.parametrize(
    ("start", "length", "due"),
    [
        ("2027-03-13T12:00", "24h", "2027-03-14T13:00"),
        ("2027-03-14T01:30", "1h", "2027-03-14T03:30"),
        ("2026-10-31T12:00", "24h", "2026-11-01T11:00"),
    ],
)
def test_hours_that_a_clock_change_adds_or_skips_are_counted_as_they_pass(start: str, length: str, due: str) -> None:
    assert NIGHT.due(at(start, "America/Chicago"), length) == at(due, "America/Chicago")


@pytest.mark.parametrize(
    ("zone", "hours", "start", "length", "due"),
    [
        # Lord Howe moves by half an hour: forward on 2026-10-04 at 02:00, back on 2027-04-04 at 02:00
        ("Australia/Lord_Howe", "01:00-03:00", "2026-10-03T14:30Z", "90m", "2026-10-03T16:00Z"),
        ("Australia/Lord_Howe", "01:00-03:00", "2027-04-03T14:00Z", "150m", "2027-04-03T16:30Z"),
        # Chatham lies 12:45 before UTC, 13:45 in summer: forward on 2026-09-27 at 02:45, back on 2027-04-04 at 03:45
        ("Pacific/Chatham", "02:00-05:00", "2026-09-26T13:15Z", "2h", "2026-09-26T15:15Z"),
        ("Pacific/Chatham", "02:00-05:00", "2027-04-03T12:15Z", "4h", "2027-04-03T16:15Z"),
        # Kathmandu has no summer time, and three quarters of an hour
        ("Asia/Kathmandu", "09:00-17:00", "2026-11-23T03:15Z", "8h", "2026-11-23T11:15Z"),
        # in Beirut the first hour of 2027-03-28 is skipped, in Havana that of 2026-11-01 comes twice
        ("Asia/Beirut", "00:00-24:00", "2027-03-27T22:00Z", "23h", "2027-03-28T21:00Z"),
        ("America/Havana", "00:00-24:00", "2026-11-01T04:00Z", "25h", "2026-11-02T05:00Z"),
        # Apia left out the whole of 2011-12-30
        ("Pacific/Apia", "09:00-17:00", "2011-12-30T02:00Z", "2h", "2011-12-30T20:00Z"),
    ],
)
def test_clock_changes_of_odd_zones_are_counted_as_they_pass(
    zone: str, hours: str, start: str, length: str, due: str
) -> None:
    office = calendar(zone, mon_sun=[hours])
    assert office.due(datetime.fromisoformat(start), length) == datetime.fromisoformat(due)


def test_a_slot_begins_at_the_first_of_an_hour_that_comes_twice_and_after_one_that_is_skipped() -> None:
    early = calendar("America/Chicago", sun=["01:30-04:00"])
    assert early.due(at("2026-11-01T00:00", "America/Chicago"), "1m") == datetime(2026, 11, 1, 6, 31, tzinfo=UTC)
    assert early.working_time(at("2026-11-01T00:00"), at("2026-11-02T00:00")) == timedelta(hours=3.5)
    late = calendar("America/Chicago", sun=["02:30-04:00"])
    assert late.due(at("2027-03-14T00:00", "America/Chicago"), "1m") == datetime(2027, 3, 14, 8, 31, tzinfo=UTC)


def test_office_hours_keep_their_place_on_the_wall_clock_over_a_clock_change() -> None:
    office = calendar("America/Chicago")
    assert office.due(at("2027-03-12T16:00", "America/Chicago"), "2h") == at("2027-03-15T10:00", "America/Chicago")
    assert office.due(at("2026-10-30T16:00", "America/Chicago"), "2h") == at("2026-11-02T10:00", "America/Chicago")


def test_a_slot_that_ends_in_the_skipped_hour_is_not_counted_twice() -> None:
    odd = calendar("America/Chicago", sun=["01:00-02:45", "03:00-04:00"])
    start, end = at("2027-03-14T00:00", "America/Chicago"), at("2027-03-14T12:00", "America/Chicago")
    assert odd.working_time(start, end) == timedelta(hours=2)  # 01:00 to 04:00 on a wall that has no 02:00


def test_a_shift_until_midnight_goes_on_after_it() -> None:
    shift = calendar(mon=["22:00-24:00"], tue=["00:00-06:00"])
    assert shift.due(at("2026-11-23T20:00"), "3h") == at("2026-11-24T01:00")
    assert shift.due(at("2026-11-23T20:00"), "2h") == at("2026-11-24T00:00")


def test_a_holiday_is_a_local_day() -> None:
    tokyo = calendar("Asia/Tokyo", ("2026-11-23",), mon_fri=["09:00-17:00"])
    assert tokyo.due(at("2026-11-22T23:00"), "1h") == at("2026-11-24T10:00", "Asia/Tokyo")


def test_a_due_moment_is_told_in_utc() -> None:
    assert CHICAGO.due(at("2026-11-23T09:00", "America/Chicago"), "1h").tzinfo is UTC


# -- properties

OFFICES = st.sampled_from(
    [OFFICE, CHICAGO, SUNDAY_WEEK, NIGHT, ROUND_THE_CLOCK, calendar("Australia/Lord_Howe", mon_sun=["01:00-03:00"]),
     calendar("Europe/Berlin", mon=["00:00-02:30", "02:30-03:30"], sat_sun=["01:00-04:00"]),
     calendar("Pacific/Chatham", ("2026-09-28",), sat_sun=["00:00-02:50", "03:00-24:00"], wed=["09:15-09:16"]),
     calendar("Asia/Beirut", fri_tue=["00:00-00:30", "00:30-24:00"]),
     calendar("America/Havana", mon_sun=["00:15-01:15"])]
)  # fmt: skip
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=270)).map(lambda later: at("2026-09-01T00:00") + later)
LENGTHS = st.builds(lambda amount, unit: f"{amount}{unit}", st.integers(1, 90), st.sampled_from(["m", "h", "d"]))


@given(OFFICES, MOMENTS, LENGTHS)
@settings(max_examples=150)
def test_exactly_the_working_time_lies_between_start_and_due(
    office: WorkingCalendar, start: datetime, length: str
) -> None:
    due = office.due(start, length)
    assert office.working_time(start, due) == office.length(length)
    assert office.working_time(start, due - timedelta(microseconds=1)) < office.length(length)


@given(OFFICES, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=5)), LENGTHS)
@settings(max_examples=100)
def test_who_begins_later_is_never_due_earlier(
    office: WorkingCalendar, start: datetime, later: timedelta, length: str
) -> None:
    assert office.due(start, length) <= office.due(start + later, length)


@given(OFFICES, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=30)))
@settings(max_examples=100)
def test_working_time_adds_up_and_is_never_more_than_the_time_itself(
    office: WorkingCalendar, start: datetime, span: timedelta
) -> None:
    middle, end = start + span / 3, start + span
    assert office.working_time(start, middle) + office.working_time(middle, end) == office.working_time(start, end)
    assert timedelta(0) <= office.working_time(start, end) <= span


@given(OFFICES, MOMENTS, LENGTHS, st.timedeltas(timedelta(0), timedelta(days=5)))
@settings(max_examples=100)
def test_more_working_time_is_never_due_earlier_and_a_wait_gives_back_its_own_end(
    office: WorkingCalendar, start: datetime, length: str, more: timedelta
) -> None:
    due = office.due(start, length)
    assert due <= office.due_after(start, office.length(length) + more)
    # The other way round: what passed until some moment is due at that moment, or when the last slot before it ended.
    end = start + more
    passed = office.working_time(start, end)
    back = office.due_after(start, passed)
    assert back <= end
    assert office.working_time(back, end) == timedelta(0)


@given(OFFICES, MOMENTS, LENGTHS, st.integers(0, 100))
@settings(max_examples=150)
def test_a_clock_that_stood_still_goes_on_with_what_was_left_of_it(
    office: WorkingCalendar, start: datetime, length: str, percent: int
) -> None:
    whole = office.length(length)
    first = whole * percent / 100
    paused = office.due_after(start, first)
    assert office.due_after(paused, whole - first) == office.due(start, length)


def test_nothing_left_is_due_at_once_also_outside_of_hours() -> None:
    saturday = at("2026-11-28T12:00")
    assert OFFICE.due_after(saturday, timedelta(0)) == OFFICE.due_after(saturday, -timedelta(hours=1)) == saturday
    assert OFFICE.due_after(saturday, timedelta(microseconds=1)) == at("2026-11-30T09:00:00.000001")


# -- what is refused


@pytest.mark.parametrize(
    "text", ["", "8", "h", "8 hours", "1y", "-1h", "1h,2h", "0h", "0m", "0.001m", "99999w", "9" * 400 + "h"]
)
def test_a_duration_must_be_one_and_lie_between_a_minute_and_ten_years(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Sla(remind=text)
    assert caught.value.errors()[0]["type"] == "invalid_duration"


@pytest.mark.parametrize(("text", "hours"), [("30m", 0.5), ("3d", 72), ("1w", 168), ("1d 4h", 28), ("1.5h", 1.5)])
def test_a_duration_of_the_clock(text: str, hours: float) -> None:
    assert clock_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        ({}, "empty_calendar"),
        ({"mon": []}, "empty_calendar"),
        ({"monday": ["09:00-17:00"]}, "invalid_weekday"),
        ({"mon-xyz": ["09:00-17:00"]}, "invalid_weekday"),
        ({"mon": ["9-17"]}, "invalid_slot"),
        ({"mon": ["17:00-09:00"]}, "invalid_slot"),
        ({"mon": ["09:00-09:00"]}, "invalid_slot"),
        ({"mon": ["09:00-24:01"]}, "invalid_slot"),
        ({"mon": ["09:60-10:00"]}, "invalid_slot"),
        ({"mon": ["09:00-12:00", "11:00-13:00"]}, "overlapping_slots"),
        ({"mon-fri": ["09:00-12:00"], "wed": ["10:00-11:00"]}, "overlapping_slots"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused(hours: dict[str, list[str]], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WorkingCalendar.model_validate({"hours": hours})
    assert caught.value.errors()[0]["type"] == code


def test_weekdays_may_go_over_the_end_of_the_week_and_touching_slots_are_one() -> None:
    office = calendar(fri_mon=["09:00-12:00", "12:00-13:00"])
    assert sorted(day for day, slots in office.weekly.items() if slots) == [0, 4, 5, 6]
    assert office.due(at("2026-11-23T09:00"), "4h") == at("2026-11-23T13:00")


def test_a_calendar_in_which_nobody_works_for_ten_years_gives_no_due_date() -> None:
    from domain.refusal import Refusal

    free = tuple(str(date(2026, 1, 1) + timedelta(days=each)) for each in range(366 * 12))
    with pytest.raises(Refusal) as caught:
        calendar(holidays=free).due(at("2026-11-23T09:00"), "1h")
    assert caught.value.code == "invalid_duration"
