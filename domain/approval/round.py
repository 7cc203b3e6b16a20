"""The round as a state machine: request, decide, remind, escalate, recall (``spec/approvals.md`` 3, 4, 6).

An :class:`ApprovalRound` is made from a :class:`RoundState` and the directory of the moment, moved on by one verb,
and left: ``state`` is what became of it, ``events`` and ``notices`` what is to be recorded and sent. A refused verb
raises :class:`~domain.refusal.Refusal` and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from domain.approval import ladder
from domain.approval.refusals import check_decision, seat_for
from domain.approval.seats import needed_of
from domain.approval.state import (
    Approval,
    ApprovalState,
    Basis,
    Decision,
    Notice,
    Outcome,
    RoundEvent,
    RoundState,
    Seat,
    Verdict,
    Vote,
)
from domain.people import Directory
from domain.refusal import Refusal

NO_RULE_FIRED = "no_rule_fired"
CARRIED_OVER = "carried_over"
ALL_APPROVED = "all_approved"
SYSTEM = "system"


class ApprovalRound:
    """One round, moved on by one verb at a moment."""

    def __init__(self, state: RoundState, directory: Directory) -> None:
        self.state = state
        self.directory = directory
        self.events: list[RoundEvent] = []
        self._mail: dict[tuple[str, str], list[str]] = {}
        self._notices: list[Notice] = []

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The messages of this verb, one for each person and kind."""
        return tuple(self._notices)

    # -- verbs

    def open(self, at: datetime) -> None:
        """Begin a planned round: request the first step of every lane."""
        self._record("submitted", at, by=self.state.submitter, comment=self.state.comment)
        for approval in self.state.approvals:
            if approval.state is ApprovalState.SKIPPED and approval.basis:
                self._record("skipped", at, approval, detail=_basis_detail(approval.basis))
        self._progress(at)
        self._finish(at)

    def decide(self, decision: Decision, at: datetime) -> None:
        """Take one person's answer. A repeated ``decision_id`` changes nothing.

        Codes, in this order: ``round_closed``, ``four_eyes``, ``not_yours``, ``not_your_turn``, ``already_decided``,
        ``reason_missing``.
        """
        if self.has_seen(decision.decision_id):
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

    def has_seen(self, decision_id: str) -> bool:
        """Whether that decision was already taken."""
        return self.state.has_seen(decision_id)

    # -- deciding

    def _vote(self, approval: Approval, seat: Seat, vote: Vote, at: datetime) -> None:
        voted = self._reseat(approval, seat, vote=vote)
        self._record(
            "approved" if vote.verdict is Verdict.APPROVE else "rejected",
            at,
            voted,
            by=vote.by,
            on_behalf_of=vote.seat_of if vote.seat_of != vote.by else None,
            channel=vote.channel,
            comment=vote.comment,
            reason=vote.reason,
        )
        verdict = settled_by(voted)
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

    def _reject(self, approval: Approval, vote: Vote, at: datetime) -> None:
        self._close(Outcome.REJECTED, vote.reason or approval.reason or "rejected", at)
        self._record("quote_rejected", at, by=vote.by, reason=vote.reason)
        self._tell("rejected", (self.state.submitter, self.state.owner, *self._watchers()))

    def _settle_same_person(self, given: Approval, at: datetime) -> None:
        """One approval by a person settles every other that asks that person alone, except explicit ones."""
        if len(given.seats) != 1:
            return
        for other in self.state.approvals:
            if other.state.is_open and not other.explicit and _asks_alone(other, given.seats[0].holder):
                self._settle_by(given, other, at)

    def _settled_elsewhere(self, approval_id: str, at: datetime) -> bool:
        """Whether an approval that now asks somebody else alone is settled by what they have approved elsewhere."""
        approval = self._approval(approval_id)
        if approval.explicit or len(approval.seats) != 1 or not _asks_alone(approval, approval.seats[0].holder):
            return False
        given = next((each for each in self.state.approvals if _gave(each, approval.seats[0].holder)), None)
        if given is not None:
            self._settle_by(given, approval, at)
        return given is not None

    def _settle_by(self, given: Approval, other: Approval, at: datetime) -> None:
        basis = Basis(
            kind="same_person",
            round=self.state.round,
            approval_id=given.approval_id,
            persons=(given.seats[0].holder,),
            at=at,
            snapshot=other.snapshot,
        )
        self._record("skipped", at, other, detail=_basis_detail(basis))
        self._replace(other, state=ApprovalState.SKIPPED, basis=basis, settled_at=at)

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
        if _holders(replaced) != _holders(approval) and self._settled_elsewhere(approval.approval_id, at):
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

    def _close(self, outcome: Outcome, reason: str, at: datetime) -> None:
        for approval in self.state.approvals:
            if approval.state.is_open:
                self._record("revoked", at, approval)
                self._replace(approval, state=ApprovalState.REVOKED, settled_at=at)
        self.state = self.state.model_copy(update={"outcome": outcome, "outcome_reason": reason, "closed_at": at})

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
        seat = _seat_of(approval, origin)
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

    # -- who may act

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
        seat = _seat_of(approval, origin)
        fresh = self._manned(approval, seat, at)
        if self._loses_seat(approval, fresh, at) or fresh == seat:
            return
        requested = approval.state is ApprovalState.REQUESTED
        if requested and fresh.holder != seat.holder:
            fresh = self._clocked(approval, fresh, at)
            self._record("replaced", at, approval, detail={"from": seat.holder, "to": fresh.holder})
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
        """Whether the seat of somebody who left, whom nobody replaces, is given up: those who remain are counted."""
        others = tuple(each for each in approval.seats if each.origin != seat.origin)
        if self.directory.is_active(seat.holder) or not ladder.may_do_without(
            self.directory, self.state, approval, seat
        ):
            return False
        left = self._replace(approval, seats=others, needed=needed_of(approval.quorum, len(others), approval.needed))
        self._record("replaced", at, approval, detail={"from": seat.holder, "to": None})
        verdict = settled_by(left)
        if verdict is Verdict.APPROVE:
            self._replace(left, state=ApprovalState.APPROVED, settled_at=at)
        elif verdict is Verdict.REJECT:
            last = [vote for vote in left.votes if vote.verdict is Verdict.REJECT][-1]
            self._reject(self._replace(left, state=ApprovalState.REJECTED, settled_at=at), last, at)
        return True

    def _manned(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with somebody in it who is active, and with those who act for them at ``at``."""
        if self.directory.is_active(seat.holder):
            return self._handed(approval, seat, at)
        instead = ladder.replacement(self.directory, self.state, approval, seat)
        if instead is None:
            return self._handed(approval, seat, at)
        moved = seat.model_copy(update={"holder": instead, "calendar": None})
        return self._handed(approval, moved, at)

    def _handed(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with those who are asked and may act for its holder; who voted in this approval fills no second."""
        passed_over = (*self.state.barred, *(vote.by for vote in approval.votes))
        try:
            handover = self.directory.stand_ins(seat.holder, ladder.matter_of(self.state, approval), passed_over, at)
        except Refusal:  # a delegation in a currency without a rate came later: the request stays where it is
            asked = seat.asked if seat.holder in seat.acting else (seat.holder,)
            return seat.model_copy(update={"asked": asked, "acting": tuple(dict.fromkeys((*asked, seat.holder)))})
        return seat.model_copy(update={"asked": handover.asked, "acting": handover.acting})

    def _clocked(self, approval: Approval, seat: Seat, at: datetime) -> Seat:
        """``seat`` with its deadlines, in working time of its holder, counted from ``at``."""
        return seat.model_copy(update=ladder.deadlines(self.directory, approval, seat, at))

    def _watchers(self) -> tuple[str, ...]:
        people: list[str] = []
        for name in self.state.watchers:
            entry = self.directory.approvers.get(name)
            group = self.directory.groups.get(entry.group if entry and entry.group else name)
            people.extend(group.members if group else (entry.user if entry and entry.user else name,))
        return tuple(person for person in people if self.directory.is_active(person))

    # -- bookkeeping

    def _approval(self, approval_id: str) -> Approval:
        return next(each for each in self.state.approvals if each.approval_id == approval_id)

    def _requested(self) -> Sequence[Approval]:
        return [each for each in self.state.approvals if each.state is ApprovalState.REQUESTED]

    def _replace(self, approval: Approval, **changes: Any) -> Approval:
        fresh = approval.model_copy(update=changes)
        approvals = tuple(fresh if each.approval_id == approval.approval_id else each for each in self.state.approvals)
        self.state = self.state.model_copy(update={"approvals": approvals})
        return fresh

    def _reseat(self, approval: Approval, seat: Seat, **changes: Any) -> Approval:
        return self._put_seat(approval, seat.model_copy(update=changes))

    def _put_seat(self, approval: Approval, fresh: Seat) -> Approval:
        """The approval with ``fresh`` in the place it has by its origin."""
        current = self._approval(approval.approval_id)
        seats = tuple(fresh if each.origin == fresh.origin else each for each in current.seats)
        return self._replace(current, seats=seats)

    def _votes_given(self) -> int:
        return sum(len(each.votes) for each in self.state.approvals)

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

    def _record(self, kind: str, at: datetime, approval: Approval | None = None, **more: Any) -> None:
        named = {"rule": approval.rule, "approval_id": approval.approval_id} if approval else {}
        self.events.append(RoundEvent(kind=kind, at=at, **named, **more))

    def _tell(self, kind: str, people: Iterable[str], approval: Approval | None = None) -> None:
        for person in dict.fromkeys(people):
            about = self._mail.setdefault((kind, person), [])
            if approval is not None and approval.approval_id not in about:
                about.append(approval.approval_id)

    def _finish(self, at: datetime) -> None:
        """Number the messages of this moment, and work out when time alone changes something next."""
        sent = self.state.messages_sent
        for (kind, person), about in self._mail.items():
            sent += 1
            self._notices.append(
                Notice(
                    key=f"{self.state.quote_id}/{self.state.round}/{sent}",
                    kind=kind,
                    to=person,
                    quote_id=self.state.quote_id,
                    round=self.state.round,
                    at=at,
                    approvals=tuple(about),
                )
            )
        self._mail.clear()
        self.state = self.state.model_copy(
            update={"messages_sent": sent, "next_moment": ladder.next_moment(self.directory, self.state, at)}
        )


def settled_by(approval: Approval) -> Verdict | None:
    """The verdict of an approval once its outcome can no longer change: early stop in both directions."""
    yes = sum(vote.verdict is Verdict.APPROVE for vote in approval.votes)
    noes = [vote for vote in approval.votes if vote.verdict is Verdict.REJECT]
    if any(vote.seat_of in approval.veto or vote.by in approval.veto for vote in noes):
        return Verdict.REJECT
    if yes >= approval.needed:
        return Verdict.APPROVE
    return Verdict.REJECT if len(approval.seats) - len(noes) < approval.needed else None


def _asks_alone(approval: Approval, person: str) -> bool:
    return approval.group is None and len(approval.seats) == 1 and approval.seats[0].holder == person


def _gave(approval: Approval, person: str) -> bool:
    """Whether ``person`` alone was asked there, and approved; nobody's silence counts as theirs."""
    approved = approval.state is ApprovalState.APPROVED and _asks_alone(approval, person)
    return approved and all(vote.channel != "timeout" for vote in approval.votes)


def _holders(approval: Approval) -> tuple[str, ...]:
    return tuple(seat.holder for seat in approval.seats)


def _seat_of(approval: Approval, origin: str) -> Seat:
    return next(each for each in approval.seats if each.origin == origin)


def _basis_detail(basis: Basis) -> dict[str, Any]:
    return {
        "kind": basis.kind,
        "round": basis.round,
        "approval": basis.approval_id,
        "persons": list(basis.persons),
        "at": basis.at.isoformat(),
    }
