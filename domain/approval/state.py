"""A round as plain, frozen values: what is stored, sent over Temporal, and shown (``spec/approvals.md`` 1).

Moments are aware datetimes. Stored states ignore fields that a later release added.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.calendar import Sla
from domain.money import ExactDecimal


class Stored(BaseModel):
    """Frozen; read back by older and newer releases."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ApprovalState(StrEnum):
    ASSIGNED = "assigned"
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"
    SKIPPED = "skipped"

    @property
    def is_open(self) -> bool:
        """Whether somebody may still be asked."""
        return self in (ApprovalState.ASSIGNED, ApprovalState.REQUESTED)

    @property
    def is_settled(self) -> bool:
        """Whether the path goes on behind it."""
        return self in (ApprovalState.APPROVED, ApprovalState.SKIPPED)


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    RECALLED = "recalled"


class TestedValue(Stored):
    """One condition as it was tested: ``value`` on the left, ``threshold`` on the right, and whether it was met.

    Numbers are plain decimal texts; ``None`` is blank. ``currency`` is set where the value is money, ``against_fact``
    where the right side is a field or variable, ``negated`` where an odd number of ``not`` stands over the condition
    (``met`` is told without them). ``worse`` says in which direction a smart condition gets worse: ``up``, ``down``,
    or ``change``.
    """

    text: str
    name: str
    operator: str
    value: str | None
    threshold: str | tuple[str, ...] | None
    met: bool
    numeric: bool = False
    currency: str | None = None
    against_fact: bool = False
    negated: bool = False
    smart: bool = False
    worse: str = "change"

    @property
    def speaks_for_asking(self) -> bool:
        """Whether the condition, with the ``not`` over it, is met."""
        return self.met != self.negated


class Snapshot(Stored):
    """The tested values of a rule on the content of one round, and the fingerprint of the rule that tested them.

    ``named_by`` is what the quote said of whom the rule asks: the user in its field, or whose manager is meant.
    """

    fingerprint: str
    conditions: tuple[TestedValue, ...] = ()
    named_by: str | None = None


class Basis(Stored):
    """Why an approval is not asked for again: the last approval of its rule by a person, or the same person elsewhere.

    ``kind`` is ``smart`` or ``same_person``.
    """

    kind: str
    round: int
    approval_id: str
    persons: tuple[str, ...]
    at: datetime
    snapshot: Snapshot | None = None


class Weighed(Stored):
    """One condition of a rule, held against what was approved before: ``asks`` says that it speaks for asking again.

    ``before`` and ``against_before`` are the value and the right side (where that is a fact too) in the snapshot; no
    snapshot is told by ``why``, which is one of the codes of :mod:`domain.approval.smart_words`.
    """

    text: str
    value: str | None = None
    before: str | None = None
    against: str | None = None
    against_before: str | None = None
    currency: str | None = None
    currency_before: str | None = None
    tolerance: str | None = None
    smart: bool = False
    asks: bool
    why: str


class Weighing(Stored):
    """Why a rule that fires in a later round is asked again, or is not (``spec/approvals.md`` 4).

    ``round``, ``approval_id``, ``persons`` and ``at`` name the approval that it was held against; nothing where there
    is none. ``why`` is one of the codes of :mod:`domain.approval.smart_words`.
    """

    mode: str
    asks: bool
    why: str
    round: int | None = None
    approval_id: str | None = None
    persons: tuple[str, ...] = ()
    at: datetime | None = None
    conditions: tuple[Weighed, ...] = ()


class Vote(Stored):
    """One person's answer. ``seat_of`` is the person whose seat it fills, other than ``by`` when acting for them.

    ``number`` counts the votes of the round: several may be given at one moment. ``carries`` says whether the quote's
    amount was within the limits of the voter and of whom they acted for.
    """

    decision_id: str
    by: str
    seat_of: str
    verdict: Verdict
    at: datetime
    number: int = 0
    channel: str = "api"
    comment: str | None = None
    reason: str | None = None
    carries: bool = True


class TimeLeft(Stored):
    """Working time that was left before a seat's reminder and escalation when its clock stopped."""

    remind: timedelta | None = None
    escalate: timedelta | None = None


class Seat(Stored):
    """A place in an approval that one person fills.

    ``holder`` has the seat now, ``origin`` had it first (escalation moves it up the ladder by ``rung``; ``ladder_of``
    is whose ladder that is, when the seat was handed to somebody else for good; ``reassigned`` says that a person did,
    so that it is no longer the named approver's). ``asked`` are the persons who are
    listed and reminded (the holder or their delegates), ``acting`` all who may decide. Nothing is approved without the
    yes of a ``required`` seat: somebody with authority beside people who have too little. ``named`` is whom the
    approver's entry meant by it, who has the limit that stands there (blank: nobody; older rounds do not say).

    Deadlines count from ``clock_from``, over ``left`` once the clock has stood still; it does since ``stopped_at``.

    An ``origin`` names one seat of its approval: the second that begins with the same person is ``ines#2``.
    """

    origin: str
    holder: str
    rung: int = 0
    ladder_of: str | None = None
    required: bool = False
    reassigned: bool = False
    named: str | None = None
    clock_from: datetime | None = None
    reminded_at: datetime | None = None
    stopped_at: datetime | None = None
    left: TimeLeft | None = None
    asked: tuple[str, ...] = ()
    acting: tuple[str, ...] = ()
    calendar: str | None = None
    remind_at: datetime | None = None
    escalate_at: datetime | None = None
    vote: Vote | None = None

    @property
    def first(self) -> str:
        """The person who had the seat first."""
        return self.origin.partition("#")[0]


class Question(Stored):
    """What the holder of a seat (by its ``seat``'s origin) asks the submitter; open until it is answered.

    The clock stands still for ``holder``, who had the seat when it was asked, and for nobody who has it after them.
    """

    act_id: str
    by: str
    seat: str
    holder: str | None = None
    at: datetime
    text: str | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None
    answer: str | None = None

    @property
    def is_open(self) -> bool:
        return self.answered_at is None

    def stops(self, seat: Seat) -> bool:
        """Whether the clock of whoever has ``seat`` stands still for it."""
        return self.is_open and self.seat == seat.origin and self.holder in (None, seat.holder)


class Where(StrEnum):
    """Where an ad-hoc approver stands, as seen from whoever adds them."""

    BEFORE = "before"
    BESIDE = "beside"
    AFTER = "after"


class Added(Stored):
    """Who added an ad-hoc approval, where, and to which approval."""

    by: str
    where: Where
    to: str
    at: datetime


class Absent(Stored):
    """Somebody whom the approver names and who is not asked; ``why``: ``barred``, ``left``, ``nobody_named``."""

    person: str
    why: str


class Approval(Stored):
    """One request to one approver, a person or a group, inside a round.

    An ad-hoc approval (``added``) has the rule of the one it was added to. It is requested once all of ``waits_for``
    are settled. ``override`` is an admin's decision in everybody's place; ``withdrawn`` are votes taken back.
    ``weighed`` says why it is asked again or not; nothing in a first round. ``passed_over`` were silent, in any seat:
    time asks them nothing again.
    """

    approval_id: str
    rule: str
    chain: str
    step: int
    approver: str
    reason: str | None = None
    group: str | None = None
    seats: tuple[Seat, ...]
    needed: int = 1
    quorum: str = "any"
    veto: tuple[str, ...] = ()
    explicit: bool = False
    sla: Sla | None = None
    state: ApprovalState = ApprovalState.ASSIGNED
    snapshot: Snapshot
    basis: Basis | None = None
    requested_at: datetime | None = None
    settled_at: datetime | None = None
    added: Added | None = None
    waits_for: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    override: Vote | None = None
    withdrawn: tuple[Vote, ...] = ()
    weighed: Weighing | None = None
    absent: tuple[Absent, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The votes that count, in order of voting; an override is one."""
        given = [seat.vote for seat in self.seats if seat.vote]
        given += [self.override] if self.override else []
        return tuple(sorted(given, key=lambda vote: (vote.at, vote.number)))

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Who may decide now and has not voted, in seat order, a delegate in their delegator's place."""
        voted = {vote.by for vote in self.votes}
        asked = [person for seat in self.seats if seat.vote is None for person in seat.asked]
        return tuple(dict.fromkeys(person for person in asked if person not in voted))

    @property
    def due_at(self) -> datetime | None:
        """The earliest moment at which one of its open seats moves up the ladder."""
        moments = [seat.escalate_at for seat in self.seats if seat.vote is None and seat.escalate_at]
        return min(moments, default=None)


class Done(Stored):
    """An act that was carried out: its id, by whom, to which approval as it was named, and what it was."""

    act_id: str
    by: str
    approval: str
    deed: str


class Lane(Stored):
    """A chain of the plan, or the lane of unchained rules; ``after`` names the lanes that must be done first."""

    name: str
    after: tuple[str, ...] = ()


class NotFired(Stored):
    """A rule that did not fire and what it tested; ``why`` where it could not (inactive, outside its window)."""

    rule: str
    why: str | None = None
    conditions: tuple[TestedValue, ...] = ()


class RoundState(Stored):
    """One submission of a quote: its plan, its approvals, and its outcome.

    ``moved_at`` is when the last thing happened in it: what comes after is never recorded as earlier.
    ``facts`` are those of the quote that say whom the fallback and the ends of ladders mean.
    """

    quote_id: str
    round: int
    title: str = ""
    customer_id: str = ""
    owner: str
    submitter: str
    policy: str
    policy_version: int
    content_hash: str
    currency: str
    net_total: ExactDecimal
    rates: Mapping[str, ExactDecimal] = Field(default_factory=dict)
    opened_at: datetime
    comment: str | None = None
    barred: tuple[str, ...]
    fallback: str | None = None
    facts: Mapping[str, str] = Field(default_factory=dict)
    watchers: tuple[str, ...] = ()
    lanes: tuple[Lane, ...] = ()
    approvals: tuple[Approval, ...] = ()
    not_fired: tuple[NotFired, ...] = ()
    outcome: Outcome | None = None
    outcome_reason: str | None = None
    closed_at: datetime | None = None
    next_moment: datetime | None = None
    messages_sent: int = 0
    reasons: tuple[str, ...] = ()
    done: tuple[Done, ...] = ()
    moved_at: datetime | None = None

    @property
    def carried(self) -> RoundState:
        """What its run and the answers to messages carry: all but the rules that did not fire, which only the row has.

        Thousands of them are no reason to ask anybody anything, and no message would hold them.
        """
        return self.model_copy(update={"not_fired": ()}) if self.not_fired else self

    def approval(self, name: str, by: str | None = None) -> Approval | None:
        """The approval of that id or of that rule; of several of one rule, the one that most needs ``by``."""
        found = [each for each in self.approvals if name in (each.approval_id, each.rule)]
        return max(found, key=lambda each: _wants(each, by), default=None)

    def has_seen(self, act_id: str) -> bool:
        """Whether the decision or other act of that id was already taken."""
        given = (vote for each in self.approvals for vote in (*each.votes, *each.withdrawn))
        known = any(each.act_id == act_id for each in self.done)
        return known or any(vote.decision_id == act_id for vote in given)

    def not_before(self, at: datetime) -> datetime:
        """``at``, or the moment of the last thing that happened here: clocks of several machines differ a little."""
        return at if self.moved_at is None else max(at, self.moved_at)


def _wants(approval: Approval, person: str | None) -> tuple[bool, bool, bool]:
    """How much ``approval`` is about ``person``: asked and silent, then asked at all; else it is the rule's own."""
    seats = [seat for seat in approval.seats if person is not None and person in (*seat.acting, seat.holder)]
    waiting = approval.state is ApprovalState.REQUESTED and any(seat.vote is None for seat in seats)
    voted = any(vote.by == person for vote in approval.votes)
    return waiting, bool(seats) or voted, approval.added is None


class RoundEvent(Stored):
    """Something that happened in a round, for the record: when, who, for whom, by which channel, what, why."""

    kind: str
    at: datetime
    by: str | None = None
    on_behalf_of: str | None = None
    rule: str | None = None
    approval_id: str | None = None
    channel: str | None = None
    comment: str | None = None
    reason: str | None = None
    detail: Mapping[str, Any] = Field(default_factory=dict)


class Notice(Stored):
    """A message to one person; ``key`` is unique for ever, so that nothing is sent twice."""

    key: str
    kind: str
    to: str
    quote_id: str
    round: int
    at: datetime
    approvals: tuple[str, ...] = ()
    detail: Mapping[str, Any] = Field(default_factory=dict)


class Decision(Stored):
    """One person's answer as it arrives at a door, before it is checked.

    ``approval`` is an approval id or a rule; ``seat_of`` whom the person stands in for, needed only by somebody with
    several seats. The same ``decision_id`` twice is one decision.
    """

    decision_id: str
    approval: str
    verdict: Verdict
    by: str
    seat_of: str | None = None
    comment: str | None = None
    reason: str | None = None
    channel: str = "api"


class ActVerb(StrEnum):
    """What people do in a round beside deciding and recalling."""

    ASK = "ask"
    ANSWER = "answer"
    ADD = "add"
    REASSIGN = "reassign"
    OVERRIDE = "override"
    WITHDRAW = "withdraw"
    RECOMPUTE = "recompute"


class RoundAct(Stored):
    """One such act as it arrives at a door, before it is checked. The same ``act_id`` twice is one act.

    ``approval`` is an approval id or a rule (blank: the whole round, or the one it can be about). ``to`` is who is
    added or takes over, ``where`` an ad-hoc approver stands, ``verdict`` what an override says, ``seat_of`` whose seat
    is meant, needed only where there are several.
    """

    act_id: str
    verb: ActVerb
    by: str
    approval: str = ""
    to: str | None = None
    where: Where = Where.BESIDE
    verdict: Verdict | None = None
    seat_of: str | None = None
    comment: str | None = None
    reason: str | None = None
    channel: str = "api"
