"""When a decision or another act is refused, in the one order every door shares (``spec/scenarios.md``, last rules)."""

from __future__ import annotations

from domain.approval.state import Approval, ApprovalState, Decision, RoundState, Seat, Verdict
from domain.refusal import Refusal


def check_decision(state: RoundState, decision: Decision, *, left: bool = False) -> Approval:
    """The approval that ``decision`` answers; ``left``: who decides is no longer active, and so has no seat.

    Codes, in this order: ``round_closed``, ``unknown_approval``, ``four_eyes``, ``not_yours``, ``not_your_turn``,
    ``already_decided``, ``reason_missing``, ``unknown_reason``.
    """
    approval = check_turn(state, decision.approval, decision.by, decision.seat_of, left=left)
    if decision.verdict is Verdict.REJECT:
        check_reason(state, decision.reason)
    return approval


def check_turn(state: RoundState, name: str, by: str, seat_of: str | None, *, left: bool = False) -> Approval:
    """The approval ``name`` in which it is ``by``'s turn. Codes: those of :func:`check_decision` up to the reason."""
    approval = find_approval(state, name, by)
    check_four_eyes(state, by)
    seats = [] if left else seats_of(approval, by, seat_of)
    has_voted = any(seat.vote is not None and seat.vote.by == by for seat in approval.seats)
    if not seats and (left or not has_voted):
        whose = f" for {seat_of}" if seat_of else ""
        raise Refusal("not_yours", f"{by} is not asked in {approval.rule}{whose}", "by")
    if approval.state is ApprovalState.ASSIGNED:
        raise Refusal("not_your_turn", f"the step of {approval.rule} has not come yet", "approval")
    voted = {vote.by for vote in approval.votes}
    if approval.state is not ApprovalState.REQUESTED or by in voted or not _open(seats):
        raise Refusal("already_decided", f"{approval.rule} is {approval.state}, or {by} has voted", "approval")
    return approval


def find_approval(state: RoundState, name: str, by: str) -> Approval:
    """The approval of that id or rule in an open round. Codes: ``round_closed``, ``unknown_approval``."""
    check_open(state)
    approval = state.approval(name, by)
    if approval is None:
        raise Refusal("unknown_approval", f"round {state.round} has no approval {name}", "approval")
    return approval


def check_open(state: RoundState) -> None:
    """Refuse (``round_closed``) what comes after the end of the round."""
    if state.outcome is not None:
        raise Refusal("round_closed", f"round {state.round} of {state.quote_id} was {state.outcome}")


def check_four_eyes(state: RoundState, person: str, path: str = "by") -> None:
    """Refuse (``four_eyes``) whoever had a hand in the quote."""
    if person in state.barred:
        raise Refusal("four_eyes", f"{person} submitted, owns or edited this quote and never decides it", path)


def check_reason(state: RoundState, reason: str | None) -> None:
    """Refuse a rejection without a reason (``reason_missing``), or with none of the policy's (``unknown_reason``)."""
    if not (reason or "").strip():
        raise Refusal("reason_missing", "a rejection needs a reason", "reason")
    if state.reasons and reason not in state.reasons:
        codes = ", ".join(state.reasons)
        raise Refusal("unknown_reason", f"{reason} is no reason of the policy; take one of {codes}", "reason")


def seat_for(approval: Approval, by: str, seat_of: str | None) -> Seat:
    """The open seat that ``by`` fills: their own before one held for somebody else."""
    seats = _open(seats_of(approval, by, seat_of))
    return min(seats, key=lambda seat: (seat.holder != by, by not in seat.asked))


def seats_of(approval: Approval, by: str, seat_of: str | None) -> list[Seat]:
    """The seats in which ``by`` may act, or has voted; only those of ``seat_of`` where that is said."""
    return [seat for seat in approval.seats if _belongs_to(seat, by) and seat_of in (None, seat.holder, seat.first)]


def _belongs_to(seat: Seat, person: str) -> bool:
    return person in seat.acting or person == seat.holder or (seat.vote is not None and seat.vote.by == person)


def _open(seats: list[Seat]) -> list[Seat]:
    return [seat for seat in seats if seat.vote is None]
