"""A round as a document for API and ``--json``: lanes, steps, approvals, with who, why and when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from domain.approval.smart_words import weighing_document
from domain.approval.state import Approval, RoundState, TestedValue
from domain.money import decimal_text


def plan_document(state: RoundState) -> dict[str, Any]:
    """The whole plan. Money is a decimal text with its currency, moments are ISO 8601 in UTC."""
    return {
        "quote_id": state.quote_id,
        "round": state.round,
        "policy": state.policy,
        "policy_version": state.policy_version,
        "content_hash": state.content_hash,
        "submitter": state.submitter,
        "net_total": {"amount": decimal_text(state.net_total), "currency": state.currency},
        "outcome": state.outcome,
        "outcome_reason": state.outcome_reason,
        "lanes": [
            {"lane": lane.name, "after": list(lane.after), "steps": list(_steps(state, lane.name))}
            for lane in state.lanes
        ],
        "not_fired": [
            {"rule": each.rule, "why": each.why, "conditions": [_tested(one) for one in each.conditions]}
            for each in state.not_fired
        ],
    }


def _steps(state: RoundState, lane: str) -> Iterator[dict[str, Any]]:
    mine = sorted((each for each in state.approvals if each.chain == lane), key=lambda each: each.step)
    for step, approvals in groupby(mine, key=lambda each: each.step):
        yield {"step": step, "approvals": [approval_document(each) for each in approvals]}


def approval_document(approval: Approval) -> dict[str, Any]:
    """One approval: who is asked, on which rule and reason, in which state, on which basis, until when."""
    return {
        "approval_id": approval.approval_id,
        "rule": approval.rule,
        "approver": approval.approver,
        "asks": list(approval.waiting_for) if approval.state.is_open else [],
        "group": approval.group,
        "quorum": approval.quorum,
        "needed": approval.needed,
        "state": str(approval.state),
        "reason": approval.reason,
        "due": approval.due_at.isoformat() if approval.due_at else None,
        "conditions": [_tested(each, approval) for each in approval.snapshot.conditions],
        "basis": approval.basis.model_dump(mode="json", exclude={"snapshot"}) if approval.basis else None,
        "weighed": weighing_document(approval.weighed) if approval.weighed else None,
        "votes": [vote.model_dump(mode="json") for vote in approval.votes],
        "questions": [each.model_dump(mode="json", exclude={"act_id"}) for each in approval.questions],
        "added": approval.added.model_dump(mode="json") if approval.added else None,
        "withdrawn": [vote.model_dump(mode="json") for vote in approval.withdrawn],
        "seats": [
            {
                "holder": seat.holder,
                "origin": seat.origin,
                "asked": list(seat.asked) if approval.state.is_open else [],
                "voted": seat.vote is not None,
            }
            for seat in approval.seats
        ],
    }


def _tested(tested: TestedValue, approval: Approval | None = None) -> dict[str, Any]:
    basis = approval.basis if approval is not None else None
    weighed = approval.weighed if approval is not None else None
    seen = [(each.text, each.value) for each in (basis.snapshot.conditions if basis and basis.snapshot else ())]
    seen += [(each.text, each.before) for each in (weighed.conditions if weighed else ())]
    previous = next((value for text, value in seen if text == tested.text), None)
    return {
        "condition": tested.text,
        "value": tested.value,
        "threshold": list(tested.threshold) if isinstance(tested.threshold, tuple) else tested.threshold,
        "previous": previous,
        "met": tested.met,
        "smart": tested.smart,
    }
