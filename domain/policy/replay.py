"""Replay: what a draft of a policy would have asked for on a past submission, beside what another version asks.

Who would be added, dropped, asked earlier or later, and by which rule. A person's *wave* is how many steps must be
settled before they are asked, through the lanes that theirs waits for: a step with another number but nothing more
before it is no later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.approval.outline import Ask, Outline
from domain.approval.outliner import Outliner
from domain.approval.plan import Submission
from domain.approval.state import RoundState
from domain.people import Directory
from domain.policy.evaluate import CompiledPolicy
from domain.pricing import PricedQuote


@dataclass(frozen=True, slots=True)
class Past:
    """A submission as it was: content, submitter, moment, editors and earlier rounds."""

    priced: PricedQuote
    submitter: str
    at: datetime
    editors: tuple[str, ...] = ()
    earlier: Sequence[RoundState] = ()
    status: str = "draft"
    round: int = 0

    def under(self, policy: CompiledPolicy, directory: Directory) -> Submission:
        """The same submission, by that policy and with those people."""
        return Submission(
            self.priced,
            policy,
            directory,
            self.submitter,
            self.at,
            self.editors,
            self.earlier,
            status=self.status,
            round=self.round,
        )


class Kind(StrEnum):
    """What a draft changes for one person, or (``votes``) for one approval."""

    ADDED = "added"
    DROPPED = "dropped"
    EARLIER = "earlier"
    LATER = "later"
    VOTES = "votes"


class Why(StrEnum):
    """What it is about a rule that makes the change."""

    NEW = "is new"
    FIRES = "fires now"
    ASKS_AGAIN = "is no longer carried over"
    OTHERS = "asks other people"
    GONE = "is gone"
    SILENT = "does not fire"
    CARRIED = "is carried over"
    MOVED = "moved"
    BEFORE = "is settled before"
    NOT_BEFORE = "is no longer settled before"
    VOTES = "needs other votes"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: whom it is about (nobody for ``votes``), the rules that make it, and the waves or votes told."""

    kind: Kind
    person: str
    rules: tuple[tuple[str, Why], ...]
    against: str = ""
    draft: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a draft changes on one submission. Where one side refuses the submit, nothing but the refusal is told."""

    changes: tuple[Change, ...] = ()
    refused_against: tuple[tuple[str, str], ...] = ()
    refused_draft: tuple[tuple[str, str], ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything is different."""
        return bool(self.changes) or self.refused_against != self.refused_draft


@dataclass(frozen=True, slots=True)
class Replayed:
    """One past submission by both policies."""

    against: Outline
    draft: Outline
    difference: Difference


class Replay:
    """Plans past submissions by two policies and tells the difference; compiled once, for many."""

    def __init__(self, draft: CompiledPolicy, against: CompiledPolicy, directory: Directory) -> None:
        self.directory = directory
        self._draft = Outliner(draft, directory)
        self._against = Outliner(against, directory)

    def of(self, past: Past) -> Replayed:
        """Both plans of ``past``, in outline, and their difference."""
        against = self._against.outline(past.under(self._against.compiled, self.directory))
        draft = self._draft.outline(past.under(self._draft.compiled, self.directory))
        return Replayed(against, draft, self._difference(against, draft))

    def _difference(self, against: Outline, draft: Outline) -> Difference:
        if against.problems or draft.problems:
            return Difference((), against.problems, draft.problems)
        if against.asks == draft.asks and against.lanes == draft.lanes:
            return Difference()
        one = _Side(against, frozenset(rule.id for rule in self._against.compiled.policy.rules))
        two = _Side(draft, frozenset(rule.id for rule in self._draft.compiled.policy.rules))
        return Difference((*_persons(one, two), *_votes(one, two)))


class _Side:
    """One of the two plans, with what comparing asks of it."""

    def __init__(self, outline: Outline, known: frozenset[str]) -> None:
        self.known = known
        self.asks = {ask.rule: ask for ask in outline.asks}
        self.waves = waves_of(outline)
        self.lanes = {lane.name: lane.after for lane in outline.lanes}
        self.first: dict[str, int] = {}
        for ask in outline.open:
            wave = self.waves[ask.rule]
            for person in ask.persons:
                if wave < self.first.get(person, wave + 1):
                    self.first[person] = wave

    def asking(self, person: str, wave: int | None = None) -> Iterator[Ask]:
        """What asks ``person``, at that wave where one is given."""
        for ask in self.asks.values():
            if person in ask.persons and wave in (None, self.waves[ask.rule]):
                yield ask

    def before(self, rule: str) -> frozenset[str]:
        """The rules whose approvals are settled before that of ``rule`` is requested."""
        mine, lanes = self.asks[rule], self._lanes_before(self.asks[rule].chain)
        return frozenset(
            ask.rule
            for ask in self.asks.values()
            if ask.carried is None and (ask.chain in lanes or (ask.chain == mine.chain and ask.step < mine.step))
        )

    def _lanes_before(self, chain: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self.lanes.get(chain, ()))
        while waiting:
            lane = waiting.pop()
            if lane not in found:
                found.add(lane)
                waiting.extend(self.lanes.get(lane, ()))
        return found


def waves_of(outline: Outline) -> Mapping[str, int]:
    """By rule, how many steps are settled before each open approval is requested."""
    steps: dict[str, set[int]] = {}
    for ask in outline.open:
        steps.setdefault(ask.chain, set()).add(ask.step)
    numbered = {chain: {step: at for at, step in enumerate(sorted(found))} for chain, found in steps.items()}
    after = {lane.name: lane.after for lane in outline.lanes}
    starts: dict[str, int] = {}

    def start(lane: str) -> int:
        if lane not in starts:
            starts[lane] = max((start(other) + len(numbered.get(other, ())) for other in after[lane]), default=0)
        return starts[lane]

    return {ask.rule: start(ask.chain) + numbered[ask.chain][ask.step] for ask in outline.open}


def _persons(against: _Side, draft: _Side) -> Iterator[Change]:
    for person in sorted(against.first.keys() | draft.first.keys()):
        before, after = against.first.get(person), draft.first.get(person)
        if before is None:
            rules = tuple((ask.rule, _why(ask.rule, against, Why.NEW)) for ask in draft.asking(person))
            yield Change(Kind.ADDED, person, rules, draft=str(after))
        elif after is None:
            rules = tuple((ask.rule, _why(ask.rule, draft, Why.GONE)) for ask in against.asking(person))
            yield Change(Kind.DROPPED, person, rules, against=str(before))
        elif before != after:
            kind = Kind.LATER if after > before else Kind.EARLIER
            yield Change(kind, person, _moved(person, against, draft), str(before), str(after))


def _why(rule: str, other: _Side, absent: Why) -> Why:
    """Why ``rule`` asks somebody on one side, and not on the ``other``."""
    added = absent is Why.NEW
    if rule not in other.known:
        return absent
    if rule not in other.asks:
        return Why.FIRES if added else Why.SILENT
    if other.asks[rule].carried is not None:
        return Why.ASKS_AGAIN if added else Why.CARRIED
    return Why.OTHERS


def _moved(person: str, against: _Side, draft: _Side) -> tuple[tuple[str, Why], ...]:
    """What moves ``person``: other rules settled before theirs, else another rule (or place of it) that asks them."""
    found: list[tuple[str, Why]] = []
    for ask in draft.asking(person, draft.first[person]):
        old = against.asks.get(ask.rule)
        if old is None or old.carried is not None or person not in old.persons:
            found.append((ask.rule, _why(ask.rule, against, Why.NEW)))
            continue
        before, after = against.before(ask.rule), draft.before(ask.rule)
        if (old.chain, old.step) != (ask.chain, ask.step):
            found.append((ask.rule, Why.MOVED))
        if draft.waves[ask.rule] > against.waves[ask.rule]:
            found.extend((rule, Why.BEFORE) for rule in sorted(after - before))
        elif draft.waves[ask.rule] < against.waves[ask.rule]:
            found.extend((rule, Why.NOT_BEFORE) for rule in sorted(before - after))
    if draft.first[person] > against.first[person]:
        # What asked them first may do so no longer.
        for ask in against.asking(person, against.first[person]):
            new = draft.asks.get(ask.rule)
            if new is None or person not in new.persons:
                found.append((ask.rule, _why(ask.rule, draft, Why.GONE)))
    return tuple(dict.fromkeys(found)) or tuple(
        (ask.rule, Why.MOVED) for ask in draft.asking(person, draft.first[person])
    )


def _votes(against: _Side, draft: _Side) -> Iterator[Change]:
    for rule, ask in draft.asks.items():
        old = against.asks.get(rule)
        if old is None or old.carried is not None or ask.carried is not None or old.votes == ask.votes:
            continue
        if {each.origin for each in old.places} != {each.origin for each in ask.places}:
            continue  # other people: told of each of them
        yield Change(Kind.VOTES, "", ((rule, Why.VOTES),), old.votes, ask.votes)
