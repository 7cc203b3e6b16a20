"""Evaluation: which rules of a policy fire for a quote, with the truth of every condition kept.

A policy is compiled once (:func:`compile_policy`) and run often. Conditions that stand in several rules are tested
once; the lines are looked at once for all aggregates together (:mod:`domain.policy.lines`). What explains a result is
made when it is asked for. Nothing here reads a clock: the day is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from functools import cached_property
from typing import Any

from domain.approval.state import TestedValue
from domain.money import decimal_text
from domain.policy.bank import ConditionBank, Leaf
from domain.policy.comparison import Value
from domain.policy.computed import computed_variables
from domain.policy.conditions import (
    Combination,
    Condition,
    Node,
    Operator,
    Reference,
    as_number,
    leaves,
)
from domain.policy.document import Policy, RulePart
from domain.policy.run import Run, must_be_converted
from domain.pricing import PricedQuote

EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    rule: RulePart
    leaves: tuple[tuple[int, bool], ...]
    truth: Callable[[Sequence[bool]], bool]
    always: bool


class RuleResult:
    """Whether a rule fired; ``why`` is set where its conditions were not even looked at."""

    __slots__ = ("_compiled", "_evaluation", "fired", "why")

    def __init__(self, compiled: _CompiledRule, evaluation: Evaluation, fired: bool, why: str | None) -> None:
        self._compiled = compiled
        self._evaluation = evaluation
        self.fired = fired
        self.why = why

    @property
    def rule(self) -> RulePart:
        return self._compiled.rule

    @property
    def conditions(self) -> tuple[TestedValue, ...]:
        """Every condition with its value, threshold and truth, in the order of the rule."""
        return tuple(self._evaluation.tested(self._compiled))

    def __repr__(self) -> str:
        return f"RuleResult({self.rule.id}, fired={self.fired})"


class Evaluation:
    """The outcome of every rule, in the order of the policy, and the variables they were tested on."""

    def __init__(self, compiled: CompiledPolicy, run: Run, on: date, status: str) -> None:
        self.policy = compiled
        self._run = run
        self._met, self._refused = compiled.bank.test(run)
        met = self._met
        self.why = {at: why for at, rule in compiled.sometimes if (why := _not_tested(rule, on, status)) is not None}
        self.truths = [rule.truth(met) for rule in compiled.rules]
        for at in self.why:
            self.truths[at] = False
        if self._refused:
            self._refuse()

    def _refuse(self) -> None:
        """Raise what could not be tested, unless only rules need it that cannot fire anyway."""
        for at, rule in enumerate(self.policy.rules):
            for leaf, _ in rule.leaves:
                if leaf in self._refused and at not in self.why:
                    raise self._refused[leaf]

    @cached_property
    def results(self) -> tuple[RuleResult, ...]:
        return tuple(self._result(at) for at in range(len(self.truths)))

    @cached_property
    def fired(self) -> tuple[RuleResult, ...]:
        return tuple(self._result(at) for at, fired in enumerate(self.truths) if fired)

    @property
    def fired_ids(self) -> tuple[str, ...]:
        """The ids of the rules that fired, in the order of the policy."""
        return tuple(rule.rule.id for rule, fired in zip(self.policy.rules, self.truths, strict=True) if fired)

    def _result(self, at: int) -> RuleResult:
        return RuleResult(self.policy.rules[at], self, self.truths[at], self.why.get(at))

    @cached_property
    def variables(self) -> Mapping[str, Value]:
        return {name: self._run.facts[name] for name, _ in self.policy.variables}

    def tested(self, compiled: _CompiledRule) -> Iterator[TestedValue]:
        """The conditions of a rule as they were tested; none where a rate is missing."""
        if any(at in self._refused for at, _ in compiled.leaves):
            return
        with localcontext(EXACT):
            for at, negated in compiled.leaves:
                yield self._tested(self.policy.bank.leaves[at], negated, self._met[at], compiled.rule)

    def _tested(self, leaf: Leaf, negated: bool, met: bool, rule: RulePart) -> TestedValue:
        condition = leaf.condition
        left, right = self._run.facts.get(condition.name), leaf.right(self._run)
        return TestedValue(
            text=condition.text,
            name=condition.name,
            operator=str(condition.operator),
            value=_shown(left),
            threshold=tuple(_shown(each) or "" for each in right) if isinstance(right, tuple) else _shown(right),
            met=met,
            numeric=isinstance(left, Decimal) or (as_number(left) is not None and as_number(right) is not None),
            currency=self._run.priced.quote.currency if _is_money(condition, self.policy.money) else None,
            against_fact=isinstance(condition.right, Reference) and condition.right.name in self._run.facts,
            negated=negated,
            smart=condition.text in rule.smart_texts,
            worse=_worse(condition.operator, negated),
        )


class CompiledPolicy:
    """A policy ready to be run over quotes."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.names = frozenset(policy.variables)
        self.bank = ConditionBank(leaf for rule in policy.rules for leaf, _ in leaves(rule.conditions))
        self.rules = tuple(self._rule(rule) for rule in policy.rules)
        self.sometimes = [(at, rule.rule) for at, rule in enumerate(self.rules) if not rule.always]
        """The rules that are not tested on every day or in every state, by place."""
        self.money, self.variables = computed_variables(policy)

    def evaluate(self, priced: PricedQuote, on: date, *, status: str = "draft") -> Evaluation:
        """Every rule tested on ``priced`` as of the local date ``on``.

        ``status`` is the quote's approval state, for ``skip_when_status``. Code: ``missing_rate``.
        """
        with localcontext(EXACT):
            run = Run(priced, self.names)
            for name, compute in self.variables:
                run.facts[name] = compute(run)
            return Evaluation(self, run, on, status)

    def _rule(self, rule: RulePart) -> _CompiledRule:
        found = tuple((self.bank.place(condition), negated) for condition, negated in leaves(rule.conditions))
        positions = iter([at for at, _ in found])
        always = rule.active and rule.from_ is None and rule.until is None and not rule.skip_when_status
        return _CompiledRule(rule, found, _truth(rule.conditions, positions), always)


def compile_policy(policy: Policy) -> CompiledPolicy:
    """``policy`` with its conditions turned into closures and its variables in an order they can be computed in."""
    return CompiledPolicy(policy)


# -- truth of a rule


def _truth(node: Node | None, positions: Iterator[int]) -> Callable[[Sequence[bool]], bool]:
    if node is None:
        return lambda met: True
    if isinstance(node, Condition):
        at = next(positions)
        return lambda met: met[at]
    if all(isinstance(part, Condition) for part in node.parts):
        return _flat(node.combination, tuple(next(positions) for _ in node.parts))
    parts = tuple(_truth(part, positions) for part in node.parts)
    if node.combination is Combination.NOT:
        return lambda met: not parts[0](met)
    if node.combination is Combination.ALL:
        return lambda met: all([part(met) for part in parts])
    return lambda met: any([part(met) for part in parts])


def _flat(combination: Combination, places: tuple[int, ...]) -> Callable[[Sequence[bool]], bool]:
    first, *more = places
    if combination is Combination.NOT:
        return lambda met: not met[first]
    if not more:
        return lambda met: met[first]
    if len(more) == 1:
        (second,) = more
        if combination is Combination.ALL:
            return lambda met: met[first] and met[second]
        return lambda met: met[first] or met[second]
    if combination is Combination.ALL:
        return lambda met: all([met[at] for at in places])
    return lambda met: any([met[at] for at in places])


# -- what was tested, for people


def _not_tested(rule: RulePart, on: date, status: str) -> str | None:
    if not rule.active:
        return "the rule is not active"
    if rule.from_ is not None and on < rule.from_:
        return f"the rule begins on {rule.from_}"
    if rule.until is not None and on > rule.until:
        return f"the rule ended on {rule.until}"
    if status.casefold() in {each.casefold() for each in rule.skip_when_status}:
        return f"the quote is {status}"
    return None


def _is_money(condition: Condition, money: AbstractSet[str]) -> bool:
    """Whether the tested value is an amount: by what it is, or by what it is compared with."""
    right = condition.right
    other = right.name in money if isinstance(right, Reference) else must_be_converted(condition)
    return condition.name in money or other


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        text = decimal_text(value)
        return text[:60].rstrip("0").rstrip(".") if "." in text and len(text) > 60 else text
    return str(value)


def _worse(operator: Operator, negated: bool) -> str:
    """In which direction a smart condition gets worse (``spec/approvals.md`` 4.2)."""
    if not operator.orders:
        return "change"
    up = operator in (Operator.GREATER, Operator.AT_LEAST)
    return "up" if up != negated else "down"
