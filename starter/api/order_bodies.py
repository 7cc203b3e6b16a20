"""What requests that change orders may say; unknown fields are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from domain.money import ExactDecimal
from domain.order.choosing import Pick
from domain.order.exact import ExactQuantity
from domain.quote import FreeText, LocalDate, Text
from starter.api.bodies import Commented, SplitKey

Lines = Annotated[Mapping[Text, ExactQuantity | None], Field(max_length=1000)]
Quantities = Annotated[Mapping[Text, ExactQuantity], Field(min_length=1, max_length=1000)]
Disposition = Literal["unordered", "cancelled"]


class Ordering(Commented):
    """By what a quote becomes orders, or which lines are ordered by hand; one of the two."""

    split_by: Annotated[tuple[SplitKey, ...], Field(max_length=20)] | None = None
    lines: Annotated[tuple[Pick, ...], Field(min_length=1, max_length=1000)] | None = None


class Splitting(Commented):
    """Quantities of lines that go into another order (``into``), or into a new one on ``order_date``."""

    lines: Quantities
    into: Text | None = None
    order_date: LocalDate | None = None
    name: Text | None = None


class MovingLines(Commented):
    """Lines that go, with their bundles, into another order, or into a new one on ``order_date``."""

    lines: Annotated[tuple[Text, ...], Field(min_length=1, max_length=1000)]
    into: Text | None = None
    order_date: LocalDate | None = None
    name: Text | None = None


class Merging(Commented):
    """The orders that are merged into this one."""

    orders: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]


class Cancelling(Commented):
    """What is cancelled (left out: all of the order; a line without quantity: all of it), and where it goes."""

    lines: Lines | None = None
    disposition: Disposition = "unordered"


class CancellingAll(Commented):
    """Where what is cancelled or withdrawn goes."""

    disposition: Disposition = "unordered"


class Holding(Commented):
    """Why the order is held; without a reason it is not."""

    reason: FreeText | None = None


class Supplementing(Commented):
    """Signed changes of quantities, for a linked order."""

    lines: Annotated[Mapping[Text, ExactQuantity], Field(min_length=1, max_length=1000)]
    disposition: Disposition = "unordered"
    order_date: LocalDate | None = None
    name: Text | None = None


class ClosingShort(Commented):
    """Where what is open of the order goes."""

    disposition: Disposition = "unordered"


class Returning(Commented):
    """What comes back, or by how much running services are reduced."""

    lines: Quantities
    order_date: LocalDate | None = None
    name: Text | None = None


class Progressing(Commented):
    """How far the work is, in percent of all of it (cumulative; it may fall)."""

    percent: ExactDecimal
    line: Text | None = None
    on: LocalDate | None = None
    evidence: FreeText | None = None


class Using(Commented):
    """What was used, and for how much; left out: at the line's unit price."""

    line: Text
    quantity: ExactDecimal
    amount: ExactDecimal | None = None
    on: LocalDate | None = None
    evidence: FreeText | None = None


class Invoicing(Commented):
    """What the ERP invoiced for a line (a credit note is negative), by its document."""

    line: Text
    amount: ExactDecimal
    on: LocalDate | None = None
    document: Text | None = None
