"""Conditions: ``max_discount > 25``, read once, as a name, an operator and a right side (``spec/approvals.md`` 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from domain.money import is_currency
from domain.policy.logic import Joined, read_logic
from domain.refusal import Refusal


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not contains"
    STARTS_WITH = "starts with"
    ENDS_WITH = "ends with"
    IS_BLANK = "is blank"
    IS_NOT_BLANK = "is not blank"

    @property
    def orders(self) -> bool:
        """Whether it asks which side is larger."""
        return self in (Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST)


SYMBOLS = frozenset(("=", "!=", "<", "<=", ">", ">="))
NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*"
CONDITION = re.compile(
    rf"(?P<name>{NAME})\s*(?P<operator><=|>=|!=|=|<|>"
    r"|(?<=\s)(?:not\s+in|in|not\s+contains|contains|starts\s+with|ends\s+with|is\s+not\s+blank|is\s+blank)(?=\s|$))"
    r"\s*(?P<right>.*)",
    re.ASCII | re.DOTALL,
)
NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", re.ASCII)
MONEY = re.compile(r"(?:([A-Z]{3})\s*(-?[0-9]{1,18}(?:\.[0-9]{1,6})?)|(-?[0-9]{1,18}(?:\.[0-9]{1,6})?)\s*([A-Z]{3}))")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2}|$)", re.ASCII)
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Amount:
    """A literal amount with its currency, as in ``net_total > 5000 EUR``."""

    number: Decimal
    currency: str


Literal = Decimal | Amount | str
"""A right side that is a value."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A right side that may name a field or variable; ``otherwise`` is what it is where nothing has that name.

    ``fields.x`` and ``terms.x`` are always names, and blank where the quote has none.
    """

    name: str
    otherwise: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One test. ``text`` is as written, with spaces folded; ``right`` is a value, a list of values, or a reference."""

    text: str
    name: str
    operator: Operator
    right: Literal | Reference | tuple[Literal, ...] | None


class Combination(StrEnum):
    ALL = "all"
    ANY = "any"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions combined; ``not`` has one part."""

    combination: Combination
    parts: tuple[Node, ...]


Node = Condition | Group


def read_when(value: Any, path: str, depth: int = 0) -> Node:
    """The condition tree of a ``when`` or ``where``. Code: ``invalid_condition``."""
    if depth > 20:
        raise Refusal("invalid_condition", "the conditions are nested more than 20 deep; make them flatter", path)
    if isinstance(value, str):
        return read_condition(value, path)
    if isinstance(value, list):
        return _group(Combination.ALL, value, path, depth)
    if isinstance(value, dict) and len(value) == 1:
        [(word, parts)] = value.items()
        if word == Combination.NOT:
            inner = parts[0] if isinstance(parts, list) and len(parts) == 1 else parts
            return Group(Combination.NOT, (read_when(inner, f"{path}.not", depth + 1),))
        if word in (Combination.ALL, Combination.ANY):
            return _group(Combination(word), parts, f"{path}.{word}", depth)
    if isinstance(value, dict) and set(value) == {"conditions", "logic"}:
        return _numbered(value["conditions"], value["logic"], path)
    raise Refusal("invalid_condition", "write a condition as text, or one of all, any, not with conditions in it", path)


def _numbered(texts: Any, logic: Any, path: str) -> Node:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not isinstance(logic, str):
        raise Refusal("invalid_condition", "conditions is a list of texts, logic a text such as 1 AND (2 OR 3)", path)
    conditions = [read_condition(text, f"{path}.conditions.{at}") for at, text in enumerate(texts)]

    def node(tree: Joined | int) -> Node:
        if isinstance(tree, int):
            return conditions[tree - 1]
        return Group(Combination(tree.word), tuple(node(part) for part in tree.parts))

    return node(read_logic(logic, len(conditions), f"{path}.logic"))


def _group(combination: Combination, parts: Any, path: str, depth: int) -> Group:
    if not isinstance(parts, list) or not parts:
        raise Refusal("invalid_condition", f"{combination} needs a list of at least one condition", path)
    if len(parts) > 500:
        raise Refusal("invalid_condition", "at most 500 conditions stand side by side", path)
    return Group(combination, tuple(read_when(part, f"{path}.{at}", depth + 1) for at, part in enumerate(parts)))


def read_condition(text: str, path: str) -> Condition:
    """The condition written as ``text``. Code ``invalid_condition``."""
    found = CONDITION.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None:
        raise Refusal(
            "invalid_condition",
            f"{text[:80]!r} is no condition; write name, operator and value, such as max_discount > 25",
            path,
        )
    operator = Operator(" ".join(found["operator"].split()))
    folded = " ".join(text.split())
    right = found["right"]
    if operator in (Operator.IS_BLANK, Operator.IS_NOT_BLANK):
        if right:
            raise Refusal("invalid_condition", f"nothing may follow {operator} in {folded!r}", path)
        return Condition(folded, found["name"], operator, None)
    if not right:
        raise Refusal("invalid_condition", f"{folded!r} lacks its right side", path)
    _check_right(operator, right, folded, path)
    if operator in (Operator.IN, Operator.NOT_IN):
        values = tuple(_literal(part) for part in _listed(right, path))
        return Condition(folded, found["name"], operator, values)
    return Condition(folded, found["name"], operator, _right(right))


def _check_right(operator: Operator, right: str, folded: str, path: str) -> None:
    """Refuse what would silently be compared as a text: ``== 5``, ``<> 5``, ``> 25 %``, ``> 1,000``."""
    if operator in SYMBOLS and right[0] in "=<>!":
        raise Refusal("invalid_condition", f"{operator}{right[0]} is no operator in {folded!r}", path)
    if operator.orders and isinstance(_literal(right), str) and right[0] in "+-.0123456789" and not DATE.match(right):
        raise Refusal(
            "invalid_condition",
            f"{right[:80]!r} is no number in {folded!r}; write a plain decimal, with a currency if it has one",
            path,
        )


def _right(text: str) -> Literal | Reference:
    value = _literal(text)
    if isinstance(value, str) and value == text and re.fullmatch(NAME, text, re.ASCII):
        return Reference(text, None if text.startswith(("fields.", "terms.", "lines.")) else text)
    return value


def _literal(text: str) -> Literal:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if NUMBER.fullmatch(text):
        return Decimal(text)
    money = MONEY.fullmatch(text)
    if money and is_currency(money[1] or money[4]):
        return Amount(Decimal(money[2] or money[3]), money[1] or money[4])
    return text


def _listed(text: str, path: str) -> Iterator[str]:
    """The parts of a comma-separated list; commas inside quotes do not part. Brackets round the list are allowed."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    parts = re.findall(r'\s*("[^"]*"|\'[^\']*\'|[^,]*?)\s*(?:,|$)', text)
    for part in parts[:-1] if text and parts and parts[-1] == "" else parts:
        if not part:
            raise Refusal("invalid_condition", f"an element of the list {text[:80]!r} is blank", path)
        yield part


def as_number(value: Any) -> Decimal | None:
    """``value`` as a decimal, when it is one or is a text that reads as one."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        try:
            return Decimal(value.strip())
        except InvalidOperation:  # pragma: no cover - the pattern admits nothing else
            return None
    return None


def leaves(node: Node | None, negated: bool = False) -> Iterator[tuple[Condition, bool]]:
    """The conditions of a tree in order, each with whether an odd number of ``not`` stands over it."""
    if node is None:
        return
    if isinstance(node, Condition):
        yield node, negated
        return
    flip = node.combination is Combination.NOT
    for part in node.parts:
        yield from leaves(part, negated != flip)


def names_in(condition: Condition) -> Iterator[str]:
    """The names that a condition reads."""
    yield condition.name
    if isinstance(condition.right, Reference):
        yield condition.right.name
