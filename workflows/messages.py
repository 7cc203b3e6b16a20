"""What crosses the wire to and from workflows: one model in, one model out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from activities.requests import Message, OrderStanding
from domain.approval.channels import SIGNAL
from domain.approval.state import Decision, RoundAct, RoundState, Verdict
from domain.order.choosing import Pick


class RoundStart(Message):
    """Start of ``QuoteApproval``. ``token`` proves that it is from ``by``: an access token, or an act for this start.

    ``at`` is the business time of the start; only a worker that was built for stories heeds it. With
    ``few_actions`` the run need not note in its history that it is of a release with ``patched("few-actions")``.
    """

    quote_id: str
    round: int
    by: str
    comment: str | None = None
    policy: str = "standard"
    at: AwareDatetime | None = None
    resumed: bool = False
    clock_offset_us: int | None = None
    token: str = ""
    few_actions: bool = False


class RoundResult(Message):
    """How a round ended."""

    quote_id: str
    round: int
    outcome: str
    reason: str | None = None


class Decide(Message):
    """One person's answer, as update ``decide`` or signal ``decision``.

    ``approval`` is an approval id or a rule; ``decision_id`` names the answer for ever: the same one twice is one
    decision. ``token`` proves that it is from ``by``: an access token, or one made for just this act. ``channel`` is
    one of :data:`~domain.approval.channels.DOORS`; of a signal it is ``signal``, whatever it says. ``at`` is heeded in
    stories only.
    """

    decision_id: str
    approval: str
    verdict: Verdict
    by: str
    token: str
    seat_of: str | None = None
    comment: str | None = None
    reason: str | None = None
    channel: str = "api"
    at: AwareDatetime | None = None

    def decision(self) -> Decision:
        """What is decided, without what proves it."""
        return Decision(**self.model_dump(exclude={"token", "at"}))

    def by_signal(self) -> Decide:
        """The same as it came by a signal."""
        return self.model_copy(update={"channel": SIGNAL})


class Act(Message):
    """What somebody does beside deciding, as update ``act`` or signal ``action``: ask, answer, add, reassign,
    override, withdraw, recompute. ``token`` proves that it is from ``act.by``; its channel is as in a decision. ``at``
    is heeded in stories only.
    """

    act: RoundAct
    token: str
    at: AwareDatetime | None = None

    def by_signal(self) -> Act:
        """The same as it came by a signal."""
        return self.model_copy(update={"act": self.act.model_copy(update={"channel": SIGNAL})})


class Recall(Message):
    """Take the quote back. ``token`` proves that it is from ``by``."""

    key: str
    by: str
    token: str
    comment: str | None = None
    at: AwareDatetime | None = None


class Refresh(Message):
    """The directory has changed; look again who may act."""

    at: AwareDatetime | None = None


class RoundAnswer(Message):
    """The round after a message was carried out, as far as its run carries it."""

    state: RoundState


class FulfilmentStart(Message):
    """Start of ``OrderFulfilment``, and its update ``ordered``: split what is unordered of the accepted quote by these
    keys, or order ``lines`` by hand. ``token`` proves that it is from ``by``.

    A run that was continued has ``resumed`` set, and goes on waiting for the ``pending`` orders of the ``made`` ones;
    ``ended`` are the others with the state in which each ended.
    """

    quote_id: str
    split_by: tuple[str, ...]
    lines: tuple[Pick, ...] | None = None
    by: str
    comment: str | None = None
    key: str
    at: AwareDatetime | None = None
    token: str = ""
    resumed: bool = False
    pending: tuple[str, ...] = ()
    batches: int = 0
    made: int = 0
    ended: Mapping[str, str] = Field(default_factory=dict)


class BatchStart(Message):
    """Start of ``OrderBatch``: start the runs of these orders. ``at`` is told in stories only."""

    quote_id: str
    orders: tuple[OrderStanding, ...]
    at: AwareDatetime | None = None


class FulfilmentResult(Message):
    """The orders as they ended: the first thousand that the last run of a chain heard of; in ``ended`` all states."""

    quote_id: str
    orders: tuple[OrderStanding, ...] = ()
    ended: Mapping[str, str] = Field(default_factory=dict)


class OrdersAnswer(Message):
    """The orders that were made."""

    orders: tuple[OrderStanding, ...]


class OrderStart(Message):
    """Start of ``SplitOrder``: one split order, from its date to its last delivery."""

    standing: OrderStanding
    at: AwareDatetime | None = None
    clock_offset_us: int | None = None


class OrderAnswer(Message):
    """The order after a message was carried out."""

    standing: OrderStanding


class OrderResult(Message):
    """How an order ended."""

    standing: OrderStanding
    outcome: Literal["ended"] = "ended"
