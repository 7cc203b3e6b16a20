"""The round as a state machine: request, decide, remind, escalate, recall (``spec/approvals.md`` 3, 4, 6).

An :class:`ApprovalRound` is made from a :class:`RoundState` and the directory of the moment, moved on by one verb,
and left: ``state`` is what became of it, ``events`` and ``notices`` what is to be recorded and sent. A refused verb
raises :class:`~domain.refusal.Refusal` and leaves everything as it was.
"""

from __future__ import annotations

from datetime import datetime

from domain.approval import ladder
from domain.approval.manning import Manning
from domain.approval.refusals import check_decision, seat_for
from domain.approval.round_book import seat_of
from domain.approval.settling import basis_detail, holders_of, settled_by, vote_detail
from domain.approval.state import Approval, ApprovalState, Decision, Outcome, Seat, Verdict, Vote
from domain.refusal import Refusal

NO_RULE_FIRED = "no_rule_fired"
CARRIED_OVER = "carried_over"
ALL_APPROVED = "all_approved"
SYSTEM = "system"


class ApprovalRound(Manning):
    """One round, moved on by one verb at a moment."""

    # -- verbs

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

        Codes, in this order: ``round_closed``, ``four_eyes``, ``not_yours``, ``not_your_turn``, ``already_decided``,
        ``reason_missing``.
        """
        if self.state.has_seen(decision.decision_id):
            return
        before = self.state, list(self.events), {key: list(about) for key, about in self._mail.items()}
        try:
            approval = self.check(decision, at)
        except Refusal:
            self.state, self.events, self._mail = before
            raise
        seat = seat_for(approval, decision)
        self._vote(approval, seat, self._vote_of(decision, seat, at), at)
        self._progress(at)
        self._finish(at)

    def check(self, decision: Decision, at: datetime) -> Approval:
        """The approval that ``decision`` answers, once everybody is in their place. Codes: as :meth:`decide`."""
        if self.state.outcome is None:
            self._refresh(at)
        return check_decision(self.state, decision, left=not self.directory.is_active(decision.by))

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
        told = [person for each in self._requested() for person in each.waiting_for]
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

    # -- deciding

    def _vote(self, approval: Approval, seat: Seat, vote: Vote, at: datetime) -> None:
        voted = self._reseat(approval, seat, vote=vote)
        verdict = settled_by(voted)
        self._record(
            "approved" if vote.verdict is Verdict.APPROVE else "rejected",
            at,
            voted,
            by=vote.by,
            on_behalf_of=vote.seat_of if vote.seat_of != vote.by else None,
            channel=vote.channel,
            comment=vote.comment,
            reason=vote.reason,
            detail=vote_detail(vote, verdict),
        )
        if verdict is None:
            self._hand_back(voted, seat, vote, at)
            return
        state = ApprovalState.APPROVED if verdict is Verdict.APPROVE else ApprovalState.REJECTED
        settled = self._replace(voted, state=state, settled_at=at)
        if verdict is Verdict.REJECT:
            self._reject(settled, vote, at)
        elif settled.group is None and vote.channel != "timeout":
            self._settle_same_person(settled, at)

    def _hand_back(self, approval: Approval, filled: Seat, vote: Vote, at: datetime) -> None:
        """One person fills one seat: what a voter held besides goes to those they act for, who still have a voice."""
        for seat in approval.seats:
            if seat.vote is not None:
                continue
            if seat.holder == vote.by != filled.holder:
                moved = seat.model_copy(update={"holder": filled.holder, "calendar": None, "asked": (), "acting": ()})
                self._put_seat(approval, self._clocked(approval, moved, at))
                self._record("replaced", at, approval, detail={"from": seat.holder, "to": filled.holder})
            self._refresh_seat(approval.approval_id, seat.origin, at)

    # -- the path

    def _progress(self, at: datetime) -> None:
        """Request every step whose turn has come; approve the round when nothing is open."""
        if self.state.outcome is not None:
            return
        before = None
        while before is not self.state.approvals:  # who takes over a seat may have settled it elsewhere already
            before = self.state.approvals
            for lane in self.state.lanes:
                if all(self._lane_is_done(name) for name in lane.after):
                    self._request_step(lane.name, at)
        if all(each.state.is_settled for each in self.state.approvals):
            self._approve(at)

    def _request_step(self, lane: str, at: datetime) -> None:
        waiting = [each for each in self.state.approvals if each.chain == lane and not each.state.is_settled]
        step = min((each.step for each in waiting), default=None)
        for approval in waiting:
            if approval.step == step and approval.state is ApprovalState.ASSIGNED:
                self._request(approval, at)

    def _request(self, approval: Approval, at: datetime) -> None:
        seats = tuple(self._clocked(approval, self._manned(approval, each, at), at) for each in approval.seats)
        replaced = self._replace(approval, seats=seats)
        for seat in seats:
            if self._loses_seat(replaced, seat, at):
                replaced = self._approval(approval.approval_id)
        seats = replaced.seats
        if holders_of(replaced) != holders_of(approval) and self._settled_elsewhere(approval.approval_id, at):
            return
        requested = self._replace(approval, state=ApprovalState.REQUESTED, requested_at=at, seats=seats)
        self._record("requested", at, requested, detail={"asked": list(requested.waiting_for)})
        self._tell("request", requested.waiting_for, requested)

    def _approve(self, at: datetime) -> None:
        if not self.state.approvals:
            reason = NO_RULE_FIRED
        elif any(each.votes for each in self.state.approvals):
            reason = ALL_APPROVED
        else:
            reason = CARRIED_OVER
        self._close(Outcome.APPROVED, reason, at)
        self._record("quote_approved", at, reason=reason)
        self._tell("approved", (self.state.submitter, self.state.owner, *self._watchers()))

    def _lane_is_done(self, lane: str) -> bool:
        return all(each.state.is_settled for each in self.state.approvals if each.chain == lane)

    # -- time

    def _tick(self, at: datetime) -> None:
        if self.state.outcome is not None:
            return
        self._refresh(at)
        for approval in self._requested():
            for seat in approval.seats:
                if self.state.outcome is None:
                    self._tick_seat(approval.approval_id, seat.origin, at)
        self._progress(at)

    def _tick_seat(self, approval_id: str, origin: str, at: datetime) -> None:
        approval = self._approval(approval_id)
        if approval.state is not ApprovalState.REQUESTED or all(each.origin != origin for each in approval.seats):
            return
        seat = seat_of(approval, origin)
        if seat.vote is not None:
            return
        if seat.escalate_at is not None and seat.escalate_at <= at:
            self._escalate(approval, seat, at)
        elif seat.remind_at is not None and seat.remind_at <= at:
            again = ladder.again(self.directory, approval, seat, at)
            self._reseat(approval, seat, remind_at=again)
            self._record("reminded", at, approval, detail={"asked": list(seat.asked)})
            self._tell("reminder", seat.asked, approval)

    def _escalate(self, approval: Approval, seat: Seat, at: datetime) -> None:
        rung = ladder.next_rung(self.directory, self.state, approval, seat)
        if rung is not None:
            moved = seat.model_copy(update={"holder": rung.person, "rung": rung.number, "calendar": None})
            fresh = self._clocked(approval, self._handed(approval, moved, at), at)
            self._put_seat(approval, fresh)
            self._record("escalated", at, approval, detail={"from": seat.holder, "to": rung.person, "why": rung.why})
            if not self._settled_elsewhere(approval.approval_id, at):
                self._tell("escalation", fresh.asked, approval)
        elif approval.sla is not None and approval.sla.on_timeout is not None:
            self._time_out(approval, seat, at)
        else:
            self._reseat(approval, seat, escalate_at=None)

    def _time_out(self, approval: Approval, seat: Seat, at: datetime) -> None:
        assert approval.sla is not None
        vote = Vote(
            decision_id=f"{approval.approval_id}.timeout.{seat.origin}",
            by=SYSTEM,
            seat_of=seat.holder,
            verdict=Verdict(approval.sla.on_timeout or "reject"),
            at=at,
            number=self._votes_given() + 1,
            channel="timeout",
            reason="nobody answered in time",
        )
        self._vote(approval, seat, vote, at)
        self._progress(at)

    def _vote_of(self, decision: Decision, seat: Seat, at: datetime) -> Vote:
        return Vote(
            decision_id=decision.decision_id,
            by=decision.by,
            seat_of=seat.holder,
            verdict=decision.verdict,
            at=at,
            number=self._votes_given() + 1,
            channel=decision.channel,
            comment=decision.comment,
            reason=decision.reason,
        )
