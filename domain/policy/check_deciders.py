"""Deciders: for whose quotes a rule has nobody, whose silence leads nowhere, and who may not approve so much.

Everything is asked of the code that seats people in earnest, once for every owner who makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any

from domain.approval.seats import Table, limit_of, seat
from domain.approvers import find_approver
from domain.calendar import Sla
from domain.limit import Limit
from domain.people import Directory
from domain.policy.check_days import STEPS, DayCheck, Seated, some, within_all_limits
from domain.policy.check_people import is_open
from domain.policy.conditions import Amount, Condition, Operator, leaves
from domain.policy.document import ApproverName, Policy, RulePart
from domain.policy.finding import Finding, error, warning
from domain.policy.places import Places
from domain.policy.possible import Work
from domain.policy.satisfiable import Reader
from domain.refusal import Refusal


class DeciderCheck:
    """Seats every rule of one policy that can fire."""

    def __init__(
        self, policy: Policy, directory: Directory, places: Places, reader: Reader, on: date, never: frozenset[str]
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._places = places
        self._reader = reader
        self._work: Work = reader.work
        self._on = on
        self._at = datetime.combine(on, time(), UTC)
        self._rules = [rule for rule in policy.rules if rule.id not in never]
        self._days = DayCheck(policy, directory, places, reader.work, on)
        self._kept: dict[tuple[str, str | None], tuple[Seated, ...]] = {}

    def findings(self) -> Iterator[Finding]:
        for rule in self._rules:
            if self._is_known(rule):
                seated = self._seated(rule)
                yield from self._nobody(rule, seated)
                yield from self._silence(rule, seated)
                yield from self._authority(rule, seated)
                yield from self._days.findings(rule, seated)

    def _is_known(self, rule: RulePart) -> bool:
        """Whether it can be said before there is a quote whom ``rule`` asks."""
        approver = rule.approver
        if isinstance(approver, str) and not self._directory.knows_approver(approver):
            return False
        return not is_open(approver, self._directory)

    # -- seating

    def _seated(self, rule: RulePart) -> tuple[Seated, ...]:
        key = (str(rule.approver), rule.chain)
        if key not in self._kept:
            self._kept[key] = tuple(self._seat(rule, owner) for owner in self._owners(rule) if self._work.spend(STEPS))
        return self._kept[key]

    def _owners(self, rule: RulePart) -> Iterator[str]:
        """The owners who make a difference: for each group of people that may be asked, those near them, and another.

        Who is far from them, no manager of theirs and no fallback, bars nobody.
        """
        asked: dict[tuple[str, ...], list[str]] = {}
        for owner in self._active if self._depends(rule.approver) else ():
            if self._work.spend(1):
                facts = {"owner": owner, "submitter": owner}
                persons = find_approver(self._directory, rule.approver, facts).persons
                asked.setdefault(persons, []).append(owner)
        if not asked:
            asked[find_approver(self._directory, rule.approver, {}).persons] = list(self._active)
        for persons, owners in asked.items():
            near = {*persons, *self._fallbacks}
            near |= {boss for person in persons for boss in self._directory.managers_of(person)}
            yield from (owner for owner in owners if owner in near)
            yield from islice((owner for owner in owners if owner not in near), 1)

    def _depends(self, approver: ApproverName) -> bool:
        """Whether ``approver`` is somebody else for other owners."""
        if not isinstance(approver, str):
            return True
        entry = self._directory.approvers.get(approver)
        return entry is not None and (entry.field is not None or entry.manager_of is not None)

    @cached_property
    def _active(self) -> tuple[str, ...]:
        return tuple(user for user in self._directory.users if self._directory.is_active(user))

    @cached_property
    def _fallbacks(self) -> tuple[str, ...]:
        name = self._policy.fallback
        return find_approver(self._directory, name, {}).persons if name is not None else ()

    def _table(self, owner: str) -> Table:
        facts: dict[str, Any] = {"owner": owner, "submitter": owner}
        return Table(self._directory, (owner,), self._policy.fallback, self._policy.self_approval, facts)

    def _seat(self, rule: RulePart, owner: str) -> Seated:
        table = self._table(owner)
        named = find_approver(self._directory, rule.approver, table.facts)
        try:
            return Seated(
                owner, named, seat(named, table, within_all_limits(self._policy, rule), rule.id, self._at), None
            )
        except Refusal as refusal:
            return Seated(owner, named, None, refusal.code)

    # -- nobody at all

    def _nobody(self, rule: RulePart, seated: Sequence[Seated]) -> Iterator[Finding]:
        path = f"{self._places.of(rule)}.approver"
        lost = [each for each in seated if each.seating is None]
        if lost and len(lost) == len(seated):
            if all(each.refused == "four_eyes" for each in lost):
                message = f"{rule.id} only ever asks the owner, and self_approval is fail: no quote gets through"
                yield error("always_barred", path, message)
            else:
                message = f"{rule.id} has nobody who could decide, and neither has the fallback; no quote gets through"
                yield error("no_decider", path, message)
        elif stuck := [each.owner for each in lost if each.refused != "four_eyes"]:
            message = f"quotes of {some(stuck)} are refused: {rule.id} and the fallback have nobody else to decide"
            yield warning("no_decider_for_some", path, message)

    # -- silence

    def _silence(self, rule: RulePart, seated: Sequence[Seated]) -> Iterator[Finding]:
        alone: list[str] = []
        cases = 0
        for each in seated:
            sla = rule.sla or each.named.sla
            if each.seating is None or sla is None or sla.escalate is None or sla.on_timeout is not None:
                continue
            if not self._work.spend(5):
                return
            for one in each.seating.seats:
                cases += 1
                if not self._has_rung(one.origin, each, sla, rule):
                    alone.append(one.origin)
        path = f"{self._places.of(rule)}.sla" if rule.sla else f"{self._places.of(rule)}.approver"
        if alone:
            persons = some(list(dict.fromkeys(alone)))
            message = f"when {persons} is silent, the escalation of {rule.id} leads to nobody; name sla.to"
            found = error if len(alone) == cases else warning
            yield found("escalation_to_nobody", path, message)

    def _has_rung(self, person: str, seated: Seated, sla: Sla, rule: RulePart) -> bool:
        """Whether anybody is on the ladder of ``person``: deputy, manager, named approver, fallback.

        Whose limit is certainly below what the rule is about is passed over, unless others in the approval have enough.
        """
        assert seated.seating is not None
        user = self._directory.users[person]
        facts = self._table(seated.owner).facts
        named = find_approver(self._directory, sla.to, facts).persons if sla.to is not None else ()
        holders = {one.holder for one in seated.seating.seats}
        rungs = {user.deputy, user.manager, *named, *self._fallbacks} - {None, person, seated.owner} - holders
        alone = len(seated.seating.seats) == 1
        return any(
            self._directory.is_active(each) and not (alone and self._too_small(rule, each))
            for each in rungs
            if each is not None
        )

    def _too_small(self, rule: RulePart, person: str) -> bool:
        """Whether the rule is always about more than ``person`` may approve."""
        limit = self._directory.users[person].authority
        if limit is None or rule.conditions is None:
            return False
        if "net_total" not in {leaf.name for leaf, _ in leaves(rule.conditions)}:
            return False
        return self._exceeds(rule, limit) is True

    # -- authority

    def _authority(self, rule: RulePart, seated: Sequence[Seated]) -> Iterator[Finding]:
        if rule.conditions is None or "net_total" not in {leaf.name for leaf, _ in leaves(rule.conditions)}:
            return
        told: set[str] = set()
        for each in seated:
            if each.seating is None or each.seating.group is not None:
                continue
            person = each.seating.seats[0].origin
            limit = limit_of(person, each.named, self._directory)
            if person not in told and limit is not None and (sure := self._exceeds(rule, limit)) is not None:
                told.add(person)
                yield self._too_low(rule, person, limit, sure)

    def _exceeds(self, rule: RulePart, limit: Limit) -> bool | None:
        """Whether ``rule`` is about more than ``limit``: always, or (false) in its currency; ``None``: not proven."""
        if self._reader.never((rule.conditions, True), (_at_most(Amount(limit.amount, limit.currency)), True)):
            return True
        return False if self._reader.never((rule.conditions, True), (_at_most(limit.amount), True)) else None

    def _too_low(self, rule: RulePart, person: str, limit: Limit, sure: bool) -> Finding:
        path = f"{self._places.of(rule)}.approver"
        above = [*self._directory.managers_of(person), *self._fallbacks]
        able = (
            other
            for other in above
            if self._directory.is_active(other)
            and ((own := self._directory.users[other].authority) is None or self._exceeds(rule, own) is None)
        )
        beside = next(able, None)
        amount = f"{limit.amount} {limit.currency}"
        if beside is None:
            found = error if sure else warning
            message = f"{rule.id} is about more than {person} may approve ({amount}), and nobody over them may"
            return found("authority_too_low", path, message)
        message = f"{rule.id} is about more than {person} may approve ({amount}); {beside} is always asked beside"
        return warning("authority_below", path, message)


def _at_most(limit: Decimal | Amount) -> Condition:
    return Condition("", "net_total", Operator.AT_MOST, limit)
