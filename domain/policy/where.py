"""``where``: which lines a condition holds for, as sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from domain.policy.comparison import COMPARISONS
from domain.policy.conditions import Combination, Condition, Node, Operator, Reference
from domain.policy.lines import Right, matcher
from domain.policy.run import Run, must_be_converted, right_side

Known = dict[object, int]
"""Conditions on lines that the policy has, by number: each is looked up once per quote."""


def lines_where(node: Node, known: Known) -> Callable[[Run], int]:
    """The lines for which ``node`` holds, as a function of the quote."""
    if isinstance(node, Condition):
        return _where_leaf(node, known)
    parts = [lines_where(part, known) for part in node.parts]
    if node.combination is Combination.NOT:
        return lambda run: run.lines.all ^ parts[0](run)
    if node.combination is Combination.ALL:
        if len(parts) == 2:
            one, two = parts

            def both(run: Run) -> int:
                lines = one(run)
                return lines & two(run) if lines else 0

            return both

        def every(run: Run) -> int:
            lines = parts[0](run)
            for part in parts[1:]:
                if not lines:
                    break
                lines &= part(run)
            return lines

        return every

    def some(run: Run) -> int:
        lines = 0
        for part in parts:
            lines |= part(run)
        return lines

    return some


def _where_leaf(condition: Condition, known: Known) -> Callable[[Run], int]:
    name, operator, right = condition.name.removeprefix("lines."), condition.operator, condition.right
    key = known.setdefault((name, operator, right), len(known))
    if isinstance(right, Reference):
        find = _against_name(name, operator, right)
    elif must_be_converted(condition):
        value = right_side(condition)

        def find(run: Run) -> int:
            return matcher(operator, value(run))(run.column(name))
    else:
        matching = matcher(operator, cast("Right", right))

        def find(run: Run) -> int:
            return matching(run.column(name))

    def remembered(run: Run) -> int:
        sets = run.sets
        if key in sets:
            return sets[key]
        lines = sets[key] = find(run)
        return lines

    return remembered


def _against_name(name: str, operator: Operator, right: Reference) -> Callable[[Run], int]:
    """Lines against a name: a field of the lines line by line, any other fact once, and text where nothing has it."""
    other, otherwise = right.name.removeprefix("lines."), right.otherwise
    compare, matching = COMPARISONS[operator], matcher(operator, otherwise)

    def find(run: Run) -> int:
        column = run.column(name)
        if run.is_per_line(other):
            return run.lines.matching(compare, column, run.column(other, otherwise))
        return matcher(operator, run.facts[other])(column) if other in run.facts else matching(column)

    return find
