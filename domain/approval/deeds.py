"""What an act is, in words that a token can be bound to; and ids, which must never name two things."""

from __future__ import annotations

from urllib.parse import quote

from domain.approval.state import ActVerb, Decision, Done, RoundAct, RoundState
from domain.refusal import Refusal


def deed_of(act: RoundAct) -> str:
    """All that makes ``act`` this act and no other: its verb, and whom, where or what it says.

    Each part has its place, blank where nothing is said; a colon in an id is written ``%3A``, so that no two deeds
    read alike: ``reassign:mei:david`` is from mei to david, ``reassign::david`` from whoever acts.
    """
    told: dict[ActVerb, tuple[str | None, ...]] = {
        ActVerb.ADD: (act.where, act.to),
        ActVerb.REASSIGN: (act.seat_of, act.to),
        ActVerb.OVERRIDE: (act.verdict,),
    }
    return ":".join(quote(part or "", safe="") for part in (act.verb, *told.get(act.verb, ())))


def words_of(given: RoundAct | Decision) -> tuple[str | None, ...]:
    """What is said with an act or a decision, for a token to be bound to: comment, reason, and whose seat it is for."""
    return given.comment, given.reason, given.seat_of


def done_by(act: RoundAct) -> Done:
    """``act`` as the round remembers it."""
    return Done(act_id=act.act_id, by=act.by, approval=act.approval, deed=deed_of(act))


def check_decision_id(state: RoundState, decision: Decision) -> None:
    """Refuse (``idempotency_key_reused``) a decision whose id names something else in the round.

    The same decision again is no mistake and is answered again.
    """
    if any(each.act_id == decision.decision_id for each in state.done):
        raise _reused(decision.decision_id, "decision_id")
    for approval in state.approvals:
        for vote in (*approval.votes, *approval.withdrawn):
            if vote.decision_id != decision.decision_id:
                continue
            named = decision.approval in (approval.approval_id, approval.rule)
            if not named or (vote.by, vote.verdict) != (decision.by, decision.verdict):
                raise _reused(decision.decision_id, "decision_id")


def check_act_id(state: RoundState, act: RoundAct) -> None:
    """The same for an act beside deciding."""
    known = next((each for each in state.done if each.act_id == act.act_id), None)
    if known is None and state.has_seen(act.act_id):
        raise _reused(act.act_id, "act_id")
    if known is not None and not _same(state, known, done_by(act)):
        raise _reused(act.act_id, "act_id")


def _same(state: RoundState, one: Done, other: Done) -> bool:
    if (one.by, one.deed) != (other.by, other.deed):
        return False
    names = {one.approval, other.approval}
    return len(names) == 1 or any(names == {each.approval_id, each.rule} for each in state.approvals)


def _reused(name: str, path: str) -> Refusal:
    return Refusal("idempotency_key_reused", f"{name} already names something else in this round; take a new id", path)
