"""Recognition: what part of an item is earned by the end of a day, method by method (``spec/orders.md`` 5).

Every method is a share of the whole that is reached by a day; amounts are differences of rounded cumulative shares, so
that the parts always add up to the item's amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.known import KnownItem, by
from domain.quote import Kind, PricePer, Revenue
from domain.refusal import Refusal
from domain.term import ONE_DAY, add_months, calendar_months, last_of_month, term_days

NOTHING, ALL = Fraction(0), Fraction(1)
TIME_METHODS = frozenset({Revenue.DAILY, Revenue.MONTHLY, Revenue.MID_MONTH})


def earned_share(item: KnownItem, day: date) -> Fraction:
    """The share of ``item``'s amount (0 to 1) that is earned by the end of ``day``.

    Of usage, that is what was used by then of what the item was ordered for, and never more than all of it. Code:
    ``missing_field`` for a schedule over time without an end.
    """
    method = item.plan.revenue
    if method in TIME_METHODS:
        start, end = recognition_term(item.plan)
        return share_of_term(method, start, end, day)
    if method is Revenue.ON_DELIVERY:
        return part_of(by(item.received, day), item.plan.quantity)
    if method is Revenue.ON_MILESTONE:
        return _by_milestones(item, day)
    if method is Revenue.PERCENT_COMPLETE:
        return Fraction(latest(item.progress, day)) / 100
    if method is Revenue.USAGE:
        return part_of(by(item.usage, day), item.plan.amount)
    return NOTHING


def part_of(amount: Decimal, whole: Decimal) -> Fraction:
    """What part ``amount`` is of ``whole``, from 0 to 1; nothing of nothing."""
    if whole == 0:
        return NOTHING
    return max(NOTHING, min(ALL, Fraction(amount) / Fraction(whole)))


def latest(cumulative: Iterable[tuple[date, Decimal]], day: date) -> Decimal:
    """What was last told for ``day`` or before it; of several for one day, the one recorded last."""
    told = [(on, value) for on, value in cumulative if on <= day]
    last = max((on for on, _ in told), default=None)
    return next((value for on, value in reversed(told) if on == last), Decimal(0))


def recognition_term(plan: LedgerEntry) -> tuple[date, date]:
    """First and last day over which a time method earns; of an evergreen item, its first ``price_per`` period."""
    assert plan.start is not None
    if plan.item_kind is Kind.EVERGREEN and plan.kind is not EntryKind.PERIOD:
        first_period = add_months(plan.start, 12 if plan.price_per is PricePer.YEAR else 1) - ONE_DAY
        return plan.start, min(first_period, plan.end or first_period)
    if plan.end is not None:
        return plan.start, plan.end
    raise Refusal("missing_field", f"{plan.item_id} is recognised over time and has no end", f"lines.{plan.line_id}")


@lru_cache(maxsize=50_000)
def share_of_term(method: Revenue, start: date, end: date, day: date) -> Fraction:
    """The share of a term that is over by ``day``; remembered, for the items of a customer share few terms."""
    if day < start:
        return NOTHING
    if day >= end:
        return ALL
    if method is Revenue.DAILY:
        return Fraction(term_days(start, day), term_days(start, end))
    if method is Revenue.MONTHLY:
        return calendar_months(start, day) / calendar_months(start, end)
    return _mid_month(start, end, day)


def _mid_month(start: date, end: date, day: date) -> Fraction:
    """Half a month's share in the first and the last month, full ones between; each is earned with its last day."""
    between = _month_number(end) - _month_number(start)
    complete = _month_number(day) - _month_number(start) + (1 if is_month_end(day) else 0)
    return NOTHING if complete == 0 else Fraction(2 * complete - 1, 2 * between)


def _by_milestones(item: KnownItem, day: date) -> Fraction:
    reached = [name for on, name in item.reached if on <= day]
    if not item.plan.milestones:
        return ALL if reached else NOTHING
    earned = sum((stone.percent for stone in item.plan.milestones if stone.name in reached), 0 * item.plan.quantity)
    return Fraction(earned) / 100


def change_dates(item: KnownItem) -> Iterator[date]:
    """Days at whose ends the earned share is looked at, in no order: of events, or the end of each month in between."""
    method = item.plan.revenue
    if method in TIME_METHODS:
        yield from _ends_of(*recognition_term(item.plan))
    elif method is Revenue.ON_DELIVERY:
        yield from (on for on, _ in item.received)
    elif method is Revenue.ON_MILESTONE:
        yield from (on for on, _ in item.reached)
    elif method is Revenue.PERCENT_COMPLETE:
        yield from (on for on, _ in item.progress)
    elif method is Revenue.USAGE:
        yield from (on for on, _ in item.usage)


@lru_cache(maxsize=5_000)
def _ends_of(start: date, end: date) -> tuple[date, ...]:
    return tuple(month_ends(start, end))


def month_ends(start: date, end: date) -> Iterator[date]:
    """The last day of every month from that of ``start`` to that of ``end``."""
    first = start.replace(day=1)
    for number in range(_month_number(end) - _month_number(start) + 1):
        yield last_of_month(add_months(first, number))


def is_month_end(day: date) -> bool:
    return last_of_month(day) == day


def _month_number(day: date) -> int:
    return day.year * 12 + day.month
