"""Pictures in text: the approval path as lanes and steps, one line for each thing a person looks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.approval.smart_words import sentence
from domain.approval.state import Approval, ApprovalState, RoundState, TestedValue
from starter.explanations import change_line

MARKS = {
    ApprovalState.ASSIGNED: "·",
    ApprovalState.REQUESTED: "?",
    ApprovalState.APPROVED: "✓",
    ApprovalState.REJECTED: "✗",
    ApprovalState.REVOKED: "–",
    ApprovalState.SKIPPED: "»",
}


def plan_picture(state: RoundState, explained: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The path of a round: lanes side by side in reality, one below the other here; steps from left to right.

    ``explained`` is what :func:`~starter.explanations.explanations_document` says of the rules.
    """
    told = explained or {}
    yield (
        f"{state.quote_id} round {state.round} · {state.net_total:,} {state.currency} · "
        f"policy {state.policy} version {state.policy_version or 'draft'}"
    )
    if not state.approvals:
        yield "no rule fires: the quote is approved at once"
    for lane in state.lanes:
        mine = [each for each in state.approvals if each.chain == lane.name]
        after = f" (after {', '.join(lane.after)})" if lane.after else ""
        steps = " ─▶ ".join(_box(step, mine) for step in sorted({each.step for each in mine}))
        yield f"  {lane.name + after:<14} {steps}"
    for approval in state.approvals:
        yield from _why(approval)
        yield from _change(told.get(approval.rule))
    for rule in state.not_fired:
        reason = rule.why or "; ".join(_condition(each) for each in rule.conditions if not each.speaks_for_asking)
        yield f"  not asked: {rule.rule}: {reason}"
        yield from _change(told.get(rule.rule))


def _box(step: int, approvals: list[Approval]) -> str:
    boxes = [
        f"{MARKS[each.state]} {', '.join(_people(each))}{_quorum(each)}" for each in approvals if each.step == step
    ]
    return f"[{step}: {' | '.join(boxes)}]"


def _people(approval: Approval) -> list[str]:
    if approval.state is ApprovalState.SKIPPED and approval.basis:
        return list(approval.basis.persons)
    asked = approval.waiting_for if approval.state.is_open else ()
    return list(asked) or [vote.by for vote in approval.votes]


def _quorum(approval: Approval) -> str:
    return f" {approval.needed} of {len(approval.seats)}" if len(approval.seats) > 1 else ""


def _why(approval: Approval) -> Iterator[str]:
    due = f" · due {approval.due_at:%Y-%m-%d %H:%M} UTC" if approval.due_at else ""
    yield f"  {MARKS[approval.state]} {approval.rule}: {approval.reason or approval.approver}{due}"
    met = "; ".join(_condition(each) for each in approval.snapshot.conditions if each.speaks_for_asking)
    yield f"      because {met or 'it is always asked'}"
    if approval.weighed is not None:
        yield f"      {sentence(approval.weighed)}"


def _change(explained: Mapping[str, Any] | None) -> Iterator[str]:
    line = change_line(explained)
    if line is not None:
        yield f"      {line}"


def _condition(tested: TestedValue) -> str:
    said = f"not {tested.text}" if tested.negated else tested.text
    return f"{said} (is {tested.value if tested.value is not None else 'blank'})"
