"""Why each rule fired or did not, and what single change would turn it (``spec/approvals.md`` 5).

Explaining is apart from evaluating: it costs many evaluations, and is only done for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from domain.approval.state import TestedValue
from domain.policy.conditions import Combination, Condition, Node
from domain.policy.document import RulePart
from domain.policy.evaluate import CompiledPolicy, RuleResult
from domain.policy.what_if.ground import Ground
from domain.policy.what_if.proof import Change
from domain.policy.what_if.purse import Exhausted, Purse
from domain.policy.what_if.search import Search
from domain.pricing import PricedQuote

MOST_WORK = 40_000
"""How many lines may be priced for one explanation: about a second. A quote of 10 lines has room for 100 rules."""
MOST_LINES = 2_500
"""A larger quote is not searched at all: a handful of evaluations would take all that time."""
ALWAYS = "it is always asked"
NO_CHANGE = "no single change found"
NOT_SEARCHED = "not searched: the quote or the policy is too large"
CUT_SHORT = "no single change found before the search reached its limit"


@dataclass(frozen=True, slots=True)
class ExplainedCondition:
    """A condition as it was tested; ``decided`` where the rule owes its outcome to it."""

    tested: TestedValue
    decided: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule: its outcome, its conditions, and the smallest single change that would turn it.

    ``others`` are changes of other facts that would do as well, ``note`` says why there is no change. Where
    ``complete`` is false, the search was cut short, and a smaller change may exist.
    """

    rule: str
    fired: bool
    conditions: tuple[ExplainedCondition, ...]
    change: Change | None = None
    others: tuple[Change, ...] = ()
    note: str | None = None
    complete: bool = True

    @property
    def smallest(self) -> tuple[Change, ...]:
        """The change, and those that are exactly as small."""
        if self.change is None:
            return ()
        return (self.change, *(each for each in self.others if each.size == self.change.size))


def explain(
    compiled: CompiledPolicy, priced: PricedQuote, on: date, *, status: str = "draft", most_work: int = MOST_WORK
) -> tuple[Explanation, ...]:
    """Every rule explained, in the order of the policy. Code: ``missing_rate``."""
    purse = Purse(most_work if len(priced.lines) <= MOST_LINES else 0)
    ground = Ground(compiled, priced, on, status, purse)
    # The approvals come first: where not everything can be searched, they are what a rep asks about.
    ordered = sorted(ground.evaluation.results, key=lambda result: not result.fired)
    found = {result.rule.id: _explained(ground, result) for result in ordered}
    return tuple(found[result.rule.id] for result in ground.evaluation.results)


def _explained(ground: Ground, result: RuleResult) -> Explanation:
    rule = result.rule
    conditions = tuple(_conditions(rule, result))
    if result.why is not None or rule.conditions is None:
        return Explanation(rule.id, result.fired, conditions, note=result.why or ALWAYS)
    try:
        ground.purse.spend(1)
        search = Search(ground, rule)
        changes = search.changes()
    except Exhausted:
        return Explanation(rule.id, result.fired, conditions, note=NOT_SEARCHED, complete=False)
    if not changes:
        note = NO_CHANGE if search.complete else NOT_SEARCHED if ground.purse.is_empty else CUT_SHORT
        return Explanation(rule.id, result.fired, conditions, note=note, complete=search.complete)
    first, *others = changes
    return Explanation(rule.id, result.fired, conditions, first, tuple(others), complete=search.complete)


def _conditions(rule: RulePart, result: RuleResult) -> Iterator[ExplainedCondition]:
    tested = result.conditions
    met = {each.text: each.met for each in tested}
    whole = rule.conditions is not None and result.why is None and bool(tested)
    decided = _deciding(rule.conditions, met)[1] if whole and rule.conditions is not None else frozenset()
    for each in tested:
        yield ExplainedCondition(each, each.text in decided)


def _deciding(node: Node, met: Mapping[str, bool]) -> tuple[bool, frozenset[str]]:
    """The truth of ``node``, and the conditions to which it owes that: of a true ``any`` those that are true."""
    if isinstance(node, Condition):
        return met[node.text], frozenset((node.text,))
    parts = [_deciding(part, met) for part in node.parts]
    if node.combination is Combination.NOT:
        return not parts[0][0], parts[0][1]
    loud_truth = node.combination is Combination.ANY  # one true part settles any, one false part settles all
    loud = [texts for truth, texts in parts if truth is loud_truth]
    quiet = [texts for _, texts in parts]
    return loud_truth if loud else not loud_truth, frozenset().union(*(loud or quiet))
