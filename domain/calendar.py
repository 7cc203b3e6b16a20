"""Working time: when so many working hours have passed on somebody's calendar (``spec/approvals.md`` 6).

A calendar has weekly slots of local time in a zone, and holidays. ``1d`` is its weekly hours divided by its working
weekdays, ``1w`` its weekly hours. Somebody without a calendar works round the clock: their day has 24 hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict

from domain.quote import AnyDate, TimeZone
from domain.reading import problem_error
from domain.refusal import Refusal

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(m|h|d|w)", re.ASCII)
SLOT = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", re.ASCII)
FURTHEST = timedelta(days=366 * 10)
ON_THE_CLOCK = {"m": Fraction(1, 60), "h": Fraction(1), "d": Fraction(24), "w": Fraction(168)}

Slot = tuple[timedelta, timedelta]


def _parts(text: str) -> list[tuple[Fraction, str]]:
    parts = [(Fraction(amount), unit) for amount, unit in DURATION.findall(text)]
    if not parts or DURATION.sub("", text).strip():
        raise problem_error("invalid_duration", f"{text!r} is no duration; write 30m, 4h, 2d, 1w or 1d 4h")
    return parts


def _duration(text: str) -> str:
    hours = sum((amount * ON_THE_CLOCK[unit] for amount, unit in _parts(text)), Fraction(0))
    if not Fraction(1, 60) <= hours <= Fraction(FURTHEST.days * 24):
        raise problem_error("invalid_duration", f"{text!r}: a duration lies between one minute and ten years")
    return text


Duration = Annotated[str, AfterValidator(_duration)]
"""A text such as ``4h`` or ``1d 4h``: of the clock in stories, of working time in an ``sla``."""


class Sla(BaseModel):
    """How long an approver may be silent, in working time of their calendar.

    ``remind`` after …, ``again`` every …; ``escalate`` after … to the deputy, then the manager, then ``to`` (an
    approver), then the fallback; ``on_timeout`` decides when the ladder is at its end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    remind: Duration | None = None
    again: Duration | None = None
    escalate: Duration | None = None
    to: str | None = None
    on_timeout: Literal["approve", "reject"] | None = None


def clock_duration(text: str) -> timedelta:
    """``text`` as time of the clock: a day has 24 hours, a week seven days."""
    return _time(sum((amount * ON_THE_CLOCK[unit] for amount, unit in _parts(text)), Fraction(0)))


def _time(hours: Fraction) -> timedelta:
    return timedelta(microseconds=round(hours * 3_600_000_000))


class WorkingCalendar(BaseModel):
    """Weekly hours in a zone, and the dates on which nobody works.

    ``hours`` maps weekdays (``mon``, ``mon-fri``, ``sat,sun``) to slots such as ``09:00-12:00``; a slot ends at
    24:00 at the latest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: TimeZone = "UTC"
    hours: Mapping[str, tuple[str, ...]]
    holidays: tuple[AnyDate, ...] = ()

    def model_post_init(self, _context: object) -> None:
        """Refuse hours that cannot be read, or in which nobody ever works."""
        if not any(self.weekly.values()):
            raise problem_error("empty_calendar", "a calendar needs at least one slot in the week")

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @cached_property
    def free_days(self) -> frozenset[date]:
        return frozenset(self.holidays)

    @cached_property
    def weekly(self) -> Mapping[int, tuple[Slot, ...]]:
        """Weekday (Monday is 0) to its slots, each from and until as time since midnight, in order."""
        week: dict[int, list[Slot]] = {day: [] for day in range(7)}
        for days, slots in self.hours.items():
            for day in _weekdays(days):
                week[day].extend(_slot(slot) for slot in slots)
        for day, found in week.items():
            found.sort()
            if any(after[0] < before[1] for before, after in pairwise(found)):
                raise problem_error("overlapping_slots", f"the slots of {WEEKDAYS[day]} overlap")
        return {day: tuple(found) for day, found in week.items()}

    def length(self, text: str) -> timedelta:
        """The working time that ``text`` means on this calendar."""
        week = sum((end - start for slots in self.weekly.values() for start, end in slots), timedelta())
        days = sum(1 for slots in self.weekly.values() if slots)
        week_hours = Fraction(int(week.total_seconds()), 3600)
        hours = {"m": Fraction(1, 60), "h": Fraction(1), "d": week_hours / days, "w": week_hours}
        return _time(sum((amount * hours[unit] for amount, unit in _parts(text)), Fraction(0)))

    def due(self, start: datetime, text: str) -> datetime:
        """The earliest moment, in UTC, at which the working time ``text`` has passed since ``start``."""
        return self.due_after(start, self.length(text))

    def due_after(self, start: datetime, working: timedelta) -> datetime:
        """The earliest moment, in UTC, at which ``working`` has passed since ``start``: at once when none is left.

        For a clock that stood still: what is left of it goes on from ``start``. Code: ``invalid_duration``.
        """
        left = working
        if left <= timedelta():
            return start.astimezone(UTC)
        for opens, closes in self._slots_from(start):
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
        hours = f"{working / timedelta(hours=1):g}"
        raise Refusal("invalid_duration", f"{hours} hours of working time do not pass within ten years", "sla")

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between ``start`` and ``end``."""
        passed = timedelta()
        for opens, closes in self._slots_from(start):
            if opens >= end:
                break
            passed += min(closes, end) - opens
        return passed

    def _slots_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The slots that end after ``start``, cut at it, as moments in UTC (so that a clock change is counted)."""
        begin = start.astimezone(UTC)
        first = day = start.astimezone(self.zone).date()
        while day - first < FURTHEST:
            if day not in self.free_days:
                for opens, closes in self.weekly[day.weekday()]:
                    from_moment, until = self._moment(day, opens), self._moment(day, closes)
                    if until > max(from_moment, begin):
                        yield max(from_moment, begin), until
                        begin = until  # a slot that ends in the hour a clock change skips reaches into the next one
            day += timedelta(days=1)

    def _moment(self, day: date, since_midnight: timedelta) -> datetime:
        local = datetime.combine(day, time()) + since_midnight
        return local.replace(tzinfo=self.zone).astimezone(UTC)


def _weekdays(text: str) -> Iterator[int]:
    for part in text.casefold().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise problem_error("invalid_weekday", f"{text!r}: write weekdays as mon, mon-fri or sat,sun")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        for offset in range((end - start) % 7 + 1):
            yield (start + offset) % 7


def _slot(text: str) -> Slot:
    found = SLOT.fullmatch(text.strip())
    if found:
        hours = [int(group) for group in found.groups()]
        start, end = (timedelta(hours=hours[at], minutes=hours[at + 1]) for at in (0, 2))
        if hours[1] < 60 and hours[3] < 60 and start < end <= timedelta(hours=24):
            return start, end
    raise problem_error("invalid_slot", f"{text!r}: write a slot as 09:00-12:00, its end after its start")


ROUND_THE_CLOCK = WorkingCalendar(hours={"mon-sun": ("00:00-24:00",)})
