"""Somebody takes another's place for good, in an open round: their seats, their vetoes, their ladder (spec 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.approval import ladder
from domain.approval.authority import facts_of, has_enough, someone_above
from domain.approval.path import Path
from domain.approval.seats import further_seat, needed_of
from domain.approval.settling import settled_by
from domain.approval.state import Approval, ApprovalState, Seat, Verdict
from domain.approvers import find_approver
from domain.refusal import Refusal
from domain.replacement import Replaced, Replacement


@dataclass(frozen=True, slots=True)
class Reseated:
    """What became of one approval.

    ``outcome``: ``replaced`` (``to`` has the seat of ``of``), ``given_up`` (those who remain decide without it),
    ``ladder`` and ``veto`` (only these pass to the successor), ``left``. ``code`` says why not, or why not as asked.
    """

    approval_id: str
    rule: str
    outcome: str
    of: str
    to: str | None = None
    code: str | None = None


class Replacing(Path):
    """Puts a successor in the place of somebody."""

    def replace(
        self, change: Replacement, at: datetime, *, operation: str, by: str | None = None, comment: str | None = None
    ) -> tuple[Reseated, ...]:
        """Let ``change`` take place in every open approval; the directory must be the one after it.

        Votes stay with whoever gave them. A seat that nobody can take stays where it is, and its code says why:
        ``no_decider``, ``authority_exceeded``, ``already_decided``, ``escalated``. Code: ``round_closed``.
        """
        if self.state.outcome is not None:
            raise Refusal("round_closed", f"round {self.state.round} of {self.state.quote_id} was {self.state.outcome}")
        told: list[Reseated] = []
        for each in self.state.approvals:
            approval = self._approval(each.approval_id)
            if self.state.outcome is None and approval.state.is_open:
                for found in self._succeed(approval, change, at):
                    self._note(found, at, operation, by, comment)
                    told.append(found)
        if self.state.outcome is None:
            self._refresh(at)
            self._progress(at)
        self._finish(at)
        return tuple(told)

    def _note(self, found: Reseated, at: datetime, operation: str, by: str | None, comment: str | None) -> None:
        if found.outcome not in ("replaced", "given_up"):
            return
        detail = {"from": found.of, "to": found.to, "operation": operation}
        detail |= {"why": found.code} if found.code else {}
        approval = self._approval(found.approval_id)
        # Where a seat was given up, what the others said may now be enough.
        verdict = settled_by(approval) if found.to is None and approval.votes else None
        detail |= {"settles": verdict} if verdict else {}
        self._record("replaced", at, approval, by=by, comment=comment, detail=detail)
        self._settle_now(approval, verdict, at)
        settled = found.to is not None and self._settled_elsewhere(found.approval_id, at)
        if found.to is not None and not settled and approval.state is ApprovalState.REQUESTED:
            asked = next((seat.asked for seat in approval.seats if seat.holder == found.to and not seat.vote), ())
            self._tell("replaced", asked, approval, **{"from": found.of, "by": by, "comment": comment})

    def _succeed(self, approval: Approval, change: Replacement, at: datetime) -> Iterator[Reseated]:
        """What ``change`` does to ``approval``; each is carried out before it is told."""
        veto = self._veto(approval, change)
        if veto != approval.veto:
            approval = self._replace(approval, veto=veto)
            yield Reseated(approval.approval_id, approval.rule, "veto", change.old, change.new)
        if change.kind is Replaced.USER:
            for seat in approval.seats:
                yield from self._person(approval.approval_id, seat, change, at)
        elif self._asks(approval, change):
            if approval.group is not None:
                yield self._group(approval, change, at)
            else:
                first = next(seat for seat in approval.seats if not seat.required)
                yield self._role(approval, first, change, at)

    def _asks(self, approval: Approval, change: Replacement) -> bool:
        """Whether ``approval``, of a rule or ad hoc, asks the approver or group that is replaced."""
        if not any(not seat.required for seat in approval.seats):
            return False
        return approval.approver == change.old or (change.kind is Replaced.GROUP and approval.group == change.old)

    def _veto(self, approval: Approval, change: Replacement) -> tuple[str, ...]:
        if change.kind is Replaced.USER:
            return tuple(dict.fromkeys(change.new if each == change.old else each for each in approval.veto))
        named = find_approver(self.directory, approval.approver, facts_of(self.state))
        by_role = approval.group is not None and approval.approver in change.approvers
        return named.veto if by_role and named.group == approval.group else approval.veto

    def _person(self, approval_id: str, seat: Seat, change: Replacement, at: datetime) -> Iterator[Reseated]:
        """The seat of a person; one that they lost to the ladder keeps its holder, and climbs the successor's."""
        approval = self._approval(approval_id)
        if not approval.state.is_open or self.state.outcome is not None:
            return
        if change.old not in (seat.holder, seat.ladder_of or seat.first):
            return
        if seat.vote is not None:
            if seat.holder == change.old:
                yield self._left(approval, change, "already_decided")
        elif seat.holder == change.old:
            yield self._move(approval, seat, change, at)
        else:
            self._reseat(approval, seat, ladder_of=change.new)
            yield Reseated(approval_id, approval.rule, "ladder", change.old, change.new, "escalated")

    def _role(self, approval: Approval, seat: Seat, change: Replacement, at: datetime) -> Reseated:
        """The seat of an approver entry; whoever has it by silence, or had it handed to them for good, keeps it."""
        if seat.vote is not None:
            return self._left(approval, change, "already_decided")
        if seat.reassigned:
            return self._left(approval, change, "reassigned")
        if seat.rung > 0:
            self._reseat(approval, seat, ladder_of=change.new)
            return Reseated(approval.approval_id, approval.rule, "ladder", change.old, change.new, "escalated")
        return self._move(approval, seat, change, at)

    def _left(self, approval: Approval, change: Replacement, code: str) -> Reseated:
        return Reseated(approval.approval_id, approval.rule, "left", change.old, code=code)

    # -- one seat

    def _move(self, approval: Approval, seat: Seat, change: Replacement, at: datetime) -> Reseated:
        others = tuple(each for each in approval.seats if each.origin != seat.origin)
        who = self._who(approval, others, change.new)
        name, rule = approval.approval_id, approval.rule
        why = None if who == change.new else self._why_not(others, change.new)
        if who == seat.holder:
            return self._left(approval, change, "already_there")
        if who != change.new and self._does_without(approval, seat, others):
            ordinary = sum(not each.required for each in others)
            self._replace(approval, seats=others, needed=needed_of(approval.quorum, ordinary, approval.needed))
            return Reseated(name, rule, "given_up", seat.holder, code=why)
        if who is None:
            return self._left(approval, change, "no_decider")
        fresh = self._taken_over(approval, seat, who, at)
        moved = self._replace(approval, seats=tuple(fresh if each == seat else each for each in approval.seats))
        if not self._with_authority(approval, moved, at):
            return self._left(self._replace(approval, seats=approval.seats), change, "authority_exceeded")
        return Reseated(name, rule, "replaced", seat.holder, who, why)

    def _does_without(self, approval: Approval, seat: Seat, others: tuple[Seat, ...]) -> bool:
        """Whether a seat for which the successor cannot be taken may go: in groups, or where they sit already."""
        return bool(others) and ladder.may_do_without(self.directory, self.state, approval, seat)

    def _who(self, approval: Approval, others: tuple[Seat, ...], new: str) -> str | None:
        """The successor, else their next manager, else the fallback: whoever may sit and does not yet."""
        facts = {**self.state.facts, "owner": self.state.owner, "submitter": self.state.submitter}
        named = find_approver(self.directory, self.state.fallback, facts).persons if self.state.fallback else ()
        line = (new, *self.directory.managers_of(new), *named)
        return next((each for each in line if self._why_not(others, each) is None), None)

    def _why_not(self, others: tuple[Seat, ...], person: str) -> str | None:
        """The code for why ``person`` cannot have a seat beside ``others``."""
        if not self.directory.is_active(person):
            return "unknown_user"
        if person in self.state.barred:
            return "four_eyes"
        votes = [seat.vote.by for seat in others if seat.vote is not None]
        seated = [each for seat in others for each in (seat.holder, seat.first)]
        return "already_there" if person in (*seated, *votes) else None

    def _taken_over(self, approval: Approval, seat: Seat, who: str, at: datetime) -> Seat:
        """``seat`` with ``who`` in it, as in a new round, and a clock of their own, whatever the one before asked."""
        asked_about = any(each.seat == seat.origin for each in approval.questions)
        named = find_approver(self.directory, approval.approver, {})
        fresh = Seat(
            # Questions know a seat by whoever had it first.
            origin=seat.origin if asked_about else who,
            ladder_of=who if asked_about else None,
            holder=who,
            required=seat.required,
            reassigned=seat.reassigned,
            named=who if who in named.persons else "",
            calendar=named.calendar if who in named.persons else None,
        )
        fresh = self._handed(approval, fresh, at)
        if approval.state is not ApprovalState.REQUESTED:
            return fresh
        return self._clocked(approval, fresh, at)

    def _with_authority(self, before: Approval, moved: Approval, at: datetime) -> bool:
        """Let somebody with enough authority sit beside, where nobody in ``moved`` has it; False where nobody can."""

        def enough(approval: Approval) -> bool:
            return any(has_enough(self.directory, self.state, approval, each.holder) for each in approval.seats)

        if enough(moved) or not enough(before):
            return True
        above = someone_above(self.directory, self.state, moved)
        if above is None:
            return False
        beside = self._handed(moved, further_seat(moved, above), at)
        if moved.state is ApprovalState.REQUESTED:
            beside = self._clocked(moved, beside, at)
            self._tell("request", beside.asked, moved)
        self._replace(moved, seats=(*moved.seats, beside))
        return True

    # -- a whole group

    def _group(self, approval: Approval, change: Replacement, at: datetime) -> Reseated:
        """One person instead of a group: votes given stay, the open seats become one, and it is needed."""
        voted = tuple(seat for seat in approval.seats if seat.vote is not None or seat.required)
        who = self._who(approval, voted, change.new)
        if who is None:
            return self._left(approval, change, "no_decider")
        open_ = next((seat for seat in approval.seats if seat not in voted), None)
        if open_ is None:
            return self._left(approval, change, "already_decided")
        fresh = self._taken_over(approval, open_.model_copy(update={"rung": 0, "reassigned": False}), who, at)
        given = [seat.vote for seat in voted if seat.vote is not None and not seat.required]
        yes = sum(vote.verdict is Verdict.APPROVE for vote in given)
        group, quorum = (approval.group, "all") if given else (None, "any")
        moved = self._replace(approval, seats=(*voted, fresh), needed=yes + 1, group=group, quorum=quorum, veto=())
        if not self._with_authority(approval, moved, at):
            self._replace(self._approval(approval.approval_id), **dict(approval))
            return self._left(approval, change, "authority_exceeded")
        why = None if who == change.new else self._why_not(voted, change.new)
        return Reseated(approval.approval_id, approval.rule, "replaced", change.old, who, why)

    def _settle_now(self, approval: Approval, verdict: Verdict | None, at: datetime) -> None:
        if verdict is Verdict.APPROVE:
            self._replace(approval, state=ApprovalState.APPROVED, settled_at=at)
        elif verdict is Verdict.REJECT:
            last = [vote for vote in approval.votes if vote.verdict is Verdict.REJECT][-1]
            self._reject(self._replace(approval, state=ApprovalState.REJECTED, settled_at=at), last, at)
