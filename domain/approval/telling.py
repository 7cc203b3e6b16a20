"""What the record tells of a round beside what happened: why somebody was asked, and what there was to see.

An event says who did what. These facts are those of the approval it is about: they do not change while a round is open,
and make every entry answer on its own, without the rows that hold the round.
"""

from __future__ import annotations

from typing import Any

from domain.approval.state import Approval, RoundEvent, RoundState, Snapshot

EXPLAINED = frozenset(("requested", "skipped", "approved", "rejected", "overridden", "added"))


def told(event: RoundEvent, state: RoundState) -> RoundEvent:
    """``event`` of the round ``state`` with the facts of its approval in the detail.

    ``submitted`` carries the plan. What asks, skips or answers an approval carries ``approver``, ``why`` (the rule's
    reason) and ``tested`` (the values that were seen); a skip also ``basis_tested``, those of its basis; in a later
    round ``weighed`` says why it is asked again, or is not.
    """
    approval = next((each for each in state.approvals if each.approval_id == event.approval_id), None)
    facts: dict[str, Any] = {}
    if event.kind == "submitted":
        facts = {"plan": [_planned(each) for each in state.approvals if each.added is None]}
    elif approval is not None and event.kind in EXPLAINED:
        facts = _explained(approval)
        if event.kind in ("requested", "skipped") and approval.weighed is not None:
            facts["weighed"] = approval.weighed.model_dump(mode="json", exclude_defaults=True)
        if event.kind == "added":
            facts["plan"] = [_planned(approval)]
        if event.kind == "skipped" and approval.basis is not None and approval.basis.snapshot is not None:
            facts["basis_tested"] = _tested(approval.basis.snapshot)
    return event.model_copy(update={"detail": {**facts, **event.detail}}) if facts else event


def _planned(approval: Approval) -> dict[str, Any]:
    return {
        "approval": approval.approval_id,
        "rule": approval.rule,
        "chain": approval.chain,
        "step": approval.step,
        "approver": approval.approver,
    }


def _explained(approval: Approval) -> dict[str, Any]:
    found = {
        "approver": approval.approver,
        "group": approval.group,
        "why": approval.reason,
        "tested": _tested(approval.snapshot),
        "rule_fingerprint": approval.snapshot.fingerprint,
    }
    return {name: value for name, value in found.items() if value is not None}


def _tested(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The conditions with value, threshold, and whether they were met; what is as usual is left out."""
    kept = {"text", "value", "threshold", "met"}
    return [
        {
            **each.model_dump(mode="json", include=kept),
            **each.model_dump(mode="json", include={"currency", "negated", "smart"}, exclude_defaults=True),
        }
        for each in snapshot.conditions
    ]
