"""Who sits in a seat and who may act for them, as people come, go and hand over (``spec/approvals.md`` 6)."""

from __future__ import annotations

from datetime import datetime

from domain.approval import ladder
from domain.approval.authority import limit_in, matter_of, someone_above
from domain.approval.round_book import seat_of
from domain.approval.seats import further_seat
from domain.approval.settling import Settling, settled_by
from domain.approval.state import Approval, ApprovalState, Seat, Verdict
from domain.refusal import Refusal


class Manning(Settling):
    """Keeps the seats of open approvals manned."""

    def _refresh(self, at: datetime) -> None:
        for approval in self.state.approvals:
            if not approval.state.is_open:
                continue
            for seat in approval.seats:
                if seat.vote is None:
                    self._refresh_seat(approval.approval_id, seat.origin, at)

    def _refresh_seat(self, approval_id: str, origin: str, at: datetime) -> None:
        approval = self._approval(approval_id)
        if not approval.state.is_open or all(each.origin != origin for each in approval.seats):
            return
        seat = seat_of(approval, origin)
        if self._loses_seat(approval, seat, at):
            return
        fresh = self._manned(approval, seat, at)
        if fresh == seat:
            return
        requested = approval.state is ApprovalState.REQUESTED
        if fresh.holder != seat.holder:
            fresh = self._clocked(approval, fresh, at) if requested else fresh
            self._record("replaced", at, approval, detail={"from": seat.holder, "to": fresh.holder, "why": "left"})
        self._put_seat(approval, fresh)
        if fresh.holder != seat.holder and self._settled_elsewhere(approval_id, at):
            return
        new = tuple(person for person in fresh.asked if person not in seat.asked)
        if requested and new:
            handed = fresh.asked != (fresh.holder,)
            if handed:
                self._record("delegated", at, approval, detail={"from": fresh.holder, "to": list(fresh.asked)})
            self._tell("delegation" if handed else "request", new, approval)

    def _loses_seat(self, approval: Approval, seat: Seat, at: datetime) -> bool:
        """Whether the seat of somebody who left is given up: of a member, where those who remain can approve it.

        Else somebody takes it over. Where nobody can, it is given up as well if the votes that were given settle the
        approval, or if somebody above those who remain has the authority that went with it: they are asked beside.
        """
        if self.directory.is_active(seat.holder):
            return False
        left = ladder.without(self.directory, approval, seat)
        able = ladder.may_do_without(self.directory, self.state, approval, seat)
        if able and approval.group is not None:
            return self._give_up(approval, seat, left, at)
        if ladder.replacement(self.directory, self.state, approval, seat) is not None:
            return False
        # That too few remain is nobody's no: then the seat waits.
        if able or settled_by(left) in {vote.verdict for vote in left.votes}:
            return self._give_up(approval, seat, left, at)
        above = someone_above(self.directory, self.state, approval)
        if above is None or not ladder.may_reach(self.directory, self.state, left):
            return False
        self._give_up(approval, seat, left, at)
        self._ask_beside(self._approval(approval.approval_id), above, at)
        return True

    def _give_up(self, approval: Approval, seat: Seat, left: Approval, at: datetime) -> bool:
        """Let ``left`` be what remains of ``approval``; what was said in it may now be enough."""
        left = self._replace(approval, seats=left.seats, needed=left.needed)
        verdict = settled_by(left)
        detail = {"from": seat.holder, "to": None, "why": "left", "settles": verdict}
        self._record("replaced", at, approval, detail=detail)
        if verdict is Verdict.APPROVE:
            self._replace(left, state=ApprovalState.APPROVED, settled_at=at)
        elif verdict is Verdict.REJECT:
            last = [vote for vote in left.votes if vote.verdict is Verdict.REJECT][-1]
            self._reject(self._replace(left, state=ApprovalState.REJECTED, settled_at=at), last, at)
        return True

    def _ask_beside(self, approval: Approval, person: str, at: datetime) -> None:
        """Seat ``person`` beside those whose authority is too small; they are asked with them."""
        beside = self._handed(approval, further_seat(approval, person), at)
        if approval.state is ApprovalState.REQUESTED:
            beside = self._clocked(approval, beside, at)
            self._record("requested", at, approval, detail={"asked": list(beside.asked), "because": "authority"})
            self._tell("request", beside.asked, approval)
        self._replace(approval, seats=(*approval.seats, beside))

    def _manned(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with somebody in it who is active, and with those who act for them at ``at``."""
        if self.directory.is_active(seat.holder):
            return self._handed(approval, seat, at)
        instead = ladder.replacement(self.directory, self.state, approval, seat)
        if instead is None:
            return self._unmanned(approval, self._handed(approval, seat, at))
        moved = seat.model_copy(update={"holder": instead, "calendar": None})
        return self._handed(approval, moved, at)

    def _unmanned(self, approval: Approval, seat: Seat) -> Seat:
        """``seat`` of somebody who left: they are not listed, as long as somebody else in the approval is."""
        others = [each for each in approval.seats if each.origin != seat.origin and each.vote is None]
        if not any(self.directory.is_active(each.holder) for each in others):
            return seat
        return seat.model_copy(update={"asked": tuple(each for each in seat.asked if self.directory.is_active(each))})

    def _handed(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with those who are asked and may act for its holder.

        Who voted in this approval fills no second, and nobody hands over to somebody who was silent in it.
        """
        passed_over = (*self.state.barred, *(vote.by for vote in approval.votes), *approval.passed_over)
        matter, limit = matter_of(self.state, approval), limit_in(self.directory, approval, seat.holder)
        try:
            handover = self.directory.stand_ins(seat.holder, matter, passed_over, at, limit=limit)
        except Refusal:  # a delegation in a currency without a rate came later: the request stays where it is
            asked = seat.asked if seat.holder in seat.acting else (seat.holder,)
            return seat.model_copy(update={"asked": asked, "acting": tuple(dict.fromkeys((*asked, seat.holder)))})
        return seat.model_copy(update={"asked": handover.asked, "acting": handover.acting})

    def _begun(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with its clock begun at ``at``; it stands still at once where an answer is still waited for."""
        fresh = self._clocked(approval, seat, at)
        if not any(each.stops(seat) for each in approval.questions):
            return fresh
        return fresh.model_copy(update=ladder.stopped(self.directory, fresh, at))

    def _clocked(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with its deadlines, in working time of its holder, counted from ``at``."""
        fresh = {"clock_from": at, "reminded_at": None, "stopped_at": None, "left": None}
        return seat.model_copy(update={**fresh, **ladder.deadlines(self.directory, approval, seat, at)})
