"""The verbs of stories about orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from domain.order.choosing import Pick
from domain.reading import problem_error, read_model
from starter.stories.words import Disposition, NumberText, Verb, line_map, one_or_more


class Picking(Verb):
    """A line by hand; its numbers and dates are read when the step is played, so that a story can expect a refusal."""

    line: str
    quantity: NumberText | None = None
    order_date: str | None = None
    ship_to: str | None = None


class Ordering(Verb):
    split_by: Annotated[tuple[str, ...] | None, BeforeValidator(one_or_more)] = None
    lines: tuple[Picking, ...] | None = None
    as_: str | None = Field(default=None, alias="as")
    by: str | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _names_what_is_ordered(self) -> Ordering:
        if (self.split_by is None) == (self.lines is None):
            raise problem_error("missing_field", "say by what to split (split_by), or which lines to order")
        return self

    @property
    def picks(self) -> tuple[Pick, ...] | None:
        """The lines by hand. Codes: ``invalid_number``, ``invalid_date``, ``quantity_out_of_range``."""
        if self.lines is None:
            return None
        return tuple(read_model(Pick, each.model_dump(), root=f"lines.{at}") for at, each in enumerate(self.lines))


class OrderVerb(Verb):
    order: str
    by: str | None = None
    comment: str | None = None
    reason: str | None = None


class MovingDate(OrderVerb):
    to: str


class Acknowledging(OrderVerb):
    outcome: Literal["accepted", "rejected"] = "accepted"
    document: str | None = None


class Delivering(OrderVerb):
    line: str | None = None
    quantity: NumberText | None = None
    on: str | None = None
    evidence: str | None = None


class Reaching(OrderVerb):
    line: str
    milestone: str | None = None
    on: str | None = None
    evidence: str | None = None


class Lined(OrderVerb):
    """``lines`` are line ids with quantities; a list names whole lines, ``line`` with ``quantity`` one."""

    lines: Annotated[Mapping[str, NumberText | None] | None, BeforeValidator(line_map)] = None

    @model_validator(mode="before")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        if isinstance(value, dict) and "line" in value and "lines" not in value:
            rest = {key: each for key, each in value.items() if key not in ("line", "quantity")}
            return {**rest, "lines": {value["line"]: value.get("quantity")}}
        return value


class Dated(Lined):
    """Lines that go into a new order; its date is ``to`` or ``order_date``."""

    to: str | None = None
    order_date: str | None = None
    as_: str | None = Field(default=None, alias="as")


class Dividing(Dated):
    """Lines that go into another order, ``to`` or ``into``, or into a new one."""

    into: str | None = None


class Cancelling(Lined):
    disposition: Disposition = "unordered"


class Supplementing(Dated):
    disposition: Disposition = "unordered"


class ClosingShort(OrderVerb):
    disposition: Disposition = "unordered"


class Merging(OrderVerb):
    """``with`` (or ``orders``) go into ``order``; or ``order`` goes, with them, into the order ``to``."""

    orders: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = Field(
        default=(), validation_alias=AliasChoices("with", "orders")
    )
    to: str | None = Field(default=None, validation_alias=AliasChoices("to", "into"))

    @model_validator(mode="after")
    def _names_others(self) -> Merging:
        if not self.orders and self.to is None:
            raise problem_error(
                "missing_field", "name the orders to merge into it (with), or the one it goes into (to)"
            )
        return self

    @property
    def target(self) -> str:
        return self.to or self.order

    @property
    def absorbed(self) -> tuple[str, ...]:
        return (self.order, *self.orders) if self.to else self.orders


class Holding(OrderVerb):
    """A verb that needs nothing but the order; a hold needs its reason."""


class Progressing(OrderVerb):
    percent: NumberText
    line: str | None = None
    on: str | None = None
    evidence: str | None = None


class Using(OrderVerb):
    line: str
    quantity: NumberText
    amount: NumberText | None = None
    on: str | None = None
    evidence: str | None = None


class Invoicing(OrderVerb):
    line: str
    amount: NumberText
    on: str | None = None
    document: str | None = None
