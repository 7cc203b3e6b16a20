"""Coverage: which rules of a policy the stories fired and did not, and which side of each condition they met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from domain.approval.plan import Submission
from domain.policy.conditions import leaves
from domain.policy.document import RulePart, read_policy
from domain.policy.evaluate import Evaluation, RuleResult
from domain.policy.written import written_rules
from domain.refusal import Refusal
from starter.stories.core import CoreStage
from starter.stories.document import Case
from starter.stories.material import Source

Json = dict[str, Any]


@dataclass(slots=True)
class Sides:
    """How often a condition was met, and how often not."""

    text: str
    met: int = 0
    not_met: int = 0


@dataclass(slots=True)
class RuleCoverage:
    """How often a rule fired and did not, and its conditions."""

    rule: RulePart
    where: str
    conditions: dict[str, Sides]
    fired: int = 0
    not_fired: int = 0

    @classmethod
    def of(cls, rule: RulePart, where: str) -> RuleCoverage:
        texts = dict.fromkeys(leaf.text for leaf, _ in leaves(rule.conditions))
        return cls(rule, where, {text: Sides(text) for text in texts})

    def see(self, result: RuleResult) -> None:
        """Count an evaluation. Conditions count where the rule could fire: elsewhere nobody depends on them."""
        self.fired += result.fired
        self.not_fired += not result.fired
        if result.why is None:
            for tested in result.conditions:
                # A text that a case changed is no condition of the policy under test.
                if (sides := self.conditions.get(tested.text)) is not None:
                    sides.met += tested.met
                    sides.not_met += not tested.met

    @property
    def can_rest(self) -> bool:
        """Whether there can be a quote for which it does not fire."""
        rule = self.rule
        return bool(rule.when is not None or rule.from_ or rule.until or rule.skip_when_status)

    @property
    def sides(self) -> Mapping[str, int]:
        """Everything that stories can exercise of it, in words, and how often they did. Nothing where it is off."""
        if not self.rule.active:
            return {}
        found = {"never fired": self.fired}
        if self.can_rest:
            found["always fired"] = self.not_fired
        for each in self.conditions.values():
            found[f"never met: {each.text}"] = each.met
            found[f"always met: {each.text}"] = each.not_met
        return found

    @property
    def missing(self) -> tuple[str, ...]:
        """What no story exercised."""
        return tuple(words for words, count in self.sides.items() if not count)


@dataclass(slots=True)
class PolicyCoverage:
    """The coverage of one policy, as it is written in one place."""

    source: Source
    name: str
    rules: dict[str, RuleCoverage]
    evaluations: int = 0

    @classmethod
    def of(cls, source: Source) -> PolicyCoverage:
        policy = read_policy(source.value)
        places = (place for place, _ in written_rules(source.value))
        rules = {
            rule.id: RuleCoverage.of(rule, source.where(place))
            for rule, place in zip(policy.rules, places, strict=True)
        }
        return cls(source, policy.policy, rules)

    def see(self, evaluation: Evaluation) -> None:
        """Count an evaluation of this policy, or of what a case made of it."""
        self.evaluations += 1
        for result in evaluation.results:
            if result.rule.id in self.rules:
                self.rules[result.rule.id].see(result)


@dataclass(slots=True)
class Coverage:
    """The coverage of every policy that some stories are told with."""

    policies: Sequence[PolicyCoverage]
    _by_place: Mapping[Any, PolicyCoverage] = field(repr=False)

    @classmethod
    def of(cls, cases: Iterable[Case]) -> Coverage:
        """Of the policies of ``cases``, with nothing exercised yet."""
        sources = {case.policy_source.key: case.policy_source for case in cases}
        by_place = {key: PolicyCoverage.of(source) for key, source in sources.items()}
        return cls(tuple(by_place.values()), by_place)

    def stage(self, case: Case) -> CoveringStage:
        """A stage on which ``case`` is played and counted."""
        return CoveringStage(self._by_place[case.policy_source.key].see)

    @property
    def exercised(self) -> tuple[int, int]:
        """How much was exercised, and of how much."""
        counts = [count for policy in self.policies for rule in policy.rules.values() for count in rule.sides.values()]
        return sum(count > 0 for count in counts), len(counts)

    @property
    def percent(self) -> float:
        """The share exercised, in percent; of nothing it is 100."""
        done, all_ = self.exercised
        return 100 * done / all_ if all_ else 100.0


class CoveringStage(CoreStage):
    """The core stage, showing every evaluation of a submit or preview, refused ones too."""

    def __init__(self, seen: Callable[[Evaluation], None]) -> None:
        super().__init__()
        self._seen = seen

    def _submission(self, by: str, comment: str | None) -> Submission:
        submission = super()._submission(by, comment)
        if self.directory.is_active(submission.submitter):
            day = submission.at.astimezone(self.directory.calendar_of(submission.submitter).zone).date()
            with suppress(Refusal):  # a missing rate: the plan is refused for the same reason
                self._seen(submission.policy.evaluate(submission.priced, day, status=submission.status))
        return submission
