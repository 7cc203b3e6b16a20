"""Types: whether every comparison of a policy can come out true and false, and whether its names are spelled right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches

from domain.money import is_currency
from domain.policy.conditions import (
    DATE,
    MONEY,
    Amount,
    Condition,
    Literal,
    Reference,
    as_number,
)
from domain.policy.document import Policy
from domain.policy.finding import Finding, error, warning
from domain.policy.places import Placed, Places, conditions_of
from domain.policy.possible import TEXTUAL, Work
from domain.policy.variables import Variable
from domain.policy.vocabulary import CUSTOM, LINE_FACTS, Fact, Sort, Vocabulary

ALIKE = 0.85
LONGEST_NAME = 60
FEW = 400
"""Names longer, and policies with more names, than people write are not searched for slips of the pen."""


class TypeCheck:
    """Goes through every condition and variable of one policy."""

    def __init__(self, policy: Policy, vocabulary: Vocabulary, places: Places, work: Work) -> None:
        self._policy = policy
        self._vocabulary = vocabulary
        self._places = places
        self._work = work
        self._told: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        for rule in self._policy.rules:
            for placed in self._places.conditions(rule):
                yield from self._condition(placed, line=False)
        for name, spec in self._policy.variable.items():
            path = f"variables.{name}"
            yield from _reserved(name, path)
            for placed in conditions_of(spec.where, f"{path}.where") if spec.where is not None else ():
                yield from self._condition(placed, line=True)
            yield from self._variable(spec, path)

    # -- names

    def _name(self, name: str, path: str, *, line: bool) -> Iterator[Finding]:
        """What can be said of a name that no quote is there for yet."""
        yield from _reserved(name, path)
        bare = name.removeprefix("lines.") if line else name
        if name.startswith("lines.") and not line:
            yield error("unknown_field", path, f"{name} differs by line; test a variable that aggregates it")
        elif "." not in bare and not self._vocabulary.is_fixed(bare, line=line) and name not in self._told:
            self._told.add(name)
            known = self._vocabulary.names(line=line)
            if bare in known or len(bare) > LONGEST_NAME or len(known) > FEW or not self._work.spend(len(known)):
                return
            if close := get_close_matches(bare, known, n=1, cutoff=ALIKE):
                message = f"{name} is a custom field of the quote; is {close[0]} meant? Else write fields.{bare}"
                yield warning("misspelled_field", path, message)

    # -- conditions

    def _condition(self, placed: Placed, *, line: bool) -> Iterator[Finding]:
        condition, path = placed.condition, placed.path
        yield from self._name(condition.name, path, line=line)
        fact = self._vocabulary.fact(condition.name, line=line)
        right = condition.right
        if isinstance(right, Reference):
            yield from self._against_name(condition, right, fact, path, line=line)
        elif condition.operator in TEXTUAL and fact.sort is Sort.NUMBER:
            yield _of_number(condition, path)
        elif right is not None:
            for value in right if isinstance(right, tuple) else (right,):
                yield from _against_value(condition, value, fact, path)

    def _against_name(
        self, condition: Condition, right: Reference, fact: Fact, path: str, *, line: bool
    ) -> Iterator[Finding]:
        other = right.name.removeprefix("lines.") if line else right.name
        if self._vocabulary.is_fixed(other, line=line) or right.name.startswith("lines."):
            yield from self._name(right.name, path, line=line)
            against = self._vocabulary.fact(right.name, line=line)
            if fact.sort is Sort.NUMBER and condition.operator in TEXTUAL:
                yield _of_number(condition, path)
            elif _cannot_meet(fact, against) and condition.operator not in TEXTUAL:
                message = f"{condition.name} is a {fact.sort} and {right.name} is a {against.sort}; they never compare"
                yield error("type_mismatch", path, message)
            elif condition.operator.orders and Sort.TEXT in (fact.sort, against.sort):
                yield _unordered(condition, path)
        elif fact.sort in (Sort.NUMBER, Sort.DATE) or condition.operator.orders:
            yield from self._name(right.name, path, line=line)
            if condition.operator.orders and fact.sort is Sort.TEXT:
                yield _unordered(condition, path)
        elif right.otherwise is not None:
            yield from _against_value(condition, right.otherwise, fact, path)

    # -- variables

    def _variable(self, spec: Variable, path: str) -> Iterator[Finding]:
        if spec.kind in ("discount", "formula"):
            for name in dict.fromkeys(spec.names):
                yield from self._name(name, path, line=False)
                fact = self._vocabulary.fact(name)
                if fact.sort in (Sort.TEXT, Sort.DATE):
                    message = f"{name} is a {fact.sort}; nothing can be computed with it"
                    yield error("type_mismatch", path, message)
        elif spec.field is not None:
            yield from self._name(f"lines.{spec.field}", path, line=True)
            fact = LINE_FACTS.get(spec.field, CUSTOM)
            no_sum = spec.kind in ("sum", "avg") and fact.sort in (Sort.TEXT, Sort.DATE)
            if no_sum or (spec.kind in ("min", "max") and fact.sort is Sort.TEXT):
                message = f"lines.{spec.field} is a {fact.sort}; it has no {spec.kind}"
                yield error("type_mismatch", path, message)


def _reserved(name: str, path: str) -> Iterator[Finding]:
    if "__" in name and any(part.startswith("__") for part in name.split(".")):
        yield error("reserved_name", path, f"{name[:80]} begins with __; no field of a quote is called so")


def _cannot_meet(one: Fact, other: Fact) -> bool:
    sorts = {one.sort, other.sort}
    return Sort.CUSTOM not in sorts and len(sorts) > 1 and not (one.mixed or other.mixed)


def _of_number(condition: Condition, path: str) -> Finding:
    message = f"{condition.name} is a number; {condition.operator} is for texts. Compare with < or >, or = or in"
    return error("type_mismatch", path, message)


def _unordered(condition: Condition, path: str) -> Finding:
    message = f"{condition.name} is a text that is no date; {condition.operator} does not order it"
    return error("type_mismatch", path, message)


# -- a value on the right side


def _against_value(condition: Condition, value: Literal, fact: Fact, path: str) -> Iterator[Finding]:
    if isinstance(value, str) and not value.strip():
        message = f"{condition.name} is never an empty text; write {condition.name} is blank, or is not blank"
        yield error("blank_value", path, message)
    elif isinstance(value, Amount):
        yield from _against_amount(condition, value, fact, path)
    elif fact.sort is Sort.NUMBER:
        yield from _against_number(condition, value, path)
    elif fact.sort is Sort.DATE:
        yield from _against_date(condition, value, path)
    elif fact.sort is Sort.TEXT and not fact.mixed:
        yield from _against_text(condition, value, fact, path)
    elif condition.operator.orders and as_number(value) is None and not _is_day(value):
        message = f"{value!r} is no number and no date; {condition.operator} goes by the alphabet"
        yield warning("ordered_text", path, message)


def _against_amount(condition: Condition, value: Amount, fact: Fact, path: str) -> Iterator[Finding]:
    if fact.sort is Sort.CUSTOM or fact.mixed or fact.money:
        return
    message = f"{condition.name} is no amount of money; leave out {value.currency}"
    yield error("type_mismatch", path, message)


def _against_number(condition: Condition, value: Literal, path: str) -> Iterator[Finding]:
    if as_number(value) is not None:
        return
    told = MONEY.fullmatch(str(value))
    if told is not None:
        yield error("unknown_currency", path, f"{told[1] or told[4]} is no currency; use a code such as USD")
    else:
        yield error("type_mismatch", path, f"{condition.name} is a number and {str(value)[:80]!r} is none")


def _against_date(condition: Condition, value: Literal, path: str) -> Iterator[Finding]:
    if condition.operator in TEXTUAL:
        return
    whole = isinstance(value, str) and _is_day(value)
    if not whole or (not condition.operator.orders and len(str(value)) < 10):
        message = f"{condition.name} is a date and {str(value)[:80]!r} is none; write it as 2027-02-15"
        yield error("type_mismatch", path, message)


def _is_day(value: object) -> bool:
    """Whether ``value`` is a date, or a month as in ``start_date < 2027-12``."""
    if not isinstance(value, str) or not DATE.match(value):
        return False
    try:
        date.fromisoformat(value if len(value) > 7 else f"{value}-01")
    except ValueError:
        return False
    return len(value) in (7, 10)


def _against_text(condition: Condition, value: Literal, fact: Fact, path: str) -> Iterator[Finding]:
    if condition.operator.orders:
        yield _unordered(condition, path)
    elif condition.operator in TEXTUAL:
        return
    elif fact.choices and str(value).casefold() not in fact.choices:
        message = f"{condition.name} is never {str(value)[:80]!r}; it is one of {', '.join(sorted(fact.choices))}"
        yield error("type_mismatch", path, message)
    elif condition.name == "currency" and not is_currency(str(value).upper()):
        yield error("unknown_currency", path, f"{str(value)[:80]!r} is no currency; use a code such as USD")
