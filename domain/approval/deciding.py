"""Votes: one person's answer in a seat, and what follows from it (``spec/approvals.md`` 3 and 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.approval.authority import has_enough, lacks_authority, someone_above
from domain.approval.manning import Manning
from domain.approval.settling import settled_by, vote_detail
from domain.approval.state import Approval, ApprovalState, Decision, Seat, Verdict, Vote
from domain.refusal import Refusal

SYSTEM = "system"


class Deciding(Manning):
    """Takes votes."""

    def _vote(self, approval: Approval, seat: Seat, vote: Vote, at: datetime) -> None:
        """Code: ``authority_exceeded``, where a yes would be the last one and nobody with enough authority is left."""
        voted = self._reseat(approval, seat, vote=vote)
        verdict, beside = self._verdict(voted, vote)
        self._record_vote("approved" if vote.verdict is Verdict.APPROVE else "rejected", voted, vote, verdict, at)
        if beside is not None:
            self._ask_beside(voted, beside, at)
        if verdict is None:
            self._hand_back(voted, seat, vote, at)
            return
        state = ApprovalState.APPROVED if verdict is Verdict.APPROVE else ApprovalState.REJECTED
        settled = self._replace(voted, state=state, settled_at=at)
        if verdict is Verdict.REJECT:
            self._reject(settled, vote, at)
        else:
            self._settle_same_person(settled, at)

    def _record_vote(
        self, kind: str, approval: Approval, vote: Vote, settles: Verdict | None, at: datetime, **more: Any
    ) -> None:
        """``more``: what the record says beside the vote, such as by which channel an override really came."""
        self._record(
            kind,
            at,
            approval,
            by=vote.by,
            on_behalf_of=vote.seat_of if vote.seat_of != vote.by else None,
            channel=vote.channel,
            comment=vote.comment,
            reason=vote.reason,
            detail={**vote_detail(vote, settles), **more},
        )

    def _verdict(self, approval: Approval, vote: Vote) -> tuple[Verdict | None, str | None]:
        """What ``approval`` comes to with ``vote``, and who is asked beside those who may not approve so much."""
        verdict = settled_by(approval)
        silent = [seat.holder for seat in approval.seats if seat.vote is None]
        if verdict is not None or not lacks_authority(approval):
            return verdict, None
        if any(has_enough(self.directory, self.state, approval, person) for person in silent):
            return None, None
        person = someone_above(self.directory, self.state, approval)
        if person is None and vote.verdict is Verdict.APPROVE:
            raise Refusal(
                "authority_exceeded",
                f"{vote.by} may not approve {self.state.net_total} {self.state.currency} alone, and nobody over them"
                " has enough authority; raise a limit, or let an admin reassign it",
                "by",
            )
        return (None, person) if person is not None else (Verdict.REJECT, None)

    def _hand_back(self, approval: Approval, filled: Seat, vote: Vote, at: datetime) -> None:
        """One person fills one seat: what a voter held besides goes to those they act for, who still have a voice."""
        for seat in self._approval(approval.approval_id).seats:
            if seat.vote is not None:
                continue
            if seat.holder == vote.by != filled.holder:
                moved = seat.model_copy(update={"holder": filled.holder, "calendar": None, "asked": (), "acting": ()})
                self._put_seat(approval, self._clocked(approval, moved, at))
                self._record(
                    "replaced", at, approval, detail={"from": seat.holder, "to": filled.holder, "why": "one_seat"}
                )
            self._refresh_seat(approval.approval_id, seat.origin, at)

    def _vote_of(self, decision: Decision, approval: Approval, seat: Seat, at: datetime) -> Vote:
        carries = all(has_enough(self.directory, self.state, approval, each) for each in (decision.by, seat.holder))
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
            carries=carries,
        )

    def _time_out(self, approval: Approval, seat: Seat, at: datetime) -> None:
        """The end of the ladder: silence decides, as the rule's clock says.

        It says yes to no more than the silent person may: where nobody has authority for the amount, somebody above
        is asked beside, and where there is nobody the request stays with its holder, by the entry ``escalated``.
        """
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
            carries=has_enough(self.directory, self.state, approval, seat.holder),
        )
        try:
            with self._all_or_nothing():
                self._vote(approval, seat, vote, at)
        except Refusal as refusal:
            self._reseat(approval, seat, escalate_at=None)
            self._record("escalated", at, approval, detail={"from": seat.holder, "to": None, "why": refusal.code})
