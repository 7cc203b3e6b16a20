"""Whose approval a skip may rest on today: what smart approval must know of people (``spec/approvals.md`` 4 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.approval.seats import limit_of
from domain.approval.state import Snapshot, Vote
from domain.approvers import Named, fact_of, find_approver
from domain.limit import Matter
from domain.people import Directory
from domain.policy.document import ApproverName
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Deciders:
    """Whom a rule asks for the quote of now, and the limits of now."""

    approver: ApproverName
    named: Named
    directory: Directory
    matter: Matter
    facts: Mapping[str, Any]

    def carries(self, vote: Vote) -> bool:
        """Whether the amount of now is within the limits of whoever gave ``vote`` and of whom they acted for."""
        try:
            limits = [limit_of(person, self.named, self.directory) for person in (vote.by, vote.seat_of)]
            return all(self.matter.within(limit) for limit in limits)
        except Refusal:  # a limit in a currency without a rate is not known to be enough
            return False

    def are_others(self, then: Snapshot) -> bool:
        """Whether the quote names somebody else than it did: its field, or whose manager is meant, says another.

        Who they are is looked up in the directory of now for both: that somebody was replaced there changes no quote.
        """
        fact = fact_of(self.directory, self.approver)
        if fact is None or then.named_by is None:
            return False
        before = find_approver(self.directory, self.approver, {**self.facts, fact: then.named_by})
        return before.persons != self.named.persons
