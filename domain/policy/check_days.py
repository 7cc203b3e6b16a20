"""Days: whether there is one in the next year on which nobody who is asked works before the request moves on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from domain.approval.seats import Seating
from domain.approvers import Named
from domain.calendar import WorkingCalendar
from domain.delegation import Delegation
from domain.limit import Matter
from domain.people import Directory
from domain.policy.document import UNCHAINED, Policy, RulePart
from domain.policy.finding import Finding, warning
from domain.policy.places import Places
from domain.policy.possible import Work
from domain.refusal import Refusal

YEAR = timedelta(days=365)
MOST_NAMED = 3
STEPS = 50
"""What seating one approval, or looking at one day, counts as."""


class _AnyRate(Mapping[str, Decimal]):
    """A rate for every currency, so that an amount below every limit can be compared with any."""

    def __getitem__(self, currency: str) -> Decimal:
        return Decimal(1)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Seated:
    """Who is asked when ``owner`` hands in their own quote, or the code with which it is refused."""

    owner: str
    named: Named
    seating: Seating | None
    refused: str | None


def within_all_limits(policy: Policy, rule: RulePart) -> Matter:
    """A matter so small that every limit and every delegation covers it."""
    return Matter(policy.policy, rule.chain or UNCHAINED, -(Decimal(10) ** 30), "USD", _AnyRate())


def some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} others" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


class DayCheck:
    """Goes through the days of the year after ``on`` on which something changes."""

    def __init__(self, policy: Policy, directory: Directory, places: Places, work: Work, on: date) -> None:
        self._policy = policy
        self._directory = directory
        self._places = places
        self._work = work
        self._on = on
        self._handed: dict[str, list[Delegation]] = {}
        for delegation in directory.delegations:
            self._handed.setdefault(delegation.of, []).append(delegation)

    def findings(self, rule: RulePart, seated: Sequence[Seated]) -> Iterator[Finding]:
        """The first such day for ``rule``, whoever the owner is."""
        tried: set[tuple[str, ...]] = set()
        found: list[tuple[date, str, str]] = []
        for each in seated:
            sla = rule.sla or each.named.sla
            if each.seating is None or sla is None or sla.escalate is None or not self._work.spend(1):
                continue
            origins = tuple(one.origin for one in each.seating.seats)
            if origins not in tried:
                tried.add(origins)
                day = self._first_silent(rule, each, sla.escalate)
                if day is not None:
                    found.append((day, some(list(origins)), sla.escalate))
        if found:
            day, persons, escalate = min(found)
            message = (
                f"on {day} {rule.id} has no decider: too few of {persons}, or of those who stand in, work within"
                f" {escalate} of their usual hours; enter a delegation"
            )
            yield warning("no_decider_on", f"{self._places.of(rule)}.approver", message)

    def _first_silent(self, rule: RulePart, seated: Seated, escalate: str) -> date | None:
        """The first day of the next year on which too few of those who are asked work before the time is over."""
        assert seated.seating is not None
        last = min(self._on + YEAR, rule.until or date.max)
        begin = max(self._on, rule.from_ or self._on)
        for day in self._eventful(seated.seating, begin, last):
            if not self._work.spend(STEPS * len(seated.seating.seats)):
                return None
            silent = sum(
                self._is_silent(rule, seated, one.origin, one.calendar, escalate, day) for one in seated.seating.seats
            )
            if len(seated.seating.seats) - silent < seated.seating.needed:
                return day
        return None

    def _eventful(self, seating: Seating, begin: date, last: date) -> list[date]:
        """The days on which something changes: holidays, and starts and ends of delegations."""
        people = {one.origin for one in seating.seats}
        days = {begin}
        waiting = list(people)
        while waiting:
            person = waiting.pop()
            days |= self._directory.calendar_of(person).free_days
            for delegation in self._handed.get(person, ()):
                edges = [moment.date() for moment in self._directory.window(delegation) if moment is not None]
                days |= {*edges, *(edge + timedelta(days=1) for edge in edges if edge < last)}
                group = self._directory.groups.get(delegation.to)
                fresh = {*(group.members if group is not None else (delegation.to,))} - people
                people |= fresh
                waiting.extend(fresh)
        return sorted(day for day in days if begin <= day <= last)

    def _is_silent(
        self, rule: RulePart, seated: Seated, person: str, override: str | None, escalate: str, day: date
    ) -> bool:
        """Whether nobody who is asked for ``person`` on ``day`` works before ``escalate`` of usual hours are over."""
        own = self._directory.calendar_of(person, override)
        start = datetime.combine(day, time(), own.zone)
        asked = self._directory.stand_ins(person, within_all_limits(self._policy, rule), (seated.owner,), start).asked
        begun = [moment for each in asked if (moment := self._begins(each, start)) is not None]
        if not begun:
            return True
        usual = WorkingCalendar(time_zone=own.time_zone, hours=own.hours)
        return usual.working_time(start, min(begun)) > usual.length(escalate)

    def _begins(self, person: str, start: datetime) -> datetime | None:
        """When ``person`` next works; ``None`` when they never do."""
        try:
            return self._directory.calendar_of(person).due(start, "1m") - timedelta(minutes=1)
        except Refusal:
            return None
