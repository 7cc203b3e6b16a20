"""Ad-hoc approvers: whoever is asked adds somebody before, beside or after themselves (``spec/approvals.md`` 6)."""

from __future__ import annotations

from datetime import datetime

from domain.approval.absence import absent_from
from domain.approval.authority import facts_of, matter_of
from domain.approval.questions import Questions
from domain.approval.refusals import check_four_eyes, check_turn, seat_for
from domain.approval.seats import Seating, Table, seat
from domain.approval.state import Added, Approval, ApprovalState, RoundAct, Where
from domain.approvers import Named, find_approver
from domain.refusal import Refusal

NO_CLOCK = {"remind_at": None, "escalate_at": None, "clock_from": None, "stopped_at": None, "left": None}


class AdHoc(Questions):
    """Adds approvals to a running round, each in the step of the approval it is added to."""

    def _add(self, act: RoundAct, at: datetime) -> None:
        """Codes: those of a decision up to the reason, ``missing_field``, ``unknown_approver``, ``four_eyes`` (only
        people who had a hand in the quote), ``no_decider`` (nobody active, or too few), ``wrong_state`` (asked there
        already), ``authority_exceeded`` and ``missing_rate`` (where theirs is too small, and nobody above has enough).
        """
        left = not self.directory.is_active(act.by)
        approval = check_turn(self.state, act.approval, act.by, act.seat_of, left=left)
        fresh = self._ad_hoc(approval, act, at)
        if act.where is Where.BEFORE:
            self._put_back(approval, fresh.approval_id)
        self._insert(approval, fresh)
        detail = {"who": act.to, "where": act.where, "to": approval.approval_id, "approval": fresh.approval_id}
        holder = seat_for(approval, act.by, act.seat_of).holder
        behalf = holder if holder != act.by else None
        given = {"by": act.by, "on_behalf_of": behalf, "channel": act.channel, "comment": act.comment}
        self._record("added", at, fresh, detail=detail, **given)

    def _ad_hoc(self, approval: Approval, act: RoundAct, at: datetime) -> Approval:
        named = self._named(act)
        seating = self._seating(approval, act, named, at)
        number = sum(each.rule == approval.rule for each in self.state.approvals)
        return Approval(
            approval_id=f"{self.state.quote_id}.{self.state.round}.{approval.rule}.added-{number}",
            rule=approval.rule,
            chain=approval.chain,
            step=approval.step,
            approver=str(act.to),
            reason=act.comment or approval.reason,
            group=seating.group,
            seats=seating.seats,
            needed=seating.needed,
            quorum=seating.quorum,
            veto=seating.veto,
            explicit=True,  # a fresh request: what they approved elsewhere is not their answer here
            sla=named.sla or approval.sla,
            snapshot=approval.snapshot,
            absent=absent_from(named, seating.seats, self.directory, self.state.barred),
            added=Added(by=act.by, where=act.where, to=approval.approval_id, at=at),
            waits_for=(approval.approval_id,) if act.where is Where.AFTER else (),
        )

    def _named(self, act: RoundAct) -> Named:
        if not act.to:
            raise Refusal("missing_field", "say who is added", "to")
        if not self.directory.knows_approver(act.to):
            raise Refusal("unknown_approver", f"{act.to} is no approver, group or user of the directory", "to")
        return find_approver(self.directory, act.to, facts_of(self.state))

    def _seating(self, approval: Approval, act: RoundAct, named: Named, at: datetime) -> Seating:
        self._check_added(approval, act, named)
        table = Table(self.directory, self.state.barred, self.state.fallback, "next_manager", facts_of(self.state))
        try:
            return seat(named, table, matter_of(self.state, approval), approval.rule, at)
        except Refusal as refusal:
            raise Refusal(refusal.code, f"{act.to} cannot be added: {refusal.message}", "to") from None

    def _check_added(self, approval: Approval, act: RoundAct, named: Named) -> None:
        active = [person for person in named.persons if self.directory.is_active(person)]
        if not active:
            raise Refusal("no_decider", f"{act.to} is nobody who can decide", "to")
        if named.group is None:
            check_four_eyes(self.state, active[0], "to")
        free = tuple(person for person in active if person not in self.state.barred)
        if not free:
            raise Refusal("four_eyes", f"everybody of {act.to} had a hand in this quote", "to")
        asked = {person for each in approval.seats for person in (each.holder, *each.asked)}
        if named.group is None and free[0] in asked:
            raise Refusal("wrong_state", f"{free[0]} is asked there already", "to")

    def _put_back(self, approval: Approval, before: str) -> None:
        """``approval`` waits again, for the one that was put before it; votes that were given stay."""
        seats = tuple(each if each.vote else each.model_copy(update=NO_CLOCK) for each in approval.seats)
        waits_for = (*approval.waits_for, before)
        self._replace(approval, state=ApprovalState.ASSIGNED, requested_at=None, seats=seats, waits_for=waits_for)

    def _insert(self, approval: Approval, fresh: Approval) -> None:
        """``fresh`` next to the approval it belongs to: before it, or behind it."""
        approvals = list(self.state.approvals)
        place = next(at for at, each in enumerate(approvals) if each.approval_id == approval.approval_id)
        assert fresh.added is not None
        approvals.insert(place if fresh.added.where is Where.BEFORE else place + 1, fresh)
        self.state = self.state.model_copy(update={"approvals": tuple(approvals)})
