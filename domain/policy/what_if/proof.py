"""A change that turns a rule, and its proof: the edited document read, priced and evaluated as if it was handed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain.policy.comparison import Value
from domain.policy.document import RulePart
from domain.policy.what_if.draft import Edits, paths, proven_draft
from domain.policy.what_if.ground import Ground, Scale, only
from domain.policy.what_if.statement import Statement
from domain.pricing import PricedQuote
from domain.refusal import Refusal

WHOLE = Decimal(1)
"""The size of a change that cannot be measured: another text, something where nothing was."""
UNSAID = Statement("", None)
READING, OPENING = 4, 200
"""What a proof costs for each line and at least, where pricing a line is 1."""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact brought from ``before`` to ``after`` by ``edits``, which turns the rule: proven.

    ``statement`` is what must be true of the fact. ``size`` is the relative change of the fact. ``nearly`` are the
    edits one step short of it, which do not turn the rule. ``adds`` and ``drops`` are the other rules that the edits
    make fire, or not fire any more.
    """

    fact: str
    before: Value
    after: Value
    size: Decimal
    edits: Edits
    nearly: Edits | None = None
    statement: Statement = UNSAID
    adds: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()

    @property
    def paths(self) -> dict[str, Any]:
        """The edits as changes of the quote's document."""
        return paths(self.edits)

    @property
    def order(self) -> tuple[Decimal, int]:
        """The smaller comes first; of equal ones that with fewer edits."""
        return self.size, len(self.edits)


def size_of(scale: Scale | None, before: Value, after: Value) -> Decimal:
    """How large a change is, relative to the larger of both values; a date's by the year."""
    one, two = (scale.number(before), scale.number(after)) if scale is not None else (None, None)
    if scale is None or one is None or two is None:
        return WHOLE
    if scale.kind == "date":
        return min(WHOLE, abs(one - two) / 365)
    largest = max(abs(one), abs(two))
    return abs(one - two) / largest if largest else WHOLE


def proven(ground: Ground, rule: RulePart, change: Change, said: Iterable[Statement]) -> Change | None:
    """``change`` with the first statement that is false before it and true after it; ``None`` where it proves wrong.

    Raises :class:`~domain.policy.what_if.purse.Exhausted`.
    """
    ground.purse.spend(OPENING + READING * len(ground.priced.lines))
    try:
        priced = proven_draft(ground.document, change.edits)
        evaluation = ground.compiled.evaluate(priced, ground.on, status=ground.status)
    except Refusal:
        return None
    before, after = ground.evaluation.fired_ids, evaluation.fired_ids
    if (rule.id in before) == (rule.id in after):
        return None
    for statement in said:
        if _holds(ground, statement, priced) and not _holds(ground, statement, ground.priced):
            return replace(
                change,
                statement=statement,
                adds=tuple(each for each in after if each not in before and each != rule.id),
                drops=tuple(each for each in before if each not in after and each != rule.id),
            )
    return None


def _holds(ground: Ground, statement: Statement, priced: PricedQuote) -> bool:
    try:
        rule = RulePart.model_construct(id="statement", approver="nobody", when=statement.when)
        return bool(only(ground.policy, [rule]).evaluate(priced, ground.on).fired)
    except Refusal:
        return False
