"""Where a quote stands, and which verbs are possible there (``spec/approvals.md`` 1 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from domain.approval.state import RoundState
from domain.refusal import Refusal


class QuoteState(StrEnum):
    """The approval state of a quote. Accepting it does not change the state; it ends every edit."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    RECALLED = "recalled"


def check_edit(state: QuoteState, accepted: bool) -> None:
    """Refuse (``not_editable``) to change the content of a quote that is pending or accepted."""
    if accepted:
        raise Refusal("not_editable", "the quote is accepted; what follows is an amendment")
    if state is QuoteState.PENDING:
        raise Refusal("not_editable", "the quote is frozen while people decide on it; recall it first")


def check_submit(state: QuoteState, accepted: bool) -> None:
    """Refuse (``wrong_state``) to submit what is pending or approved already."""
    if state is QuoteState.PENDING:
        raise Refusal("wrong_state", "the quote is already pending")
    if state is QuoteState.APPROVED or accepted:
        raise Refusal("wrong_state", "the quote is already approved; edit it first")


def check_recall(state: QuoteState, accepted: bool) -> None:
    """Refuse to recall what nobody submitted or what is accepted (``wrong_state``), or is over (``round_closed``)."""
    if accepted:
        raise Refusal("wrong_state", "an accepted quote cannot be recalled")
    if state is QuoteState.DRAFT:
        raise Refusal("wrong_state", "the quote is a draft; there is nothing to recall")
    if state in (QuoteState.REJECTED, QuoteState.RECALLED):
        raise Refusal("round_closed", f"the last round was {state}; there is nothing to recall")


def check_accept(state: QuoteState, accepted: bool) -> None:
    """Refuse to accept what is not approved (``not_approved``) or accepted already (``wrong_state``)."""
    if accepted:
        raise Refusal("wrong_state", "the quote is already accepted")
    if state is not QuoteState.APPROVED:
        raise Refusal("not_approved", f"only an approved quote can be accepted; this one is {state}")


def check_order(state: QuoteState, accepted: bool) -> None:
    """Refuse (``not_approved``) to order from a quote that is not approved and accepted."""
    if state is not QuoteState.APPROVED or not accepted:
        what = "approved but not accepted" if state is QuoteState.APPROVED else str(state)
        raise Refusal("not_approved", f"only an approved, accepted quote is ordered; this one is {what}")


def check_change(round: int, *, is_askers: bool) -> None:
    """Refuse (``wrong_state``) to submit what a change of an order asks, but once, by its own policy and its asker."""
    if round:
        raise Refusal("wrong_state", "this change was submitted before; ask for it again at its order")
    if not is_askers:
        raise Refusal("wrong_state", "this is a change of an order; it is submitted by itself, by its own policy")


def status_before(state: QuoteState, earlier: Sequence[RoundState]) -> str:
    """What ``skip_when_status`` looks at: where the quote stood before it was edited for this submission.

    A quote that was edited since its last round is a draft; rules that are skipped for approved (rejected, recalled)
    quotes mean how that round ended. ``draft`` is said only of a quote that was never submitted.
    """
    outcome = earlier[-1].outcome if earlier else None
    return str(outcome.value if state is QuoteState.DRAFT and outcome is not None else state.value)


def state_after(round_state: RoundState) -> QuoteState:
    """The state of a quote whose latest round stands like this."""
    return QuoteState.PENDING if round_state.outcome is None else QuoteState(round_state.outcome.value)
