"""Mutants of a policy: the same policy with one small thing wrong in it.

Stories that pass on a mutant as they do on the policy have not looked at that thing. Tables are mutated as the rules
that their rows stand for. A mutant need not be a valid policy; whoever plays it leaves out those that are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from domain.approvers import name_of
from domain.money import decimal_text
from domain.policy.conditions import CONDITION, NUMBER, Operator, read_condition
from domain.policy.document import Policy, RulePart, read_policy
from domain.policy.when import Step, leaf_texts, swapped, with_text, without
from domain.policy.written import written_rules
from domain.yaml_text import Path

OPPOSITE = {
    Operator.GREATER: Operator.AT_LEAST,
    Operator.LESS: Operator.AT_MOST,
    Operator.EQUAL: Operator.NOT_EQUAL,
    Operator.IN: Operator.NOT_IN,
    Operator.CONTAINS: Operator.NOT_CONTAINS,
    Operator.STARTS_WITH: Operator.ENDS_WITH,
    Operator.IS_BLANK: Operator.IS_NOT_BLANK,
}
FLIPPED = OPPOSITE | {other: one for one, other in OPPOSITE.items()}
ELEMENT = re.compile(r'\s*("[^"]*"|\'[^\']*\'|[^,]+?)\s*(?:,|$)')
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
NUMBERS = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One part of the document replaced by ``value``, or taken out (``None``).

    ``part`` is where it stands in the document with its tables written out (:mod:`domain.policy.written`), ``place``
    where in the document as it was written, and ``text`` what is wrong in it, in words.
    """

    part: Path
    value: Any
    place: Path
    text: str

    def applied(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """``document`` (written out) with this wrong in it. Parts that are not touched are shared."""
        holder, key = str(self.part[0]), self.part[1]
        if isinstance(key, int):
            rules = document[holder]
            one = [] if self.value is None else [self.value]
            return {**document, holder: [*rules[:key], *one, *rules[key + 1 :]]}
        return {**document, holder: {**document[holder], key: self.value}}


def mutants(document: Mapping[str, Any]) -> Iterator[Mutant]:
    """The mutants of a valid policy, in the order of its document."""
    policy = read_policy(document)
    for name, spec in policy.variables.items():
        if isinstance(spec, Mapping) and spec.get("where") is not None:
            yield from _variable_mutants(name, spec)
    for at, (place, raw) in enumerate(written_rules(document)):
        part = policy.rules[at]
        if part.active:
            yield from _rule_mutants(policy, part, raw, ("rules", at), place)


def _variable_mutants(name: str, spec: Mapping[str, Any]) -> Iterator[Mutant]:
    place: Path = ("variables", name)
    for steps, words, where in _when_mutants(spec["where"]):
        value = {word: part for word, part in spec.items() if word != "where"}
        value |= {} if where is None else {"where": where}
        yield Mutant(place, value, (*place, "where", *steps), f"variable {name}: {words}")


def _rule_mutants(policy: Policy, rule: RulePart, raw: Any, part: Path, place: Path) -> Iterator[Mutant]:
    def mutant(value: Any, at: Path, words: str) -> Mutant:
        return Mutant(part, value, (*place, *at), f"rule {rule.id}: {words}")

    if rule.when is not None:
        for steps, words, when in _when_mutants(rule.when):
            yield mutant(_with_when(raw, rule, when), ("when", *steps), words)
    for step in _steps(policy, rule):
        yield mutant({**raw, "step": step}, ("step",), f"step {rule.step} → step {step}")
    if policy.fallback is not None and rule.approver != policy.fallback:
        words = f"approver {name_of(rule.approver)} → {policy.fallback}, the fallback"
        yield mutant({**raw, "approver": policy.fallback}, ("approver",), words)
    yield mutant(None, (), "the rule is deleted")


def _steps(policy: Policy, rule: RulePart) -> tuple[int, ...]:
    """Steps at which the rule would stand otherwise among the rules of its lane; others nobody could notice."""
    lane = [each for each in policy.rules if each.chain == rule.chain and each.active]
    others = sorted({each.step for each in lane if each is not rule})
    earlier = [step for step in others if step < rule.step][-1:]
    later = [step for step in others if step > rule.step][:1]
    apart = [rule.step + 1] if rule.step in others else []
    return tuple(dict.fromkeys((*earlier, *later, *apart)))


# -- conditions

Wrong = tuple[tuple[Step, ...], str, Any]
"""Where in a ``when``, what is wrong in words, and the ``when`` with it (``None``: without any condition)."""


def _when_mutants(when: Any) -> Iterator[Wrong]:
    texts = list(leaf_texts(when))
    for steps, text in texts:
        for other in _text_mutants(text):
            yield steps, f"{_folded(text)} → {_folded(other)}", with_text(when, steps, other)
        yield steps, f"{_folded(text)} is left out", without(when, steps)
    for steps, words, other in swapped(when):
        yield steps, words, other


def _folded(text: str) -> str:
    return " ".join(text.split())


def _text_mutants(text: str) -> Iterator[str]:
    """A condition with another operator, or with its threshold one step further up or down."""
    found = CONDITION.fullmatch(text)
    assert found is not None  # the policy was read
    condition = read_condition(text, "")
    start, end = found.span("operator")
    yield text[:start] + FLIPPED[condition.operator] + text[end:]
    start, end = found.span("right")
    for right in _nudged(found["right"], condition.operator):
        yield text[:start] + right + text[end:]


def _nudged(right: str, operator: Operator) -> Iterator[str]:
    if operator in (Operator.IN, Operator.NOT_IN):
        yield from _shorter(right)
    elif DAY.fullmatch(right):
        yield from (str(date.fromisoformat(right) + timedelta(days)) for days in (-1, 1))
    elif isinstance(_value(right), Decimal):
        yield from (_one_step(right, way) for way in (-1, 1))
    elif (found := NUMBERS.search(right)) and re.fullmatch(r"[A-Z]{3}", right.replace(found[0], "").strip()):
        yield from (right.replace(found[0], _one_step(found[0], way)) for way in (-1, 1))


def _value(right: str) -> Any:
    return Decimal(right) if NUMBER.fullmatch(right) else right


def _one_step(number: str, way: int) -> str:
    """The next number of the same scale: 25 → 26, 7.5 → 7.6."""
    value = Decimal(number)
    return decimal_text(value + way * Decimal(1).scaleb(int(value.as_tuple().exponent)))


def _shorter(listed: str) -> Iterator[str]:
    """The list without each of its elements in turn."""
    inner = listed[1:-1] if listed.startswith("[") and listed.endswith("]") else listed
    parts = [part for part in ELEMENT.findall(inner) if part]
    if len(parts) > 1:
        yield from (", ".join(parts[:at] + parts[at + 1 :]) for at in range(len(parts)))


# -- what names conditions by their text


def _with_when(raw: Mapping[str, Any], rule: RulePart, when: Any) -> dict[str, Any]:
    """The rule with other conditions; ``smart`` and ``tolerance`` follow, so that only the one thing is wrong."""
    value = {name: part for name, part in raw.items() if name not in ("when", "smart", "tolerance")}
    value |= {} if when is None else {"when": when}
    before, after = ([_folded(text) for _, text in leaf_texts(each)] for each in (rule.when, when))
    if rule.smart is True:
        value["smart"] = True
    elif rule.smart_texts:
        value["smart"] = _followed(before, after, rule.smart_texts)
    names = {read_condition(text, "").name for text in after}
    if tolerance := {name: each for name, each in rule.tolerance.items() if name in names}:
        value["tolerance"] = tolerance
    return value


def _followed(before: list[str], after: list[str], watched: frozenset[str]) -> list[str]:
    if len(before) == len(after):
        kept = [new for old, new in zip(before, after, strict=True) if old in watched]
    else:
        kept = [text for text in after if text in watched]
    return list(dict.fromkeys(kept))
