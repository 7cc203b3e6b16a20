"""``smart_mode: salesforce``: the outcomes that teams who migrate know (``spec/approvals.md`` 4).

Every condition is tested again with what a person saw on its right side, and the rule's own logic combines that. A
mixture of conditions can let a worse value through, as it does there; ``docs/smart-approval.md`` shows how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext

from domain.approval.smart_value import content
from domain.approval.smart_words import (
    FAILS_AGAINST_SNAPSHOT,
    HOLDS_AGAINST_SNAPSHOT,
    NO_SNAPSHOT,
    NOT_MET,
    NOT_SMART,
    UNCHANGED,
)
from domain.approval.smart_worse import PRECISION
from domain.approval.state import Snapshot, TestedValue, Weighed
from domain.policy.comparison import COMPARISONS
from domain.policy.conditions import Combination, Condition, Node, Operator
from domain.refusal import Refusal

ASKING = frozenset((HOLDS_AGAINST_SNAPSHOT, NO_SNAPSHOT, NOT_SMART))
LISTS = frozenset((Operator.IN, Operator.NOT_IN))


def retested(now: Snapshot, then: Snapshot, rates: Mapping[str, Decimal]) -> Iterator[Weighed]:
    """Each condition with its truth against the snapshot. Code: ``missing_rate``."""
    with localcontext() as context:
        context.prec = PRECISION
        for each in now.conditions:
            old = _seen(each, then)
            yield _weighed(each, old, _why(each, old, rates))


def holds(node: Node, weighed: Sequence[Weighed]) -> bool:
    """The rule's logic over the truths of its conditions, given in the order of the rule."""
    return _holds(node, iter([each.asks for each in weighed]))


def _holds(node: Node, truths: Iterator[bool]) -> bool:
    if isinstance(node, Condition):
        return next(truths)
    parts = [_holds(part, truths) for part in node.parts]  # all of them: each takes its own truths
    if node.combination is Combination.NOT:
        return not parts[0]
    return all(parts) if node.combination is Combination.ALL else any(parts)


def _seen(now: TestedValue, then: Snapshot) -> TestedValue | None:
    """What the snapshot has of the tested name; of the very same condition where that was in the rule then."""
    found = [each for each in then.conditions if each.name == now.name]
    return next((each for each in found if each.text == now.text), found[0] if found else None)


def _why(now: TestedValue, then: TestedValue | None, rates: Mapping[str, Decimal]) -> str:
    if not now.met:
        return NOT_MET
    if not now.smart:
        return NOT_SMART
    if then is None:
        return NO_SNAPSHOT
    operator = Operator(now.operator)
    value, seen = content(now, now.value), _converted(now, then, rates)
    if value == seen:
        return UNCHANGED
    right = (seen,) if operator in LISTS else seen
    return HOLDS_AGAINST_SNAPSHOT if COMPARISONS[operator](value, right) else FAILS_AGAINST_SNAPSHOT


def _converted(now: TestedValue, then: TestedValue, rates: Mapping[str, Decimal]) -> Decimal | str | None:
    """What a person saw, in the currency of today."""
    seen = content(now, then.value)
    if not isinstance(seen, Decimal) or now.currency is None or then.currency in (None, now.currency):
        return seen
    rate = rates.get(then.currency)
    if rate is None:
        raise Refusal(
            "missing_rate",
            f"{now.text} was approved in {then.currency}; give the quote rates.{then.currency} in {now.currency}",
            f"rates.{then.currency}",
        )
    return seen * rate


def _weighed(now: TestedValue, then: TestedValue | None, why: str) -> Weighed:
    return Weighed(
        text=now.text,
        value=now.value,
        before=then.value if then else None,
        currency=now.currency,
        currency_before=then.currency if then else None,
        smart=now.smart,
        asks=why in ASKING,
        why=why,
    )
