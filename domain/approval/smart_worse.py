"""``smart_mode: any_worse``: no condition may have got worse since a person approved (``spec/approvals.md`` 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext

from domain.approval.smart_value import is_numeric, is_same, measure, right_of
from domain.approval.smart_words import (
    BETTER,
    CHANGED,
    CURRENCY_CHANGED,
    NEWLY_MET,
    NOT_MET,
    UNCHANGED,
    WITHIN_TOLERANCE,
    WORSE,
)
from domain.approval.state import Snapshot, TestedValue, Weighed
from domain.money import decimal_text

PRECISION = 80
NONE = Decimal(0)
ASKING = frozenset((CHANGED, CURRENCY_CHANGED, NEWLY_MET, WORSE))


def worsened(now: Snapshot, then: Snapshot, tolerance: Mapping[str, Decimal]) -> Iterator[Weighed]:
    """Each condition of a rule that is still the same, held against its snapshot."""
    with localcontext() as context:
        context.prec = PRECISION
        for new, old in zip(now.conditions, then.conditions, strict=True):
            allowed = tolerance.get(new.name, NONE) if new.smart else NONE
            yield _weighed(new, old, allowed, _why(new, old, allowed))


def _weighed(now: TestedValue, then: TestedValue, tolerance: Decimal, why: str) -> Weighed:
    return Weighed(
        text=now.text,
        value=now.value,
        before=then.value,
        against=right_of(now),
        against_before=right_of(then),
        currency=now.currency,
        currency_before=then.currency,
        tolerance=decimal_text(tolerance) if tolerance else None,
        smart=now.smart,
        asks=why in ASKING,
        why=why,
    )


def _why(now: TestedValue, then: TestedValue, tolerance: Decimal) -> str:
    if not now.smart:
        return UNCHANGED if is_same(now, then) else _change(now, then)
    if not now.speaks_for_asking:
        return NOT_MET
    if not then.speaks_for_asking:
        return NEWLY_MET
    if now.currency != then.currency:
        return CURRENCY_CHANGED
    new, old = measure(now), measure(then)
    if new is None or old is None or is_numeric(now) != is_numeric(then):
        return _why_of_text(now, then)
    by = abs(new - old) if now.worse == "change" else new - old if now.worse == "up" else old - new
    if by > tolerance:
        return CHANGED if now.worse == "change" else WORSE
    return UNCHANGED if new == old else WITHIN_TOLERANCE if by > 0 else BETTER


def _change(now: TestedValue, then: TestedValue) -> str:
    return CURRENCY_CHANGED if now.currency != then.currency else CHANGED


def _why_of_text(now: TestedValue, then: TestedValue) -> str:
    """Texts have an order as well, but no distance: against another fact, any change is worse."""
    if is_same(now, then):
        return UNCHANGED
    mixed = is_numeric(now) != is_numeric(then) or now.value is None or then.value is None
    if now.worse == "change" or now.against_fact or mixed:
        return CHANGED
    new, old = (now.value or "").casefold(), (then.value or "").casefold()
    return WORSE if (new > old) == (now.worse == "up") else BETTER
