"""Statements: what must be true of one fact for a rule to turn, in the language of policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from domain.approval.state import TestedValue
from domain.money import decimal_text
from domain.policy.comparison import Value
from domain.policy.conditions import CONDITION, Condition, Operator, Reference, as_number, read_condition
from domain.policy.what_if.ground import Scale, names_of
from domain.refusal import Refusal

INVERSE: Mapping[Operator, Operator] = {
    Operator.EQUAL: Operator.NOT_EQUAL,
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.LESS: Operator.AT_LEAST,
    Operator.AT_LEAST: Operator.LESS,
    Operator.GREATER: Operator.AT_MOST,
    Operator.AT_MOST: Operator.GREATER,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
    Operator.CONTAINS: Operator.NOT_CONTAINS,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.IS_BLANK: Operator.IS_NOT_BLANK,
    Operator.IS_NOT_BLANK: Operator.IS_BLANK,
}
MIRRORED: Mapping[Operator, Operator] = {
    Operator.LESS: Operator.GREATER,
    Operator.AT_MOST: Operator.AT_LEAST,
    Operator.GREATER: Operator.LESS,
    Operator.AT_LEAST: Operator.AT_MOST,
    Operator.EQUAL: Operator.EQUAL,
    Operator.NOT_EQUAL: Operator.NOT_EQUAL,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` for people; ``when`` is the same as a condition of a policy, by which it is checked."""

    text: str
    when: Any


@dataclass(frozen=True, slots=True)
class Turn:
    """A condition that turned, as it stands after the change."""

    condition: Condition
    tested: TestedValue


def plain(value: Value | date) -> str:
    """``value`` as a policy writes it: no idle zeros, at most six decimals."""
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, Decimal):
        return value or ""
    exponent = value.as_tuple().exponent
    short = round(value, 6) if isinstance(exponent, int) and exponent < -6 else value
    text = decimal_text(short)
    return text.rstrip("0").rstrip(".") if "." in text else text


def turned(
    conditions: Mapping[str, Condition], before: Sequence[TestedValue], after: Sequence[TestedValue], fact: str
) -> list[Turn]:
    """The conditions on ``fact`` that are met in one of the two and not in the other."""
    return [
        Turn(conditions[two.text], two)
        for one, two in zip(before, after, strict=True)
        if one.met != two.met and fact in names_of(conditions[two.text])
    ]


def bound(turn: Turn, fact: str, scale: Scale) -> tuple[Statement, Decimal] | None:
    """The limit that ``fact`` keeps after ``turn``, and the number of it; ``None`` where it is no limit."""
    operator, other = _operator(turn, fact), _other(turn, fact)
    number = scale.number(other)
    if operator is None or not operator.orders or number is None:
        return None
    strictly = operator in (Operator.LESS, Operator.GREATER)
    if scale.exact and not turn.tested.met:  # a condition that came true is told as it is written
        upper = operator in (Operator.LESS, Operator.AT_MOST)
        number = (scale.at_most if upper else scale.at_least)(number, strictly=strictly)
        operator = Operator.AT_MOST if upper else Operator.AT_LEAST
    text = f"{fact} {operator} {plain(scale.value(number))}"
    return Statement(text, text), number


def _operator(turn: Turn, fact: str) -> Operator | None:
    """The operator that holds between ``fact`` on the left and the other side."""
    operator = turn.condition.operator
    if not turn.tested.met:
        if operator not in INVERSE:
            return None
        operator = INVERSE[operator]
    return operator if turn.condition.name == fact else MIRRORED.get(operator)


def _other(turn: Turn, fact: str) -> str | None:
    other = turn.tested.threshold if turn.condition.name == fact else turn.tested.value
    return other if isinstance(other, str) else None


def statements(
    turns: Sequence[Turn], fact: str, after: Value, scale: Scale | None, *, alone: bool
) -> Iterator[Statement]:
    """What can be said of ``fact`` once these conditions turned, the most telling first.

    ``alone`` says that nothing but these conditions depends on ``fact``: then all values on this side do as well.
    """
    if after is None:
        yield _said(f"{fact} is blank")
    if alone and scale is not None:
        bounds = [found for turn in turns if (found := bound(turn, fact, scale)) is not None]
        number = scale.number(after)
        if bounds and number is not None:
            yield min(bounds, key=lambda each: abs(each[1] - number))[0]
    if alone:
        yield from _negations(turns, fact)
    if after is not None:
        yield _said(f"{fact} = {_quoted(plain(after), fact)}")


def _negations(turns: Sequence[Turn], fact: str) -> Iterator[Statement]:
    said = [each for turn in turns if (each := _negation(turn, fact)) is not None]
    if len(said) == 1:
        yield said[0]
    elif said:
        yield Statement(" and ".join(each.text for each in said), {"all": [each.when for each in said]})


def _negation(turn: Turn, fact: str) -> Statement | None:
    """The condition as it holds now: itself, its opposite, or ``not`` before it."""
    if turn.condition.name != fact:
        operator, other = _operator(turn, fact), _other(turn, fact)
        return _said(f"{fact} {operator} {_quoted(other, fact)}") if operator and other is not None else None
    if turn.tested.met:
        return _said(turn.tested.text)
    if turn.condition.operator not in INVERSE:
        return Statement(f"not {turn.tested.text}", {"not": turn.tested.text})
    written = CONDITION.fullmatch(turn.tested.text)
    right = written["right"] if written is not None else ""
    return _said(f"{fact} {INVERSE[turn.condition.operator]} {right}".strip())


def _said(text: str) -> Statement:
    return Statement(text, text)


def same_statement(one: str, other: str) -> bool:
    """Whether two texts say the same; spaces and idle zeros do not count."""
    try:
        left, right = read_condition(one, ""), read_condition(other, "")
    except Refusal:
        return one == other
    return (left.name, left.operator, left.right) == (right.name, right.operator, right.right)


def _quoted(value: str, fact: str) -> str:
    """``value`` so that it is read back as it is, without quotes where it needs none."""
    if as_number(value) is not None:
        return value
    try:
        right = read_condition(f"{fact} = {value}", "").right
    except Refusal:
        right = None
    if right == value or (isinstance(right, Reference) and right.name == value):
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'
