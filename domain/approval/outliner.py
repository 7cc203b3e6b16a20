"""Outlines by the thousand: what a plan repeats from quote to quote is worked out once and remembered.

Whom a rule asks does not depend on the whole quote. It depends on the few facts that name its approver, on who is
barred among those who could come into play, on which limits the amount stays within, and on which delegations are in
force. For each such case the seats are taken by the code that seats live rounds (:func:`domain.approval.seats.seat`).
Whatever may depend on more is planned live: a round with earlier ones (smart approval), and deadlines that may never
pass. The tests compare both ways on random quotes, policies and directories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from domain.approval.outline import Ask, Outline, live_outline, places_of, refused
from domain.approval.plan import Submission, lanes_of
from domain.approval.seats import Seating, Table, seat
from domain.approval.state import Lane
from domain.approval.surroundings import Case, Surroundings
from domain.approvers import Named, find_approver, name_of
from domain.calendar import FURTHEST, Sla
from domain.limit import Matter
from domain.people import Directory
from domain.policy.document import UNCHAINED, ApproverName, RulePart
from domain.policy.evaluate import CompiledPolicy
from domain.policy.facts import header_facts
from domain.refusal import Problem, Refusal

REMEMBERED = 20_000  # cases of one approver or rule; texts in a field of quotes may name anybody
WEEKS = FURTHEST.days // 7


class Outliner:
    """Plans many quotes by one policy and one directory, in outline."""

    def __init__(self, compiled: CompiledPolicy, directory: Directory) -> None:
        self.compiled = compiled
        self.directory = directory
        self._surroundings = Surroundings(compiled, directory)
        self._chairs: dict[tuple[ApproverName, str], _Chair] = {}
        self._slots = {rule.id: _Slot(rule, at, self._chair(rule)) for at, rule in enumerate(_in_path(compiled))}
        self._facts_needed = {name for slot in self._slots.values() for name in slot.names} - {"owner", "submitter"}
        self._lanes: dict[frozenset[str], tuple[Lane, ...]] = {}

    def _chair(self, rule: RulePart) -> _Chair:
        name = (rule.approver, rule.chain or UNCHAINED)
        if name not in self._chairs:
            self._chairs[name] = _Chair(*name, self._surroundings)
        return self._chairs[name]

    def outline(self, submission: Submission) -> Outline:
        """The same as :func:`live_outline`, quicker. ``submission`` is by the policy and directory of this one."""
        if submission.earlier:
            return live_outline(submission)
        if not self.directory.is_active(submission.submitter):
            return Outline(problems=(("unknown_user", "by"),))
        day = submission.at.astimezone(self.directory.calendar_of(submission.submitter).zone).date()
        try:
            fired = self.compiled.evaluate(submission.priced, day, status=submission.status).fired_ids
        except Refusal as refusal:
            return refused(refusal.problems)
        case = self._surroundings.case(submission, self._facts(submission))
        asks: list[Ask] = []
        problems: list[Problem] = []
        for slot in sorted([self._slots[name] for name in fired], key=attrgetter("place")):
            found = slot.ask(case)
            if isinstance(found, Ask):
                asks.append(found)
            elif found is None:
                return live_outline(submission)
            else:
                problems.extend(found)
        if problems:
            return refused(tuple(problems))
        return Outline(self._lanes_of(frozenset([ask.chain for ask in asks])), tuple(asks))

    def _facts(self, submission: Submission) -> Mapping[str, Any]:
        facts = header_facts(submission.priced) if self._facts_needed else {"owner": submission.priced.quote.owner}
        return {**facts, "submitter": submission.submitter}

    def _lanes_of(self, used: frozenset[str]) -> tuple[Lane, ...]:
        found = self._lanes.get(used)
        if found is None:
            if len(self._lanes) >= REMEMBERED:
                self._lanes.clear()
            found = self._lanes[used] = lanes_of(self.compiled.policy, used)
        return found


def _in_path(compiled: CompiledPolicy) -> list[RulePart]:
    """The rules in the order in which a plan has their approvals."""
    policy = compiled.policy
    chains = {name: at for at, name in enumerate((*policy.chains, UNCHAINED))}
    return sorted(policy.rules, key=lambda rule: (chains[rule.chain or UNCHAINED], rule.step))


class _Chair:
    """Whom an approver means in a lane, and the seats that came of it, by case; shared by the rules that name it."""

    def __init__(self, approver: ApproverName, chain: str, surroundings: Surroundings) -> None:
        self.fallback_names = surroundings.fields_of(surroundings.policy.fallback)
        self.names = (*surroundings.fields_of(approver), *self.fallback_names)
        self.surroundings = surroundings
        self._approver = approver
        self._chain = chain
        self._who: dict[tuple[Any, ...], tuple[Named, frozenset[str], tuple[Any, ...]]] = {}
        self._seatings: dict[object, Seating | tuple[Problem, ...]] = {}

    def find(self, case: Case) -> tuple[Named, object]:
        """Who is named, and what tells the case apart from all others in which somebody else may be asked."""
        values = tuple([case.facts.get(name) for name in self.names])
        who = self._who.get(values)
        if who is None:
            if len(self._who) >= REMEMBERED:
                self._who.clear()
            who = self._who[values] = self._named(case.facts)
        named, around, same = who
        return named, (same, around & case.barred, case.key)

    def _named(self, facts: Mapping[str, Any]) -> tuple[Named, frozenset[str], tuple[Any, ...]]:
        named = find_approver(self.surroundings.directory, self._approver, facts)
        # Of one approver only the persons differ from quote to quote; the fallback may depend on facts of its own.
        same = (named.persons, *(facts.get(name) for name in self.fallback_names))
        return named, self.surroundings.around(named, facts), same

    def seating(self, case: Case, named: Named, key: object, rule: str) -> Seating | tuple[Problem, ...]:
        """The seats, or the problems for which there are none. Problems name the rule and are not shared."""
        found = self._seatings.get(key)
        if found is None:
            if len(self._seatings) >= REMEMBERED:
                self._seatings.clear()
            found = self._seated(case, named, rule)
            if isinstance(found, Seating):
                self._seatings[key] = found
        return found

    def _seated(self, case: Case, named: Named, rule: str) -> Seating | tuple[Problem, ...]:
        policy, submission = self.surroundings.policy, case.submission
        quote = submission.priced.quote
        barred = submission.barred
        table = Table(self.surroundings.directory, barred, policy.fallback, policy.self_approval, case.facts)
        matter = Matter(policy.policy, self._chain, submission.priced.net_total, quote.currency, quote.rates)
        try:
            return seat(named, table, matter, rule, submission.at)
        except Refusal as refusal:
            return refusal.problems


class _Slot:
    """One rule, with the approvals it came to so far, by case."""

    def __init__(self, rule: RulePart, place: int, chair: _Chair) -> None:
        self.place = place
        self.names = chair.names
        self._rule = rule
        self._chair = chair
        self._found: dict[object, Ask | tuple[Problem, ...] | None] = {}

    def ask(self, case: Case) -> Ask | tuple[Problem, ...] | None:
        """The approval, the problems for which there is none, or ``None`` where only a live plan can tell."""
        named, key = self._chair.find(case)
        if key not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[key] = self._asked(case, named, key)
        return self._found[key]

    def _asked(self, case: Case, named: Named, key: object) -> Ask | tuple[Problem, ...] | None:
        rule = self._rule
        seating = self._chair.seating(case, named, key, rule.id)
        if not isinstance(seating, Seating):
            return seating
        sla = rule.sla or named.sla
        held = [(each.holder, each.calendar) for each in seating.seats]
        if sla is not None and _may_never_pass(self._chair.surroundings.directory, sla, held):
            return None
        return Ask(
            rule.id,
            rule.chain or UNCHAINED,
            rule.step,
            name_of(rule.approver),
            places_of(seating),
            seating.needed,
            seating.group,
            seating.quorum,
            seating.veto,
            rule.explicit,
        )


def _may_never_pass(directory: Directory, sla: Sla, seats: Iterable[tuple[str, str | None]]) -> bool:
    """Whether a deadline may lie further than calendars are looked at; generously, for then a live plan decides."""
    lengths = [text for text in (sla.remind, sla.escalate) if text]
    for holder, calendar_name in seats:
        calendar = directory.calendar_of(holder, calendar_name)
        week = calendar.length("1w")
        for text in lengths:
            # Every holiday spoils one week at most.
            if calendar.length(text) / week + len(calendar.free_days) > WEEKS - 2:
                return True
    return False
