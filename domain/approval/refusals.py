"""When a decision is refused, in the one order that every door shares (``spec/scenarios.md``, last rules)."""

from __future__ import annotations

from domain.approval.state import Approval, ApprovalState, Decision, RoundState, Seat, Verdict
from domain.refusal import Refusal


def check_decision(state: RoundState, decision: Decision, *, left: bool = False) -> Approval:
    """The approval that ``decision`` answers; ``left``: who decides is no longer active, and so has no seat.

    Codes, in this order: ``round_closed``, ``unknown_approval``, ``four_eyes``, ``not_yours``, ``not_your_turn``,
    ``already_decided``, ``reason_missing``.
    """
    if state.outcome is not None:
        raise Refusal("round_closed", f"round {state.round} of {state.quote_id} was {state.outcome}")
    approval = state.approval(decision.approval)
    if approval is None:
        raise Refusal("unknown_approval", f"round {state.round} has no approval {decision.approval}", "approval")
    if decision.by in state.barred:
        raise Refusal("four_eyes", f"{decision.by} submitted, owns or edited this quote and never decides it", "by")
    seats = [] if left else _seats_of(approval, decision)
    if not seats:
        whose = f" for {decision.seat_of}" if decision.seat_of else ""
        raise Refusal("not_yours", f"{decision.by} is not asked in {approval.rule}{whose}", "by")
    if approval.state is ApprovalState.ASSIGNED:
        raise Refusal("not_your_turn", f"the step of {approval.rule} has not come yet", "approval")
    voted = {vote.by for vote in approval.votes}
    if approval.state is not ApprovalState.REQUESTED or decision.by in voted or not _open(seats):
        raise Refusal("already_decided", f"{approval.rule} is {approval.state}, or {decision.by} has voted", "approval")
    if decision.verdict is Verdict.REJECT and not (decision.reason or "").strip():
        raise Refusal("reason_missing", "a rejection needs a reason", "reason")
    return approval


def seat_for(approval: Approval, decision: Decision) -> Seat:
    """The open seat that the decision fills: one's own before one held for somebody else."""
    seats = _open(_seats_of(approval, decision))
    return min(seats, key=lambda seat: (seat.holder != decision.by, decision.by not in seat.asked))


def _seats_of(approval: Approval, decision: Decision) -> list[Seat]:
    return [
        seat
        for seat in approval.seats
        if _belongs_to(seat, decision.by) and decision.seat_of in (None, seat.holder, seat.origin)
    ]


def _belongs_to(seat: Seat, person: str) -> bool:
    return person in seat.acting or person == seat.holder or (seat.vote is not None and seat.vote.by == person)


def _open(seats: list[Seat]) -> list[Seat]:
    return [seat for seat in seats if seat.vote is None]
