"""Ledger entries: facts that are only ever added, from which contract, entitlement and revenue are read.

An entry is wide: whoever has the entries needs neither the orders nor the quote. What was true is never rewritten;
a change of plan is the old row once more with the signs turned round, and a new row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.money import ExactDecimal
from domain.quote import Kind, Milestone, PricePer, Revenue


class EntryKind(StrEnum):
    """What an entry tells; ``quantity`` and ``amount`` of a kind add up over that kind only."""

    SCHEDULED = "scheduled"
    """An item as planned. ``effective`` is its order date; a ``counter`` row takes the plan before it back."""
    ACTIVATED = "activated"
    """The item's order became final. ``effective`` is the local date of that moment."""
    DELIVERED = "delivered"
    """``quantity`` more was delivered on ``effective``."""
    ACCEPTED = "accepted"
    """``quantity`` more was accepted on ``effective``."""
    REACHED = "reached"
    """``milestone`` (none named: the only one) was reached on ``effective``; it earns ``milestone_percent``."""
    REJECTED = "rejected"
    """The ERP refused the item's order."""
    PROGRESS = "progress"
    """The work is ``percent`` complete, cumulative, on ``effective``; it may be less than before."""
    USAGE = "usage"
    """``quantity`` was used on ``effective``, for ``amount``."""
    INVOICED = "invoiced"
    """``amount`` was invoiced on ``effective``."""
    HELD = "held"
    """The item's order is held from ``effective`` on."""
    RELEASED = "released"
    """The item's order is held no longer from ``effective`` on."""
    PERIOD = "period"
    """A later ``price_per`` period of an evergreen item, from ``start`` to ``end`` for ``amount``; outside I2."""


class BasePart(BaseModel):
    """An item that a percent-of-total share was taken of, and the amount it had when the share was frozen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    item_id: str
    amount: ExactDecimal


class PlaceLeft(BaseModel):
    """A quantity of a line that the quote wants on ``order_date`` at ``ship_to`` (none: no place is named)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_date: date
    ship_to: str | None = None
    quantity: ExactDecimal


class LedgerEntry(BaseModel):
    """One fact about one order item.

    ``effective`` is a local date of the customer (when it is true), ``recorded_at`` an instant (when it was known).
    ``start`` and ``end`` are inclusive local dates. ``amount`` is in ``currency`` and is zero on delivered, accepted
    and reached rows. ``counter`` marks a row that repeats an earlier one with the signs turned round. ``version`` is
    that of the order once the change was made, ``position`` counts within that change; ``entry_id`` is made of them.
    ``line_number`` is the line's place in the quote, from 1. ``revises`` is the item whose delta this one is,
    ``root_item`` the first of that line of revisions (none in rows of before: the item itself), ``parent_item`` the
    item whose component it is; ``standalone_amount`` is what the item would cost sold alone, where that is known.
    ``contract_of`` is the quote whose contract an amendment changes. ``left``, on scheduled rows, is how much of the
    line was unordered once the change was made (none in rows of before); the last row of a change says where that was,
    for a line that goes to several places (``left_places``). ``comes_back`` marks a return, which is earned back when
    it has arrived (not marked in rows of before). ``seq`` is the row's place in the ledger, which it is given when it
    is stored (none: it was not read from there); it is no part of what the row says.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    entry_id: str
    kind: EntryKind
    quote_id: str
    order_id: str
    item_id: str
    line_id: str
    line_number: int = 0
    version: int
    position: int
    event_id: str
    customer_id: str
    currency: str
    product: str
    family: str
    item_kind: Kind
    group: str | None = None
    unit: str | None = None
    ship_to: str | None = None
    order_date: date
    quantity: ExactDecimal
    amount: ExactDecimal
    start: date | None = None
    end: date | None = None
    price_per: PricePer = PricePer.ONCE
    revenue: Revenue
    milestones: tuple[Milestone, ...] = ()
    milestone: str | None = None
    milestone_percent: ExactDecimal | None = None
    percent: ExactDecimal | None = None
    acceptance: Literal["none", "required"] = "none"
    asset: Literal["none", "per_line", "per_unit"] = "none"
    covers: Literal["assets_of_site"] | None = None
    base: tuple[BasePart, ...] = ()
    parent_item: str | None = None
    revises: str | None = None
    root_item: str | None = None
    standalone_amount: ExactDecimal | None = None
    contracting_method: Literal["single", "by_end_date", "by_group"] = "single"
    contracting_setting: Literal["inherit", "separate", "none"] = "inherit"
    contract_of: str | None = None
    left: ExactDecimal | None = None
    left_places: tuple[PlaceLeft, ...] | None = None
    comes_back: bool = False
    counter: bool = False
    effective: date
    recorded_at: AwareDatetime
    seq: int | None = Field(default=None, exclude=True)


def in_place(rows: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """``rows`` of a ledger that is kept in memory, each with its place, counted from 1."""
    return tuple(row.model_copy(update={"seq": place}) for place, row in enumerate(rows, 1))
