"""How long approvals wait, and where: figures over answers that people gave (pure; who gathers them is the store).

A wait runs from the moment a person's seat was asked to their answer, without the time in which a question of the
approval was open. Wall time counts all of it, working time what lies in the person's working hours. Percentiles are by
nearest rank: the smallest wait that so many percent of the waits do not exceed, so every figure is a wait that was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from domain.calendar import WorkingCalendar

Span = tuple[datetime, datetime]
DAY = timedelta(days=1)


class By(StrEnum):
    """What waits are grouped by: the person who answered, the rule, or the step of its chain."""

    APPROVER = "approver"
    RULE = "rule"
    STEP = "step"


class WorkingClock:
    """Working time of one calendar between many pairs of moments: days are worked out once and added up.

    Agrees with ``WorkingCalendar.working_time``; a year of waits costs no more than a day of them.
    """

    def __init__(self, calendar: WorkingCalendar) -> None:
        self._calendar = calendar
        self._days: dict[date, tuple[Span, ...]] = {}
        self._before: dict[date, timedelta] = {}
        self._first: date | None = None
        self._last: date | None = None

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from ``start`` to ``end``; nothing where the end is not later."""
        return self._until(end) - self._until(start) if end > start else timedelta()

    def _until(self, moment: datetime) -> timedelta:
        """Working time from some fixed day to ``moment``."""
        utc = moment.astimezone(UTC)
        day = moment.astimezone(self._calendar.zone).date()
        passed = self._sum_before(day)
        for opens, closes in self._spans(day):
            if utc > opens:
                passed += min(utc, closes) - opens
        return passed

    def _sum_before(self, day: date) -> timedelta:
        if day in self._before:
            return self._before[day]
        if self._first is None or self._last is None:
            self._first = self._last = day
            self._before[day] = timedelta()
        while self._last < day:
            self._before[self._last + DAY] = self._before[self._last] + self._whole(self._last)
            self._last += DAY
        while self._first > day:
            self._before[self._first - DAY] = self._before[self._first] - self._whole(self._first - DAY)
            self._first -= DAY
        return self._before[day]

    def _whole(self, day: date) -> timedelta:
        return sum((closes - opens for opens, closes in self._spans(day)), timedelta())

    def _spans(self, day: date) -> tuple[Span, ...]:
        if day not in self._days:
            self._days[day] = tuple(_spans_of(self._calendar, day))
        return self._days[day]


def _spans_of(calendar: WorkingCalendar, day: date) -> Iterable[Span]:
    begin: datetime | None = None
    for opens, closes in () if day in calendar.free_days else calendar.weekly[day.weekday()]:
        start, end = (
            (datetime.combine(day, time()) + each).replace(tzinfo=calendar.zone).astimezone(UTC)
            for each in (opens, closes)
        )
        # A slot that ends in the hour a clock change skips reaches into the next one: no hour counts twice.
        start = max(start, begin) if begin else start
        if end > start:
            yield start, end
            begin = end


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that a person gave: from when they were asked; ``pauses`` are open questions in between."""

    person: str
    rule: str
    chain: str
    step: int
    asked_at: datetime
    at: datetime
    calendar: str | None = None
    pauses: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """A person who was asked and did not answer: passed over by the ladder, or decided for by the clock."""

    person: str
    rule: str
    chain: str
    step: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Waits of one group. ``unanswered`` are those that were escalated or timed out; they have no wait."""

    key: str
    answers: int
    unanswered: int
    wall_median: timedelta | None = None
    wall_p90: timedelta | None = None
    working_median: timedelta | None = None
    working_p90: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What the figures are about, and how often what happened.

    ``approvals`` of ``approvals_in_all`` were counted, the newest rounds first. ``settled`` of them are over, without
    those that were revoked with their round; ``skipped`` by kind of basis: ``smart``, ``same_person``.
    """

    quotes: int = 0
    rounds: int = 0
    approvals: int = 0
    approvals_in_all: int = 0
    settled: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    rounds_of_quotes: Mapping[int, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    timeouts: int = 0
    overrides: int = 0
    withdrawn: int = 0

    @property
    def rounds_per_quote(self) -> float | None:
        """Mean number of rounds that a quote took."""
        return self.rounds / self.quotes if self.quotes else None

    @property
    def skipped_by_smart(self) -> float | None:
        """The share of settled approvals that smart approval did not ask for again."""
        return self.skipped.get("smart", 0) / self.settled if self.settled else None


def waits(
    answers: Iterable[Answer], silences: Iterable[Silence], by: By, calendars: Mapping[str | None, WorkingCalendar]
) -> tuple[tuple[Figures, ...], Figures]:
    """The figures of each group, the longest median wait in working time first, and those of all together.

    ``calendars`` has every calendar that an answer names; ``None`` is that of people without one.
    """
    clocks = {name: WorkingClock(calendar) for name, calendar in calendars.items()}
    found: dict[str, list[tuple[timedelta, timedelta]]] = {}
    for answer in answers:
        found.setdefault(key_of(answer, by), []).append(wait_of(answer, clocks[answer.calendar]))
    unanswered = Counter(key_of(silence, by) for silence in silences)
    groups = [figures(key, found.get(key, []), unanswered[key]) for key in {*found, *unanswered}]
    groups.sort(key=lambda each: (-(each.working_median or timedelta()), each.key))
    return tuple(groups), figures("all", [each for one in found.values() for each in one], unanswered.total())


def key_of(about: Answer | Silence, by: By) -> str:
    """The group that an answer or a silence belongs to."""
    if by is By.APPROVER:
        return about.person
    return about.rule if by is By.RULE else f"{about.chain} {about.step}"


def wait_of(answer: Answer, clock: WorkingClock) -> tuple[timedelta, timedelta]:
    """Wall and working time of one wait, without its pauses."""
    wall, working = max(answer.at - answer.asked_at, timedelta()), clock.between(answer.asked_at, answer.at)
    until = answer.asked_at
    for begin, end in sorted(answer.pauses):
        start, stop = max(begin, until), min(end, answer.at)
        if stop > start:
            wall -= stop - start
            working -= clock.between(start, stop)
            until = stop
    return wall, working


def figures(key: str, found: Sequence[tuple[timedelta, timedelta]], unanswered: int) -> Figures:
    """Median and 90th percentile of wall and working time."""
    wall, working = sorted(each[0] for each in found), sorted(each[1] for each in found)
    return Figures(
        key=key,
        answers=len(found),
        unanswered=unanswered,
        wall_median=percentile(wall, 50),
        wall_p90=percentile(wall, 90),
        working_median=percentile(working, 50),
        working_p90=percentile(working, 90),
    )


def percentile(ordered: Sequence[timedelta], percent: int) -> timedelta | None:
    """Nearest rank in an ordered list; nothing for no waits."""
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1] if ordered else None
