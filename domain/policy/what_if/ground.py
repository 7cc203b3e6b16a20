"""What the search for a change stands on: one quote under one policy, its facts, and what kind of thing each is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from typing import TypeGuard

from domain.approval.state import TestedValue
from domain.money import minor_digits
from domain.policy.comparison import Value
from domain.policy.conditions import Combination, Condition, Node, Reference, as_number, leaves
from domain.policy.document import Policy, RulePart
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.policy.facts import HEADER, header_facts
from domain.policy.variables import Variable
from domain.policy.what_if.draft import Key, document_of
from domain.policy.what_if.line_edits import PRICES
from domain.policy.what_if.purse import Purse
from domain.pricing import PricedLine, PricedQuote
from domain.reading import DATE_TEXT

TOTALS: Mapping[str, Variable] = {
    "net_total": Variable("sum", "net_total"),
    "list_total": Variable("sum", "list_total"),
    "line_count": Variable("count"),
    "term_months": Variable("max", "term_months"),
}
"""The header facts that are made of lines, as the variables they would be."""
UNCHANGEABLE = frozenset(("quote_id",))  # another id is another quote
ONE = Decimal(1)
FINEST_DIGITS = 6
MONEY_TOTALS = frozenset(("net_total", "list_total"))


@dataclass(frozen=True, slots=True)
class Scale:
    """How a fact is counted: ``step`` is one unit; ``exact`` where nothing lies between two units (cents, pieces)."""

    kind: str
    step: Decimal = ONE
    exact: bool = False

    def number(self, value: Value) -> Decimal | None:
        """``value`` as a number: a date is the count of its days."""
        if self.kind != "date":
            return as_number(value)
        return Decimal(date.fromisoformat(value).toordinal()) if is_date(value) else None

    def value(self, number: Decimal) -> Decimal | date:
        """The value that :meth:`number` makes ``number``. ``ValueError`` beyond the calendar."""
        return date.fromordinal(int(number)) if self.kind == "date" else number

    def at_most(self, number: Decimal, *, strictly: bool) -> Decimal:
        """The largest unit up to (strictly: below) ``number``."""
        floor = (number / self.step).to_integral_value(ROUND_FLOOR) * self.step
        return floor - self.step if strictly and floor == number else floor

    def at_least(self, number: Decimal, *, strictly: bool) -> Decimal:
        """The smallest unit from (strictly: above) ``number`` on."""
        ceiling = (number / self.step).to_integral_value(ROUND_CEILING) * self.step
        return ceiling + self.step if strictly and ceiling == number else ceiling


def is_date(value: Value) -> TypeGuard[str]:
    """Whether ``value`` is a date of the calendar, written in full."""
    if not isinstance(value, str) or not DATE_TEXT.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def only(policy: Policy, rules: Sequence[RulePart]) -> CompiledPolicy:
    """A policy of these rules alone, with the variables they use."""
    waiting = [name for rule in rules for leaf, _ in leaves(rule.conditions) for name in names_of(leaf)]
    used: dict[str, object] = {}
    while waiting:
        name = waiting.pop()
        if name in policy.variables and name not in used:
            used[name] = policy.variables[name]
            waiting.extend(policy.names_used_by(name))
    kept = {name: spec for name, spec in policy.variables.items() if name in used}
    return compile_policy(Policy.model_construct(policy=policy.policy, variables=kept, rules=tuple(rules)))


def names_of(leaf: Condition) -> Iterator[str]:
    """The facts that a condition tests."""
    yield leaf.name
    if isinstance(leaf.right, Reference):
        yield leaf.right.name


def possible_truth(node: Node, met: Mapping[str, bool | None]) -> bool | None:
    """The truth of ``node`` where that of some conditions is open (``None``); ``None`` where it is open as well."""
    if isinstance(node, Condition):
        return met[node.text]
    parts = [possible_truth(part, met) for part in node.parts]
    if node.combination is Combination.NOT:
        return None if parts[0] is None else not parts[0]
    settling = node.combination is Combination.ANY
    if settling in parts:
        return settling
    return None if None in parts else not settling


class Ground:
    """A quote under a policy on a day, and what is known of it; made once and asked for every rule."""

    def __init__(self, compiled: CompiledPolicy, priced: PricedQuote, on: date, status: str, purse: Purse) -> None:
        self.compiled, self.policy = compiled, compiled.policy
        self.priced, self.quote = priced, priced.quote
        self.on, self.status, self.purse = on, status, purse
        self.evaluation = compiled.evaluate(priced, on, status=status)
        self.facts = self.facts_of(priced, self.evaluation.variables)
        self._roots: dict[str, frozenset[str]] = {}
        self._members: dict[str, tuple[PricedLine, ...]] = {}

    @cached_property
    def document(self) -> Mapping[str, object]:
        return document_of(self.quote)

    def facts_of(self, priced: PricedQuote, variables: Mapping[str, Value]) -> dict[str, Value]:
        """The facts of the header, and the variables over them."""
        return {**header_facts(priced), **variables}

    def spec(self, fact: str) -> Variable | None:
        """How ``fact`` is computed; ``None`` where it stands in the quote."""
        return self.policy.variable.get(fact) or TOTALS.get(fact)

    def place(self, fact: str) -> Key | None:
        """Where a fact that stands in the quote is written."""
        if self.spec(fact) is not None or fact in UNCHANGEABLE:
            return None
        if fact in ("customer", "customer_id"):
            return ("customer", "name" if fact == "customer" else fact)
        if fact in HEADER:
            return (fact,)
        prefix, _, rest = fact.partition(".")
        if prefix in ("terms", "fields") and rest:
            return (prefix, rest)
        return ("terms" if fact in self.quote.terms else "fields", fact)

    def bases(self, fact: str) -> tuple[str, ...]:
        """What a formula or discount is computed from in the end: fields of the quote, and aggregates."""
        found: dict[str, None] = {}
        waiting, seen = [fact], set[str]()
        while waiting:
            name = waiting.pop(0)
            spec = self.spec(name)
            if name in seen:
                continue
            seen.add(name)
            if spec is not None and spec.kind in ("formula", "discount"):
                waiting.extend(spec.names)
            else:
                found[name] = None
        return tuple(found)

    def roots(self, fact: str) -> frozenset[str]:
        """The fields of the quote on which ``fact`` depends; all lines count as one."""
        if fact not in self._roots:
            found, waiting, seen = set[str](), [fact], set[str]()
            while waiting:
                name = waiting.pop()
                spec = self.spec(name)
                if name in seen:
                    continue
                seen.add(name)
                if spec is None:
                    found.add(".".join(self.place(name) or (name,)))
                else:
                    waiting.extend(spec.names)
                    found |= {"lines"} if spec.kind not in ("formula", "discount") else set()
            self._roots[fact] = frozenset(found)
        return self._roots[fact]

    def members(self, variable: str) -> tuple[PricedLine, ...]:
        """The lines that an aggregate is taken of. Raises :class:`~domain.policy.what_if.purse.Exhausted`."""
        if variable not in self._members:
            self._members[variable] = self._lines_where(variable)
        return self._members[variable]

    def _lines_where(self, variable: str) -> tuple[PricedLine, ...]:
        spec = self.policy.variables.get(variable)
        where = spec.get("where") if isinstance(spec, Mapping) else None
        if where is None:
            return self.priced.lines
        self.purse.spend(len(self.priced.lines))
        asked = [f'line_id = "{each.line.line_id}"' for each in self.priced.lines]
        counts = {f"on_{at}": {"count": "lines", "where": {"all": [where, one]}} for at, one in enumerate(asked)}
        policy = Policy.model_construct(policy="lines", variables={**self.policy.variables, **counts}, rules=())
        found = compile_policy(policy).evaluate(self.priced, self.on).variables
        return tuple(each for at, each in enumerate(self.priced.lines) if found[f"on_{at}"])

    def scale(self, fact: str, tested: Iterable[TestedValue] = ()) -> Scale | None:
        """How ``fact`` is counted; ``None`` where it is a text."""
        spec, value = self.spec(fact), self.facts.get(fact)
        others = [each for one in tested for each in other_sides(one, fact)]
        if is_date(value) or (value is None and any(is_date(each) for each in others)):
            return Scale("date", ONE, True)
        numbers = [number for each in (value, *others) if (number := as_number(each)) is not None]
        if as_number(value) is None and (value is not None or not numbers):
            return None
        if spec is None:
            return Scale("number", _unit(numbers, 0))
        if spec.kind == "count" or spec.field == "term_months":
            return Scale("number", ONE, spec.kind != "avg")
        if spec.field in MONEY_TOTALS and spec.kind != "avg":
            return Scale("number", Decimal(1).scaleb(-minor_digits(self.quote.currency)), True)
        if spec.field == "quantity" and spec.kind != "avg":
            pieces = [each.line.quantity for each in self.members(fact)]
            return Scale("number", _unit(pieces, 0), all(each == each.to_integral_value() for each in pieces))
        least = minor_digits(self.quote.currency) if spec.field in PRICES else 2
        return Scale("number", _unit(numbers, least))


def other_sides(tested: TestedValue, fact: str) -> tuple[str, ...]:
    """What a condition compares ``fact`` with."""
    if tested.name == fact:
        sides = tested.threshold if isinstance(tested.threshold, tuple) else (tested.threshold,)
    else:
        sides = (tested.value,)
    return tuple(each for each in sides if each is not None)


def _unit(numbers: Iterable[Decimal], least: int) -> Decimal:
    """One in the last place that anybody has written; computed values have more places than anybody wants to see."""
    exponents = [number.normalize().as_tuple().exponent for number in numbers]
    written = [-each for each in exponents if isinstance(each, int) and -FINEST_DIGITS <= each < 0]
    return ONE.scaleb(-max([least, *written]))
