"""Texts worth trying for a fact: those that the policy compares it with, any other one, and the blank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain

from domain.policy.comparison import Value
from domain.policy.conditions import Condition, Operator, Reference, leaves
from domain.policy.what_if.ground import Ground
from domain.policy.what_if.statement import plain

ANOTHER = "another"
"""Stands for any text that the policy does not name."""
MOST_TEXTS = 12
BLANKNESS = (Operator.IS_BLANK, Operator.IS_NOT_BLANK)


def texts(ground: Ground, conditions: Iterable[Condition], fact: str) -> Iterator[str | None]:
    """The texts in the order of how much they help: the rule's own, other rules', any, and none (``None``)."""
    now = ground.facts.get(fact)
    others = (leaf for rule in ground.policy.rules for leaf, _ in leaves(rule.conditions))
    seen = {plain(now).casefold()} if now is not None else set[str]()
    for text in _named(ground, chain(conditions, others), fact):
        if text.casefold() not in seen and len(seen) <= MOST_TEXTS:
            seen.add(text.casefold())
            yield text
    yield ANOTHER
    if now is not None:
        yield None


def _named(ground: Ground, conditions: Iterable[Condition], fact: str) -> Iterator[str]:
    names = {fact, fact.removeprefix("terms."), fact.removeprefix("fields.")}
    for each in conditions:
        if each.name in names and each.operator not in BLANKNESS:
            yield from _literals(each, ground.facts)
        elif isinstance(each.right, Reference) and each.right.name in names:
            other = ground.facts.get(each.name)
            if other is not None:
                yield plain(other)


def _literals(condition: Condition, facts: Mapping[str, Value]) -> Iterator[str]:
    right = condition.right
    for each in right if isinstance(right, tuple) else (right,):
        if isinstance(each, Reference):
            value = facts.get(each.name, each.otherwise)
            if value is not None:
                yield plain(value)
        elif isinstance(each, str | Decimal):
            yield plain(each)
