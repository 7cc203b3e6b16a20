"""The record played again: what became of a round, told by its entries alone (``spec/approvals.md`` 7).

A second account of the same round. Where it differs from the stored state, one of the two was changed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.approval.state import Approval, ApprovalState, Outcome, RoundEvent, RoundState, Verdict, Vote, Where

SETTLED = {Verdict.APPROVE: ApprovalState.APPROVED, Verdict.REJECT: ApprovalState.REJECTED}


@dataclass(slots=True)
class RetoldVote:
    """A vote as the record tells it."""

    decision_id: str
    by: str
    seat_of: str
    verdict: Verdict
    at: datetime
    channel: str


@dataclass(slots=True)
class RetoldApproval:
    """An approval as the record tells it; ``basis`` names the approval that a skip stands on."""

    approval_id: str
    rule: str
    state: ApprovalState = ApprovalState.ASSIGNED
    votes: list[RetoldVote] = field(default_factory=list)
    basis: str | None = None
    requested_at: datetime | None = None
    settled_at: datetime | None = None


@dataclass(slots=True)
class RetoldRound:
    """A round as the record tells it. ``planned`` is whether its submit told the plan: older releases did not."""

    planned: bool = False
    approvals: dict[str, RetoldApproval] = field(default_factory=dict)
    outcome: Outcome | None = None
    closed_at: datetime | None = None


def rebuild(events: Iterable[RoundEvent]) -> RetoldRound:
    """What the events of one round come to, in the order of the record. Kinds that change no state are passed over."""
    found = RetoldRound()
    for event in events:
        change = CHANGES.get(event.kind)
        if change is not None:
            change(found, event)
    return found


def _plan(found: RetoldRound, event: RoundEvent) -> None:
    for each in event.detail.get("plan", ()):
        found.planned = True
        found.approvals[each["approval"]] = RetoldApproval(each["approval"], each["rule"])
    if event.kind == "submitted" and "plan" in event.detail:
        found.planned = True


def _of(found: RetoldRound, event: RoundEvent) -> RetoldApproval:
    name = event.approval_id or ""
    return found.approvals.setdefault(name, RetoldApproval(name, event.rule or ""))


def _request(found: RetoldRound, event: RoundEvent) -> None:
    approval = _of(found, event)
    if approval.state is not ApprovalState.REQUESTED:  # else somebody with authority is asked besides
        approval.state, approval.requested_at = ApprovalState.REQUESTED, event.at


def _add(found: RetoldRound, event: RoundEvent) -> None:
    _plan(found, event)
    if event.detail.get("where") == Where.BEFORE:
        later = found.approvals[event.detail["to"]]
        later.state, later.requested_at = ApprovalState.ASSIGNED, None


def _skip(found: RetoldRound, event: RoundEvent) -> None:
    approval = _of(found, event)
    approval.state, approval.settled_at = ApprovalState.SKIPPED, event.at
    approval.basis = event.detail.get("approval")


def _revoke(found: RetoldRound, event: RoundEvent) -> None:
    approval = _of(found, event)
    approval.state, approval.settled_at = ApprovalState.REVOKED, event.at


def _vote(found: RetoldRound, event: RoundEvent) -> None:
    verdict = VERDICTS.get(event.kind) or Verdict(event.detail["settles"])
    by = event.by or ""
    _of(found, event).votes.append(
        RetoldVote(
            event.detail.get("decision", ""), by, event.on_behalf_of or by, verdict, event.at, event.channel or ""
        )
    )
    _settle(found, event)


def _settle(found: RetoldRound, event: RoundEvent) -> None:
    settles = event.detail.get("settles")
    if settles is not None:
        approval = _of(found, event)
        approval.state, approval.settled_at = SETTLED[Verdict(settles)], event.at


def _withdraw(found: RetoldRound, event: RoundEvent) -> None:
    approval = _of(found, event)
    approval.votes = [vote for vote in approval.votes if vote.decision_id != event.detail.get("decision")]
    if event.detail.get("settles") is None:  # else the others have said enough
        _reopen(found, event)


def _reopen(found: RetoldRound, event: RoundEvent) -> None:
    approval = _of(found, event)
    approval.state = ApprovalState.ASSIGNED if approval.requested_at is None else ApprovalState.REQUESTED
    approval.settled_at = approval.basis = None


def _close(found: RetoldRound, event: RoundEvent) -> None:
    found.outcome, found.closed_at = OUTCOMES[event.kind], event.at


OUTCOMES = {"quote_approved": Outcome.APPROVED, "quote_rejected": Outcome.REJECTED, "recalled": Outcome.RECALLED}
VERDICTS = {"approved": Verdict.APPROVE, "rejected": Verdict.REJECT}
CHANGES: Mapping[str, Callable[[RetoldRound, RoundEvent], None]] = {
    "submitted": _plan,
    "requested": _request,
    "skipped": _skip,
    "approved": _vote,
    "rejected": _vote,
    "overridden": _vote,
    "added": _add,
    "withdrawn": _withdraw,
    "reopened": _reopen,
    "replaced": _settle,
    "settled": _settle,
    "revoked": _revoke,
    **dict.fromkeys(OUTCOMES, _close),
}


def differences(told: RetoldRound, state: RoundState) -> tuple[str, ...]:
    """What the record tells otherwise than the stored round, a sentence each; empty when they agree."""
    found = [*_unlike("the outcome", told.outcome, state.outcome), *_unlike("the end", told.closed_at, state.closed_at)]
    stored = {each.approval_id: each for each in state.approvals}
    for name in sorted(told.approvals.keys() - stored.keys()):
        found.append(f"the record tells of the approval {name}, which is not stored")
    for name, approval in stored.items():
        mine = told.approvals.get(name)
        if mine is None:
            found.append(f"the record does not tell of the approval {name}")
        else:
            found += _differing(name, mine, approval)
    return tuple(found)


def _differing(name: str, told: RetoldApproval, stored: Approval) -> list[str]:
    votes = (
        [(vote.by, vote.verdict.value) for vote in told.votes],
        [(vote.by, vote.verdict.value) for vote in stored.votes],
    )
    whole = [_key(vote) for vote in told.votes] == [_key(vote) for vote in stored.votes]
    basis = stored.basis.approval_id if stored.basis and stored.state is ApprovalState.SKIPPED else None
    found = [
        *_unlike(f"the state of {name}", told.state, stored.state),
        *_unlike(f"the basis of {name}", told.basis if told.state is ApprovalState.SKIPPED else None, basis),
        *_unlike(f"the request of {name}", told.requested_at, stored.requested_at),
        *_unlike(f"the end of {name}", told.settled_at, stored.settled_at),
    ]
    return found if whole else [*found, f"the votes of {name} are {votes[1]}, the record tells {votes[0]}"]


def _key(vote: RetoldVote | Vote) -> tuple[Any, ...]:
    return vote.decision_id, vote.by, vote.seat_of, vote.verdict, vote.at, vote.channel


def _unlike(what: str, told: object, stored: object) -> list[str]:
    return [] if told == stored else [f"{what} is {stored}, the record tells {told}"]
