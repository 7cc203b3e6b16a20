"""Smart approval: what a person already approved is not asked again, unless it got worse (``spec/approvals.md`` 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

from domain.approval.state import Approval, ApprovalState, Basis, RoundState, Snapshot, TestedValue, Verdict

ANY_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
PRECISION = 80
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
    with localcontext() as context:
        context.prec = PRECISION
        return not any(_asks_again(new, old, tolerance.get(new.name, Decimal(0))) for new, old in pairs)


def _asks_again(now: TestedValue, then: TestedValue, tolerance: Decimal) -> bool:
    if not now.smart:
        return _differs(now, then)
    if not now.speaks_for_asking:
        return False
    return not then.speaks_for_asking or _is_worse(now, then, tolerance)


def _differs(now: TestedValue, then: TestedValue) -> bool:
    if now.currency != then.currency or not _same(now.value, then.value):
        return True
    return now.against_fact and not _same(_one(now.threshold), _one(then.threshold))


def _is_worse(now: TestedValue, then: TestedValue, tolerance: Decimal) -> bool:
    if now.currency != then.currency:
        return True
    new, old = _measure(now), _measure(then)
    if new is None or old is None:
        return _is_worse_text(now, then)
    if now.worse == "change":
        return abs(new - old) > tolerance
    return (new - old if now.worse == "up" else old - new) > tolerance


def _is_worse_text(now: TestedValue, then: TestedValue) -> bool:
    """Dates and other texts have an order as well, but no distance: against another fact, any change is worse."""
    if not _differs(now, then):
        return False
    if now.worse == "change" or now.against_fact or now.numeric != then.numeric:
        return True
    if now.value is None or then.value is None:
        return True
    new, old = now.value.casefold(), then.value.casefold()
    return new > old if now.worse == "up" else new < old


def _measure(tested: TestedValue) -> Decimal | None:
    """The number that gets better or worse: the tested value, less the right side where that is a fact too."""
    value = _number(tested.value) if tested.numeric else None
    if value is None or not tested.against_fact:
        return value
    other = _number(_one(tested.threshold))
    return None if other is None else value - other


def _number(text: str | None) -> Decimal | None:
    """A tested number with all its digits: quotients have more than people may write."""
    return Decimal(text.strip()) if text is not None and ANY_DECIMAL.fullmatch(text.strip()) else None


def _one(threshold: str | tuple[str, ...] | None) -> str | None:
    return threshold if isinstance(threshold, str) else None


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    numbers = _number(one), _number(other)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] == numbers[1]
    return one.casefold() == other.casefold()
