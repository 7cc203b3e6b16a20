"""Outlines by the thousand: what a plan repeats from quote to quote is worked out once and remembered.

Whom a rule asks does not depend on the whole quote. It depends on the few facts that name its approver, on who is
barred among those who could come into play, on which limits the amount stays within, and on which delegations are in
force. For each such case the seats are taken by the code that seats live rounds (:func:`domain.approval.seats.seat`).
Whatever may depend on more is planned live: a round with earlier ones (smart approval), and deadlines that may never
pass. The tests compare both ways on random quotes, policies and directories.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from domain.approval.outline import Ask, Outline, live_outline, places_of, refused
from domain.approval.plan import Submission, lanes_of
from domain.approval.seats import Table, seat
from domain.approval.state import Lane
from domain.approvers import Named, find_approver, name_of
from domain.calendar import FURTHEST, Sla
from domain.people import Directory, Matter
from domain.policy.document import UNCHAINED, ApproverName, FieldApprover, ManagerApprover, RulePart
from domain.policy.evaluate import CompiledPolicy
from domain.policy.facts import header_facts
from domain.refusal import Problem, Refusal

REMEMBERED = 20_000  # cases of one rule; texts in a field of quotes may name anybody
WEEKS = FURTHEST.days // 7


class Outliner:
    """Plans many quotes by one policy and one directory, in outline."""

    def __init__(self, compiled: CompiledPolicy, directory: Directory) -> None:
        self.compiled = compiled
        self.directory = directory
        self._surroundings = _Surroundings(compiled, directory)
        self._slots = {rule.id: _Slot(rule, at, self._surroundings) for at, rule in enumerate(_in_path(compiled))}
        self._facts_needed = {name for slot in self._slots.values() for name in slot.names} - {"owner", "submitter"}
        self._lanes: dict[frozenset[str], tuple[Lane, ...]] = {}

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


@dataclass(frozen=True, slots=True)
class _Case:
    """What of one submission seats may depend on; ``key`` tells the limits and delegations apart."""

    submission: Submission
    facts: Mapping[str, Any]
    barred: frozenset[str]
    key: tuple[object, ...]


class _Surroundings:
    """The people around a policy, and how submissions differ in what holds for them."""

    def __init__(self, compiled: CompiledPolicy, directory: Directory) -> None:
        self.policy = compiled.policy
        self.directory = directory
        self._limits = _amounts(directory)
        windows = [moment for each in directory.delegations for moment in directory.window(each)]
        self._moments = sorted({moment for moment in windows if moment is not None})
        self._delegates: dict[str, list[str]] = {}
        for delegation in directory.delegations:
            self._delegates.setdefault(delegation.of, []).extend(self._members(delegation.to))

    def _members(self, name: str) -> tuple[str, ...]:
        return self.directory.groups[name].members if name in self.directory.groups else (name,)

    def case(self, submission: Submission, facts: Mapping[str, Any]) -> _Case:
        """The case that ``submission`` is of."""
        limits = [self._within(submission, currency, amounts) for currency, amounts in self._limits]
        return _Case(submission, facts, frozenset(submission.barred), (*limits, self._moment(submission.at)))

    def _within(self, submission: Submission, currency: str, amounts: list[Decimal]) -> int | None:
        """How many of the limits in a currency are too small, by the comparison of :meth:`Matter.within`."""
        quote, net_total = submission.priced.quote, submission.priced.net_total
        if currency == quote.currency:
            return bisect_left(amounts, net_total)
        rate = quote.rates.get(currency)
        return None if rate is None else bisect_left(amounts, net_total, key=lambda amount: amount * rate)

    def _moment(self, at: datetime) -> int:
        return bisect_right(self._moments, at)

    def fields_of(self, approver: ApproverName | None) -> tuple[str, ...]:
        """The facts of a quote that say whom ``approver`` means."""
        if isinstance(approver, FieldApprover):
            return (approver.field,)
        if isinstance(approver, ManagerApprover):
            return (approver.manager_of,)
        entry = self.directory.approvers.get(approver) if approver is not None else None
        named = (entry.field, entry.manager_of) if entry is not None else ()
        return tuple(name for name in named if name is not None)

    def around(self, named: Named, facts: Mapping[str, Any]) -> frozenset[str]:
        """Everybody who could get a seat or act in it: ``named`` and the fallback, their managers and delegates."""
        waiting = list(named.persons)
        if self.policy.fallback is not None:
            waiting.extend(find_approver(self.directory, self.policy.fallback, facts).persons)
        found: set[str] = set()
        while waiting:
            person = waiting.pop()
            if person in found:
                continue
            found.add(person)
            waiting.extend(self._delegates.get(person, ()))
            user = self.directory.users.get(person)
            if user is not None and user.manager:
                waiting.append(user.manager)
        return frozenset(found)


def _amounts(directory: Directory) -> list[tuple[str, list[Decimal]]]:
    """All limits that an amount may be compared with, by currency, in order."""
    limits = [
        *(user.authority for user in directory.users.values()),
        *(entry.authority for entry in directory.approvers.values()),
        *(delegation.largest for delegation in directory.delegations),
    ]
    found: dict[str, set[Decimal]] = {}
    for limit in limits:
        if limit is not None:
            found.setdefault(limit.currency, set()).add(limit.amount)
    return [(currency, sorted(amounts)) for currency, amounts in sorted(found.items())]


class _Slot:
    """One rule, with the approvals it came to so far, by case."""

    def __init__(self, rule: RulePart, place: int, surroundings: _Surroundings) -> None:
        self.place = place
        self.names = tuple(
            dict.fromkeys(
                (*surroundings.fields_of(rule.approver), *surroundings.fields_of(surroundings.policy.fallback))
            )
        )
        self._rule = rule
        self._surroundings = surroundings
        self._who: dict[tuple[Any, ...], tuple[Named, frozenset[str]]] = {}
        self._found: dict[object, Ask | tuple[Problem, ...] | None] = {}

    def ask(self, case: _Case) -> Ask | tuple[Problem, ...] | None:
        """The approval, the problems for which there is none, or ``None`` where only a live plan can tell."""
        values = tuple([case.facts.get(name) for name in self.names])
        who = self._who.get(values)
        if who is None:
            self._forget()
            who = self._who[values] = self._named(case.facts)
        key = (values, who[1] & case.barred, case.key)
        if key not in self._found:
            self._forget()
            self._found[key] = self._seated(case, who[0])
        return self._found[key]

    def _forget(self) -> None:
        if len(self._who) + len(self._found) >= REMEMBERED:
            self._who.clear()
            self._found.clear()

    def _named(self, facts: Mapping[str, Any]) -> tuple[Named, frozenset[str]]:
        named = find_approver(self._surroundings.directory, self._rule.approver, facts)
        return named, self._surroundings.around(named, facts)

    def _seated(self, case: _Case, named: Named) -> Ask | tuple[Problem, ...] | None:
        rule, policy, directory = self._rule, self._surroundings.policy, self._surroundings.directory
        submission, chain = case.submission, self._rule.chain or UNCHAINED
        quote = submission.priced.quote
        table = Table(directory, submission.barred, policy.fallback, policy.self_approval, case.facts)
        matter = Matter(policy.policy, chain, submission.priced.net_total, quote.currency, quote.rates)
        try:
            seating = seat(named, table, matter, rule.id, submission.at)
        except Refusal as refusal:
            return refusal.problems
        places = places_of(seating)
        sla = rule.sla or named.sla
        held = [(each.holder, each.calendar) for each in seating.seats]
        if sla is not None and _may_never_pass(directory, sla, held):
            return None
        return Ask(
            rule.id,
            chain,
            rule.step,
            name_of(rule.approver),
            places,
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
