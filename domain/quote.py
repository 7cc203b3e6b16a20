"""The quote document: what a CPQ or a service hands in (``spec/orders.md`` 7).

Money, quantities and percents are texts; dates are ISO 8601. Unknown fields are refused, except inside ``fields``
and ``terms``. A :class:`Quote` is only ever made by :func:`read_quote`, which checks what a single field cannot show:
that components have parents, deliveries add up, sites exist, and dates are in order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from domain.money import NUMBER_NOT_TEXT, ExactDecimal, decimal_text, is_currency
from domain.reading import any_date, iso_date, problem_error, read_model

if TYPE_CHECKING:
    from domain.pricing import PricedQuote

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:\-]*$", max_length=100)]
FreeText = Annotated[str, StringConstraints(max_length=4000)]
LocalDate = Annotated[date, iso_date]
AnyDate = Annotated[date, any_date]
"""Where people write 9999-12-31 for what never ends, and nothing is counted from it: rules and holidays."""


def _text_only(value: Any) -> Any:
    """A YAML reader makes exact decimals of bare numbers; a quote has texts, whichever way it comes."""
    if isinstance(value, Decimal):
        raise problem_error("number_not_text", NUMBER_NOT_TEXT)
    return value


QuoteNumber = Annotated[ExactDecimal, BeforeValidator(_text_only)]


class Kind(StrEnum):
    """What a line is: a thing sold once, a service over a term, one without an end, or a share of other lines."""

    ONE_TIME = "one_time"
    SUBSCRIPTION = "subscription"
    EVERGREEN = "evergreen"
    PERCENT_OF_TOTAL = "percent_of_total"


class PricePer(StrEnum):
    ONCE = "once"
    MONTH = "month"
    YEAR = "year"


class Proration(StrEnum):
    """How a term that is not given in months becomes a number of months (``spec/orders.md`` 2, term prices)."""

    CALENDAR_MONTHS = "calendar_months"
    MONTHS_ROUNDED_UP = "months_rounded_up"
    DAYS = "days"


class DateChange(StrEnum):
    END_FIXED = "end_fixed"
    TERM_FIXED = "term_fixed"


class Revenue(StrEnum):
    """The revenue schedule of an item (``spec/orders.md`` 5)."""

    ON_DELIVERY = "on_delivery"
    ON_MILESTONE = "on_milestone"
    DAILY = "daily"
    MONTHLY = "monthly"
    MID_MONTH = "mid_month"
    PERCENT_COMPLETE = "percent_complete"
    USAGE = "usage"
    AS_BASE = "as_base"


@cache
def _time_zones() -> frozenset[str]:
    """The IANA zones there are; looking them up goes through a folder tree."""
    return frozenset(available_timezones())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise problem_error("unknown_time_zone", f"{name!r} is no IANA time zone; use a name such as America/Chicago")
    return name


def _currency(code: str) -> str:
    if not is_currency(code):
        raise problem_error("unknown_currency", f"{code!r} is no ISO 4217 currency; use a code such as USD")
    return code


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Currency = Annotated[str, AfterValidator(_currency)]


class Document(BaseModel):
    """Frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Customer(Document):
    customer_id: Identifier
    name: Text
    time_zone: TimeZone = "UTC"


class Site(Document):
    site_id: Text
    name: Text
    address: FreeText | None = None


class Contracting(Document):
    """How the customer's contracts are grouped (``spec/orders.md`` 4); ``setting`` is the default of each item."""

    method: Literal["single", "by_end_date", "by_group"] = "single"
    setting: Literal["inherit", "separate", "none"] = "inherit"


class Delivery(Document):
    """A part of a line: how much goes where, on which order date (local to the customer)."""

    order_date: LocalDate
    ship_to: Text | None = None
    quantity: QuoteNumber | None = None


class Milestone(Document):
    """A named step of the work and the percent of the item's amount that it earns."""

    name: Text
    percent: QuoteNumber


class QuoteLine(Document):
    """One line of the quote, with its price, its deliveries, and how it is fulfilled and recognised.

    In an amendment ``quantity_change`` is a signed change of what ``revises`` names, a line of the amended quote or an
    item of its orders; ``quantity`` is the size of the change. ``contracting`` other than ``inherit`` takes the line
    out of the quote's contracts, into one of its own or none.
    """

    line_id: Identifier
    product: Text
    family: Text
    description: FreeText | None = None
    group: Text | None = None
    kind: Kind
    quantity: QuoteNumber
    unit: Text | None = None
    component_of: Identifier | None = None
    segment: Text | None = None
    fields: Mapping[str, FreeText] = Field(default_factory=dict)
    asset: Literal["none", "per_line", "per_unit"] = "none"
    acceptance: Literal["none", "required"] = "none"
    point_of_no_return: Literal["activation", "sent", "first_delivery"] = "first_delivery"
    revenue: Revenue | None = None
    milestones: tuple[Milestone, ...] = ()
    quantity_change: QuoteNumber | None = None
    revises: Text | None = None
    contracting: Literal["inherit", "separate", "none"] = "inherit"

    list_price: QuoteNumber | None = None
    discount_percent: QuoteNumber = Decimal(0)
    net_price: QuoteNumber | None = None
    net_total: QuoteNumber | None = None
    standalone_price: QuoteNumber | None = None
    price_per: PricePer | None = None
    start_date: LocalDate | None = None
    end_date: LocalDate | None = None
    term_months: Annotated[int, Field(strict=True, ge=1, le=1200)] | None = None
    proration: Proration = Proration.CALENDAR_MONTHS
    date_change: DateChange = DateChange.END_FIXED

    percent: QuoteNumber | None = None
    of_families: tuple[Text, ...] | None = None
    of_lines: tuple[Identifier, ...] | None = None
    of: Literal["others"] | None = None
    by: Literal["order", "site"] = "order"
    covers: Literal["assets_of_site"] | None = None

    deliveries: tuple[Delivery, ...] | None = None

    @property
    def signed_quantity(self) -> Decimal:
        """The quantity that the line orders: negative where an amendment takes away."""
        return self.quantity if self.quantity_change is None else self.quantity_change

    @property
    def takes_away(self) -> bool:
        """Whether the line is of an amendment and reduces what runs."""
        return self.quantity_change is not None and self.quantity_change < 0

    @property
    def is_share(self) -> bool:
        """Whether the line is a percent of other lines."""
        return self.kind is Kind.PERCENT_OF_TOTAL

    @property
    def has_term(self) -> bool:
        """Whether the line runs from a start to an end that is given."""
        return self.end_date is not None or self.term_months is not None

    @property
    def price_period(self) -> PricePer:
        """``price_per`` with its default: once, or a month for services."""
        if self.price_per is not None:
            return self.price_per
        return PricePer.MONTH if self.kind in (Kind.SUBSCRIPTION, Kind.EVERGREEN) else PricePer.ONCE


class Quote(Document):
    """A quote as handed in, already checked as a whole. Content is what the hash covers: everything."""

    quote_id: Identifier
    title: Text
    owner: Identifier
    currency: Currency
    customer: Customer
    bill_to: FreeText | None = None
    accepted_on: LocalDate | None = None
    start_date: LocalDate | None = None
    terms: Mapping[str, FreeText] = Field(default_factory=dict)
    fields: Mapping[str, FreeText] = Field(default_factory=dict)
    sites: tuple[Site, ...] = ()
    rates: Mapping[Currency, QuoteNumber] = Field(default_factory=dict)
    contracting: Contracting = Contracting()
    amends: Identifier | None = None
    lines: Annotated[tuple[QuoteLine, ...], Field(min_length=1, max_length=10_000)]

    @cached_property
    def by_id(self) -> Mapping[str, QuoteLine]:
        """The lines by their id."""
        return {line.line_id: line for line in self.lines}

    def line(self, line_id: str) -> QuoteLine:
        """The line of that id; ``KeyError`` when there is none."""
        return self.by_id[line_id]

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the content in one canonical form: ``8`` and ``8.0`` are the same content."""
        text = json.dumps(_canonical(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """``value`` as JSON in which what means the same looks the same: decimals without idle zeros, nothing blank."""
    if isinstance(value, BaseModel):
        return {name: _canonical(each) for name, each in value if each is not None}
    if isinstance(value, Mapping):
        return {str(name): _canonical(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    if isinstance(value, Decimal):
        return decimal_text(value.normalize()) if value else "0"
    return str(value)


def read_quote(data: Any) -> Quote:
    """The quote in ``data`` (decoded JSON), or a :class:`~domain.refusal.Refusal` that names every wrong field.

    Codes of this step are listed in ``docs/errors.md``; nothing of a refused quote is kept.
    """
    return read_priced(data).quote


def read_priced(data: Any) -> PricedQuote:
    """The same with its amounts, for whoever needs them next: to check a quote is to price it."""
    from domain.quote_checks import check_quote

    return check_quote(read_model(Quote, data))
