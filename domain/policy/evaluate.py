"""Evaluation: which rules of a policy fire for a quote, with the truth of every condition kept.

A policy is compiled once (:func:`compile_policy`) and run often. Conditions that stand in several rules are tested
once; the lines are looked at once for all aggregates together (:mod:`domain.policy.lines`). What explains a result is
made when it is asked for. Nothing here reads a clock: the day is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from functools import cache, cached_property
from typing import Any, cast

from domain.approval.state import TestedValue
from domain.money import decimal_text, minor_digits
from domain.policy.arithmetic import Expression
from domain.policy.comparison import COMPARISONS, Value, quick
from domain.policy.conditions import (
    Amount,
    Combination,
    Condition,
    Node,
    Operator,
    Reference,
    as_number,
    leaves,
)
from domain.policy.document import Policy, RulePart
from domain.policy.facts import HEADER_MONEY, LINE_FIELDS, LINE_MONEY, header_facts
from domain.policy.lines import Column, Lines, matcher
from domain.pricing import PricedQuote
from domain.refusal import Refusal

EXACT = Context(prec=60)
Right = Value | tuple[Value, ...]


class Run:
    """One quote under evaluation: its facts (variables join them as they are computed), and its lines."""

    __slots__ = ("facts", "lines", "priced", "variables")

    def __init__(self, priced: PricedQuote, variables: frozenset[str]) -> None:
        self.priced = priced
        self.facts = header_facts(priced)
        self.variables = variables
        self.lines = Lines(priced.lines)

    def column(self, name: str, otherwise: Value = None) -> Column:
        """A field of the lines in a ``where``: the line's own, a variable, the line's custom field, the header's.

        A custom field never hides a variable. ``otherwise`` is what a line has that knows no such name.
        """
        if name in LINE_FIELDS:
            return self.lines.column(name)
        if name in self.variables:
            return self.lines.constant(name, self.facts.get(name))
        return self.lines.custom(name, self.facts.get(name, otherwise))

    def is_per_line(self, name: str) -> bool:
        """Whether ``name`` may mean something else on each line."""
        return name in LINE_FIELDS or (name not in self.variables and name in self.lines.custom_names)

    def in_quote_currency(self, amount: Amount, path: str) -> Decimal:
        """``amount`` converted by the quote's rates. Code: ``missing_rate``."""
        currency = self.priced.quote.currency
        if amount.currency == currency:
            return amount.number
        rate = self.priced.quote.rates.get(amount.currency)
        if rate is None:
            raise Refusal(
                "missing_rate",
                f"{path} compares with {amount.currency}; give the quote rates.{amount.currency} in {currency}",
                f"rates.{amount.currency}",
            )
        return amount.number * rate


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A condition of the policy, tested once per evaluation however many rules it stands in.

    ``quick`` tests the left side where the right one is what is written. ``special`` tests where it is not: against
    a fact of the name that is written, or an amount that must be converted; ``needs`` is that name (``None``: always).
    """

    condition: Condition
    right: Callable[[Run], Right]
    quick: Callable[[Any], bool]
    special: Callable[[Run], bool] | None = None
    needs: str | None = None


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
        self._met, self._refused = compiled.test_leaves(run)
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
                yield self._tested(self.policy.leaves[at], negated, self._met[at], compiled.rule)

    def _tested(self, leaf: _Leaf, negated: bool, met: bool, rule: RulePart) -> TestedValue:
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
            currency=self._run.priced.quote.currency if condition.name in self.policy.money else None,
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
        self.leaves: list[_Leaf] = []
        self._positions: dict[object, int] = {}
        self.rules = tuple(self._rule(rule) for rule in policy.rules)
        self.sometimes = [(at, rule.rule) for at, rule in enumerate(self.rules) if not rule.always]
        """The rules that are not tested on every day or in every state, by place."""
        self.money, self.variables = _variables(policy)
        self._names = [leaf.condition.name for leaf in self.leaves]
        self._tests = [leaf.quick for leaf in self.leaves]
        self._special: dict[str | None, list[tuple[int, Callable[[Run], bool]]]] = {}
        for at, leaf in enumerate(self.leaves):
            if leaf.special is not None:
                self._special.setdefault(leaf.needs, []).append((at, leaf.special))

    def evaluate(self, priced: PricedQuote, on: date, *, status: str = "draft") -> Evaluation:
        """Every rule tested on ``priced`` as of the local date ``on``.

        ``status`` is the quote's approval state, for ``skip_when_status``. Code: ``missing_rate``.
        """
        with localcontext(EXACT):
            run = Run(priced, self.names)
            for name, compute in self.variables:
                run.facts[name] = compute(run)
            return Evaluation(self, run, on, status)

    def test_leaves(self, run: Run) -> tuple[list[bool], dict[int, Refusal]]:
        """The truth of every condition, and those that could not be tested for want of a rate."""
        facts = run.facts
        met = [test(left) for test, left in zip(self._tests, map(facts.get, self._names), strict=True)]
        refused: dict[int, Refusal] = {}
        for name, special in self._special.items():
            if name is None or name in facts:
                for at, test in special:
                    try:
                        met[at] = test(run)
                    except Refusal as refusal:
                        met[at], refused[at] = False, refusal
        return met, refused

    def _rule(self, rule: RulePart) -> _CompiledRule:
        found = tuple((self._leaf(condition), negated) for condition, negated in leaves(rule.conditions))
        positions = iter([at for at, _ in found])
        always = rule.active and rule.from_ is None and rule.until is None and not rule.skip_when_status
        return _CompiledRule(rule, found, _truth(rule.conditions, positions), always)

    def _leaf(self, condition: Condition) -> int:
        key = (condition.name, condition.operator, condition.right)
        at = self._positions.get(key)
        if at is None:
            at = self._positions[key] = len(self.leaves)
            self.leaves.append(_compile_leaf(condition))
        return at


def compile_policy(policy: Policy) -> CompiledPolicy:
    """``policy`` with its conditions turned into closures and its variables in an order they can be computed in."""
    return CompiledPolicy(policy)


def _compile_leaf(condition: Condition) -> _Leaf:
    name, operator, right = condition.name, condition.operator, _compile_right(condition)
    compare = COMPARISONS[operator]
    if isinstance(condition.right, Reference):
        other = condition.right.name

        def against_fact(run: Run) -> bool:
            return compare(run.facts.get(name), run.facts[other])

        return _Leaf(condition, right, quick(operator, condition.right.otherwise), against_fact, other)
    if _varies(condition):
        return _Leaf(condition, right, lambda left: False, lambda run: compare(run.facts.get(name), right(run)))
    return _Leaf(condition, right, quick(operator, condition.right))


def _varies(condition: Condition) -> bool:
    """Whether the right side must be converted by the quote's rates."""
    right = condition.right
    return isinstance(right, Amount) or (isinstance(right, tuple) and any(isinstance(each, Amount) for each in right))


def _compile_right(condition: Condition) -> Callable[[Run], Right]:
    """The right side as a function of the quote: an unquoted name is a fact where there is one, else text."""
    right, path = condition.right, condition.text
    if isinstance(right, Reference):
        name, otherwise = right.name, right.otherwise
        return lambda run: run.facts.get(name, otherwise)
    if isinstance(right, Amount):
        return lambda run: run.in_quote_currency(right, path)
    if isinstance(right, tuple):
        return lambda run: tuple(
            run.in_quote_currency(each, path) if isinstance(each, Amount) else each for each in right
        )
    return lambda run: right


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


# -- variables

Compute = Callable[[Run], Value]


def _variables(policy: Policy) -> tuple[frozenset[str], tuple[tuple[str, Compute], ...]]:
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
            where = None if spec.condition is None else _where(spec.condition, known)
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
    def lines_of(run: Run) -> int:
        return run.lines.all if where is None else where(run)

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


Known = dict[object, int]
"""Conditions on lines that the policy has, by number: each is looked up once per quote."""


def _where(node: Node, known: Known) -> Callable[[Run], int]:
    """The lines for which ``node`` holds, as a function of the quote."""
    if isinstance(node, Condition):
        return _where_leaf(node, known)
    parts = [_where(part, known) for part in node.parts]
    if node.combination is Combination.NOT:
        return lambda run: run.lines.all ^ parts[0](run)
    if node.combination is Combination.ALL:

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
    elif _varies(condition):
        value = _compile_right(condition)

        def find(run: Run) -> int:
            return matcher(operator, value(run))(run.column(name))
    else:
        matching = matcher(operator, cast("Right", right))

        def find(run: Run) -> int:
            return matching(run.column(name))

    def remembered(run: Run) -> int:
        lines = run.lines.sets.get(key)
        if lines is None:
            lines = run.lines.sets[key] = find(run)
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
