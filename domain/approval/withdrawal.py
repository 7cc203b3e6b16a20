"""Taking a decision back, while nothing was built on it (``spec/approvals.md`` 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.approval import ladder
from domain.approval.handing import Handing
from domain.approval.refusals import check_four_eyes, check_open
from domain.approval.round_book import seat_of
from domain.approval.settling import settled_by
from domain.approval.state import Approval, ApprovalState, RoundAct, Seat, Vote
from domain.refusal import Refusal


class Withdrawal(Handing):
    """Takes votes and overrides back."""

    def _withdraw(self, act: RoundAct, at: datetime) -> None:
        """Codes: ``round_closed``, ``unknown_approval``, ``four_eyes``, ``not_yours`` (no decision of theirs there),
        ``wrong_state`` (the next step was requested).
        """
        approval, vote = self._own_decision(act)
        carried = self._settled_by_it(approval, vote.by)
        behind = [name for each in (approval, *carried) for name in self._requested_behind(each)]
        if approval.state.is_settled and behind:
            names = ", ".join(dict.fromkeys(behind))
            raise Refusal("wrong_state", f"what comes after it was requested already: {names}", "approval")
        for skipped in carried:
            self._reopen(self._replace(skipped, basis=None), at)
            self._record("reopened", at, skipped, detail={"why": "withdrawn", "approval": approval.approval_id})
        self._take_back(approval, vote, act, at)
        for skipped in carried:  # another approval by the same person may settle it as well
            self._settled_elsewhere(skipped.approval_id, at)
        self._refresh(at)

    def _take_back(self, approval: Approval, vote: Vote, act: RoundAct, at: datetime) -> None:
        """``approval`` without ``vote``: open again, unless the others have said enough or an admin has decided it."""
        left = self._replace(approval, **self._without(approval, vote))
        verdict = settled_by(left) if approval.state.is_settled else None
        told = {"decision": vote.decision_id, "verdict": vote.verdict, "seat_of": vote.seat_of, "settles": verdict}
        behalf = vote.seat_of if vote.seat_of != vote.by else None
        given = {"by": act.by, "channel": act.channel, "comment": act.comment, "reason": act.reason}
        self._record("withdrawn", at, approval, on_behalf_of=behalf, detail=told, **given)
        if verdict is None:
            self._reopen(left, at)
            self._part_seats(left.approval_id, vote, at)

    def _part_seats(self, approval_id: str, vote: Vote, at: datetime) -> None:
        """A delegate who took their vote back has a seat of their own again, where two were left to one person."""
        approval = self._approval(approval_id)
        of_giver = [seat for seat in approval.seats if seat.holder == vote.seat_of]
        free = [seat for seat in of_giver if seat.vote is None]
        if vote.by == vote.seat_of or len(of_giver) < 2 or not free:
            return
        own = next((seat for seat in free if seat.origin == vote.by), free[-1])
        moved = self._handed(approval, own.model_copy(update={"holder": vote.by, "calendar": None}), at)
        self._put_seat(approval, self._clocked(approval, moved, at) if approval.requested_at else moved)
        self._record("replaced", at, approval, detail={"from": vote.seat_of, "to": vote.by, "why": "withdrawn"})

    def _own_decision(self, act: RoundAct) -> tuple[Approval, Vote]:
        """The last decision of ``act.by`` there, their own or one in everybody's place."""
        check_open(self.state)
        named = [each for each in self.state.approvals if act.approval in (each.approval_id, each.rule)]
        if not named:
            raise Refusal("unknown_approval", f"round {self.state.round} has no approval {act.approval}", "approval")
        check_four_eyes(self.state, act.by)
        if not self.directory.is_active(act.by):
            raise Refusal("not_yours", f"{act.by} is no active user of the directory", "by")
        mine = [(approval, vote) for approval in named for vote in approval.votes if vote.by == act.by]
        if mine:
            return max(mine, key=lambda each: (each[1].at, each[1].number))
        raise Refusal("not_yours", f"{act.by} has decided nothing there that could be taken back", "by")

    def _settled_by_it(self, approval: Approval, person: str) -> list[Approval]:
        """What was skipped because of this one decision by the same person."""
        return [
            each
            for each in self.state.approvals
            if each.state is ApprovalState.SKIPPED
            and each.basis is not None
            and each.basis.kind == "same_person"
            and each.basis.approval_id == approval.approval_id
        ]

    def _requested_behind(self, approval: Approval) -> list[str]:
        """The approvals whose turn came after ``approval`` and that were requested or decided."""
        lanes = self._lanes_behind(approval.chain)

        def is_behind(other: Approval) -> bool:
            later = other.chain == approval.chain and other.step > approval.step
            return later or other.chain in lanes or approval.approval_id in other.waits_for

        return [
            each.rule
            for each in self.state.approvals
            if is_behind(each) and (each.requested_at is not None or each.override is not None)
        ]

    def _lanes_behind(self, lane: str) -> set[str]:
        found: set[str] = set()
        grew = True
        while grew:
            new = {each.name for each in self.state.lanes if {lane, *found} & set(each.after)} - found
            grew = bool(new)
            found |= new
        return found

    def _without(self, approval: Approval, vote: Vote) -> dict[str, Any]:
        kept: dict[str, Any] = {"withdrawn": (*approval.withdrawn, vote)}
        if approval.override == vote:
            return {**kept, "override": None}
        seats: Sequence[Seat] = [
            seat.model_copy(update={"vote": None}) if seat.vote == vote else seat for seat in approval.seats
        ]
        return {**kept, "seats": tuple(seats)}

    def _reopen(self, approval: Approval, at: datetime) -> None:
        """``approval`` as it was before it was settled: waiting for an answer, or for its turn."""
        state = ApprovalState.REQUESTED if approval.requested_at is not None else ApprovalState.ASSIGNED
        opened = self._replace(approval, state=state, settled_at=None)
        if state is ApprovalState.REQUESTED:
            for seat in opened.seats:
                if seat.vote is None:
                    self._catch_up(opened.approval_id, seat.origin, at)

    def _catch_up(self, approval_id: str, origin: str, at: datetime) -> None:
        """Deadlines that passed while it was decided are counted anew; the others stay as they were.

        A clock that stood still goes on if the question was answered meanwhile.
        """
        approval = self._approval(approval_id)
        seat = seat_of(approval, origin)
        waits = any(each.stops(seat) for each in approval.questions)
        if seat.stopped_at is not None and not waits:
            self._reseat(approval, seat, **ladder.resumed(self.directory, seat, at))
            return
        new = ladder.deadlines(self.directory, approval, seat, at)
        late = {name: new[name] for name in new if (due := getattr(seat, name)) is not None and due <= at}
        if late:
            self._reseat(approval, seat, clock_from=at, left=None, **late)
