"""Tested values beside each other: what they are as numbers, dates and texts, and how far they are apart."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from domain.approval.state import TestedValue

ANY_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
TEXTUAL = frozenset(("contains", "not contains", "starts with", "ends with"))
LISTS = frozenset(("in", "not in"))


def content(tested: TestedValue, text: str | None) -> Decimal | str | None:
    """``text`` as the operator of ``tested`` takes it: a number, a text without case, or blank."""
    if text is None:
        return None
    number = decimal_of(text) if is_numeric(tested) else None
    return text.casefold() if number is None else number


def is_numeric(tested: TestedValue) -> bool:
    """Whether the operator takes the left side as a number. Parts of a text are parts of how it is written."""
    if str(tested.operator) in TEXTUAL:
        return False
    if tested.numeric:
        return True
    numbers = [decimal_of(each) for each in tested.threshold] if isinstance(tested.threshold, tuple) else []
    return str(tested.operator) in LISTS and any(each is not None for each in numbers)


def decimal_of(text: str | None) -> Decimal | None:
    """A tested number with all its digits: quotients have more than people may write."""
    return Decimal(text.strip()) if text is not None and ANY_DECIMAL.fullmatch(text.strip()) else None


def right_of(tested: TestedValue) -> str | None:
    """The right side where that is a fact of the quote."""
    return tested.threshold if tested.against_fact and isinstance(tested.threshold, str) else None


def is_same(now: TestedValue, then: TestedValue) -> bool:
    """Whether nothing was changed: neither the value nor, where that is a fact as well, the right side."""
    if now.currency != then.currency or content(now, now.value) != content(then, then.value):
        return False
    return not now.against_fact or content(now, right_of(now)) == content(then, right_of(then))


def measure(tested: TestedValue) -> Decimal | None:
    """What gets better or worse: the tested value, less the right side where that is a fact too. Dates count days."""
    if str(tested.operator) in TEXTUAL:
        return None
    number = decimal_of if is_numeric(tested) else _day
    value = number(tested.value)
    if value is None or not tested.against_fact:
        return value
    other = number(right_of(tested))
    return None if other is None else value - other


def _day(text: str | None) -> Decimal | None:
    if text is None or not DAY.fullmatch(text):
        return None
    try:
        return Decimal(date.fromisoformat(text).toordinal())
    except ValueError:
        return None
