"""Evaluation: which rules of a policy fire for a quote, with the truth of every condition kept.

A policy is compiled once (:func:`compile_policy`) and run often. Nothing here reads a clock: the day is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

from domain.approval.state import TestedValue
from domain.money import decimal_text
from domain.policy.conditions import (
    Amount,
    Combination,
    Condition,
    Group,
    Literal,
    Node,
    Operator,
    Reference,
    as_number,
    leaves,
    read_when,
)
from domain.policy.document import Policy, RulePart, Variable
from domain.policy.facts import (
    HEADER,
    HEADER_MONEY,
    LINE_FIELDS,
    LINE_MONEY,
    Value,
    aggregate,
    header_facts,
    line_facts,
)
from domain.pricing import PricedQuote
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Whether a rule fired; ``why`` is set where its conditions were not even looked at."""

    rule: RulePart
    fired: bool
    conditions: tuple[TestedValue, ...]
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of every rule, in the order of the policy, and the variables they were tested on."""

    results: tuple[RuleResult, ...]
    variables: Mapping[str, Value]

    @property
    def fired(self) -> tuple[RuleResult, ...]:
        return tuple(result for result in self.results if result.fired)


@dataclass(slots=True)
class _Scope:
    """What names mean while one thing is tested: a quote's header, or one of its lines over it."""

    facts: dict[str, Value]
    quote: PricedQuote
    money: frozenset[str]

    def in_quote_currency(self, amount: Amount, path: str) -> Decimal:
        currency = self.quote.quote.currency
        if amount.currency == currency:
            return amount.number
        rate = self.quote.quote.rates.get(amount.currency)
        if rate is None:
            raise Refusal(
                "missing_rate",
                f"{path} compares with {amount.currency}; give the quote rates.{amount.currency} in {currency}",
                f"rates.{amount.currency}",
            )
        return amount.number * rate


Test = Callable[[_Scope], tuple[Value, Value | tuple[Value, ...], bool]]


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    rule: RulePart
    tests: tuple[tuple[Condition, bool, Test], ...]
    truth: Callable[[list[bool]], bool]


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy ready to be run over quotes."""

    policy: Policy
    rules: tuple[_CompiledRule, ...]
    variables: tuple[tuple[str, Variable, Callable[[_Scope], bool] | None], ...]
    money: frozenset[str]

    def evaluate(self, priced: PricedQuote, on: date, *, status: str = "draft") -> Evaluation:
        """Every rule tested on ``priced`` as of the local date ``on``.

        ``status`` is the quote's approval state, for ``skip_when_status``. Code: ``missing_rate``.
        """
        with localcontext() as context:
            context.prec = 60
            scope = _Scope(header_facts(priced), priced, self.money)
            variables = self._compute(scope)
            return Evaluation(tuple(self._test(each, scope, on, status) for each in self.rules), variables)

    def _compute(self, scope: _Scope) -> dict[str, Value]:
        lines = [line_facts(line) for line in scope.quote.lines]
        found: dict[str, Value] = {}
        for name, spec, where in self.variables:
            if spec.kind == "discount":
                value = _discount(scope.facts.get(spec.list or ""), scope.facts.get(spec.net or ""))
            else:
                kept = [line for line in lines if where is None or where(self._line_scope(scope, line))]
                values = [line.get(spec.field or "") for line in kept]
                money = scope.quote.quote.currency if name in self.money else None
                value = aggregate(spec.kind, values, len(kept), money)
            found[name] = scope.facts[name] = value
        return found

    def _line_scope(self, scope: _Scope, line: dict[str, Value]) -> _Scope:
        """A line over the header. Its own fields hide header fields of the same name, also where they are blank; its
        custom fields never hide a variable: a rep cannot change what a rule means by adding one."""
        variables = {name: scope.facts[name] for name in self.policy.variables if name in scope.facts}
        own = {name: value for name, value in line.items() if name in LINE_FIELDS}
        return _Scope({**scope.facts, **line, **variables, **own}, scope.quote, LINE_MONEY | self.money)

    def _test(self, compiled: _CompiledRule, scope: _Scope, on: date, status: str) -> RuleResult:
        rule = compiled.rule
        why = _not_tested(rule, on, status)
        truths: list[bool] = []
        tested: list[TestedValue] = []
        try:
            for condition, negated, test in compiled.tests:
                left, right, met = test(scope)
                truths.append(met)
                tested.append(self._tested(condition, negated, (left, right, met), scope, rule))
        except Refusal:
            if why is None:
                raise  # a rule that cannot fire needs no rate
        return RuleResult(rule, why is None and compiled.truth(truths), tuple(tested), why)

    def _tested(
        self,
        condition: Condition,
        negated: bool,
        outcome: tuple[Value, Value | tuple[Value, ...], bool],
        scope: _Scope,
        rule: RulePart,
    ) -> TestedValue:
        left, right, met = outcome
        reference = condition.right if isinstance(condition.right, Reference) else None
        return TestedValue(
            text=condition.text,
            name=condition.name,
            operator=str(condition.operator),
            value=_shown(left),
            threshold=tuple(_shown(each) or "" for each in right) if isinstance(right, tuple) else _shown(right),
            met=met,
            numeric=isinstance(left, Decimal) or (as_number(left) is not None and as_number(right) is not None),
            currency=scope.quote.quote.currency if condition.name in scope.money else None,
            against_fact=reference is not None
            and _is_known(reference.name, condition.operator, self.policy, lines=False),
            negated=negated,
            smart=condition.text in rule.smart_texts,
            worse=_worse(condition.operator, negated),
        )


def compile_policy(policy: Policy) -> CompiledPolicy:
    """``policy`` with its conditions turned into closures and its variables put in an order they can be computed in."""
    money = set(HEADER_MONEY)
    ordered: list[tuple[str, Variable, Callable[[_Scope], bool] | None]] = []
    for name in _in_order(policy):
        spec = policy.variable[name]
        where = None
        if spec.where is not None:
            where = _compile_where(read_when(spec.where, f"variables.{name}.where"), policy)
        if spec.kind != "count" and spec.field in LINE_MONEY:
            money.add(name)
        ordered.append((name, spec, where))
    return CompiledPolicy(
        policy, tuple(_compile_rule(rule, policy) for rule in policy.rules), tuple(ordered), frozenset(money)
    )


def _in_order(policy: Policy) -> list[str]:
    done: list[str] = []

    def visit(name: str) -> None:
        if name not in done:
            for other in policy.names_used_by(name):
                if other in policy.variables:
                    visit(other)
            done.append(name)

    for name in policy.variables:
        visit(name)
    return done


def _compile_rule(rule: RulePart, policy: Policy) -> _CompiledRule:
    tests = tuple((condition, negated, _compile(condition, policy)) for condition, negated in leaves(rule.conditions))
    positions = iter(range(len(tests)))
    return _CompiledRule(rule, tests, _truth(rule.conditions, positions))


def _truth(node: Node | None, positions: Any) -> Callable[[list[bool]], bool]:
    if node is None:
        return lambda truths: True
    if isinstance(node, Condition):
        at = next(positions)
        return lambda truths: truths[at]
    parts = [_truth(part, positions) for part in node.parts]
    if node.combination is Combination.NOT:
        return lambda truths: not parts[0](truths)
    if node.combination is Combination.ALL:
        return lambda truths: all(part(truths) for part in parts)
    return lambda truths: any(part(truths) for part in parts)


def _compile_where(node: Node, policy: Policy) -> Callable[[_Scope], bool]:
    if isinstance(node, Condition):
        test = _compile(node, policy, lines=True)
        return lambda scope: test(scope)[2]
    assert isinstance(node, Group)
    parts = [_compile_where(part, policy) for part in node.parts]
    if node.combination is Combination.NOT:
        return lambda scope: not parts[0](scope)
    if node.combination is Combination.ALL:
        return lambda scope: all(part(scope) for part in parts)
    return lambda scope: any(part(scope) for part in parts)


def _compile(condition: Condition, policy: Policy, *, lines: bool = False) -> Test:
    name, operator, path = condition.name, condition.operator, condition.text
    lookup = name.removeprefix("lines.") if lines else name
    right = _compile_right(condition, policy, lines)
    compare = COMPARISONS[operator]

    def test(scope: _Scope) -> tuple[Value, Value | tuple[Value, ...], bool]:
        left = scope.facts.get(lookup)
        other = right(scope, path)
        return left, other, compare(left, other)

    return test


def _compile_right(
    condition: Condition, policy: Policy, lines: bool
) -> Callable[[_Scope, str], Value | tuple[Value, ...]]:
    right = condition.right
    if right is None:
        return lambda scope, path: None
    if isinstance(right, tuple):
        if not any(isinstance(each, Amount) for each in right):
            fixed = tuple(each for each in right if not isinstance(each, Amount))
            return lambda scope, path: fixed
        return lambda scope, path: tuple(_value(each, scope, path) for each in right)
    if isinstance(right, Reference):
        name = right.name.removeprefix("lines.") if lines else right.name
        if _is_known(name, condition.operator, policy, lines):
            return lambda scope, path: scope.facts.get(name)
        text = right.otherwise
        return lambda scope, path: text
    literal = right
    return lambda scope, path: _value(literal, scope, path)


def _is_known(name: str, operator: Operator, policy: Policy, lines: bool) -> bool:
    """Whether an unquoted right side is a name.

    Variables, header fields, and ``fields.*``/``terms.*`` always are. A custom field by its bare name is one only
    where the operator asks which side is larger: otherwise a rep could change what a rule means by adding a field
    called as one of its texts.
    """
    if name in policy.variables or name in HEADER or name.startswith(("fields.", "terms.")):
        return True
    return operator.orders or (lines and name in LINE_FIELDS)


def _value(literal: Literal, scope: _Scope, path: str) -> Value:
    return scope.in_quote_currency(literal, path) if isinstance(literal, Amount) else literal


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


def _discount(listed: Value, net: Value) -> Value:
    one, two = as_number(listed), as_number(net)
    return None if not one or two is None else (1 - two / one) * 100


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
