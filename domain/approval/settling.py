"""How approvals end: by votes, by the same person elsewhere, and with the round (``spec/approvals.md`` 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.approval.authority import has_enough, lacks_authority, wants_votes
from domain.approval.round_book import RoundBook
from domain.approval.state import Approval, ApprovalState, Basis, Outcome, Seat, Verdict, Vote
from domain.approvers import find_approver

NOT_BY_A_PERSON = frozenset(("timeout", "override"))
"""Channels of answers that are nobody's own: the clock's, and an admin's in everybody's place."""


class Settling(RoundBook):
    """Settles approvals and closes the round."""

    def _reject(self, approval: Approval, vote: Vote, at: datetime) -> None:
        self._close(Outcome.REJECTED, vote.reason or approval.reason or "rejected", at)
        self._record("quote_rejected", at, by=vote.by, reason=vote.reason)
        self._tell("rejected", (self.state.submitter, self.state.owner, *self._watchers()))

    def _settle_same_person(self, given: Approval, at: datetime) -> None:
        """One approval by a person settles every other that asks that person alone, except explicit ones."""
        for person in givers_of(given):
            for other in self.state.approvals:
                if other.state.is_open and not other.explicit and self._is_theirs(other, person):
                    self._settle_by(given, other, person, at)

    def _is_theirs(self, approval: Approval, person: str) -> bool:
        """Whether ``approval`` asks ``person`` alone, and their yes would be enough for the amount today."""
        return asks_alone(approval, person) and has_enough(self.directory, self.state, approval, person)

    def _settled_elsewhere(self, approval_id: str, at: datetime) -> bool:
        """Whether an approval that now asks somebody else alone is settled by what they have approved elsewhere."""
        approval = self._approval(approval_id)
        if approval.explicit or len(approval.seats) != 1 or not self._is_theirs(approval, approval.seats[0].holder):
            return False
        person = approval.seats[0].holder
        given = next((each for each in self.state.approvals if person in givers_of(each)), None)
        if given is not None:
            self._settle_by(given, approval, person, at)
        return given is not None

    def _settle_by(self, given: Approval, other: Approval, person: str, at: datetime) -> None:
        basis = Basis(
            kind="same_person",
            round=self.state.round,
            approval_id=given.approval_id,
            persons=(person,),
            at=at,
            snapshot=other.snapshot,
        )
        self._record("skipped", at, other, detail=basis_detail(basis))
        self._replace(other, state=ApprovalState.SKIPPED, basis=basis, settled_at=at)

    def _close(self, outcome: Outcome, reason: str, at: datetime) -> None:
        for approval in self.state.approvals:
            if approval.state.is_open:
                self._record("revoked", at, approval, reason=reason, detail={"why": outcome})
                self._replace(approval, state=ApprovalState.REVOKED, settled_at=at)
        self.state = self.state.model_copy(update={"outcome": outcome, "outcome_reason": reason, "closed_at": at})

    def _watchers(self) -> tuple[str, ...]:
        facts = {**self.state.facts, "owner": self.state.owner, "submitter": self.state.submitter}
        named = [find_approver(self.directory, name, facts) for name in self.state.watchers]
        return tuple(person for each in named for person in each.persons if self.directory.is_active(person))


def settled_by(approval: Approval) -> Verdict | None:
    """The verdict of an approval once its outcome can no longer change: early stop in both directions.

    Enough people must say yes, all whose yes is required, and among them somebody with authority for the amount; and
    nobody who could still end it by a veto is silent, so that the order of votes does not matter.
    """
    if approval.override is not None:
        return approval.override.verdict
    noes = [seat for seat in approval.seats if seat.vote is not None and seat.vote.verdict is Verdict.REJECT]
    if any(seat.required or _has_veto(approval, seat) for seat in noes):
        return Verdict.REJECT
    if not wants_votes(approval) and not lacks_authority(approval):
        return None if _awaits_veto(approval) else Verdict.APPROVE
    ordinary = sum(not seat.required for seat in approval.seats)
    return Verdict.REJECT if ordinary - len(noes) < approval.needed else None


def _has_veto(approval: Approval, seat: Seat) -> bool:
    return seat.vote is not None and (seat.vote.seat_of in approval.veto or seat.vote.by in approval.veto)


def _awaits_veto(approval: Approval) -> bool:
    """Whether somebody with a veto, or who acts for such a person, has not voted yet."""
    voted = {vote.by for vote in approval.votes}
    silent = [seat for seat in approval.seats if seat.vote is None]
    able = {person for seat in silent for person in (seat.holder, *seat.acting)} - voted
    return any(seat.holder in approval.veto for seat in silent) or any(person in approval.veto for person in able)


def asks_alone(approval: Approval, person: str) -> bool:
    return approval.group is None and len(approval.seats) == 1 and approval.seats[0].holder == person


def givers_of(approval: Approval) -> tuple[str, ...]:
    """The persons whose own approval ``approval`` is, alone or beside somebody with the authority they lack.

    Nobody once it is decided by an override, and nobody in a group; nobody's silence counts as theirs.
    """
    if approval.state is not ApprovalState.APPROVED or approval.group is not None or approval.override is not None:
        return ()
    yes = [vote for vote in approval.votes if vote.verdict is Verdict.APPROVE and vote.channel not in NOT_BY_A_PERSON]
    return tuple(dict.fromkeys(vote.seat_of for vote in yes))


def vote_detail(vote: Vote, verdict: Verdict | None) -> dict[str, Any]:
    """What the record must say of a vote so that it can be told again: its id, its number, and what it settled."""
    return {"decision": vote.decision_id, "number": vote.number, "settles": verdict}


def basis_detail(basis: Basis) -> dict[str, Any]:
    return {
        "kind": basis.kind,
        "round": basis.round,
        "approval": basis.approval_id,
        "persons": list(basis.persons),
        "at": basis.at.isoformat(),
    }
