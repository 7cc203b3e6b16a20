"""What crosses between workflows and activities: names, requests and answers. Loads no database and no partner.

``at`` is business time; ``None`` leaves it to the caller's clock. Refusals are answers here, not exceptions: a refusal
is an outcome that the workflow hands on, and only what is worth a retry may fail an activity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.approval.state import Decision, RoundAct, RoundState
from domain.order.activation import next_moment
from domain.order.choosing import Pick
from domain.order.no_return import is_past_no_return
from domain.order.order import Order, OrderState
from domain.order.standing import is_owed
from domain.refusal import Problem, Refusal

OPEN_ROUND: Final = "open_round"
RECORD_DECISION: Final = "record_decision"
ADVANCE_ROUND: Final = "advance_round"
RECALL_ROUND: Final = "recall_round"
ACT_ON_ROUND: Final = "act_on_round"
REFRESH_ROUND: Final = "refresh_round"
NOTE_IGNORED: Final = "note_ignored"
CREATE_ORDERS: Final = "create_orders"
CHANGE_ORDER: Final = "change_order"
ADVANCE_ORDER: Final = "advance_order"
SEND_ORDER: Final = "send_order"
SET_ASIDE_ORDER: Final = "set_aside_order"


class Message(BaseModel):
    """Frozen on the wire; fields of later releases are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ProblemNote(Message):
    code: str
    message: str
    path: str = ""


class RefusalNote(Message):
    """A refusal as it crosses the wire: its problems, the first of which names its code."""

    problems: tuple[ProblemNote, ...]

    @classmethod
    def of(cls, refusal: Refusal) -> RefusalNote:
        return cls(
            problems=tuple(
                ProblemNote(code=each.code, message=each.message, path=each.path) for each in refusal.problems
            )
        )

    @property
    def code(self) -> str:
        return self.problems[0].code

    def refusal(self) -> Refusal:
        """The refusal it stands for."""
        return Refusal.of([Problem(each.code, each.message, each.path) for each in self.problems])


class OpenRound(Message):
    """Plan round ``round`` of a quote for ``by``, as ``token`` proves, and open it.

    ``story`` here and elsewhere: the run keeps a clock of its own, as only stories may.
    """

    quote_id: str
    round: int
    by: str
    at: AwareDatetime
    comment: str | None = None
    policy: str = "standard"
    token: str = ""
    story: bool = False

    @staticmethod
    def subject(quote_id: str, number: int) -> str:
        """What an act on a whole round names as its subject; for its start, as its key too."""
        return f"{quote_id}.{number}"


class RecordDecision(Message):
    """Take ``decision``, which ``token`` proves to be of the person it names."""

    quote_id: str
    round: int
    decision: Decision
    token: str
    at: AwareDatetime


class ActOnRound(Message):
    """Do ``act``, which ``token`` proves to be of the person it names."""

    quote_id: str
    round: int
    act: RoundAct
    token: str
    at: AwareDatetime


class AdvanceRound(Message):
    """Do what time has brought until ``at``; ``exact``: each at its own moment (stories)."""

    quote_id: str
    round: int
    at: AwareDatetime
    exact: bool = False


class RecallRound(Message):
    """Take the quote back; ``token`` proves that it is from ``by``."""

    quote_id: str
    round: int
    by: str
    token: str
    key: str
    at: AwareDatetime
    comment: str | None = None


class NoteIgnored(Message):
    """A signal that was not heeded, for the record; ``key`` is the note's own, so that it is written once.

    ``claimed`` is what it said of itself, and nothing of it is proved: by whom, to which approval, what, and its id.
    """

    quote_id: str
    order_id: str | None = None
    round: int | None = None
    signal: str
    why: str
    code: str
    at: AwareDatetime
    key: str | None = None
    claimed: Mapping[str, str] = Field(default_factory=dict)


class RoundMoved(Message):
    """The round after an activity, as far as its run carries it, or why it was refused."""

    state: RoundState | None = None
    refused: RefusalNote | None = None

    @classmethod
    def to(cls, state: RoundState) -> RoundMoved:
        return cls(state=state.carried)


class OrderStanding(Message):
    """What the workflow of an order must know of it. ``total`` is in ``currency``; ``next_moment`` is in UTC.

    ``to_tell``: the ERP does not know all of it (none: nobody looked; it is told of what is activated and not sent).
    ``held_by``: why the order is on hold or blocked.
    """

    order_id: str
    quote_id: str
    customer_id: str
    key: str
    state: OrderState
    order_date: date
    due: AwareDatetime
    next_moment: AwareDatetime | None = None
    version: int
    total: str
    currency: str
    items: int
    acknowledged: bool = False
    activated: bool = False
    sent: bool = False
    past_no_return: bool = False
    owed: bool = False
    to_tell: bool | None = None
    held_by: str | None = None

    @classmethod
    def of(cls, order: Order, *, sent: bool = False) -> OrderStanding:
        return cls(
            order_id=order.order_id,
            quote_id=order.quote_id,
            customer_id=order.customer_id,
            key=order.key,
            state=order.state,
            order_date=order.order_date,
            due=order.due,
            next_moment=next_moment(order),
            version=order.version,
            total=str(order.total),
            currency=order.currency,
            items=len(order.items),
            acknowledged=order.acknowledgement is not None,
            activated=order.activated_at is not None,
            sent=sent,
            past_no_return=any(is_past_no_return(order, item) for item in order.items),
            owed=order.state is OrderState.SUPERSEDED and order.activated_at is not None and is_owed(order),
            held_by=_held_by(order),
        )

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the order.

        One that is fulfilled before the ERP answered waits for that; one that was superseded while something was on its
        way (``owed``) waits for it; and one that the ERP must be told of first is told.
        """
        over = self.state in FINAL and not self.owed and not self.to_tell
        return over and (self.acknowledged or self.state is not OrderState.FULFILLED)

    @property
    def must_be_sent(self) -> bool:
        """Whether the ERP is to be told something."""
        return self.activated and not self.sent if self.to_tell is None else self.to_tell


def _held_by(order: Order) -> str | None:
    if order.hold is not None:
        return f"{order.hold.why} ({order.hold.by})"
    return "; ".join(order.block.reasons) if order.block is not None else None


FINAL = frozenset(
    {OrderState.FULFILLED, OrderState.CLOSED, OrderState.REJECTED, OrderState.SUPERSEDED, OrderState.CANCELLED}
)


class CreateOrders(Message):
    """Split the accepted quote for ``by``, as ``token`` proves; ``key`` makes a repeated call create nothing twice.

    ``lines`` are what is ordered by hand; left out: everything unordered, split by ``split_by``.
    """

    quote_id: str
    split_by: tuple[str, ...]
    lines: tuple[Pick, ...] | None = None
    by: str
    at: AwareDatetime
    key: str
    comment: str | None = None
    token: str = ""
    story: bool = False

    @staticmethod
    def words(split_by: Sequence[str], lines: Sequence[Pick] | None, comment: str | None) -> tuple[str, ...]:
        """All that is said with a split, in one form: what a token for it is bound to."""
        picks = None if lines is None else [each.model_dump(mode="json", exclude_defaults=True) for each in lines]
        return (_said({"split_by": list(split_by), "lines": picks, "comment": comment}),)

    @staticmethod
    def claim(quote_id: str, key: str) -> str:
        """The key under which the store remembers that this split was made."""
        return f"create-orders/{quote_id}/{key}"


class OrdersCreated(Message):
    orders: tuple[OrderStanding, ...] = ()
    refused: RefusalNote | None = None


OrderVerb = Literal[
    "activate", "acknowledge", "deliver", "accept_item", "reach", "move_date", "split", "move", "merge", "cancel",
    "hold", "release", "supplement", "close_short", "return", "rollback", "close", "progress", "usage", "invoice",
]  # fmt: skip


class OrderChange(Message):
    """One verb on one order, as it arrives at a door. Fields that the verb does not need are left out.

    ``key`` is the change's own: the same key twice is one change. ``at`` is set only in stories. ``lines`` are line or
    item ids with quantities (none: all of it), ``into`` the order that lines go to, ``name`` one's own key for a new
    order, ``orders`` those that are merged into this one.
    """

    key: str
    verb: OrderVerb
    by: str
    token: str
    comment: str | None = None
    at: AwareDatetime | None = None
    line: str | None = None
    quantity: str | None = None
    on: date | None = None
    to: date | None = None
    milestone: str | None = None
    evidence: str | None = None
    outcome: Literal["accepted", "rejected"] = "accepted"
    document: str | None = None
    reason: str | None = None
    lines: Mapping[str, str | None] | None = None
    disposition: Literal["unordered", "cancelled"] = "unordered"
    into: str | None = None
    orders: tuple[str, ...] = ()
    order_date: date | None = None
    name: str | None = None
    percent: str | None = None
    amount: str | None = None
    expected_version: int | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """All that is said with the change, in one form: what a token for it is bound to."""
        return (_said(self.model_dump(mode="json", exclude={"token", "at"}, exclude_defaults=True)),)

    def claim(self, order_id: str) -> str:
        """The key under which the store remembers that this change was made to ``order_id``."""
        return f"order-change/{order_id}/{self.key}"


class ChangeOrder(Message):
    """Do ``change``; ``by_hand``: not by the order's run, which must hear of it, or is to be begun again."""

    order_id: str
    change: OrderChange
    at: AwareDatetime
    story: bool = False
    by_hand: bool = False


class AdvanceOrder(Message):
    order_id: str
    at: AwareDatetime
    story: bool = False


class SendOrder(Message):
    """Hand the order, as it stands, to the ERP; at most once in effect for each version."""

    order_id: str
    at: AwareDatetime


class SetAsideOrder(Message):
    """The ERP did not take the order, for all that was tried: somebody must look at it."""

    order_id: str
    at: AwareDatetime
    why: str


class OrderMoved(Message):
    """The order after an activity, or why it was refused."""

    standing: OrderStanding | None = None
    refused: RefusalNote | None = None


def _said(told: Mapping[str, Any]) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"))
