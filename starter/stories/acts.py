"""What a story says of an act in a round, as the act that both stages carry out."""

from __future__ import annotations

from typing import Any

from domain.approval.state import ActVerb, RoundAct
from starter.stories.approval_verbs import Adding, Answering, Overriding, Reassigning, Recomputing

OPERATOR = "operator"


def act_of(verb: str, given: Any, act_id: str, approval: str, submitter: str) -> RoundAct:
    """The act that ``given`` tells; a story's act has every permission that its verb needs."""
    fields: dict[str, Any] = {"act_id": act_id, "verb": ActVerb(verb), "approval": approval, "comment": given.comment}
    if isinstance(given, Answering):
        return RoundAct(by=given.by or submitter, **fields)
    if isinstance(given, Recomputing):
        return RoundAct(by=given.by or OPERATOR, **fields)
    fields |= {"seat_of": given.for_, "reason": given.reason}
    if isinstance(given, Reassigning):
        fields["to"] = given.to
    elif isinstance(given, Adding):
        fields |= {"to": given.who, "where": given.where}
    elif isinstance(given, Overriding):
        fields["verdict"] = given.decision
    return RoundAct(by=given.by, **fields)


def needs_admin(verb: str, given: Any) -> bool:
    """Whether the story means an admin: recomputing takes one, reassigning where it says so."""
    return verb == ActVerb.RECOMPUTE or (isinstance(given, Reassigning) and given.admin)
