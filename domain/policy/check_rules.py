"""Rules, lanes and steps: what can never fire, what always does, what stands twice, and what nobody uses."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice

from domain.policy.conditions import Combination, Condition, Node, leaves, names_in
from domain.policy.document import UNCHAINED, ChainPart, Policy, RulePart
from domain.policy.finding import Finding, error, warning
from domain.policy.meaning import meaning
from domain.policy.places import Places
from domain.policy.possible import Work
from domain.policy.satisfiable import Reader
from domain.policy.vocabulary import Vocabulary

STATES = frozenset(("draft", "pending", "approved", "rejected", "recalled"))
MOST_TOLD = 5
AD_HOC = re.compile(r"\.added-[0-9]+\Z", re.ASCII)
"""How the ids of ad-hoc approvals end, after that of the rule."""
Seat = tuple[str, str | None, int]
"""Approver, chain and step: whom a rule asks and when."""


class RuleCheck:
    """Goes through the rules of one policy as of a day."""

    def __init__(self, policy: Policy, vocabulary: Vocabulary, places: Places, work: Work, on: date) -> None:
        self._policy = policy
        self._places = places
        self._work = work
        self._on = on
        self._strict = Reader(vocabulary, work)
        self._likely = Reader(vocabulary, work, words_are_texts=True)
        self._lines = (
            Reader(vocabulary, work, line=True),
            Reader(vocabulary, work, line=True, words_are_texts=True),
        )
        self._never: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        if not self._policy.rules:
            yield warning("no_rules", "rules", "there are no rules: every quote is approved at once")
        for name, spec in self._policy.variable.items():
            if spec.condition is not None:
                path = f"variables.{name}.where"
                yield from _never(self._lines, spec.condition, path, "no line can ever be counted")
        for rule in self._policy.rules:
            yield from self._rule(rule)
        yield from self._unused_variables()
        yield from self._twice()
        yield from self._lanes()

    @property
    def never(self) -> frozenset[str]:
        """The ids of the rules that can never fire from the day on; known when the findings are made."""
        return frozenset(self._never)

    # -- one rule

    def _rule(self, rule: RulePart) -> Iterator[Finding]:
        path = self._places.of(rule)
        if AD_HOC.search(rule.id):
            message = f"{rule.id} ends like the approvals that people add by hand; give the rule another id"
            yield error("reserved_name", path, message)
        found = [*self._window(rule, path), *self._contradiction(rule)]
        if found:
            self._never.add(rule.id)
        yield from found
        for state in rule.skip_when_status:
            if state.casefold() not in STATES:
                message = f"a quote is never {state!r}; it is one of {', '.join(sorted(STATES))}"
                yield error("unknown_status", f"{path}.skip_when_status", message)
        if not found and rule.conditions is not None:
            yield from self._idle(rule, rule.conditions)

    def _window(self, rule: RulePart, path: str) -> Iterator[Finding]:
        if not rule.active:
            yield warning("inactive_rule", f"{path}.active", f"{rule.id} is not active")
        elif rule.until is not None and rule.until < self._on:
            yield warning("window_over", f"{path}.until", f"{rule.id} ended on {rule.until}; remove it or move its end")
        elif {state.casefold() for state in rule.skip_when_status} >= STATES:
            yield error("contradiction", f"{path}.skip_when_status", f"{rule.id} is skipped in every state of a quote")

    def _contradiction(self, rule: RulePart) -> Iterator[Finding]:
        if rule.conditions is not None:
            readers = (self._strict, self._likely)
            yield from _never(readers, rule.conditions, self._places.when(rule), f"the rule {rule.id} can never fire")

    def _idle(self, rule: RulePart, conditions: Node) -> Iterator[Finding]:
        if self._likely.always(conditions):
            message = f"{rule.id} fires for every quote; if that is meant, leave out when"
            yield warning("always_fires", self._places.when(rule), message)
            return
        dead = (part for part in _alternatives(conditions) if self._likely.never((conditions, True), (part, True)))
        for part in islice(dead, MOST_TOLD):
            texts = [leaf.text for leaf, _ in leaves(part)]
            path = next(each.path for each in self._places.conditions(rule) if each.condition.text == texts[0])
            yield warning("dead_alternative", path, f"{' and '.join(texts)[:200]!r} never makes {rule.id} fire")

    # -- rules beside each other

    def _twice(self) -> Iterator[Finding]:
        seats: dict[Seat, list[RulePart]] = defaultdict(list)
        for rule in self._policy.rules:
            if rule.id not in self._never:
                seats[str(rule.approver), rule.chain, rule.step].append(rule)
        for rules in seats.values():
            if len(rules) > 1:
                yield from self._same_seat(rules)

    def _same_seat(self, rules: Sequence[RulePart]) -> Iterator[Finding]:
        """Rules that ask the same approver at the same time: the same twice, or one within another."""
        first: dict[object, RulePart] = {}
        for rule in rules:
            key = (meaning(rule.conditions), rule.from_, rule.until, frozenset(rule.skip_when_status))
            twin = first.setdefault(key, rule)
            if twin is not rule:
                message = f"{rule.id} asks the same approver at the same step under the same conditions as {twin.id}"
                yield warning("duplicate_rule", self._places.of(rule), message)
        yield from self._shadowed(list(first.values()))

    def _shadowed(self, rules: Sequence[RulePart]) -> Iterator[Finding]:
        """Only a rule that tests no more names than another can fire whenever that one does."""
        if all(self._places.are_of_one_table(rules[0], rule) for rule in rules):
            return
        names = {rule.id: frozenset(leaf.name for leaf, _ in leaves(rule.conditions)) for rule in rules}
        gone: set[str] = set()
        for rule in rules:
            for other in rules:
                if not self._work.spend(1):
                    return
                if other is rule or other.id in gone or not names[other.id] <= names[rule.id]:
                    continue
                if self._is_within(rule, other):
                    message = f"whenever {rule.id} fires, {other.id} asks the same approver at the same step"
                    yield warning("shadowed_rule", self._places.of(rule), message)
                    gone.add(rule.id)
                    break

    def _is_within(self, rule: RulePart, other: RulePart) -> bool:
        """Whether ``other`` fires whenever ``rule`` does. Rows of one table are told apart with the table."""
        if self._places.are_of_one_table(rule, other):
            return False
        covers = (
            (other.from_ is None or other.from_ <= max(self._on, rule.from_ or self._on))
            and (other.until is None or (rule.until is not None and rule.until <= other.until))
            and {state.casefold() for state in other.skip_when_status}
            <= {state.casefold() for state in rule.skip_when_status}
        )
        return covers and self._likely.never((rule.conditions, True), (other.conditions, False))

    # -- what nobody uses

    def _unused_variables(self) -> Iterator[Finding]:
        used: set[str] = set()
        waiting = [
            name for rule in self._policy.rules for leaf, _ in leaves(rule.conditions) for name in names_in(leaf)
        ]
        while waiting:
            name = waiting.pop()
            if name in self._policy.variables and name not in used:
                used.add(name)
                waiting.extend(self._policy.names_used_by(name))
        for name in self._policy.variables:
            if name not in used:
                yield warning("unused_variable", f"variables.{name}", f"no rule uses {name}")

    def _lanes(self) -> Iterator[Finding]:
        steps: dict[tuple[str | None, int], list[RulePart]] = defaultdict(list)
        for rule in self._policy.rules:
            steps[rule.chain, rule.step].append(rule)
        used = {chain for chain, _ in steps}
        alive = {rule.chain for rule in self._policy.rules if rule.id not in self._never}
        waiting: dict[str, str] = {}
        for name, part in self._policy.chains.items():
            waiting |= dict.fromkeys((part or ChainPart()).after, name)
        for name in self._policy.chains:
            if name not in used:
                told = f", so that {waiting[name]} waits for nothing" if name in waiting else ""
                yield warning("unused_lane", f"chains.{name}", f"no rule is in the lane {name}{told}")
            elif name not in alive:
                yield warning("unreachable_step", f"chains.{name}", f"no rule of the lane {name} can fire")
        for (lane, step), rules in steps.items():
            if lane in alive and all(rule.id in self._never for rule in rules):
                message = f"step {step} of {lane or UNCHAINED} is never reached: none of its rules can fire"
                yield warning("unreachable_step", self._places.of(rules[0]), message)


def _never(readers: Iterable[Reader], node: Node, path: str, told: str) -> Iterator[Finding]:
    """An error where ``node`` can never hold; a warning where it can if a quote brings fields called like its texts."""
    strict, likely = readers
    if not likely.never((node, True)):
        return
    message = f"these conditions exclude each other, so that {told}"
    if strict.never((node, True)):
        yield error("contradiction", path, message)
    else:
        word = "unless a quote has a custom field called like one of the words on the right; put texts in quotes"
        yield warning("contradiction", path, f"{message}, {word}")


def _alternatives(node: Node) -> Iterator[Node]:
    """The parts of every ``any`` that no ``not`` stands over."""
    if isinstance(node, Condition) or node.combination is Combination.NOT:
        return
    for part in node.parts:
        if node.combination is Combination.ANY and len(node.parts) > 1:
            yield part
        yield from _alternatives(part)
