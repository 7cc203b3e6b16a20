"""Preview: the plan as it would stand right after a submit at this moment; nothing is written, nobody is asked."""

from __future__ import annotations

from domain.approval.plan import Submission, make_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import RoundState
from domain.policy.explain import Explanation, explain


def preview_plan(submission: Submission) -> RoundState:
    """The round that a submit at ``submission.at`` would open. Codes: those of :func:`make_plan`."""
    moving = ApprovalRound(make_plan(submission), submission.directory)
    moving.open(submission.at)
    return moving.state


def explain_plan(submission: Submission) -> tuple[Explanation, ...]:
    """Why each rule fires for this submission or does not, and what single change would turn it.

    Takes many evaluations; it is for whoever asks, not for every preview of a thousand quotes. Code: ``missing_rate``.
    """
    zone = submission.directory.calendar_of(submission.submitter).zone
    day = submission.at.astimezone(zone).date()
    return explain(submission.policy, submission.priced, day, status=submission.status)
