"""A second, straightforward evaluator: every condition on its own, line by line; what the fast one must agree with."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

from domain.money import total_of
from domain.policy.comparison import COMPARISONS
from domain.policy.conditions import Amount, Combination, Condition, Node, Reference, as_number, read_when
from domain.policy.document import Policy, RulePart
from domain.policy.facts import LINE_FIELDS, LINE_MONEY, header_facts, line_values
from domain.pricing import PricedLine, PricedQuote

SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
Facts = dict[str, Any]


def fired(policy: Policy, priced: PricedQuote, on: date) -> dict[str, bool]:
    """Whether each rule fires. Quotes without a rate that is needed are not for this oracle."""
    return {rule.id: each for rule, each in zip(policy.rules, _all(policy, priced, on), strict=True)}


def _all(policy: Policy, priced: PricedQuote, on: date) -> list[bool]:
    with localcontext() as context:
        context.prec = 60
        facts = variables_of(policy, priced)
        return [_active(rule, on) and (rule.when is None or _holds(rule.when, facts, priced)) for rule in policy.rules]


def _active(rule: RulePart, on: date) -> bool:
    late = rule.until is not None and on > rule.until
    return rule.active and not late and (rule.from_ is None or on >= rule.from_)


def variables_of(policy: Policy, priced: PricedQuote) -> Facts:
    """The facts of the quote with every variable, each computed when all it needs is there."""
    facts: Facts = header_facts(priced)
    waiting = dict(policy.variables)
    while waiting:
        for name, spec in list(waiting.items()):
            if not any(other in waiting for other in policy.names_used_by(name)):
                facts[name] = _variable(spec, facts, policy, priced)
                del waiting[name]
    return facts


def _variable(spec: Any, facts: Facts, policy: Policy, priced: PricedQuote) -> Any:
    if not isinstance(spec, dict):
        text = str(spec).replace("\u00d7", "*").replace("\u00f7", "/").replace("\u2212", "-")
        return _computed(ast.parse(text, mode="eval").body, facts)
    if "discount" in spec:
        one, two = (as_number(facts.get(spec["discount"][side])) for side in ("list", "net"))
        return None if not one or two is None else (1 - two / one) * 100
    (kind,) = (word for word in spec if word != "where")
    field = spec[kind].removeprefix("lines.")
    lines = [(_line(each, facts, policy), each) for each in priced.lines]
    kept = [each for scope, each in lines if "where" not in spec or _holds(spec["where"], scope, priced)]
    if kind == "count":
        return Decimal(len(kept))
    values = [value for value in (_own(each, field) for each in kept) if value is not None]
    numbers = [number for number in map(as_number, values) if number is not None]
    if kind == "sum":
        return total_of(numbers, priced.quote.currency) if field in LINE_MONEY else sum(numbers, Decimal(0))
    if kind in ("min", "max") and values and not numbers:
        return {"min": min, "max": max}[kind](str(value) for value in values)
    if not numbers:
        return None
    return sum(numbers, Decimal(0)) / len(numbers) if kind == "avg" else {"min": min, "max": max}[kind](numbers)


def _computed(node: ast.AST, facts: Facts) -> Any:
    if isinstance(node, ast.Constant):
        return Decimal(str(node.value))
    if isinstance(node, ast.UnaryOp):
        inner = _computed(node.operand, facts)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp):
        one, two = _computed(node.left, facts), _computed(node.right, facts)
        if one is None or two is None or (isinstance(node.op, ast.Div) and two == 0):
            return None
        return SIGNS[type(node.op)](one, two)
    return as_number(facts.get(ast.unparse(node)))


def _own(line: PricedLine, name: str) -> Any:
    if name in LINE_FIELDS:
        return line_values([line], name)[0]
    return (line.line.fields.get(name.removeprefix("fields.")) or "").strip() or None


def _line(line: PricedLine, facts: Facts, policy: Policy) -> Facts:
    custom = {name: value.strip() or None for name, value in line.line.fields.items()}
    custom |= {f"fields.{name}": value for name, value in custom.items()}
    variables = {name: facts[name] for name in policy.variables if name in facts}
    return {**facts, **custom, **variables, **{name: _own(line, name) for name in LINE_FIELDS}}


def _holds(when: Any, facts: Facts, priced: PricedQuote) -> bool:
    return _truth(read_when(when, "when"), facts, priced)


def _truth(node: Node, facts: Facts, priced: PricedQuote) -> bool:
    if isinstance(node, Condition):
        return _condition(node, facts, priced)
    truths = [_truth(part, facts, priced) for part in node.parts]
    return {Combination.ALL: all(truths), Combination.ANY: any(truths), Combination.NOT: not truths[0]}[
        node.combination
    ]


def _condition(condition: Condition, facts: Facts, priced: PricedQuote) -> bool:
    left = facts.get(condition.name.removeprefix("lines."))
    return COMPARISONS[condition.operator](left, _right(condition.right, facts, priced))


def _right(right: Any, facts: Mapping[str, Any], priced: PricedQuote) -> Any:
    if isinstance(right, Reference):
        return facts.get(right.name.removeprefix("lines."), right.otherwise)
    if isinstance(right, tuple):
        return tuple(_right(each, facts, priced) for each in right)
    if isinstance(right, Amount):
        own = right.currency == priced.quote.currency
        return right.number if own else right.number * priced.quote.rates[right.currency]
    return right
