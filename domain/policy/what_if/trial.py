"""Trials: one rule on the quote with edits made, within what a search may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property

from domain.approval.state import TestedValue
from domain.policy.comparison import Value
from domain.policy.conditions import Condition, leaves
from domain.policy.document import RulePart
from domain.policy.evaluate import Evaluation
from domain.policy.what_if.draft import Edits, Key, quick_draft
from domain.policy.what_if.ground import Ground, Scale, names_of, only
from domain.policy.what_if.purse import Exhausted
from domain.policy.what_if.slides import Slide
from domain.pricing import PricedQuote
from domain.refusal import Refusal

MOST_TRIES = 150
"""For each fact of a rule."""
Measure = Callable[[int], Decimal | None]
"""The number of a fact at a step of a slide."""


class Outcome:
    """One rule on an edited quote."""

    def __init__(self, ground: Ground, priced: PricedQuote, evaluation: Evaluation) -> None:
        self._ground, self._priced, self._evaluation = ground, priced, evaluation
        self._result = evaluation.results[0]

    @property
    def fired(self) -> bool:
        return self._result.fired

    @cached_property
    def tested(self) -> tuple[TestedValue, ...]:
        return self._result.conditions

    @cached_property
    def facts(self) -> Mapping[str, Value]:
        return self._ground.facts_of(self._priced, self._evaluation.variables)


class Trials:
    """What is known of one rule by trying; nothing is tried twice."""

    def __init__(self, ground: Ground, rule: RulePart) -> None:
        self.ground = ground
        self.conditions: Mapping[str, Condition] = {leaf.text: leaf for leaf, _ in leaves(rule.conditions)}
        self._alone = only(ground.policy, [rule])
        self._tries = 0
        self._known: dict[tuple[tuple[Key, str], ...], Outcome | None] = {}
        self._about: dict[str, list[TestedValue]] | None = None
        self._slides: list[Slide] = []
        self._seen: dict[tuple[str, int], dict[int, Decimal]] = {}

    @cached_property
    def start(self) -> Outcome:
        """The rule on the quote as it is."""
        found = self.outcome({})
        assert found is not None  # the quote was evaluated before
        return found

    def begin(self) -> None:
        """Another fact is looked at: it may be tried as often as the one before."""
        self._tries = 0

    def about(self, fact: str) -> tuple[TestedValue, ...]:
        """The conditions that test ``fact``, on the quote as it is."""
        if self._about is None:
            self._about = {}
            for each in self.start.tested:
                for name in set(names_of(self.conditions[each.text])):
                    self._about.setdefault(name, []).append(each)
        return tuple(self._about.get(fact, ()))

    def outcome(self, edits: Edits | None) -> Outcome | None:
        """The rule on the edited quote; ``None`` where that is none. Raises :class:`Exhausted`."""
        if edits is None:
            return None
        key = tuple(sorted((each, str(value)) for each, value in edits.items()))
        if key not in self._known:
            self._known[key] = self._try(edits)
        return self._known[key]

    def _try(self, edits: Edits) -> Outcome | None:
        self._tries += 1
        if self._tries > MOST_TRIES:
            raise Exhausted
        lines = len(self.ground.priced.lines)
        touches_lines = any(each[0] == "lines" for each in edits)
        self.ground.purse.spend(1 + (lines if touches_lines else lines // 20) + len(self.conditions) // 10)
        ground = self.ground
        try:
            priced = quick_draft(ground.priced, edits) if edits else ground.priced
            return Outcome(ground, priced, self._alone.evaluate(priced, ground.on, status=ground.status))
        except (Refusal, ArithmeticError, ValueError):
            return None

    def turns(self, edits: Edits | None) -> bool:
        """Whether the edits turn the rule."""
        outcome = self.outcome(edits)
        return outcome is not None and outcome.fired is not self.start.fired

    def tightened(self, slide: Slide, at: int) -> int:
        """A step not above ``at`` at which the rule turns, while at the one before it does not."""
        if at <= 1 or not self.turns(slide.edits(at - 1)):
            return at
        low, high = 0, at - 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.turns(slide.edits(middle)):
                high = middle
            else:
                low = middle
        return high

    def reach(self, fact: str, scale: Scale, slide: Slide, target: Decimal) -> int | None:
        """The first step at which ``fact`` has come to ``target``; most levers move it nearly in proportion."""
        start = scale.number(self.ground.facts.get(fact))
        if start is None or not slide.top:
            return None
        way = -1 if target < start else 1
        seen = self._seen.setdefault((fact, id(slide)), {0: start})
        self._slides.append(slide)  # an id is only good for as long as the slide is there
        high = slide.top
        while high and self._measured(fact, scale, slide, high, seen) is None:
            high //= 2  # so far the quote does not stay a quote
        reached = [at for at, value in seen.items() if (value - target) * way >= 0]
        if not reached:
            return None
        high = min(reached)
        low = max((at for at, value in seen.items() if at < high), default=0)
        return self._between(low, high, target, lambda at: self._measured(fact, scale, slide, at, seen))

    def _between(self, low: int, high: int, target: Decimal, measure: Measure) -> int | None:
        """The first step above ``low`` and up to ``high`` that is at ``target``: guessed in proportion, then halved."""
        low_value, high_value = measure(low), measure(high)
        turn = 0
        while high - low > 1:
            if low_value is None or high_value is None:
                return None
            middle = (low + high) // 2
            if turn % 4 != 3 and high_value != low_value:
                share = (target - low_value) / (high_value - low_value)
                middle = low + int((high - low) * share) + (turn % 2)  # from both sides of the guess
            middle = min(max(middle, low + 1), high - 1)
            value = measure(middle)
            if value is None:
                return None
            if (value >= target) if high_value > low_value else (value <= target):
                high, high_value = middle, value
            else:
                low, low_value = middle, value
            turn += 1
        return high

    def _measured(self, fact: str, scale: Scale, slide: Slide, at: int, seen: dict[int, Decimal]) -> Decimal | None:
        """The number of ``fact`` at a step of the slide."""
        if at not in seen:
            outcome = self.outcome(slide.edits(at))
            value = scale.number(outcome.facts.get(fact)) if outcome is not None else None
            if value is None:
                return None
            seen[at] = value
        return seen[at]
