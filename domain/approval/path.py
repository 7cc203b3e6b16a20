"""The path: which step is requested when, and when the round is approved (``spec/approvals.md`` 3)."""

from __future__ import annotations

from datetime import datetime

from domain.approval import ladder
from domain.approval.absence import asked_instead
from domain.approval.deciding import Deciding
from domain.approval.round_book import seat_of
from domain.approval.settling import settled_by
from domain.approval.state import Approval, ApprovalState, Outcome, Seat, Verdict

NO_RULE_FIRED = "no_rule_fired"
CARRIED_OVER = "carried_over"
ALL_APPROVED = "all_approved"


class Path(Deciding):
    """Goes along the lanes, step by step, and does what time brings."""

    def _progress(self, at: datetime) -> None:
        """Request every step whose turn has come; approve the round when nothing is open."""
        if self.state.outcome is not None:
            return
        before = None
        while before is not self.state.approvals:  # who takes over a seat may have settled it elsewhere already
            before = self.state.approvals
            self._settle_decided(at)
            for lane in self.state.lanes:
                if all(self._lane_is_done(name) for name in lane.after):
                    self._request_step(lane.name, at)
        if all(each.state.is_settled for each in self.state.approvals):
            self._approve(at)

    def _settle_decided(self, at: datetime) -> None:
        """Groups that waited for somebody with a veto who is not asked any more."""
        for approval in self._requested():
            if approval.group is not None and settled_by(approval) is Verdict.APPROVE:
                self._replace(approval, state=ApprovalState.APPROVED, settled_at=at)
                self._record("settled", at, approval, detail={"settles": Verdict.APPROVE})

    def _request_step(self, lane: str, at: datetime) -> None:
        waiting = [each for each in self.state.approvals if each.chain == lane and not each.state.is_settled]
        step = min((each.step for each in waiting), default=None)
        for approval in waiting:
            # An approval requested before it may have settled this one by the same person.
            now = self._approval(approval.approval_id)
            if now.step == step and now.state is ApprovalState.ASSIGNED and self._is_free(now):
                self._request(now, at)

    def _is_free(self, approval: Approval) -> bool:
        """Whether the ad-hoc approvals it waits for are settled."""
        return all(self._approval(name).state.is_settled for name in approval.waits_for)

    def _request(self, approval: Approval, at: datetime) -> None:
        for seat in approval.seats:
            if seat.vote is None:
                self._refresh_seat(approval.approval_id, seat.origin, at)
        now = self._approval(approval.approval_id)
        if now.state is not ApprovalState.ASSIGNED:
            return
        seats = tuple(each if each.vote else self._begun(now, each, at) for each in now.seats)
        requested = self._replace(now, seats=seats, state=ApprovalState.REQUESTED, requested_at=at)
        instead = asked_instead(requested)
        detail = {"asked": list(requested.waiting_for), **({"instead": instead} if instead else {})}
        self._record("requested", at, requested, detail=detail)
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
            self._reseat(approval, seat, remind_at=again, reminded_at=at)
            if not any(self.directory.is_active(each) for each in seat.asked):
                return
            self._record("reminded", at, approval, detail={"asked": list(seat.asked)})
            self._tell("reminder", seat.asked, approval)

    def _escalate(self, approval: Approval, seat: Seat, at: datetime) -> None:
        rung = ladder.next_rung(self.directory, self.state, approval, seat)
        if rung is not None:
            approval = self._replace(approval, passed_over=ladder.silent_with(approval, seat))
            moved = seat.model_copy(update={"holder": rung.person, "rung": rung.number, "calendar": None})
            fresh = self._clocked(approval, self._handed(approval, moved, at), at)
            self._put_seat(approval, fresh)
            self._record("escalated", at, approval, detail={"from": seat.holder, "to": rung.person, "why": rung.why})
            if not self._settled_elsewhere(approval.approval_id, at):
                self._tell("escalation", fresh.asked, approval)
        elif approval.sla is not None and approval.sla.on_timeout is not None:
            self._time_out(approval, seat, at)
            self._progress(at)
        else:
            self._reseat(approval, seat, escalate_at=None)
