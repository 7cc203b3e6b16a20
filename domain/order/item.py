"""An order item: the part of a quote line that one order carries, with its frozen price and its lineage."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.ledger.entries import BasePart
from domain.money import ExactDecimal
from domain.order.exact import ExactFraction
from domain.quote import DateChange, Kind, Milestone, PricePer, Proration, Revenue


class ItemState(StrEnum):
    """Where an item stands; the order's state follows from its items."""

    SCHEDULED = "scheduled"
    ACTIVATED = "activated"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    MERGED = "merged"
    """Its quantity and amount went into another item of its line; it counts no longer."""


class Stored(BaseModel):
    """Frozen, and kept as JSON for years: fields that a newer release wrote are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ItemPrice(Stored):
    """The price method of an item, frozen when it was ordered (``spec/orders.md`` 2, term prices).

    ``unit_price`` is for one unit and one ``price_per`` period. ``start`` and ``end`` are the inclusive dates that
    ``quote_amount`` of the item stands for: back on them, the item has its quote amount again. ``standalone_price``
    is the price of one unit and period sold alone, by which the revenue of a bundle is allocated.
    """

    unit_price: ExactFraction
    price_per: PricePer = PricePer.ONCE
    proration: Proration = Proration.CALENDAR_MONTHS
    date_change: DateChange = DateChange.END_FIXED
    term_months: int | None = None
    start: date | None = None
    end: date | None = None
    percent: ExactDecimal | None = None
    standalone_price: ExactDecimal | None = None


class Receipt(Stored):
    """A quantity delivered or accepted on a local date; ``quantity`` is an increment."""

    on: date
    quantity: ExactDecimal
    evidence: str | None = None


class Reached(Stored):
    """A milestone reached on a local date; ``milestone`` is none where the item names no milestones."""

    on: date
    milestone: str | None = None
    evidence: str | None = None


class Progress(Stored):
    """How much of the work was complete on a local date, in percent and cumulative; it may fall."""

    on: date
    percent: ExactDecimal
    evidence: str | None = None


class Used(Stored):
    """A quantity that was used on a local date, and what it costs."""

    on: date
    quantity: ExactDecimal
    amount: ExactDecimal
    evidence: str | None = None


class Invoiced(Stored):
    """An amount that the ERP invoiced on a local date; ``document`` is the number of its invoice."""

    on: date
    amount: ExactDecimal
    document: str | None = None


class Item(Stored):
    """Quantity, amount, dates and lineage of a part of a quote line.

    ``amount - quote_amount`` is the reschedule variance booked for the item. ``key`` is the split key at its creation
    (``DATE/SHIP_TO``) and never changes; with ``line_id`` and ``version`` it is unique in a quote (invariant I4).
    ``root_item`` is the first item of its line of revisions (itself, until it revises one), ``parent_item`` the item
    of the bundle it is a component of. ``start`` and ``end`` are inclusive local dates. ``segment`` names the year of
    a multi-year line that is kept together with its other years (none: it is no such year, or was split by segment).
    ``line_number`` is the line's place in the quote, from 1. ``base`` are the items that a percent-of-total share was
    taken of, with their amounts when it was frozen; ``share_of`` says whose base that is: its order's, its site's, or
    all of the quote's. ``planned_for`` is the order date of the delivery that it fills, whatever its order's is.

    Items of supplements, returns and amendments are deltas: quantity and amount are signed changes of the item that
    they revise. ``taken_away`` is what deltas took of this item before it was delivered; ``comes_back`` marks a
    return that is fulfilled when the things have arrived.
    """

    item_id: str
    order_id: str
    line_id: str
    line_number: int = 0
    product: str
    family: str
    kind: Kind
    description: str | None = None
    group: str | None = None
    segment: str | None = None
    key: str
    version: int = 1
    root_item: str
    parent_item: str | None = None
    revises: str | None = None

    quantity: ExactDecimal
    unit: str | None = None
    amount: ExactDecimal
    quote_amount: ExactDecimal
    price: ItemPrice
    base: tuple[BasePart, ...] = ()
    dates_of_base: bool = False
    share_of: Literal["order", "site", "quote"] | None = None
    taken_away: ExactDecimal = Decimal(0)
    comes_back: bool = False

    ship_to: str | None = None
    planned_for: date | None = None
    start: date | None = None
    end: date | None = None

    revenue: Revenue
    milestones: tuple[Milestone, ...] = ()
    acceptance: Literal["none", "required"] = "none"
    asset: Literal["none", "per_line", "per_unit"] = "none"
    covers: Literal["assets_of_site"] | None = None
    contracting: Literal["inherit", "separate", "none"] = "inherit"
    point_of_no_return: Literal["activation", "sent", "first_delivery"] = "first_delivery"

    state: ItemState = ItemState.SCHEDULED
    delivered: tuple[Receipt, ...] = ()
    accepted: tuple[Receipt, ...] = ()
    reached: tuple[Reached, ...] = ()
    progress: tuple[Progress, ...] = ()
    used: tuple[Used, ...] = ()
    invoiced: tuple[Invoiced, ...] = ()

    @property
    def variance(self) -> Decimal:
        """What date moves added to the quote amount (negative: took away)."""
        return self.amount - self.quote_amount

    @property
    def counts(self) -> bool:
        """Whether the item is part of what is ordered; superseded items are, together with their deltas."""
        return self.state not in (ItemState.CANCELLED, ItemState.MERGED)

    @property
    def is_share(self) -> bool:
        """Whether the item is a share of a percent-of-total line."""
        return self.kind is Kind.PERCENT_OF_TOTAL

    @property
    def due_quantity(self) -> Decimal:
        """What is to be delivered of the item: its quantity, less what deltas took away before it was delivered."""
        return self.quantity - self.taken_away

    @property
    def invoiced_amount(self) -> Decimal:
        return sum((invoice.amount for invoice in self.invoiced), Decimal(0))

    @property
    def delivered_quantity(self) -> Decimal:
        return sum((receipt.quantity for receipt in self.delivered), Decimal(0))

    @property
    def accepted_quantity(self) -> Decimal:
        return sum((receipt.quantity for receipt in self.accepted), Decimal(0))
