"""Variables as functions of a quote, those first that others need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache

from domain.money import minor_digits
from domain.policy.arithmetic import Expression
from domain.policy.comparison import Value
from domain.policy.conditions import as_number
from domain.policy.document import Policy
from domain.policy.facts import HEADER_MONEY, LINE_MONEY
from domain.policy.lines import Column
from domain.policy.run import Run
from domain.policy.where import Known, lines_where

Compute = Callable[[Run], Value]


def computed_variables(policy: Policy) -> tuple[frozenset[str], tuple[tuple[str, Compute], ...]]:
    """Which variables are money, and how each is computed, those first that others need."""
    money = set(HEADER_MONEY)
    ordered: list[tuple[str, Compute]] = []
    known: Known = {}
    for name in _in_order(policy):
        spec = policy.variable[name]
        if spec.kind == "discount":
            ordered.append((name, _discount(spec.list or "", spec.net or "")))
        elif spec.formula is not None:
            ordered.append((name, _formula(spec.formula)))
            if spec.formula.is_money(money):
                money.add(name)
        else:
            is_money = spec.kind != "count" and spec.field in LINE_MONEY
            if is_money:
                money.add(name)
            where = None if spec.condition is None else lines_where(spec.condition, known)
            ordered.append((name, _aggregate(spec.kind, spec.field, where, is_money)))
    return frozenset(money), tuple(ordered)


def _in_order(policy: Policy) -> list[str]:
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in done:
            for other in policy.names_used_by(name):
                if other in policy.variables:
                    visit(other)
            done[name] = None

    for name in policy.variables:
        visit(name)
    return list(done)


def _discount(listed: str, net: str) -> Compute:
    def compute(run: Run) -> Value:
        one, two = as_number(run.facts.get(listed)), as_number(run.facts.get(net))
        return None if not one or two is None else (1 - two / one) * 100

    return compute


def _formula(formula: Expression) -> Compute:
    return lambda run: formula.compute(run.facts)


def _aggregate(kind: str, field: str | None, where: Callable[[Run], int] | None, money: bool) -> Compute:
    lines_of = where or (lambda run: run.lines.all)
    if kind == "count":
        return lambda run: Decimal(lines_of(run).bit_count())
    name, taken = field or "", TAKEN[kind]

    def compute(run: Run) -> Value:
        return taken(run.lines.own(name), lines_of(run))

    def in_money(run: Run) -> Value:
        found = compute(run)
        return found + _nothing(run.priced.quote.currency) if isinstance(found, Decimal) else found

    return in_money if money else compute


TAKEN: Mapping[str, Callable[[Column, int], Value]] = {
    "sum": lambda column, lines: column.total(lines),
    "avg": lambda column, lines: column.average(lines),
    "max": lambda column, lines: column.highest(lines),
    "min": lambda column, lines: column.lowest(lines),
}


@cache
def _nothing(currency: str) -> Decimal:
    """Zero at the scale of ``currency``: what is added to it has at least that scale."""
    return Decimal((0, (0,), -minor_digits(currency)))
