"""Smart approval: what a person already approved is not asked again, unless it got worse (``spec/approvals.md`` 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.approval.state import Approval, ApprovalState, Basis, RoundState, Snapshot, TestedValue, Verdict
from domain.policy.conditions import as_number

NOT_BY_A_PERSON = frozenset(("timeout", "override"))


def basis_of(rule: str, earlier: Sequence[RoundState], barred: Sequence[str]) -> Basis | None:
    """The last approval of ``rule`` by a person, from ``earlier`` rounds in order; a later rejection ends it.

    An approval by somebody who is barred now, by override or by ``on_timeout`` is passed over, and so is what was
    itself only carried over: a skip never moves a snapshot.
    """
    for state in reversed(earlier):
        approval = next((each for each in state.approvals if each.rule == rule), None)
        if approval is None:
            continue
        if approval.state is ApprovalState.REJECTED:
            return None
        basis = _given(approval, state.round)
        if basis is not None and not any(person in barred for person in basis.persons):
            return basis
    return None


def _given(approval: Approval, number: int) -> Basis | None:
    """What ``approval`` itself gives later rounds to build on."""
    if approval.state is ApprovalState.SKIPPED and approval.basis and approval.basis.kind == "same_person":
        return approval.basis.model_copy(update={"kind": "smart", "snapshot": approval.snapshot})
    if approval.state is not ApprovalState.APPROVED:
        return None
    votes = [vote for vote in approval.votes if vote.verdict is Verdict.APPROVE]
    if not votes or any(vote.channel in NOT_BY_A_PERSON for vote in votes):
        return None
    return Basis(
        kind="smart",
        round=number,
        approval_id=approval.approval_id,
        persons=tuple(vote.by for vote in votes),
        at=max(vote.at for vote in votes),
        snapshot=approval.snapshot,
    )


def is_carried_over(now: Snapshot, then: Snapshot, tolerance: Mapping[str, Decimal]) -> bool:
    """Whether a rule that fires with ``now`` need not be asked, given what was approved ``then`` (``any_worse``)."""
    if now.fingerprint != then.fingerprint or len(now.conditions) != len(then.conditions):
        return False
    if not any(condition.smart for condition in now.conditions):
        return False
    pairs = zip(now.conditions, then.conditions, strict=True)
    return not any(_asks_again(new, old, tolerance.get(new.name, Decimal(0))) for new, old in pairs)


def _asks_again(now: TestedValue, then: TestedValue, tolerance: Decimal) -> bool:
    if not now.smart:
        return _differs(now, then)
    if not now.met:
        return False
    return not then.met or _is_worse(now, then, tolerance)


def _differs(now: TestedValue, then: TestedValue) -> bool:
    if now.currency != then.currency or not _same(now.value, then.value):
        return True
    return now.against_fact and not _same(_one(now.threshold), _one(then.threshold))


def _is_worse(now: TestedValue, then: TestedValue, tolerance: Decimal) -> bool:
    if now.currency != then.currency:
        return True
    new, old = _measure(now), _measure(then)
    if now.worse == "change" or new is None or old is None:
        if new is not None and old is not None:
            return abs(new - old) > tolerance
        return _differs(now, then)
    return (new - old if now.worse == "up" else old - new) > tolerance


def _measure(tested: TestedValue) -> Decimal | None:
    """The number that gets better or worse: the tested value, less the right side where that is a fact too."""
    value = as_number(tested.value) if tested.numeric else None
    if value is None or not tested.against_fact:
        return value
    other = as_number(_one(tested.threshold))
    return None if other is None else value - other


def _one(threshold: str | tuple[str, ...] | None) -> str | None:
    return threshold if isinstance(threshold, str) else None


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    numbers = as_number(one), as_number(other)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] == numbers[1]
    return one.casefold() == other.casefold()
