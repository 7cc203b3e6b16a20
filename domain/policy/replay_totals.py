"""What a replay comes to: per approver, per rule, per refusal, and over all; sums that can be added to one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from domain.approval.outline import Outline
from domain.policy.replay import Kind, Replayed
from domain.policy.waiting import Waits, waiting_time

MINUTE = 60


@dataclass(slots=True)
class SideTotals:
    """One of the two policies over all submissions; ``waits`` counts submissions by their waiting time in minutes."""

    fired: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    approvals: Counter[int] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: Counter[int] = field(default_factory=Counter)
    refusals: int = 0

    def add(self, outline: Outline, waits: Waits | None) -> None:
        """Count one plan."""
        if outline.problems:
            self.refusals += 1
            self.refused.update(set(outline.problems))
            return
        self.fired.update([ask.rule for ask in outline.asks])
        self.asked.update({person for ask in outline.open for person in ask.persons})
        self.approvals[len(outline.open)] += 1
        if waits is not None:
            self.waits[round(waiting_time(outline, waits) / MINUTE)] += 1

    def merge(self, other: SideTotals) -> None:
        """Add what another one counted."""
        for each in fields(self):
            if each.name != "refusals":
                getattr(self, each.name).update(getattr(other, each.name))
        self.refusals += other.refusals


@dataclass(slots=True)
class Totals:
    """Both policies over all submissions, and how often the draft changes what for whom, and by which rule."""

    submissions: int = 0
    different: int = 0
    refused_by_both: int = 0
    against: SideTotals = field(default_factory=SideTotals)
    draft: SideTotals = field(default_factory=SideTotals)
    persons: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    rules: Counter[tuple[str, Kind]] = field(default_factory=Counter)

    def add(self, replayed: Replayed, waits: Waits | None = None) -> None:
        """Count one submission."""
        self.submissions += 1
        self.against.add(replayed.against, waits)
        self.draft.add(replayed.draft, waits)
        self.refused_by_both += bool(replayed.against.problems and replayed.draft.problems)
        if not replayed.difference.differs:
            return
        self.different += 1
        for change in replayed.difference.changes:
            if change.person:
                self.persons[change.person, change.kind] += 1
        self.rules.update(set(_made_by(replayed)))

    def merge(self, other: Totals) -> None:
        """Add what another one counted."""
        self.submissions += other.submissions
        self.different += other.different
        self.refused_by_both += other.refused_by_both
        self.against.merge(other.against)
        self.draft.merge(other.draft)
        self.persons.update(other.persons)
        self.rules.update(other.rules)


def _made_by(replayed: Replayed) -> Iterator[tuple[str, Kind]]:
    for change in replayed.difference.changes:
        for rule, _ in change.rules:
            yield rule, change.kind


def median_of(counted: Counter[int]) -> float:
    """The median of numbers that were counted; 0 of none."""
    total = counted.total()
    if total == 0:
        return 0.0
    low, high = (total - 1) // 2, total // 2
    passed, found = 0, list[int]()
    for value in sorted(counted):
        passed += counted[value]
        while len(found) < 2 and passed > (low, high)[len(found)]:
            found.append(value)
    return sum(found) / 2


def mean_of(counted: Counter[int]) -> float:
    """The mean of numbers that were counted; 0 of none."""
    total = counted.total()
    return sum(value * times for value, times in counted.items()) / total if total else 0.0
