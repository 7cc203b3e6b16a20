"""What a change of orders leaves behind: who, when, why, before and after (``spec/orders.md`` 3, at its end)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.ledger.entries import LedgerEntry
from domain.money import ExactDecimal
from domain.order.item import Stored
from domain.order.order import Order
from domain.quote import Kind


class Cause(Stored):
    """Who changes something, when, on whose behalf and why; ``at`` is business time, never the machine's clock."""

    at: AwareDatetime
    by: str
    on_behalf: str | None = None
    why: str | None = None


class OrderEventKind(StrEnum):
    ORDERED = "ordered"
    DATE_MOVED = "date_moved"
    REPRICED = "repriced"
    ACTIVATED = "activated"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REACHED = "reached"
    STARTED = "started"
    FULFILLED = "fulfilled"
    LINES_MOVED = "lines_moved"
    DIVIDED = "divided"
    MERGED = "merged"
    CANCELLED = "cancelled"
    HELD = "held"
    RELEASED = "released"
    BLOCKED = "blocked"
    SUPPLEMENTED = "supplemented"
    SUPERSEDED = "superseded"
    CLOSED_SHORT = "closed_short"
    RETURNED = "returned"
    AMENDED = "amended"
    ROLLED_BACK = "rolled_back"
    CLOSED = "closed"
    PROGRESSED = "progressed"
    USED = "used"
    INVOICED = "invoiced"


class OrderEvent(Stored):
    """One thing that happened to an order, or to one item of it.

    ``event_id`` is ``{order_id}:{version}:{position}`` with the order's version after the change, so that the same
    change told twice has the same ids. ``before`` and ``after`` hold the fields that changed, as texts.
    ``on`` is the local date on which it happened, where that is not the date of ``at``.
    """

    event_id: str
    kind: OrderEventKind
    quote_id: str
    order_id: str
    key: str
    version: int
    position: int
    item_id: str | None = None
    line_id: str | None = None
    at: AwareDatetime
    by: str
    on_behalf: str | None = None
    why: str | None = None
    on: date | None = None
    before: Mapping[str, str | None] = Field(default_factory=dict)
    after: Mapping[str, str | None] = Field(default_factory=dict)


class FrozenBase(Stored):
    """A line that a percent is taken of, with its amount when the first order froze it."""

    line_id: str
    amount: ExactDecimal


class LineBalance(Stored):
    """What became of one quote line outside its orders. Every figure is kept, none is derived from the others.

    ``variance`` is what date moves added to the amounts of the line's items. ``percent`` and ``base`` are those of a
    percent-of-total line, frozen with ``quoted_amount`` at the first order.
    """

    line_id: str
    kind: Kind
    component_of: str | None = None
    quoted_quantity: ExactDecimal
    quoted_amount: ExactDecimal
    unordered_quantity: ExactDecimal
    unordered_amount: ExactDecimal
    cancelled_quantity: ExactDecimal
    cancelled_amount: ExactDecimal
    returned_quantity: ExactDecimal
    returned_amount: ExactDecimal
    variance: ExactDecimal
    percent: ExactDecimal | None = None
    base: tuple[FrozenBase, ...] = ()

    @property
    def is_share(self) -> bool:
        """Whether the line is a percent of others; its shares have quantity 1 each and stand outside I1."""
        return self.kind is Kind.PERCENT_OF_TOTAL


class Change(Stored):
    """The outcome of an operation: orders and balances as they are now (only the changed ones), and what is added.

    Nothing changed: all four are empty.
    """

    orders: tuple[Order, ...] = ()
    balances: tuple[LineBalance, ...] = ()
    events: tuple[OrderEvent, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()

    @property
    def order(self) -> Order:
        """The one order of a change to a single order."""
        (order,) = self.orders
        return order

    def then(self, later: Change) -> Change:
        """This change followed by ``later``: the later state of each order and balance, and everything added."""
        orders = {order.order_id: order for order in (*self.orders, *later.orders)}
        balances = {balance.line_id: balance for balance in (*self.balances, *later.balances)}
        return Change(
            orders=tuple(orders.values()),
            balances=tuple(balances.values()),
            events=(*self.events, *later.events),
            entries=(*self.entries, *later.entries),
        )
