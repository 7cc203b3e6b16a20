"""Smart approval: what a person already approved is not asked again, unless it got worse (``spec/approvals.md`` 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.approval.smart_basis import ground_of
from domain.approval.smart_deciders import Deciders
from domain.approval.smart_salesforce import holds, retested
from domain.approval.smart_words import (
    BEYOND_AUTHORITY,
    INDIVIDUALLY,
    NO_LONGER_HOLDS,
    NOT_SMART,
    NOT_WORSE,
    OTHER_APPROVER,
    RULE_CHANGED,
    STILL_HOLDS,
    WORSE,
)
from domain.approval.smart_worse import worsened
from domain.approval.state import Basis, RoundState, Snapshot, Weighed, Weighing
from domain.policy.document import RulePart

Told = tuple[str, Sequence[Weighed]]
"""A code of :mod:`domain.approval.smart_words`, and the conditions as they were held against the snapshot."""
ASKING = frozenset((WORSE, RULE_CHANGED, OTHER_APPROVER, BEYOND_AUTHORITY, STILL_HOLDS, INDIVIDUALLY))


@dataclass(frozen=True, slots=True)
class Past:
    """What a resubmission looks back on: the ``earlier`` rounds in order, who is barred now, and today's rates."""

    earlier: Sequence[RoundState] = ()
    barred: Sequence[str] = ()
    rates: Mapping[str, Decimal] = field(default_factory=dict)


def weigh(
    rule: RulePart, mode: str, now: Snapshot, past: Past, deciders: Deciders
) -> tuple[Weighing | None, Basis | None]:
    """Why ``rule``, which fires with ``now``, is asked again or not; with its basis where it is not asked.

    Nothing is weighed in a first round. Code: ``missing_rate`` (mode ``salesforce``, in another currency than before).
    """
    if not past.earlier:
        return None, None
    if not any(condition.smart for condition in now.conditions):
        return Weighing(mode=mode, asks=True, why=NOT_SMART), None
    ground = ground_of(rule.id, past.earlier, past.barred)
    basis = ground.basis
    if basis is None or basis.snapshot is None:
        return Weighing(mode=mode, asks=True, why=ground.why), None
    why, conditions = _told(rule, mode, now, basis.snapshot, past.rates)
    if why == NOT_WORSE and deciders.are_others(basis.snapshot):
        why = OTHER_APPROVER
    elif why not in ASKING and not any(deciders.carries(vote) for vote in ground.votes):
        why = BEYOND_AUTHORITY
    weighing = Weighing(
        mode=mode,
        asks=why in ASKING,
        why=why,
        round=basis.round,
        approval_id=basis.approval_id,
        persons=basis.persons,
        at=basis.at,
        conditions=tuple(conditions),
    )
    return weighing, None if weighing.asks else basis


def _told(rule: RulePart, mode: str, now: Snapshot, then: Snapshot, rates: Mapping[str, Decimal]) -> Told:
    if mode == "salesforce":
        return _told_by_retesting(rule, tuple(retested(now, then, rates)))
    if now.fingerprint != then.fingerprint or len(now.conditions) != len(then.conditions):
        return RULE_CHANGED, ()
    conditions = tuple(worsened(now, then, rule.tolerance))
    return (WORSE if any(each.asks for each in conditions) else NOT_WORSE), conditions


def _told_by_retesting(rule: RulePart, conditions: Sequence[Weighed]) -> Told:
    if rule.conditions is None or holds(rule.conditions, conditions):
        return STILL_HOLDS, conditions
    if rule.reevaluate_individually and any(each.smart and each.asks for each in conditions):
        return INDIVIDUALLY, conditions
    return NO_LONGER_HOLDS, conditions
