"""The round as a state machine: request, decide, act, remind, escalate, recall (``spec/approvals.md`` 3, 4, 6).

An :class:`ApprovalRound` is made from a :class:`RoundState` and the directory of the moment, moved on by one verb,
and left: ``state`` is what became of it, ``events`` and ``notices`` what is to be recorded and sent. A refused verb
raises :class:`~domain.refusal.Refusal` and leaves everything as it was.
"""

from __future__ import annotations

from datetime import datetime

from domain.approval.deeds import done_by
from domain.approval.refusals import check_decision, seat_for
from domain.approval.replacing import Replacing
from domain.approval.settling import basis_detail
from domain.approval.state import ActVerb, Approval, ApprovalState, Decision, Outcome, RoundAct
from domain.approval.withdrawal import Withdrawal
from domain.refusal import Refusal


class ApprovalRound(Withdrawal, Replacing):
    """One round, moved on by one verb at a moment."""

    def open(self, at: datetime) -> None:
        """Begin a planned round: request the first step of every lane."""
        self._record("submitted", at, by=self.state.submitter, comment=self.state.comment)
        for approval in self.state.approvals:
            if approval.state is ApprovalState.SKIPPED and approval.basis:
                self._record("skipped", at, approval, detail=basis_detail(approval.basis))
        self._progress(at)
        self._finish(at)

    def decide(self, decision: Decision, at: datetime) -> None:
        """Take one person's answer. A repeated ``decision_id`` changes nothing.

        Codes, in this order: ``round_closed``, ``unknown_approval``, ``four_eyes``, ``not_yours``, ``not_your_turn``,
        ``already_decided``, ``reason_missing``, ``unknown_reason``; at last ``authority_exceeded``, where the yes
        would leave nobody with authority for the amount.
        """
        if self.state.has_seen(decision.decision_id):
            return
        with self._all_or_nothing():
            approval = self.check(decision, at)
            seat = seat_for(approval, decision.by, decision.seat_of)
            self._vote(approval, seat, self._vote_of(decision, approval, seat, at), at)
            self._progress(at)
        self._finish(at)

    def check(self, decision: Decision, at: datetime) -> Approval:
        """The approval that ``decision`` answers, once everybody is in their place. Codes: as :meth:`decide`."""
        if self.state.outcome is None:
            self._refresh(at)
        return check_decision(self.state, decision, left=not self.directory.is_active(decision.by))

    def act(self, act: RoundAct, at: datetime, *, is_admin: bool = False, may_override: bool = False) -> None:
        """Do what people do beside deciding. A repeated ``act_id`` changes nothing.

        Codes: those of each verb, which follow the order of :meth:`decide`. ``is_admin`` and ``may_override`` are
        permissions that the caller has proven.
        """
        if self.state.has_seen(act.act_id):
            return
        with self._all_or_nothing():
            if self.state.outcome is None:
                self._refresh(at)
            self._do(act, at, is_admin, may_override)
            self.state = self.state.model_copy(update={"done": (*self.state.done, done_by(act))})
            self._progress(at)
        self._finish(at)

    def _do(self, act: RoundAct, at: datetime, is_admin: bool, may_override: bool) -> None:
        match act.verb:
            case ActVerb.ASK:
                self._ask(act, at)
            case ActVerb.ANSWER:
                self._answer(act, at, is_admin=is_admin)
            case ActVerb.ADD:
                self._add(act, at)
            case ActVerb.REASSIGN:
                self._reassign(act, at, is_admin=is_admin)
            case ActVerb.OVERRIDE:
                self._override(act, at, may_override=may_override)
            case ActVerb.WITHDRAW:
                self._withdraw(act, at)
            case ActVerb.RECOMPUTE:
                self._recompute(act, at, is_admin=is_admin)

    def advance(self, at: datetime, *, exact: bool = False) -> None:
        """Do what time alone brings up to and including ``at``: reminders, escalations, delegations that begin or end.

        With ``exact`` each happens at its own moment, as on a clock that is never late (stories); without, at ``at``:
        who is asked late has their whole time.
        """
        if not exact:
            self._tick(at)
        else:
            while self.state.outcome is None and self.state.next_moment and self.state.next_moment <= at:
                moment = self.state.next_moment
                self._tick(moment)
                self._finish(moment)
        self._finish(at)

    def recall(self, by: str, at: datetime, *, comment: str | None = None, is_admin: bool = False) -> None:
        """Take the quote back: pending, or approved and not yet accepted (the caller knows whether it was).

        Codes: ``round_closed``, ``not_yours`` (only the submitter, the owner or an admin may), ``unknown_user``.
        """
        if self.state.outcome not in (None, Outcome.APPROVED):
            raise Refusal(
                "round_closed", f"round {self.state.round} was {self.state.outcome}; nothing is to be recalled"
            )
        if not is_admin and by not in (self.state.submitter, self.state.owner):
            raise Refusal("not_yours", "only the submitter, the owner or an admin recalls a quote", "by")
        if not is_admin and not self.directory.is_active(by):
            raise Refusal("unknown_user", f"{by} is no active user of the directory", "by")
        who_asked = [person for person in (self.state.submitter, self.state.owner) if person != by]
        told = [*who_asked, *(person for each in self._requested() for person in each.waiting_for)]
        self._record("recalled", at, by=by, comment=comment)
        self._close(Outcome.RECALLED, comment or "recalled", at)
        self._tell("recalled", (*told, *self._watchers()))
        self._finish(at)

    def refresh(self, at: datetime) -> None:
        """Look again who may act, after the directory changed: what is waiting is handed over at once."""
        if self.state.outcome is None:
            self._refresh(at)
            self._progress(at)
        self._finish(at)
