"""An order: what is delivered together, from one quote, on one date (``spec/orders.md`` 1 and 3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from domain.money import ExactDecimal, total_of
from domain.order.item import Item, Stored
from domain.refusal import Refusal


class OrderState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVATED = "activated"
    IN_FULFILMENT = "in_fulfilment"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    CLOSED = "closed"
    ON_HOLD = "on_hold"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class OrderKind(StrEnum):
    """What an order does: it delivers a part of the quote, or it carries deltas of items that were ordered before."""

    NORMAL = "normal"
    SUPPLEMENT = "supplement"
    RETURN = "return"
    AMENDMENT = "amendment"


FINAL = frozenset({OrderState.CLOSED, OrderState.REJECTED, OrderState.SUPERSEDED, OrderState.CANCELLED})
"""States that an order never leaves by an operation of its own, but that a rejected one can be cancelled."""
PLANNED = frozenset({OrderState.DRAFT, OrderState.SCHEDULED})
RUNNING = frozenset({OrderState.ACTIVATED, OrderState.IN_FULFILMENT, OrderState.PARTIALLY_FULFILLED})


class Acknowledgement(Stored):
    """The ERP's business answer to the order, and the number of the document it made."""

    outcome: Literal["accepted", "rejected"]
    document: str | None = None
    reason: str | None = None
    at: AwareDatetime


class Hold(Stored):
    """Why, since when and by whom an order is held, and the state it goes back to when it is released."""

    at: AwareDatetime
    by: str
    why: str
    state_before: OrderState


class Block(Stored):
    """Why an order could not be activated: data that are missing, or a credit block."""

    at: AwareDatetime
    reasons: tuple[str, ...]
    state_before: OrderState


class BalanceShift(Stored):
    """What one change added to the balance of a line (negative: took away)."""

    line_id: str
    unordered_quantity: ExactDecimal = Decimal(0)
    unordered_amount: ExactDecimal = Decimal(0)
    cancelled_quantity: ExactDecimal = Decimal(0)
    cancelled_amount: ExactDecimal = Decimal(0)
    returned_quantity: ExactDecimal = Decimal(0)
    returned_amount: ExactDecimal = Decimal(0)
    variance: ExactDecimal = Decimal(0)


class LastChange(Stored):
    """What it takes to undo the last change of an order.

    ``orders`` are all orders that the change touched, each with its version after it. ``before`` is this order as it
    was (none: the change made it), without a last change of its own. ``passed`` is the version of an order that a
    return or a supplement made, after what time and the ERP did of themselves since: it was activated and acknowledged.
    """

    operation: str
    at: AwareDatetime
    orders: tuple[tuple[str, int], ...]
    before: Order | None = None
    passed: int | None = None
    shifts: tuple[BalanceShift, ...] = ()


class Order(Stored):
    """Items of one quote that share one order date.

    ``order_id`` is ``{quote_id}-{number}``, numbers from 1 in the order of the parts. ``key`` is the name people use
    in stories: ``DATE/SHIP_TO`` at its creation, and it never changes. ``order_date`` is local to ``time_zone``.
    ``version`` starts at 1 and grows by one with every change. ``ship_to`` is there only when all items share it.
    ``kind`` other than normal: its items are deltas of the order ``revises_order``. ``superseded_by`` is the order
    that took this one's place, ``contract_of`` the quote whose contract an amendment changes. ``waived`` are reasons
    against its activation that a release has set aside. ``last_change`` is kept until something else happens to the
    order.
    """

    order_id: str
    quote_id: str
    number: int
    key: str
    customer_id: str
    bill_to: str | None = None
    currency: str
    time_zone: str
    contracting_method: Literal["single", "by_end_date", "by_group"] = "single"
    contracting_setting: Literal["inherit", "separate", "none"] = "inherit"
    order_date: date
    ship_to: str | None = None
    version: int = 1
    state: OrderState = OrderState.SCHEDULED
    created_at: AwareDatetime
    activated_at: AwareDatetime | None = None
    sent_at: AwareDatetime | None = None
    acknowledgement: Acknowledgement | None = None
    kind: OrderKind = OrderKind.NORMAL
    revises_order: str | None = None
    superseded_by: str | None = None
    contract_of: str | None = None
    hold: Hold | None = None
    block: Block | None = None
    waived: tuple[str, ...] = ()
    last_change: LastChange | None = None
    items: tuple[Item, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the amounts of the items that are not cancelled."""
        return total_of((item.amount for item in self.items if item.counts), self.currency)

    @property
    def is_planned(self) -> bool:
        """Whether the order is still to be activated, also where it is held or blocked meanwhile."""
        stopped = self.hold or self.block
        return self.state in PLANNED or (stopped is not None and stopped.state_before in PLANNED)

    @property
    def due(self) -> datetime:
        """The instant (UTC) at which the order date begins in the customer's zone."""
        return start_of_day(self.order_date, self.time_zone)

    @property
    def acknowledged(self) -> bool:
        """Whether the ERP accepted the order."""
        return self.acknowledgement is not None and self.acknowledgement.outcome == "accepted"

    @property
    def refused_by_erp(self) -> bool:
        """Whether the ERP rejected the order, also where it was cancelled since: then it has nothing to be told of."""
        return self.acknowledgement is not None and self.acknowledgement.outcome == "rejected"

    def local_date(self, at: datetime) -> date:
        """The customer's date at ``at``."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def item(self, item_id: str) -> Item:
        """The item of that id; ``KeyError`` when there is none."""
        for item in self.items:
            if item.item_id == item_id:
                return item
        raise KeyError(item_id)

    def items_of(self, line: str) -> tuple[Item, ...]:
        """The items named by a line id or an item id. Code: ``unknown_line``."""
        found = tuple(item for item in self.items if line in (item.line_id, item.item_id))
        if not found:
            lines = ", ".join(dict.fromkeys(item.line_id for item in self.items))
            raise Refusal("unknown_line", f"{line} is not in order {self.order_id}; it has {lines}", "line")
        return found


LastChange.model_rebuild()
Order.model_rebuild()


def start_of_day(day: date, time_zone: str) -> datetime:
    """The first instant (UTC) of ``day`` in ``time_zone``; where clocks skip midnight, the instant of the change."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
