"""Handing an approval to somebody else for good, and deciding it in everybody's place (``spec/approvals.md`` 6)."""

from __future__ import annotations

from datetime import datetime

from domain.approval.ad_hoc import AdHoc
from domain.approval.authority import has_enough
from domain.approval.refusals import check_four_eyes, check_reason, check_turn, find_approval, seat_for
from domain.approval.state import Approval, ApprovalState, RoundAct, Seat, Verdict, Vote
from domain.refusal import Refusal

OVERRIDE = "override"


class Handing(AdHoc):
    """Reassigns and overrides."""

    def _reassign(self, act: RoundAct, at: datetime, *, is_admin: bool) -> None:
        """The approver, or an admin, hands a seat to ``act.to``.

        Codes: those of a decision up to the reason (an admin need not be asked), ``missing_field``, ``unknown_user``,
        ``four_eyes`` (for the new one too), ``wrong_state`` (seated there already; several seats and none named),
        ``authority_exceeded``.
        """
        approval, seat = self._seat_to_hand(act, is_admin)
        person = self._new_holder(approval, seat, act)
        fresh = {"holder": person, "ladder_of": person, "rung": 0, "calendar": None, "reassigned": True}
        # What the new one approved elsewhere is not their answer here: else an admin could approve by reassigning.
        approval = self._replace(approval, explicit=True)
        moved = self._handed(approval, seat.model_copy(update=fresh), at)
        requested = approval.state is ApprovalState.REQUESTED
        self._put_seat(approval, self._clocked(approval, moved, at) if requested else moved)
        self._record(
            "reassigned",
            at,
            approval,
            by=act.by,
            on_behalf_of=seat.holder if seat.holder != act.by else None,
            channel=act.channel,
            comment=act.comment,
            reason=act.reason,
            detail={"from": seat.holder, "to": person},
        )
        if requested:
            self._tell("request", moved.asked, approval, by=act.by, comment=act.comment)

    def _seat_to_hand(self, act: RoundAct, is_admin: bool) -> tuple[Approval, Seat]:
        left = not self.directory.is_active(act.by)
        if not is_admin:
            approval = check_turn(self.state, act.approval, act.by, act.seat_of, left=left)
            return approval, seat_for(approval, act.by, act.seat_of)
        approval = find_approval(self.state, act.approval, act.by)
        check_four_eyes(self.state, act.by)
        if not approval.state.is_open:
            raise Refusal("already_decided", f"{approval.rule} is {approval.state}", "approval")
        wanted = act.seat_of
        seats = [seat for seat in approval.seats if seat.vote is None and wanted in (None, seat.holder, seat.first)]
        if len(seats) != 1:
            names = ", ".join(seat.holder for seat in seats) or "nobody"
            raise Refusal("wrong_state", f"say whose seat is handed on, with for: {names}", "for")
        return approval, seats[0]

    def _new_holder(self, approval: Approval, seat: Seat, act: RoundAct) -> str:
        person = act.to
        if not person:
            raise Refusal("missing_field", "say who takes it over", "to")
        if not self.directory.is_active(person):
            raise Refusal("unknown_user", f"{person} is no active user of the directory", "to")
        check_four_eyes(self.state, person, "to")
        taken = {each.holder for each in approval.seats} | {vote.by for vote in approval.votes}
        if person in taken:
            raise Refusal("wrong_state", f"{person} is asked there already", "to")
        others = [each.holder for each in approval.seats if each.origin != seat.origin]
        if not any(has_enough(self.directory, self.state, approval, each) for each in (person, *others)):
            amount = f"{self.state.net_total} {self.state.currency}"
            raise Refusal(
                "authority_exceeded", f"{person} has too little authority for {amount}, nobody else does", "to"
            )
        return person

    def _override(self, act: RoundAct, at: datetime, *, may_override: bool) -> None:
        """Somebody with that permission decides an open approval in everybody's place; it is marked so for ever.

        Codes: ``round_closed``, ``unknown_approval``, ``four_eyes``, ``not_permitted``, ``already_decided``,
        ``missing_field``, ``reason_missing``, ``authority_exceeded``.
        """
        approval = find_approval(self.state, act.approval, act.by)
        check_four_eyes(self.state, act.by)
        if not may_override or not self.directory.is_active(act.by):
            raise Refusal("not_permitted", f"{act.by} may not override; that takes a permission of its own", "by")
        if not approval.state.is_open:
            raise Refusal("already_decided", f"{approval.rule} is {approval.state}", "approval")
        if act.verdict is None:
            raise Refusal("missing_field", "say whether it is approved or rejected", "decision")
        if act.verdict is Verdict.REJECT:
            check_reason(self.state, act.reason)
        vote = self._override_vote(approval, act, at)
        decided = self._replace(approval, override=vote, settled_at=at)
        self._record_vote("overridden", decided, vote, vote.verdict, at, by_channel=act.channel)
        if act.verdict is Verdict.REJECT:
            self._reject(self._replace(decided, state=ApprovalState.REJECTED), vote, at)
        else:
            self._replace(decided, state=ApprovalState.APPROVED)

    def _override_vote(self, approval: Approval, act: RoundAct, at: datetime) -> Vote:
        assert act.verdict is not None
        yes = [vote for vote in approval.votes if vote.verdict is Verdict.APPROVE and vote.carries]
        carries = has_enough(self.directory, self.state, approval, act.by)
        if act.verdict is Verdict.APPROVE and not carries and not yes:
            amount = f"{self.state.net_total} {self.state.currency}"
            raise Refusal("authority_exceeded", f"{act.by} has too little authority for {amount}", "by")
        return Vote(
            decision_id=act.act_id,
            by=act.by,
            seat_of=act.by,
            verdict=act.verdict,
            at=at,
            number=self._votes_given() + 1,
            channel=OVERRIDE,
            comment=act.comment,
            reason=act.reason,
            carries=carries,
        )
