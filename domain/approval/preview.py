"""Preview: the plan as it would stand right after a submit at this moment; nothing is written, nobody is asked."""

from __future__ import annotations

from domain.approval.plan import Submission, make_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import RoundState


def preview_plan(submission: Submission) -> RoundState:
    """The round that a submit at ``submission.at`` would open. Codes: those of :func:`make_plan`."""
    moving = ApprovalRound(make_plan(submission), submission.directory)
    moving.open(submission.at)
    return moving.state
