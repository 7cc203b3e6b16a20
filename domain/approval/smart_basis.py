"""The basis of smart approval: the last approval of a rule by a person and what they saw (``spec/approvals.md`` 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.approval.smart_words import BARRED, NEVER_APPROVED, NOT_BY_A_PERSON, REJECTED
from domain.approval.state import Approval, ApprovalState, Basis, RoundState, Verdict, Vote

NO_PERSON = frozenset(("timeout", "override"))
"""Channels by which nobody answers for themselves."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The basis of a rule and the answers that made it one; where there is none, ``why`` says what was in the way."""

    basis: Basis | None = None
    why: str = NEVER_APPROVED
    votes: tuple[Vote, ...] = ()


def ground_of(rule: str, earlier: Sequence[RoundState], barred: Sequence[str]) -> Ground:
    """The last approval of ``rule`` by a person, from ``earlier`` rounds in order; a later rejection ends it.

    Passed over are an approval by somebody who is barred now (or on their behalf), by override or by ``on_timeout``,
    an ad-hoc one, and what was itself only carried over: a skip never moves a snapshot. Any rejection ends it, whoever
    gave it: also that of an ad-hoc approver.
    """
    why = NEVER_APPROVED
    for state in reversed(earlier):
        mine = [each for each in state.approvals if each.rule == rule]
        if any(each.state is ApprovalState.REJECTED for each in mine):
            return Ground(why=REJECTED)
        for approval in mine:
            given = approval.added is None and _given(approval, state)
            if not given:
                continue
            obstacle = _obstacle(given.votes, barred)
            if obstacle is None:
                return Ground(given.basis, votes=given.votes)
            why = obstacle if why == NEVER_APPROVED else why
    return Ground(why=why)


@dataclass(frozen=True, slots=True)
class _Given:
    """An approval as a basis, and the answers that made it one."""

    basis: Basis
    votes: tuple[Vote, ...]


def _given(approval: Approval, state: RoundState) -> _Given | None:
    """What ``approval`` itself gives later rounds to build on; nothing where it was not approved in its own round.

    What the same person settled stands on their answer alone, whoever else was asked beside them there.
    """
    if approval.state is ApprovalState.APPROVED:
        return _own(approval, state)
    basis = approval.basis
    if approval.state is not ApprovalState.SKIPPED or basis is None or basis.kind != "same_person":
        return None
    source = next((each for each in state.approvals if each.approval_id == basis.approval_id), None)
    carried = basis.model_copy(update={"kind": "smart", "snapshot": approval.snapshot})
    if source is None:
        return None
    return _Given(carried, tuple(vote for vote in _yes(source) if vote.seat_of in basis.persons))


def _own(approval: Approval, state: RoundState) -> _Given:
    votes = _yes(approval)
    basis = Basis(
        kind="smart",
        round=state.round,
        approval_id=approval.approval_id,
        persons=tuple(vote.by for vote in votes),
        at=max((vote.at for vote in votes), default=state.opened_at),
        snapshot=approval.snapshot,
    )
    return _Given(basis, votes)


def _yes(approval: Approval) -> tuple[Vote, ...]:
    return tuple(vote for vote in approval.votes if vote.verdict is Verdict.APPROVE)


def _obstacle(votes: Sequence[Vote], barred: Sequence[str]) -> str | None:
    """Why the approval that ``votes`` made is no basis. A delegate's answer counts as that of whom they act for."""
    if not votes or any(vote.channel in NO_PERSON for vote in votes):
        return NOT_BY_A_PERSON
    return BARRED if any(person in barred for vote in votes for person in (vote.by, vote.seat_of)) else None
