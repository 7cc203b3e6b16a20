"""What is known of every name before there is a quote: numbers, dates, texts, what may be blank and what is money.

The checks of a policy reason with this; a name nobody knows is a custom field, which may hold any text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, get_args

from domain.policy.document import Policy
from domain.policy.evaluate import compile_policy
from domain.policy.facts import HEADER, LINE_FIELDS
from domain.policy.variables import Variable
from domain.quote import Kind, PricePer, Proration, QuoteLine, Revenue


class Sort(StrEnum):
    """What a fact holds where it is not blank."""

    NUMBER = "number"
    DATE = "date"
    TEXT = "text"
    CUSTOM = "custom field"


@dataclass(frozen=True, slots=True)
class Fact:
    """What a name can hold. ``choices`` (without case) are all texts it can be; ``least`` and ``most`` bound numbers.

    ``mixed``: numbers and texts, as the smallest of a custom field of the lines may be either.
    """

    sort: Sort
    blank: bool = True
    money: bool = False
    whole: bool = False
    least: Decimal | None = None
    most: Decimal | None = None
    choices: frozenset[str] = frozenset()
    mixed: bool = False

    @property
    def numbers(self) -> bool:
        """Whether it may hold a number that is not a text."""
        return self.sort is Sort.NUMBER or self.mixed

    @property
    def texts(self) -> bool:
        """Whether it may hold a text; a text may read as a number."""
        return self.sort is not Sort.NUMBER


CUSTOM = Fact(Sort.CUSTOM)
TEXT = Fact(Sort.TEXT, blank=False)
DATE = Fact(Sort.DATE)
AMOUNT = Fact(Sort.NUMBER, blank=False, money=True)
NUMBER = Fact(Sort.NUMBER)
MOST_LINES = Decimal(10_000)
LONGEST_TERM = Decimal(1200)
TERM = Fact(Sort.NUMBER, whole=True, least=Decimal(1), most=LONGEST_TERM)

HEADER_FACTS: Mapping[str, Fact] = {
    **dict.fromkeys(("quote_id", "title", "owner", "currency", "customer", "customer_id"), TEXT),
    "bill_to": replace(TEXT, blank=True),
    "accepted_on": DATE,
    "start_date": DATE,
    "net_total": AMOUNT,
    "list_total": AMOUNT,
    "line_count": Fact(Sort.NUMBER, blank=False, whole=True, least=Decimal(1), most=MOST_LINES),
    "term_months": TERM,
}


def _choice(values: Any, *, blank: bool = False) -> Fact:
    return Fact(Sort.TEXT, blank=blank, choices=frozenset(str(value).casefold() for value in values))


def _literal(field: str) -> tuple[Any, ...]:
    return get_args(QuoteLine.model_fields[field].annotation)


LINE_FACTS: Mapping[str, Fact] = {
    **dict.fromkeys(("line_id", "product", "family"), TEXT),
    **dict.fromkeys(("description", "group", "unit", "component_of", "segment"), replace(TEXT, blank=True)),
    **dict.fromkeys(("start_date", "end_date"), DATE),
    **dict.fromkeys(("net_total", "list_total"), AMOUNT),
    **dict.fromkeys(("list_price", "net_price", "standalone_price"), replace(AMOUNT, blank=True)),
    "kind": _choice(Kind),
    "asset": _choice(_literal("asset")),
    "acceptance": _choice(_literal("acceptance")),
    "by": _choice(_literal("by")),
    "revenue": _choice(Revenue, blank=True),
    "price_per": _choice(PricePer, blank=True),
    "proration": _choice(Proration),
    "quantity": Fact(Sort.NUMBER, blank=False, least=Decimal(0)),
    "discount_percent": Fact(Sort.NUMBER, blank=False, least=Decimal(-100), most=Decimal(100)),
    "percent": Fact(Sort.NUMBER, least=Decimal(0), most=Decimal(1000)),
    "term_months": TERM,
}
WELL_KNOWN = ("payment_terms", "cancellation")
"""Terms that every quote may have; listed so that a slip of the pen in them is noticed."""


class Vocabulary:
    """The names of one policy and what they hold, in the header and on a line."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @cached_property
    def variables(self) -> Mapping[str, Fact]:
        money = compile_policy(self._policy).money
        return {name: _variable(spec, name in money) for name, spec in self._policy.variable.items()}

    def fact(self, name: str, *, line: bool = False) -> Fact:
        """What ``name`` holds; on a line its own fields come before variables, and those before the header."""
        if line:
            name = name.removeprefix("lines.")
            if name in LINE_FACTS:
                return LINE_FACTS[name]
        if name in self.variables:
            return self.variables[name]
        known = HEADER_FACTS.get(name, CUSTOM)
        # A custom field of a line hides the header's field of that name.
        return replace(CUSTOM, mixed=True) if line and known is not CUSTOM else known

    def is_fixed(self, name: str, *, line: bool = False) -> bool:
        """Whether every quote has ``name``; a custom field is there only where a quote brings it."""
        bare = name.removeprefix("lines.") if line else name
        return bare in self.variables or bare in HEADER or (line and bare in LINE_FIELDS)

    def names(self, *, line: bool = False) -> tuple[str, ...]:
        """Every name that does not depend on the quote, for advice."""
        own = tuple(f"lines.{name}" for name in LINE_FIELDS) + LINE_FIELDS if line else ()
        return (*own, *HEADER, *self._policy.variables, *WELL_KNOWN)


def _variable(spec: Variable, money: bool) -> Fact:
    if spec.kind == "count":
        return Fact(Sort.NUMBER, blank=False, whole=True, least=Decimal(0), most=MOST_LINES)
    if spec.kind in ("discount", "formula"):
        return replace(NUMBER, money=money)
    field = LINE_FACTS.get(spec.field or "", CUSTOM)
    if spec.kind == "sum":
        return replace(NUMBER, blank=False, money=money)
    if spec.kind == "avg":
        return replace(NUMBER, money=money, least=field.least, most=field.most)
    # A quote has at least one line, so that only a ``where`` or a blank field leaves nothing to choose from.
    blank = field.blank or spec.condition is not None
    mixed = field.sort in (Sort.CUSTOM, Sort.TEXT) and not field.choices  # texts that read as numbers become numbers
    return replace(field, blank=blank, money=money, mixed=mixed)
