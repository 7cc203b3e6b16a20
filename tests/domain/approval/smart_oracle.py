"""Section 4 of the specification once more, as plainly as possible: what the fast one must agree with.

It shares nothing with ``domain``: rules are trees of tuples, a quote is a dictionary of facts, and the past is a list
of what happened to one rule. Numbers are fractions, so that no digit is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

Facts = dict[str, Any]
"""Numbers are fractions, texts are texts, blank is None. ``currency`` and ``rates`` belong to it."""
NUMBER = re.compile(r"-?\d+(\.\d+)?")
MONEY = frozenset(("net_total", "list_total", "spread"))
PARTS_OF_TEXT = ("contains", "not contains", "starts with", "ends with")


class MissingRate(Exception):
    """Two currencies meet and the quote has no rate."""


@dataclass(frozen=True)
class Leaf:
    """``right`` is a fraction, a text, a tuple of these, a name (``of``), or an amount in ``currency``."""

    name: str
    op: str
    right: Any = None
    of: str | None = None
    currency: str | None = None

    def for_operator(self) -> Leaf:
        """Nothing stands on the right of ``is blank``."""
        return Leaf(self.name, self.op) if self.op.endswith("blank") else self

    def text(self) -> str:
        shown = ", ".join(_written(each) for each in self.right) if isinstance(self.right, tuple) else None
        right = self.of or shown or ("" if self.right is None else _written(self.right))
        return f"{self.name} {self.op} {right} {self.currency or ''}".strip()


def _written(value: Any) -> str:
    if not isinstance(value, Fraction):
        return str(value)
    return str(value.numerator) if value.denominator == 1 else str(float(value))


@dataclass(frozen=True)
class Rule:
    """``tree`` is a leaf or (word, parts); ``smart`` the texts that are watched; ``uses`` its variables as defined."""

    tree: Any
    smart: frozenset[str]
    tolerance: tuple[tuple[str, Fraction], ...] = ()
    approver: str = "mei"
    individually: bool = False
    written: Any = None
    uses: tuple[tuple[str, str], ...] = ()


@dataclass
class Happened:
    """What became of the rule in one round. ``people`` had a hand in the yes; ``channel`` is how it was given."""

    rule: Rule
    facts: Facts
    yes: bool = False
    no: bool = False
    people: frozenset[str] = frozenset()
    channel: str = "person"
    round: int = 0


@dataclass
class Past:
    happened: list[Happened] = field(default_factory=list)

    def basis(self, barred: frozenset[str]) -> Happened | None:
        """The last approval by a person who may still be counted on, unless a rejection came later."""
        found = None
        for each in self.happened:
            if each.no:
                found = None
            elif each.yes and each.channel == "person" and not each.people & barred:
                found = each
        return found


# -- conditions


def flat(tree: Any, nots: int = 0) -> Iterator[tuple[Leaf, int]]:
    if isinstance(tree, Leaf):
        yield tree, nots
        return
    word, parts = tree
    for part in parts:
        yield from flat(part, nots + (word == "not"))


def logic(tree: Any, truth: dict[Leaf, bool]) -> bool:
    if isinstance(tree, Leaf):
        return truth[tree]
    word, parts = tree
    values = [logic(part, truth) for part in parts]
    return not values[0] if word == "not" else all(values) if word == "all" else any(values)


def number(value: Any) -> Fraction | None:
    if isinstance(value, Fraction):
        return value
    return Fraction(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None


def right(leaf: Leaf, facts: Facts) -> Any:
    if leaf.of:
        return facts[leaf.of]
    return _converted(leaf.right, leaf.currency, facts) if leaf.currency else leaf.right


def _converted(amount: Fraction, currency: str | None, facts: Facts) -> Fraction:
    if currency in (None, facts["currency"]):
        return amount
    if currency not in facts["rates"]:
        raise MissingRate
    return amount * Fraction(facts["rates"][currency])


def compare(op: str, one: Any, two: Any) -> bool:
    """One operator on two values; a comparison with a blank is false."""
    if op == "is blank":
        return one is None
    if op == "is not blank":
        return one is not None
    if op in ("in", "not in"):
        return one is not None and any(equal(one, each) for each in two) == (op == "in")
    if one is None or two is None:
        return False
    if op in PARTS_OF_TEXT:
        text, part = one.lower(), _written(two).lower()
        found = {"starts with": text.startswith, "ends with": text.endswith}.get(op, text.__contains__)(part)
        return not found if op == "not contains" else found
    if op in ("=", "!="):
        return equal(one, two) == (op == "=")
    left, other = number(one), number(two)
    if left is None or other is None:
        if isinstance(one, Fraction) or isinstance(two, Fraction):
            return False
        return _in_order(op, one.lower(), two.lower())
    return _in_order(op, left, other)


def _in_order(op: str, one: Any, two: Any) -> bool:
    return bool({"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[op])


def equal(one: Any, two: Any) -> bool:
    if one is None or two is None:
        return False
    if isinstance(one, Fraction) or isinstance(two, Fraction):
        return number(one) is not None and number(one) == number(two)
    return str(one).lower() == str(two).lower()


def met(leaf: Leaf, facts: Facts) -> bool:
    return compare(leaf.op, facts[leaf.name], right(leaf, facts))


def fires(rule: Rule, facts: Facts) -> bool:
    return logic(rule.tree, {leaf: met(leaf, facts) for leaf, _ in flat(rule.tree)})


# -- any_worse


def asks_any_worse(rule: Rule, facts: Facts, past: Past, barred: frozenset[str]) -> bool:
    leaves = list(flat(rule.tree))
    if not any(leaf.text() in rule.smart for leaf, _ in leaves):
        return True
    basis = past.basis(barred)
    if basis is None or changed_rule(rule, basis.rule):
        return True
    return any(
        worse(leaf, nots, facts, basis.facts, dict(rule.tolerance).get(leaf.name, Fraction(0)))
        if leaf.text() in rule.smart
        else differs(leaf, facts, basis.facts)
        for leaf, nots in leaves
    )


def changed_rule(now: Rule, then: Rule) -> bool:
    return any(
        getattr(now, part) != getattr(then, part) for part in ("written", "smart", "tolerance", "approver", "uses")
    )


def worse(leaf: Leaf, nots: int, now: Facts, then: Facts, tolerance: Fraction) -> bool:
    odd = nots % 2 == 1
    if met(leaf, now) == odd:
        return False
    if met(leaf, then) == odd or _other_currency(leaf, now, then):
        return True
    new, old = _size(leaf, now), _size(leaf, then)
    ordered = leaf.op in ("<", "<=", ">", ">=")
    if new is None or old is None or _kind(leaf, now) != _kind(leaf, then):
        if not differs(leaf, now, then):
            return False
        one, two = now[leaf.name], then[leaf.name]
        if not ordered or leaf.of or not isinstance(one, str) or not isinstance(two, str):
            return True
        if _kind(leaf, now) != _kind(leaf, then):
            return True
        return (one.lower() > two.lower()) == ((leaf.op in (">", ">=")) != odd)
    if not ordered:
        return abs(new - old) > tolerance
    return (new - old if (leaf.op in (">", ">=")) != odd else old - new) > tolerance


def _other_currency(leaf: Leaf, now: Facts, then: Facts) -> bool:
    money = leaf.name in MONEY or leaf.of in MONEY or leaf.currency is not None
    return money and now["currency"] != then["currency"]


def differs(leaf: Leaf, now: Facts, then: Facts) -> bool:
    if _other_currency(leaf, now, then):
        return True
    pairs = [(now[name], then[name]) for name in (leaf.name, leaf.of) if name]
    return any(seen(leaf, one, now) != seen(leaf, two, then) for one, two in pairs)


def seen(leaf: Leaf, value: Any, facts: Facts) -> Any:
    """A value as its operator takes it: a number where the other side is one, else a text without case."""
    if value is None:
        return None
    if _kind(leaf, facts) == "number" and number(value) is not None:
        return number(value)
    return str(value).lower()


def _kind(leaf: Leaf, facts: Facts) -> str:
    if leaf.op in PARTS_OF_TEXT:
        return "text"
    value, other = facts[leaf.name], right(leaf, facts)
    if isinstance(value, Fraction):
        return "number"
    others = other if isinstance(other, tuple) else (other,)
    numbers = any(number(each) is not None for each in others)
    if leaf.op in ("in", "not in"):
        return "number" if numbers else "text"
    return "number" if numbers and number(value) is not None else "text"


def _size(leaf: Leaf, facts: Facts) -> Fraction | None:
    """What gets larger or smaller: the value, less the right side where that is a fact; of dates the days."""
    if leaf.op in PARTS_OF_TEXT:
        return None
    measure = number if _kind(leaf, facts) == "number" else _day
    value = measure(facts[leaf.name])
    if value is None or not leaf.of:
        return value
    other = measure(facts[leaf.of])
    return None if other is None else value - other


def _day(value: Any) -> Fraction | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return None
    return Fraction((date.fromisoformat(value) - date(1, 1, 1)).days)


# -- salesforce


def asks_salesforce(rule: Rule, facts: Facts, past: Past, barred: frozenset[str]) -> bool:
    leaves = [leaf for leaf, _ in flat(rule.tree)]
    if not any(leaf.text() in rule.smart for leaf in leaves):
        return True
    basis = past.basis(barred)
    truth = {leaf: retest(leaf, rule, facts, basis) for leaf in leaves}
    if logic(rule.tree, truth):
        return True
    return rule.individually and any(truth[leaf] for leaf in leaves if leaf.text() in rule.smart)


def retest(leaf: Leaf, rule: Rule, now: Facts, basis: Happened | None) -> bool:
    if not met(leaf, now):
        return False
    if leaf.text() not in rule.smart:
        return True
    tested = () if basis is None else tuple(other for other, _ in flat(basis.rule.tree) if other.name == leaf.name)
    if basis is None or not tested:
        return True
    value, before = seen(leaf, now[leaf.name], now), seen(leaf, basis.facts[leaf.name], now)
    if isinstance(before, Fraction) and _is_money_in(leaf, tested):
        before = _converted(before, basis.facts["currency"], now)
    if value == before:
        return False
    return compare(leaf.op, value, (before,) if leaf.op in ("in", "not in") else before)


def _is_money_in(leaf: Leaf, tested: Sequence[Leaf]) -> bool:
    def money(each: Leaf) -> bool:
        return each.name in MONEY or each.of in MONEY or each.currency is not None

    then = next((each for each in tested if each.text() == leaf.text()), tested[0])
    return money(leaf) and money(then)
