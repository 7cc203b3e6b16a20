"""Questions: an approver asks the submitter; their clock stands still until the answer (``spec/approvals.md`` 6)."""

from __future__ import annotations

from datetime import datetime

from domain.approval import ladder
from domain.approval.path import Path
from domain.approval.refusals import check_open, check_turn, find_approval, seat_for
from domain.approval.round_book import seat_of
from domain.approval.state import Approval, ApprovalState, Question, RoundAct
from domain.refusal import Refusal


class Questions(Path):
    """Asks and answers."""

    def _ask(self, act: RoundAct, at: datetime) -> None:
        """Codes: those of a decision up to the reason."""
        left = not self.directory.is_active(act.by)
        approval = check_turn(self.state, act.approval, act.by, act.seat_of, left=left)
        seat = seat_for(approval, act.by, act.seat_of)
        asked = {"seat": seat.origin, "holder": seat.holder, "text": act.comment}
        question = Question(act_id=act.act_id, by=act.by, at=at, **asked)
        if seat.stopped_at is None:
            approval = self._reseat(approval, seat, **ladder.stopped(self.directory, seat, at))
        approval = self._replace(approval, questions=(*approval.questions, question))
        behalf = seat.holder if seat.holder != act.by else None
        self._record("asked", at, approval, by=act.by, on_behalf_of=behalf, channel=act.channel, comment=act.comment)
        self._tell("question", self._answerers(act.by)[:1], approval, by=act.by, comment=act.comment)

    def _answerers(self, asking: str) -> tuple[str, ...]:
        """Who may answer, the first of them is asked: the submitter; once they left the owner, then who led them."""
        submitter, owner = self.state.submitter, self.state.owner
        line = (submitter, owner, *self.directory.managers_of(submitter), *self.directory.managers_of(owner))
        return tuple(each for each in dict.fromkeys(line) if self.directory.is_active(each) and each != asking)

    def _answer(self, act: RoundAct, at: datetime, *, is_admin: bool) -> None:
        """The submitter answers every open question of one approval, or the only one there is.

        Once the submitter is no longer active the owner may, once both left whoever led them, and an admin: no clock
        stands still for ever.
        Codes: ``round_closed``, ``unknown_approval``, ``not_yours``, ``wrong_state`` (no open question; several
        approvals have one and none is named).
        """
        check_open(self.state)
        approval = find_approval(self.state, act.approval, act.by) if act.approval else None
        instead = not self.directory.is_active(self.state.submitter) and is_admin
        if act.by != self.state.submitter and act.by not in self._answerers("")[:1] and not instead:
            raise Refusal("not_yours", f"{self.state.submitter}, who submitted the quote, answers questions", "by")
        if not self.directory.is_active(act.by):
            raise Refusal("not_yours", f"{act.by} is no active user of the directory", "by")
        approval = self._asking(approval, act)
        open_ones = [each for each in approval.questions if each.is_open]
        answered = {"answered_at": at, "answered_by": act.by, "answer": act.comment}
        questions = tuple(each.model_copy(update=answered) if each.is_open else each for each in approval.questions)
        approval = self._replace(approval, questions=questions)
        self._record("answered", at, approval, by=act.by, channel=act.channel, comment=act.comment)
        told = [each.by for each in open_ones]
        for origin in dict.fromkeys(each.seat for each in open_ones):
            told.extend(self._go_on(approval.approval_id, origin, at))
        if approval.state.is_open:
            self._tell("answer", told, approval, by=act.by, comment=act.comment)

    def _asking(self, named: Approval | None, act: RoundAct) -> Approval:
        among = self.state.approvals if named is None else (named,)
        if named is not None and named.rule == act.approval:  # a rule may have ad-hoc approvals beside its own
            among = tuple(each for each in self.state.approvals if each.rule == named.rule)
        asking = [each for each in among if any(question.is_open for question in each.questions)]
        if not asking:
            raise Refusal("wrong_state", "nobody waits for an answer there", "approval")
        if len(asking) > 1:
            names = ", ".join(each.approval_id for each in asking)
            raise Refusal("wrong_state", f"several wait for an answer; say which: {names}", "approval")
        return asking[0]

    def _go_on(self, approval_id: str, origin: str, at: datetime) -> tuple[str, ...]:
        """Let the clock of that seat go on; who is asked in it now, if it is still open."""
        approval = self._approval(approval_id)
        seat = next((each for each in approval.seats if each.origin == origin), None)
        if seat is None or seat.vote is not None or approval.state is not ApprovalState.REQUESTED:
            return ()
        if seat.stopped_at is not None:
            self._reseat(approval, seat, **ladder.resumed(self.directory, seat, at))
        return seat.asked

    def _recompute(self, act: RoundAct, at: datetime, *, is_admin: bool) -> None:
        """Deadlines on the calendars as they are now, counted from when each clock began.

        Codes: ``round_closed``, ``unknown_approval``, ``admin_only``.
        """
        check_open(self.state)
        named = find_approval(self.state, act.approval, act.by) if act.approval else None
        if not is_admin:
            raise Refusal("admin_only", "only an admin has deadlines worked out again", "by")
        for approval in self._requested():
            if named is not None and approval.approval_id != named.approval_id:
                continue
            for seat in approval.seats:
                self._recompute_seat(approval.approval_id, seat.origin, act, at)

    def _recompute_seat(self, approval_id: str, origin: str, act: RoundAct, at: datetime) -> None:
        approval = self._approval(approval_id)
        seat = seat_of(approval, origin)
        new = ladder.recomputed(self.directory, approval, seat) if seat.vote is None else {}
        if any(getattr(seat, name) != moment for name, moment in new.items()):
            moved = {name: moment.isoformat() if moment else None for name, moment in new.items()}
            self._reseat(approval, seat, **new)
            detail = {"seat": seat.holder, **moved}
            self._record("recomputed", at, approval, by=act.by, channel=act.channel, comment=act.comment, detail=detail)
