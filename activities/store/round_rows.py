"""The rows that a round's state comes to: what is searched and sorted, beside the state itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.approval.state import Approval, RoundState, Vote

NEVER_DUE = datetime(9999, 1, 1, tzinfo=UTC)


def round_row(state: RoundState, revision: int) -> dict[str, Any]:
    """The row of ``rounds``, without the version of the quote it was opened on."""
    return {
        "quote_id": state.quote_id,
        "round": state.round,
        "revision": revision,
        "content_hash": state.content_hash,
        "policy": state.policy,
        "policy_version": state.policy_version,
        "submitter": state.submitter,
        "outcome": state.outcome,
        "next_moment": state.next_moment,
        "opened_at": state.opened_at,
        "closed_at": state.closed_at,
        "state": state.model_dump(mode="json"),
    }


def approval_rows(state: RoundState) -> dict[str, dict[str, Any]]:
    """The rows of ``approvals`` by approval id."""
    return {
        approval.approval_id: {
            "approval_id": approval.approval_id,
            "quote_id": state.quote_id,
            "round": state.round,
            "position": position,
            "rule": approval.rule,
            "chain": approval.chain,
            "step": approval.step,
            "approver": approval.approver,
            "reason": approval.reason,
            "state": approval.state,
            "waiting_for": list(approval.waiting_for),
            "requested_at": approval.requested_at,
            "due_at": approval.due_at,
            "settled_at": approval.settled_at,
        }
        for position, approval in enumerate(state.approvals)
    }


def people_rows(state: RoundState) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of ``approval_people`` by approval and person: everybody who is asked, may act, or has a seat."""
    rows = {}
    for approval in state.approvals:
        listed, acting = _listed(approval), {person for seat in approval.seats for person in seat.acting}
        seated = {person for seat in approval.seats for person in (seat.first, seat.holder)}
        for person in listed | acting | seated:
            rows[approval.approval_id, person] = {
                "approval_id": approval.approval_id,
                "person": person,
                "quote_id": state.quote_id,
                "round": state.round,
                "asked": person in listed,
                "acting": person in acting,
                "state": approval.state,
                "sort_at": approval.due_at or NEVER_DUE,
            }
    return rows


def _listed(approval: Approval) -> set[str]:
    if approval.state.is_open:
        return set(approval.waiting_for)
    asked = {person for seat in approval.seats for person in seat.asked}
    return asked | {vote.by for vote in approval.votes}


def decision_rows(state: RoundState) -> dict[str, dict[str, Any]]:
    """The rows of ``decisions`` by decision id."""
    return {
        vote.decision_id: {
            "decision_id": vote.decision_id,
            "approval_id": approval.approval_id,
            "by": vote.by,
            "turn": _turn(approval, vote),
            "seat_of": vote.seat_of,
            "verdict": vote.verdict,
            "at": vote.at,
            "channel": vote.channel,
            "comment": vote.comment,
            "reason": vote.reason,
            "content_hash": state.content_hash,
            "policy": state.policy,
            "policy_version": state.policy_version,
        }
        for approval in state.approvals
        for vote in (*approval.votes, *approval.withdrawn)
    }


def _turn(approval: Approval, vote: Vote) -> int:
    """Which of their decisions on the approval it is: 2 once the first one was taken back, or overridden by them."""
    return sum(other.by == vote.by and other.number <= vote.number for other in (*approval.votes, *approval.withdrawn))


def withdrawal_rows(state: RoundState) -> dict[str, dict[str, Any]]:
    """The rows of ``withdrawals`` by decision id."""
    return {
        vote.decision_id: {"decision_id": vote.decision_id, "approval_id": approval.approval_id}
        for approval in state.approvals
        for vote in approval.withdrawn
    }
