"""Comparisons: what each operator means for numbers, texts and blanks (``spec/approvals.md`` 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from domain.money import decimal_text
from domain.policy.conditions import Operator, as_number

Value = Decimal | str | None
"""A fact: a number, a text (dates are ISO texts, which sort as dates do), or blank."""


def _pair(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Both sides as numbers where one is a number, else both as texts without case; ``None`` when they do not meet."""
    if left is None or right is None:
        return None
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        one, two = as_number(left), as_number(right)
        return None if one is None or two is None else (one, two)
    return left.casefold(), right.casefold()


def _equal(left: Any, right: Any) -> bool:
    pair = _pair(left, right)
    return pair is not None and bool(pair[0] == pair[1])


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        one, two = as_number(left), as_number(right)
        pair = (one, two) if one is not None and two is not None else _pair(left, right)
        return pair is not None and test(*pair)

    return compare


def _textual(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        return test(_plain(left).casefold(), _plain(right).casefold())

    return compare


def _plain(value: Any) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: _equal,
    Operator.NOT_EQUAL: lambda left, right: left is not None and right is not None and not _equal(left, right),
    Operator.LESS: _ordered(lambda left, right: left < right),
    Operator.AT_MOST: _ordered(lambda left, right: left <= right),
    Operator.GREATER: _ordered(lambda left, right: left > right),
    Operator.AT_LEAST: _ordered(lambda left, right: left >= right),
    Operator.IN: lambda left, right: any(_equal(left, each) for each in right),
    Operator.NOT_IN: lambda left, right: left is not None and not any(_equal(left, each) for each in right),
    Operator.CONTAINS: _textual(lambda left, right: right in left),
    Operator.NOT_CONTAINS: _textual(lambda left, right: right not in left),
    Operator.STARTS_WITH: _textual(lambda left, right: left.startswith(right)),
    Operator.ENDS_WITH: _textual(lambda left, right: left.endswith(right)),
    Operator.IS_BLANK: lambda left, right: left is None,
    Operator.IS_NOT_BLANK: lambda left, right: left is not None,
}


def quick(operator: Operator, right: Any) -> Callable[[Any], bool]:
    """The comparison with a fixed right side, as a function of the left one; the common cases without detours."""
    compare = COMPARISONS[operator]
    if isinstance(right, Decimal):
        return _quick_number(operator, right, compare)
    if isinstance(right, str) and as_number(right) is None and operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        folded = right.casefold()
        if operator is Operator.EQUAL:
            return lambda left: left.__class__ is str and left.casefold() == folded
        return lambda left: left.casefold() != folded if left.__class__ is str else compare(left, right)
    return lambda left: compare(left, right)


def _quick_number(operator: Operator, right: Decimal, compare: Callable[[Any, Any], bool]) -> Callable[[Any], bool]:
    if operator is Operator.GREATER:
        return lambda left: left > right if left.__class__ is Decimal else compare(left, right)
    if operator is Operator.AT_LEAST:
        return lambda left: left >= right if left.__class__ is Decimal else compare(left, right)
    if operator is Operator.LESS:
        return lambda left: left < right if left.__class__ is Decimal else compare(left, right)
    if operator is Operator.AT_MOST:
        return lambda left: left <= right if left.__class__ is Decimal else compare(left, right)
    if operator is Operator.EQUAL:
        return lambda left: left == right if left.__class__ is Decimal else compare(left, right)
    return lambda left: compare(left, right)
