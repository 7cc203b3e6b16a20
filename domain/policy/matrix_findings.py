"""Gaps and overlaps of decision tables, found on the grid of everything their cells tell apart.

A numeric column is cut at every threshold that its cells name: each threshold, the numbers between two, and those
beyond the ends are told apart and nothing else is. A column of texts has the texts that are named, any other, and
blank. Every combination is looked at once, up to a limit; beyond it the table is reported as not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise, product
from math import prod

from domain.policy.comparison import COMPARISONS, Value
from domain.policy.conditions import Condition, Reference, as_number, leaves
from domain.policy.document import Policy, RulePart
from domain.policy.finding import Finding, warning
from domain.policy.matrix import MatrixPart, read_matrices, table_rules

MOST_TESTS = 60_000
MOST_TOLD = 5
OTHER = "\N{BULLET}"
"""A text that no cell names."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Values of one column that the table cannot tell apart: one of them to test with, and words for all."""

    sample: Value
    words: str


def matrix_findings(policy: Policy) -> tuple[Finding, ...]:
    """Warnings for each table: ``matrix_gap``, ``matrix_overlap``, ``matrix_shadowed``, ``matrix_too_large``."""
    return tuple(finding for table in read_matrices(policy) for finding in _table_findings(table))


def _table_findings(table: MatrixPart) -> Iterator[Finding]:
    rules = table_rules(table)
    columns = [tuple(_stretches(_conditions(rules, column))) for column in table.columns]
    path = f"matrix.{table.id}"
    if prod(len(column) for column in columns) * len(rules) > MOST_TESTS:
        yield warning("matrix_too_large", path, "the table has too many combinations to look for gaps and overlaps")
        return
    grid = list(product(*columns))
    hits = [_rows_of(rules, table.columns, cell) for cell in grid]
    yield from _gaps(grid, hits, table, path)
    yield from _overlaps(grid, hits, table, rules, path)


def _conditions(rules: Sequence[RulePart], column: str) -> list[Condition]:
    return [leaf for rule in rules for leaf, _ in leaves(rule.conditions) if leaf.name == column]


def _stretches(conditions: Sequence[Condition]) -> Iterator[Stretch]:
    values = [value for each in conditions for value in _values(each)]
    numbers = sorted({number for number in map(as_number, values) if number is not None})
    texts = sorted({str(value) for value in values if as_number(value) is None}, key=str.casefold)
    if numbers:
        yield Stretch(numbers[0] - 1, f"below {numbers[0]:f}")
        for one, other in pairwise(numbers):
            yield Stretch(one, f"{one:f}")
            yield Stretch((one + other) / 2, f"between {one:f} and {other:f}")
        yield Stretch(numbers[-1], f"{numbers[-1]:f}")
        yield Stretch(numbers[-1] + 1, f"above {numbers[-1]:f}")
    for text in texts:
        yield Stretch(text, text)
    if texts or not numbers:
        yield Stretch(OTHER, "any other")


def _values(condition: Condition) -> tuple[Value, ...]:
    right = condition.right
    if isinstance(right, tuple):
        return tuple(value for value in right if isinstance(value, Decimal | str))
    if isinstance(right, Reference):
        return (right.otherwise,) if right.otherwise is not None else ()
    return (right,) if isinstance(right, Decimal | str) else ()


def _rows_of(rules: Sequence[RulePart], columns: Sequence[str], cell: Sequence[Stretch]) -> tuple[int, ...]:
    """The rows that take this combination, by place."""
    facts = {column: stretch.sample for column, stretch in zip(columns, cell, strict=True)}
    return tuple(
        at
        for at, rule in enumerate(rules)
        if all(_holds(leaf, facts[leaf.name]) for leaf, _ in leaves(rule.conditions))
    )


def _holds(condition: Condition, left: Value) -> bool:
    right = condition.right.otherwise if isinstance(condition.right, Reference) else condition.right
    return COMPARISONS[condition.operator](left, right)


def _gaps(
    grid: Sequence[Sequence[Stretch]], hits: Sequence[tuple[int, ...]], table: MatrixPart, path: str
) -> Iterator[Finding]:
    missed = [_words(table, cell) for cell, rows in zip(grid, hits, strict=True) if not rows]
    if missed:
        more = f"; and {len(missed) - MOST_TOLD} more" if len(missed) > MOST_TOLD else ""
        told = "; ".join(missed[:MOST_TOLD])
        yield warning("matrix_gap", f"{path}.rows", f"no row takes {told}{more}: the table asks nobody there")


def _overlaps(
    grid: Sequence[Sequence[Stretch]],
    hits: Sequence[tuple[int, ...]],
    table: MatrixPart,
    rules: Sequence[RulePart],
    path: str,
) -> Iterator[Finding]:
    shared: dict[tuple[int, int], Sequence[Stretch]] = {}
    first: set[int] = set()
    for cell, rows in zip(grid, hits, strict=True):
        # Rows of different steps ask one after the other: that a deal meets several of them is what they are for.
        places = [(rules[at].chain, rules[at].step) for at in rows]
        first.update(at for at, place in zip(rows, places, strict=True) if place not in places[: rows.index(at)])
        for one, other in combinations(rows, 2):
            if (rules[one].chain, rules[one].step) == (rules[other].chain, rules[other].step):
                shared.setdefault((one, other), cell)
    for at, rule in enumerate(rules):
        if at not in first:
            message = f"earlier rows of its step take everything that {rule.id} takes; is it needed?"
            yield warning("matrix_shadowed", f"{path}.rows.{at}", message)
    for (one, other), cell in list(shared.items())[:MOST_TOLD]:
        if other in first:
            names = f"{rules[one].id} and {rules[other].id}"
            yield warning("matrix_overlap", f"{path}.rows.{other}", f"{names} both take {_words(table, cell)}")


def _words(table: MatrixPart, cell: Sequence[Stretch]) -> str:
    return ", ".join(f"{column} {stretch.words}" for column, stretch in zip(table.columns, cell, strict=True))
