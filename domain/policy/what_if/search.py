"""The smallest single change of a quote that turns one rule, looked for fact by fact.

A single change moves one fact: a field, a term, a variable. How it is moved, levers know; here they are pulled until
the rule turns, and let back as far as it stays turned. What is told is proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from typing import Any

from domain.policy.comparison import Value
from domain.policy.conditions import Reference
from domain.policy.document import RulePart
from domain.policy.evaluate import EXACT
from domain.policy.what_if.draft import Edits, Key
from domain.policy.what_if.ground import Ground, Scale, names_of, other_sides, possible_truth
from domain.policy.what_if.levers import levers
from domain.policy.what_if.proof import Change, proven, size_of
from domain.policy.what_if.purse import Exhausted
from domain.policy.what_if.slides import DOWN, UP, Lever, Setting, Slide
from domain.policy.what_if.statement import Statement, Turn, statements, turned
from domain.policy.what_if.texts import ANOTHER, texts
from domain.policy.what_if.trial import Outcome, Trials

MOST_TARGETS = 12


class Search:
    """The search for what turns one rule. ``complete`` is false where it was cut short."""

    def __init__(self, ground: Ground, rule: RulePart) -> None:
        self._ground, self._rule = ground, rule
        self._trials = Trials(ground, rule)
        self.complete = True

    def changes(self) -> tuple[Change, ...]:
        """One change for each fact with which there is one, the smallest first. Raises :class:`Exhausted`."""
        found: list[Change] = []
        with localcontext(EXACT):
            for fact in self._facts():
                self._trials.begin()
                try:
                    if self._may_turn(fact):
                        found.extend(self._of_fact(fact))
                except Exhausted:
                    self.complete = False
        return tuple(sorted(found, key=lambda change: change.order))

    def _facts(self) -> tuple[str, ...]:
        """What the rule tests, in its order; an unquoted text that names nothing is no fact."""
        known = self._ground.facts
        self._met = {each.text: each.met for each in self._trials.start.tested}
        self._by_root: dict[str, list[str]] = {}
        for text, leaf in self._trials.conditions.items():
            for root in {root for name in names_of(leaf) for root in self._ground.roots(name)}:
                self._by_root.setdefault(root, []).append(text)
        found = dict.fromkeys(
            name
            for leaf in self._trials.conditions.values()
            for name in names_of(leaf)
            if name == leaf.name or name in known
        )
        return tuple(found)

    def _may_turn(self, fact: str) -> bool:
        """Whether the rule can turn at all while what does not depend on ``fact`` stays as it is."""
        assert self._rule.conditions is not None
        self._ground.purse.spend(1 + len(self._trials.conditions) // 50)
        met: dict[str, bool | None] = dict(self._met)
        for root in self._ground.roots(fact):
            met.update(dict.fromkeys(self._by_root[root]))
        return possible_truth(self._rule.conditions, met) is None

    def _of_fact(self, fact: str) -> Iterator[Change]:
        scale = self._ground.scale(fact, self._trials.about(fact))
        found = list(self._by_number(fact, scale)) if scale is not None else []
        if not found and self._ground.place(fact) is not None:
            found = list(self._by_text(fact))
        if found:
            yield min(found, key=lambda change: change.order)

    def _by_text(self, fact: str) -> Iterator[Change]:
        key = self._ground.place(fact)
        assert key is not None
        for value in texts(self._ground, self._trials.conditions.values(), fact):
            edits: dict[Key, Any] = {key: value}
            change = self._told(fact, None, edits, {}) if self._trials.turns(edits) else None
            if change is not None:
                yield change
                return

    # -- numbers and dates

    def _by_number(self, fact: str, scale: Scale) -> Iterator[Change]:
        start = scale.number(self._ground.facts.get(fact))
        targets = self._targets(fact, scale)
        for direction in (DOWN, UP) if start is not None else (UP,):  # from nothing there is one direction
            ahead = [each for each in targets if start is None or (each - start) * direction > 0]
            if ahead:
                yield from self._first(fact, scale, direction, ahead[:MOST_TARGETS])

    def _targets(self, fact: str, scale: Scale) -> list[Decimal]:
        """Where the conditions on ``fact`` can turn: at each threshold, and on both sides of it; the nearest first."""
        start = scale.number(self._ground.facts.get(fact))
        found: dict[Decimal, None] = {}
        for tested in self._trials.about(fact):
            for side in other_sides(tested, fact):
                number = scale.number(side)
                if number is not None:
                    below, above = scale.at_most(number, strictly=True), scale.at_least(number, strictly=True)
                    found.update(dict.fromkeys((number, below, above)))
        return sorted(found, key=lambda each: abs(each - start) if start is not None else 0)

    def _first(self, fact: str, scale: Scale, direction: int, targets: Sequence[Decimal]) -> Iterator[Change]:
        """The change by the most natural lever that turns the rule."""
        for group in levers(self._ground, fact, direction, scale):
            pulled = [self._pull(fact, scale, lever, direction, targets) for lever in group]
            found = [change for change in pulled if change is not None]
            if found:
                yield min(found, key=lambda change: change.order)
                return

    def _pull(self, fact: str, scale: Scale, lever: Lever, direction: int, targets: Sequence[Decimal]) -> Change | None:
        for slide, at in self._positions(fact, scale, lever, direction, targets):
            if self._trials.turns(slide.edits(at)):
                tight = self._trials.tightened(slide, at)
                change = self._told(fact, scale, slide.edits(tight), slide.edits(tight - 1) if tight > 1 else {})
                if change is not None:
                    return change
        return None

    def _positions(
        self, fact: str, scale: Scale, lever: Lever, direction: int, targets: Sequence[Decimal]
    ) -> Iterator[tuple[Slide, int]]:
        for target in targets:
            position = self._position(fact, scale, lever, target)
            if position is None:
                break  # nor would it get any further
            yield position
        if any(isinstance(self._trials.conditions[each.text].right, Reference) for each in self._trials.about(fact)):
            # The other side may move as well, so that today's thresholds do not say where the rule turns.
            slide = lever.open(direction) if isinstance(lever, Setting) else lever
            yield slide, slide.top

    def _position(self, fact: str, scale: Scale, lever: Lever, target: Decimal) -> tuple[Slide, int] | None:
        """How far the lever must go for ``fact`` to come to ``target``."""
        if isinstance(lever, Setting):
            slide = lever.to(target)
            return slide, slide.top
        at = self._trials.reach(fact, scale, lever, target)
        return (lever, at) if at is not None else None

    # -- telling

    def _told(self, fact: str, scale: Scale | None, edits: Edits | None, nearly: Edits | None) -> Change | None:
        """The change as it can be told; ``None`` where it is not this fact that turned the rule, or not provable."""
        after, before = self._trials.outcome(edits), self._trials.outcome(nearly) or self._trials.start
        if not edits or after is None:
            return None
        turns = turned(self._trials.conditions, before.tested, after.tested, fact)
        if not turns:
            return None
        value, was = after.facts.get(fact), self._ground.facts.get(fact)
        change = Change(fact, was, value, size_of(scale, was, value), edits, nearly)
        said = self._said(fact, scale, turns, value, after)
        return proven(self._ground, self._rule, change, said)

    def _said(
        self, fact: str, scale: Scale | None, turns: Sequence[Turn], value: Value, after: Outcome
    ) -> Iterator[Statement]:
        """What can be said of ``fact``. A limit is only told where the rule stays turned beyond it."""
        about = {each.text for each in self._trials.about(fact)}
        alone = len({each.tested.text for each in turns}) == len(about)
        if scale is not None:
            alone = alone or self._holds_beyond(fact, scale, value)
        elif not alone and value == ANOTHER:  # any value is meant with which all conditions are as they are now
            mine = [each for each in after.tested if each.text in about]
            alone, turns = True, [Turn(self._trials.conditions[each.text], each) for each in mine]
        return statements(turns, fact, value, scale, alone=alone)

    def _holds_beyond(self, fact: str, scale: Scale, value: Value) -> bool:
        """Whether the rule stays turned where ``fact`` goes on past the other thresholds."""
        number, start = scale.number(value), scale.number(self._ground.facts.get(fact))
        if number is None or start is None:
            return False
        further = [each for each in self._targets(fact, scale) if (each - number) * (number - start) > 0]
        for lever in next(levers(self._ground, fact, DOWN if number < start else UP, scale), ()):
            for target in further[:MOST_TARGETS]:
                position = self._position(fact, scale, lever, target)
                if position is not None and not self._trials.turns(position[0].edits(position[1])):
                    return False
        return True
