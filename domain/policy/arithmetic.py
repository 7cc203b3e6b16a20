"""Arithmetic over variables and fields: ``net_total - cost * 1.2``; + − × ÷ and brackets (``spec/approvals.md`` 2).

A blank operand, or a division by zero, makes the result blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.policy.comparison import Value
from domain.policy.conditions import NAME, as_number
from domain.refusal import Refusal

TOKEN = re.compile(rf"\s*(?:(?P<number>\d{{1,18}}(?:\.\d{{1,12}})?)|(?P<name>{NAME})|(?P<sign>[-+*/×÷−()]))", re.ASCII)
SIGNS = {"×": "*", "÷": "/", "−": "-"}
LONGEST = 500
DEEPEST = 30
Lookup = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula read once: the names it uses, how it is computed from facts, and whether it is money.

    ``is_money`` is given the names that are: sums of money are money, money by money is a number.
    """

    names: tuple[str, ...]
    compute: Callable[[Lookup], Value]
    is_money: Callable[[Collection[str]], bool]


@dataclass(frozen=True, slots=True)
class _Part:
    compute: Callable[[Lookup], Value]
    is_money: Callable[[Collection[str]], bool]


def read_expression(text: str, path: str) -> Expression:
    """The formula written as ``text``. Code: ``invalid_variable``."""
    if len(text) > LONGEST:
        raise Refusal("invalid_variable", f"a formula has at most {LONGEST} characters", path)
    reader = _Reader(list(_tokens(text, path)), text, path)
    part = reader.sum(0)
    if reader.left:
        raise reader.wrong()
    return Expression(tuple(dict.fromkeys(reader.names)), part.compute, part.is_money)


def _tokens(text: str, path: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise Refusal("invalid_variable", f"{text[at : at + 20].strip()!r} cannot be computed with", path)
        at = found.end()
        kind = found.lastgroup or ""
        yield kind, SIGNS.get(found[kind], found[kind])


class _Reader:
    """Reads tokens from left to right; products bind tighter than sums."""

    def __init__(self, tokens: list[tuple[str, str]], text: str, path: str) -> None:
        self.left = tokens
        self.names: list[str] = []
        self._text, self._path = text, path

    def wrong(self) -> Refusal:
        what = f"unexpected {self.left[0][1]!r}" if self.left else "it ends too early"
        return Refusal("invalid_variable", f"the formula {self._text!r} cannot be read: {what}", self._path)

    def _next(self, *wanted: str) -> str | None:
        if self.left and self.left[0][0] == "sign" and self.left[0][1] in wanted:
            return self.left.pop(0)[1]
        return None

    def sum(self, depth: int) -> _Part:
        if depth > DEEPEST:
            raise Refusal("invalid_variable", f"brackets are nested more than {DEEPEST} deep", self._path)
        result = self._product(depth)
        while sign := self._next("+", "-"):
            result = _combined(sign, result, self._product(depth))
        return result

    def _product(self, depth: int) -> _Part:
        result = self._factor(depth)
        while sign := self._next("*", "/"):
            result = _combined(sign, result, self._factor(depth))
        return result

    def _factor(self, depth: int) -> _Part:
        if depth > DEEPEST:
            raise self.wrong()
        if self._next("-"):
            return _combined("-", _constant(Decimal(0)), self._factor(depth + 1))
        if self._next("("):
            inner = self.sum(depth + 1)
            if not self._next(")"):
                raise self.wrong()
            return inner
        if not self.left or self.left[0][0] == "sign":
            raise self.wrong()
        kind, text = self.left.pop(0)
        if kind == "number":
            return _constant(Decimal(text))
        self.names.append(text)
        return _Part(lambda facts: as_number(facts.get(text)), lambda money: text in money)


def _constant(number: Decimal) -> _Part:
    return _Part(lambda facts: number, lambda money: False)


def _combined(sign: str, one: _Part, two: _Part) -> _Part:
    def compute(facts: Lookup) -> Value:
        left, right = one.compute(facts), two.compute(facts)
        if not isinstance(left, Decimal) or not isinstance(right, Decimal):
            return None
        if sign == "+":
            return left + right
        if sign == "-":
            return left - right
        if sign == "*":
            return left * right
        return left / right if right else None

    def is_money(money: Collection[str]) -> bool:
        left, right = one.is_money(money), two.is_money(money)
        return (left and not right) if sign == "/" else left or right

    return _Part(compute, is_money)
