"""What a rule says of smart approval without effect, and where the salesforce mode lets a worse value through.

That mode asks nobody while the rule's logic fails against the snapshot. Where conditions are joined by ``all``, one
that stays as it was is enough for that, however much worse another became. It is told only where it is certain: for
names that can change on their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal

from domain.policy.conditions import Combination, Condition, Node, Operator, Reference
from domain.policy.document import Policy, RulePart
from domain.policy.finding import Finding, warning
from domain.policy.places import Places
from domain.policy.vocabulary import Sort, Vocabulary

UPWARDS = frozenset((Operator.GREATER, Operator.AT_LEAST))
ROOM = Decimal(2)
"""What must lie between the bounds of a value for it to get worse within them, whole numbers too."""


class SmartCheck:
    """Goes through the rules of one policy that name smart conditions; ``never`` are those that cannot fire."""

    def __init__(self, policy: Policy, vocabulary: Vocabulary, places: Places, never: AbstractSet[str]) -> None:
        self._policy = policy
        self._vocabulary = vocabulary
        self._places = places
        self._never = never

    def findings(self) -> Iterator[Finding]:
        is_salesforce = self._policy.smart_mode == "salesforce"
        for rule in self._policy.rules:
            path = self._places.of(rule)
            if rule.reevaluate_individually and not (is_salesforce and rule.smart_texts):
                message = "reevaluate_individually counts for smart conditions in smart_mode salesforce only"
                yield warning("idle_setting", f"{path}.reevaluate_individually", message)
            if rule.tolerance and is_salesforce:
                message = "a tolerance counts in smart_mode any_worse only"
                yield warning("idle_setting", f"{path}.tolerance", message)
            if is_salesforce and not rule.reevaluate_individually and rule.id not in self._never:
                yield from self._let_through(rule)

    def _let_through(self, rule: RulePart) -> Iterator[Finding]:
        joined = _all_of(rule.conditions)
        if not joined or not self._may_change_alone(joined):
            return
        smart = [each for each in joined if each.text in rule.smart_texts]
        for worse in smart:
            still = next((each for each in smart if _holds_back(each, worse)), None)
            if still is not None and self._has_room(worse.name, joined):
                message = (
                    f"{worse.name} may get worse without anybody being asked again, because {still.text!r} then fails "
                    "against the snapshot; use smart_mode any_worse, or reevaluate_individually"
                )
                yield warning("worse_gets_through", self._places.when(rule), message)
                return

    def _may_change_alone(self, joined: Sequence[Condition]) -> bool:
        """Whether no name of the rule follows from another: all but one are custom fields, and none is on a right."""
        names = {each.name for each in joined}
        rights = [each.right for each in joined if isinstance(each.right, Reference)]
        if any(right.otherwise is None or self._vocabulary.is_fixed(right.name) for right in rights):
            return False
        return sum(self._vocabulary.fact(name).sort is not Sort.CUSTOM for name in names) <= 1

    def _has_room(self, name: str, joined: Sequence[Condition]) -> bool:
        """Whether two values of ``name`` pass all of its conditions, whichever of them comes first."""
        tests = [each for each in joined if each.name == name]
        if not all(each.operator.orders and isinstance(each.right, Decimal) for each in tests):
            return False
        fact = self._vocabulary.fact(name)
        low = [each.right for each in tests if each.operator in UPWARDS and isinstance(each.right, Decimal)]
        high = [each.right for each in tests if each.operator not in UPWARDS and isinstance(each.right, Decimal)]
        low += [fact.least] if fact.least is not None else []
        high += [fact.most] if fact.most is not None else []
        return not low or not high or min(high) - max(low) >= ROOM


def _all_of(node: Node | None) -> list[Condition]:
    """The conditions of a rule that are all joined by ``all`` and under no ``not``; nothing where there are others."""
    if node is None:
        return []
    if isinstance(node, Condition):
        return [node]
    parts = [_all_of(part) for part in node.parts]
    if node.combination is not Combination.ALL or not all(parts):
        return []
    return [condition for part in parts for condition in part]


def _holds_back(still: Condition, worse: Condition) -> bool:
    """Whether ``still`` fails against the snapshot while the value of ``worse`` gets worse: another bound, or fact."""
    if not (worse.operator.orders and isinstance(worse.right, Decimal)):
        return False
    if still.name != worse.name:
        return True
    return still.operator.orders and (still.operator in UPWARDS) != (worse.operator in UPWARDS)
