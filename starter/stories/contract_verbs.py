"""The verbs of stories about what runs: amendments, renewals, closed months."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from domain.calendar import Duration
from starter.stories.words import NumberText, Verb


class AmendingLine(Verb):
    """How one line of a contract changes."""

    line: str
    ship_to: str | None = None
    quantity_change: NumberText | None = None
    unit_price: NumberText | None = None
    start_date: str | None = None
    end_date: str | None = None


class Amending(Verb):
    """An amendment of the contract of a quote. Where no later step submits it, it is submitted, and ordered once it
    is approved."""

    contract_of: str
    start_date: str
    lines: tuple[AmendingLine, ...]
    quote_id: str | None = None
    by: str | None = None
    comment: str | None = None


class Renewing(Verb):
    """A renewal of the contract of a quote: prepared at once, or ``lead`` before the contract's end."""

    contract_of: str
    lead: Duration | None = None
    price: Literal["same", "list", "uplift"] | None = None
    uplift_percent: NumberText | None = None
    co_termination: Literal["latest", "earliest"] | None = None
    term_months: int | None = None
    list_prices: Mapping[str, NumberText] | None = None
    quote_id: str | None = None
    by: str | None = None
    comment: str | None = None


class ClosingPeriod(Verb):
    """A month that is closed with all before it."""

    month: str
    by: str | None = None
    comment: str | None = None


class Crediting(Verb):
    """The customer is put on credit hold, or that is lifted; the story's operator does it."""

    reason: str
