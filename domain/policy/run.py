"""One quote under evaluation: what the names and the right sides of a policy mean there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import cast

from domain.policy.comparison import Value
from domain.policy.conditions import Amount, Condition, Reference
from domain.policy.facts import LINE_FIELDS, header_facts
from domain.policy.lines import Column, Lines, Right
from domain.pricing import PricedQuote
from domain.refusal import Refusal


class Run:
    """One quote under evaluation: its facts (variables join them as they are computed), and its lines."""

    __slots__ = ("facts", "lines", "priced", "sets", "variables")

    def __init__(self, priced: PricedQuote, variables: frozenset[str]) -> None:
        self.priced = priced
        self.facts = header_facts(priced)
        self.variables = variables
        self.lines = Lines(priced.lines)
        self.sets: dict[int, int] = {}
        """The lines of each condition of a ``where`` that was looked at, by its number in the policy."""

    def column(self, name: str, otherwise: Value = None) -> Column:
        """A field of the lines in a ``where``: the line's own, a variable, the line's custom field, the header's.

        A custom field never hides a variable. ``otherwise`` is what a line has that knows no such name.
        """
        if name in LINE_FIELDS:
            return self.lines.column(name)
        if name in self.variables:
            return self.lines.constant(name, self.facts.get(name))
        return self.lines.custom(name, self.facts.get(name, otherwise))

    def is_per_line(self, name: str) -> bool:
        """Whether ``name`` may mean something else on each line."""
        return name in LINE_FIELDS or (name not in self.variables and name in self.lines.custom_names)

    def in_quote_currency(self, amount: Amount, path: str) -> Decimal:
        """``amount`` converted by the quote's rates. Code: ``missing_rate``."""
        currency = self.priced.quote.currency
        if amount.currency == currency:
            return amount.number
        rate = self.priced.quote.rates.get(amount.currency)
        if rate is None:
            raise Refusal(
                "missing_rate",
                f"{path} compares with {amount.currency}; give the quote rates.{amount.currency} in {currency}",
                f"rates.{amount.currency}",
            )
        return amount.number * rate


def must_be_converted(condition: Condition) -> bool:
    """Whether the right side must be converted by the quote's rates."""
    right = condition.right
    return isinstance(right, Amount) or (isinstance(right, tuple) and any(isinstance(each, Amount) for each in right))


def right_side(condition: Condition) -> Callable[[Run], Right]:
    """The right side as a function of the quote: an unquoted name is a fact where there is one, else text."""
    right, path = condition.right, condition.text
    if isinstance(right, Reference):
        name, otherwise = right.name, right.otherwise
        return lambda run: run.facts.get(name, otherwise)
    if isinstance(right, Amount):
        return lambda run: run.in_quote_currency(right, path)
    if isinstance(right, tuple):
        return lambda run: tuple(
            run.in_quote_currency(each, path) if isinstance(each, Amount) else each for each in right
        )
    fixed = cast("Right", right)
    return lambda run: fixed
