"""What the seats of a rule may depend on beside the rule: the people around it, limits, and the moment."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.approval.plan import Submission
from domain.approvers import Named, fields_of_vetoes, find_approver
from domain.people import Directory
from domain.policy.document import ApproverName, FieldApprover, ManagerApprover
from domain.policy.evaluate import CompiledPolicy


@dataclass(frozen=True, slots=True)
class Case:
    """What of one submission seats may depend on; ``key`` tells the limits and delegations apart."""

    submission: Submission
    facts: Mapping[str, Any]
    barred: frozenset[str]
    key: tuple[object, ...]


class Surroundings:
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

    def case(self, submission: Submission, facts: Mapping[str, Any]) -> Case:
        """The case that ``submission`` is of."""
        limits = [self._within(submission, currency, amounts) for currency, amounts in self._limits]
        return Case(submission, facts, frozenset(submission.barred), (*limits, self._moment(submission.at)))

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
        group = entry.group if entry is not None else approver
        vetoes = fields_of_vetoes(self.directory, (str(group),)) if group is not None else ()
        return (*(name for name in named if name is not None), *vetoes)

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
