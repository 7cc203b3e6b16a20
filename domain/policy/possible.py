"""Whether one fact can pass several tests at once, by trying values that stand for all others.

Between two thresholds every number behaves the same, and so does every text between two texts; so it is enough to try
the thresholds, a value in each gap, and blank. Where a value stands for many that a test would tell apart, the answer
is "unknown", which counts as possible: what is called impossible here is impossible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Any

from domain.policy.comparison import COMPARISONS
from domain.policy.conditions import Operator, as_number
from domain.policy.vocabulary import Fact, Sort

TEXTUAL = frozenset((Operator.CONTAINS, Operator.NOT_CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH))
DAY = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?", re.ASCII)
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Demand:
    """One condition on a fact with its fixed right side; ``wanted`` is false under an odd number of ``not``."""

    operator: Operator
    right: Any
    wanted: bool

    @property
    def elements(self) -> tuple[Any, ...]:
        return self.right if isinstance(self.right, tuple) else (self.right,)


Truth = Callable[[Demand], bool | None]
"""What a test says of a value, or of every value it stands for; ``None`` where they differ."""


class Work:
    """How much thinking is left: what is asked of a check is bounded by count, not by a clock.

    ``gave_up`` says that some question was left open for want of it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.spent = 0
        self.gave_up = False

    def spend(self, steps: int) -> bool:
        """Whether there is enough left for so many steps; then they are taken."""
        if self.spent + steps > self.most:
            self.gave_up = True
            return False
        self.spent += steps
        return True

    @property
    def left(self) -> int:
        return self.most - self.spent


def is_possible(fact: Fact, tests: Sequence[Demand], work: Work) -> bool:
    """Whether some value of ``fact`` may pass all of ``tests``; ``True`` also when no work is left to find out."""
    size = sum(len(test.elements) for test in tests)
    if not work.spend(size * (2 + size)):
        return True
    blank_only = _texts_exclude_each_other(tests)
    return any(
        all(truth(test) is not (not test.wanted) for test in tests) for truth in _candidates(fact, tests, blank_only)
    )


def _candidates(fact: Fact, tests: Sequence[Demand], blank_only: bool) -> Iterator[Truth]:
    if fact.blank:
        yield _exactly(None)
    if blank_only:
        return
    rights = [element for test in tests for element in test.elements]
    numbers = sorted({number for number in map(as_number, rights) if number is not None})
    texts = sorted({right.casefold() for right in rights if isinstance(right, str)})
    if fact.numbers:
        yield from (_any_like(point) for point in _points(numbers, fact))
    if fact.choices:
        yield from (_exactly(choice) for choice in fact.choices)
    elif fact.sort is Sort.DATE and all(DAY.fullmatch(text) for text in texts):
        yield from (_any_like(day) for day in _days(texts))
    elif fact.texts:
        yield from (_exactly(text) for text in texts)
        yield from (_number_text(point) for point in _points(numbers, fact))
        yield from (_between(texts, place) for place in range(len(texts) + 1))


# -- the values, and what tests say of them


def _exactly(value: Any) -> Truth:
    return lambda test: COMPARISONS[test.operator](value, test.right)


def _any_like(value: Decimal | str) -> Truth:
    """A number or a date, for all between the same thresholds; how they are spelled is open."""
    return lambda test: None if test.operator in TEXTUAL else COMPARISONS[test.operator](value, test.right)


def _number_text(value: Decimal) -> Truth:
    """A text that reads as a number, spelled like none of the texts in the tests."""

    def same(element: Any) -> bool:
        return isinstance(element, Decimal) and element == value

    def truth(test: Demand) -> bool | None:
        if test.operator in TEXTUAL:
            return None
        if test.operator.orders:
            number = as_number(test.right)
            if number is None:
                return None
            return COMPARISONS[test.operator](value, number)
        return _of_equality(test, same)

    return truth


def _between(texts: Sequence[str], place: int) -> Truth:
    """A text that reads as no number: after the first ``place`` of ``texts`` (in order), before the others."""

    def truth(test: Demand) -> bool | None:
        if test.operator in TEXTUAL:
            return None
        if not test.operator.orders:
            return _of_equality(test, lambda element: False)
        if not isinstance(test.right, str):
            return False
        after = texts.index(test.right.casefold()) < place
        return after == (test.operator in (Operator.GREATER, Operator.AT_LEAST))

    return truth


def _of_equality(test: Demand, same: Callable[[Any], bool]) -> bool | None:
    """What ``=``, ``in``, ``is blank`` and their opposites say of a value that is not blank."""
    if test.operator in (Operator.IS_BLANK, Operator.IS_NOT_BLANK):
        return test.operator is Operator.IS_NOT_BLANK
    found = any(same(element) for element in test.elements)
    return found == (test.operator in (Operator.EQUAL, Operator.IN))


# -- values that stand for all others


def _points(thresholds: Sequence[Decimal], fact: Fact) -> Iterable[Decimal]:
    """The thresholds and a number in each gap, as far as ``fact`` can be them."""
    bounds = [bound for bound in (fact.least, fact.most) if bound is not None]
    marks = sorted({*thresholds, *bounds}) or [Decimal(0)]
    found = {*marks, marks[0] - ONE, marks[-1] + ONE}
    if fact.whole:
        for mark in marks:
            low, high = mark.to_integral_value(ROUND_FLOOR), mark.to_integral_value(ROUND_CEILING)
            found |= {low, high, low - ONE, high + ONE}
        found = {each for each in found if each == each.to_integral_value()}
    else:
        found |= {(one + two) / 2 for one, two in pairwise(marks)}
    return (
        each
        for each in found
        if (fact.least is None or each >= fact.least) and (fact.most is None or each <= fact.most)
    )


def _days(texts: Sequence[str]) -> Iterator[str]:
    """The dates at both sides of each threshold, and the first and last of all."""
    first, last = date.min.toordinal(), date.max.toordinal()
    found = {first, last}
    for text in texts:
        year, month, *rest = map(int, text.split("-"))
        try:
            near = date(year, month, rest[0] if rest else 1).toordinal()
            found |= {near - 1, near, near + 1}
        except ValueError:  # no date: between two that lie not far from where it would be
            near = date(max(year, 1), min(max(month, 1), 12), 15).toordinal()
            found |= set(range(near - 40, near + 41))
    yield from (date.fromordinal(day).isoformat() for day in found if first <= day <= last)


# -- contains, starts with, ends with


def _texts_exclude_each_other(tests: Sequence[Demand]) -> bool:
    """Whether no text can satisfy what the tests say of its parts."""
    parts = [(test, _plain(test.right)) for test in tests if test.operator in TEXTUAL and test.right is not None]
    for ends, matches in ((Operator.STARTS_WITH, str.startswith), (Operator.ENDS_WITH, str.endswith)):
        given = sorted({text for test, text in parts if test.operator is ends and test.wanted}, key=len)
        if any(not matches(given[-1], text) for text in given[:-1]):
            return True
    held = [text for test, text in parts if test.wanted and test.operator is not Operator.NOT_CONTAINS]
    held += [text for test, text in parts if not test.wanted and test.operator is Operator.NOT_CONTAINS]
    lacked = [text for test, text in parts if test.wanted and test.operator is Operator.NOT_CONTAINS]
    lacked += [text for test, text in parts if not test.wanted and test.operator is Operator.CONTAINS]
    return any(lack in text for lack in lacked for text in held)


def _plain(right: Any) -> str:
    return (format(right, "f") if isinstance(right, Decimal) else str(right)).casefold()
