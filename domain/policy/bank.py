"""All conditions of a policy, each once, tested together for one quote.

Thresholds on the same name (``net_total > 1000``, ``net_total > 5000`` …) stand in order, so that one search tells
which of them hold, however many there are. All other conditions are tested one by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from domain.policy.comparison import COMPARISONS, quick
from domain.policy.conditions import Condition, Operator, Reference, as_number
from domain.policy.lines import Right
from domain.policy.run import Run, must_be_converted, right_side
from domain.refusal import Refusal

WORTH_A_SEARCH = 4


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition of the policy, however many rules it stands in.

    ``quick`` tests the left side where the right one is what is written. ``special`` tests where it is not: against
    a fact of the name that is written, or an amount that must be converted; ``needs`` is that name (``None``: always).
    """

    condition: Condition
    right: Callable[[Run], Right]
    quick: Callable[[Any], bool]
    special: Callable[[Run], bool] | None = None
    needs: str | None = None


class ConditionBank:
    """The distinct conditions by place; ``leaves[at]`` is what ``met[at]`` tells of."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        alone, thresholds = _sorted_out({_key(condition): condition for condition in conditions}.values())
        self._thresholds = [
            (name, operator, [cast("Decimal", each.right) for each in those])
            for (name, operator), those in thresholds.items()
        ]
        ordered = [*alone, *(condition for those in thresholds.values() for condition in those)]
        self.leaves = [_leaf(condition) for condition in ordered]
        self._places = {_key(condition): at for at, condition in enumerate(ordered)}
        self._names = [condition.name for condition in alone]
        self._tests = [leaf.quick for leaf in self.leaves[: len(alone)]]
        self._special: dict[str | None, list[tuple[int, Callable[[Run], bool]]]] = {}
        for at, leaf in enumerate(self.leaves):
            if leaf.special is not None:
                self._special.setdefault(leaf.needs, []).append((at, leaf.special))

    def place(self, condition: Condition) -> int:
        """Where ``condition`` is."""
        return self._places[_key(condition)]

    def test(self, run: Run) -> tuple[list[bool], dict[int, Refusal]]:
        """The truth of every condition, and those that could not be tested for want of a rate."""
        facts = run.facts
        met = [test(left) for test, left in zip(self._tests, map(facts.get, self._names), strict=True)]
        for name, operator, ordered in self._thresholds:
            met += _passed(facts.get(name), operator, ordered)
        refused: dict[int, Refusal] = {}
        for needed, special in self._special.items():
            if needed is None or needed in facts:
                for at, test in special:
                    try:
                        met[at] = test(run)
                    except Refusal as refusal:
                        met[at], refused[at] = False, refusal
        return met, refused


def _key(condition: Condition) -> object:
    return condition.name, condition.operator, condition.right


def _sorted_out(
    conditions: Iterable[Condition],
) -> tuple[list[Condition], dict[tuple[str, Operator], list[Condition]]]:
    """Conditions to be tested alone, and thresholds by name and operator in ascending order."""
    alone: list[Condition] = []
    groups: dict[tuple[str, Operator], list[Condition]] = {}
    for condition in conditions:
        if condition.operator.orders and isinstance(condition.right, Decimal):
            groups.setdefault((condition.name, condition.operator), []).append(condition)
        else:
            alone.append(condition)
    thresholds = {}
    for key, those in groups.items():
        if len(those) < WORTH_A_SEARCH:
            alone.extend(those)
        else:
            thresholds[key] = sorted(those, key=lambda condition: cast("Decimal", condition.right))
    return alone, thresholds


def _passed(value: Any, operator: Operator, ordered: list[Decimal]) -> list[bool]:
    """Which of the thresholds in ascending order ``value`` passes; a value that is no number passes none."""
    left = value if value.__class__ is Decimal else as_number(value)
    if left is None:
        return [False] * len(ordered)
    if operator is Operator.GREATER:
        below = bisect_left(ordered, left)
    elif operator is Operator.AT_LEAST:
        below = bisect_right(ordered, left)
    else:
        below = bisect_right(ordered, left) if operator is Operator.LESS else bisect_left(ordered, left)
        return [False] * below + [True] * (len(ordered) - below)
    return [True] * below + [False] * (len(ordered) - below)


def _leaf(condition: Condition) -> Leaf:
    name, operator, right = condition.name, condition.operator, right_side(condition)
    compare = COMPARISONS[operator]
    if isinstance(condition.right, Reference):
        other = condition.right.name

        def against_fact(run: Run) -> bool:
            return compare(run.facts.get(name), run.facts[other])

        return Leaf(condition, right, quick(operator, condition.right.otherwise), against_fact, other)
    if must_be_converted(condition):
        return Leaf(condition, right, lambda left: False, lambda run: compare(run.facts.get(name), right(run)))
    return Leaf(condition, right, quick(operator, condition.right))
