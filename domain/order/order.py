"""An order: what is delivered together, from one quote, on one date (``spec/orders.md`` 1 and 3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from domain.money import total_of
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


PLANNED = frozenset({OrderState.DRAFT, OrderState.SCHEDULED})
RUNNING = frozenset({OrderState.ACTIVATED, OrderState.IN_FULFILMENT, OrderState.PARTIALLY_FULFILLED})


class Acknowledgement(Stored):
    """The ERP's business answer to the order, and the number of the document it made."""

    outcome: Literal["accepted", "rejected"]
    document: str | None = None
    reason: str | None = None
    at: AwareDatetime


class Order(Stored):
    """Items of one quote that share one order date.

    ``order_id`` is ``{quote_id}-{number}``, numbers from 1 in the order of the parts. ``key`` is the name people use
    in stories: ``DATE/SHIP_TO`` at its creation, and it never changes. ``order_date`` is local to ``time_zone``.
    ``version`` starts at 1 and grows by one with every change. ``ship_to`` is there only when all items share it.
    """

    order_id: str
    quote_id: str
    number: int
    key: str
    customer_id: str
    bill_to: str | None = None
    currency: str
    time_zone: str
    contracting_method: Literal["single", "by_end_date"] = "single"
    contracting_setting: Literal["inherit", "separate", "none"] = "inherit"
    order_date: date
    ship_to: str | None = None
    version: int = 1
    state: OrderState = OrderState.SCHEDULED
    created_at: AwareDatetime
    activated_at: AwareDatetime | None = None
    sent_at: AwareDatetime | None = None
    acknowledgement: Acknowledgement | None = None
    items: tuple[Item, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the amounts of the items that are not cancelled."""
        return total_of((item.amount for item in self.items if item.counts), self.currency)

    @property
    def due(self) -> datetime:
        """The instant (UTC) at which the order date begins in the customer's zone."""
        return start_of_day(self.order_date, self.time_zone)

    @property
    def acknowledged(self) -> bool:
        """Whether the ERP accepted the order."""
        return self.acknowledgement is not None and self.acknowledgement.outcome == "accepted"

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


def start_of_day(day: date, time_zone: str) -> datetime:
    """The first instant (UTC) of ``day`` in ``time_zone``; where clocks skip midnight, the instant of the change."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
