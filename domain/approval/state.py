"""A round as plain, frozen values: what is stored, sent over Temporal, and shown (``spec/approvals.md`` 1).

Moments are aware datetimes. Stored states ignore fields that a later release added.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
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
    """The tested values of a rule on the content of one round, and the fingerprint of the rule that tested them."""

    fingerprint: str
    conditions: tuple[TestedValue, ...] = ()


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


class Vote(Stored):
    """One person's answer. ``seat_of`` is the person whose seat it fills, other than ``by`` when acting for them.

    ``number`` counts the votes of the round: several may be given at one moment.
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


class Seat(Stored):
    """A place in an approval that one person fills.

    ``holder`` has the seat now, ``origin`` had it first (escalation moves it up the ladder by ``rung``). ``asked`` are
    the persons who are listed and reminded (the holder or their delegates), ``acting`` all who may decide.
    """

    origin: str
    holder: str
    rung: int = 0
    asked: tuple[str, ...] = ()
    acting: tuple[str, ...] = ()
    calendar: str | None = None
    remind_at: datetime | None = None
    escalate_at: datetime | None = None
    vote: Vote | None = None


class Approval(Stored):
    """One request to one approver, a person or a group, inside a round."""

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

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The votes given, in order of voting."""
        return tuple(sorted((seat.vote for seat in self.seats if seat.vote), key=lambda vote: (vote.at, vote.number)))

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

    def approval(self, name: str) -> Approval | None:
        """The approval of that id or of that rule."""
        return next((each for each in self.approvals if name in (each.approval_id, each.rule)), None)

    def has_seen(self, decision_id: str) -> bool:
        """Whether that decision was already taken."""
        return any(vote.decision_id == decision_id for each in self.approvals for vote in each.votes)


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
