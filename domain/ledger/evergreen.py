"""Evergreen items: what runs without end is earned period by period, with all that changes it in mid-period.

What a line and its changes come to in one period is rounded as one; each earns what it adds. So nothing is left over
of what was taken away, whatever the days and however often it was changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.grid import Grid, Span, grid_of, has_periods
from domain.ledger.known import KnownItem
from domain.ledger.obligation import Earning, Items, Obligation, Signature
from domain.ledger.recognition import month_ends, share_of_term
from domain.money import round_money
from domain.quote import Revenue


@dataclass(frozen=True, slots=True)
class PeriodPart:
    """What ``item`` earns in one ``period`` of its line's grid: ``amount``, from ``since`` on.

    ``whole`` is what it comes to in a period that it runs from its first day; ``before`` is what other items of the
    line, that began before it, come to in a whole period.
    """

    item: KnownItem
    amount: Decimal
    whole: Decimal
    before: Decimal
    since: date
    period: Span

    @property
    def signature(self) -> Signature:
        facts = (self.amount, self.whole, self.before, self.since, self.period)
        return (self.item.item_id, self.item.plan.kind, self.item.rows, *facts)

    def earned_by(self, day: date) -> Decimal:
        if day < self.since:
            return 0 * self.amount
        share = share_of_term(self.item.plan.revenue, self.period.start, self.period.end, day)
        added = self._rounded(self.before + self.whole, share) - self._rounded(self.before, share)
        return added + self.amount - self.whole

    def changes(self) -> Iterator[date]:
        return month_ends(self.since, self.period.end)

    def _rounded(self, amount: Decimal, share: Fraction) -> Decimal:
        return round_money(Fraction(amount) * share, self.item.plan.currency)


@dataclass(frozen=True, slots=True)
class _Booked:
    """An amount of an item in a period, not yet put together with those of other items."""

    item_id: str
    item: KnownItem
    amount: Decimal
    whole: Decimal
    since: date
    period: Span
    line: tuple[Grid, Revenue]


def period_earnings(items: Items) -> Mapping[str, tuple[Earning, ...]]:
    """What each item that is booked period by period is earned by."""
    found: dict[str, list[Earning]] = {}
    lines: dict[tuple[object, ...], list[_Booked]] = {}
    for item in items.values():
        if has_periods(item.plan):
            found[item.item_id] = []
            for each in _booked(item, grid_of(item, items)):
                if isinstance(each, _Booked):
                    lines.setdefault((*each.line, each.period.start), []).append(each)
                else:
                    found[item.item_id].append(each)
    for booked in lines.values():
        for part in _together(booked):
            found[part[0]].append(part[1])
    return {item_id: tuple(parts) for item_id, parts in found.items()}


def _together(booked: list[_Booked]) -> Iterator[tuple[str, PeriodPart]]:
    """The parts of one period, each on those that began before it."""
    before = 0 * booked[0].whole
    for each in sorted(booked, key=lambda one: one.since):
        yield each.item_id, PeriodPart(each.item, each.amount, each.whole, before, each.since, each.period)
        before += each.whole


def _booked(item: KnownItem, grid: Grid) -> Iterator[_Booked | Earning]:
    """What the plan and the rows of later periods book; what is not on the grid, or ends in its period, is alone."""
    plan, rows = item.plan, in_force(item.periods)
    assert plan.start is not None
    first = next((row for row in rows if row.effective == plan.start), None)
    yield _first(item, first, grid)
    for row in rows:
        if row is not first:
            known, own = KnownItem(row, rows=row.position), _period_of(row, grid)
            if own is None:
                yield Obligation(known, row.amount)
            else:
                yield _Booked(item.item_id, known, row.amount, row.amount, own.start, own, (grid, plan.revenue))


def _first(item: KnownItem, row: LedgerEntry | None, grid: Grid) -> _Booked | Earning:
    """The first period, with the ``row`` that says what it has less than a whole one.

    An item that begins in mid-period without one is as an earlier release booked it, or as nobody has looked yet: one
    period from its own first day.
    """
    plan = item.plan
    assert plan.start is not None
    period = grid.span(grid.number(plan.start))
    if row is None and period.start != plan.start:
        return Obligation(item, plan.amount)
    amount = plan.amount + (row.amount if row else 0)
    if plan.end is None or plan.end >= period.end:
        return _Booked(item.item_id, item, amount, plan.amount, plan.start, period, (grid, plan.revenue))
    ending = plan.model_copy(update={"kind": EntryKind.PERIOD})
    return Obligation(KnownItem(ending, rows=item.rows), amount)


def _period_of(row: LedgerEntry, grid: Grid) -> Span | None:
    """The period of the grid that a row books whole; none: it is on other days, as it was booked before."""
    assert row.start is not None
    if row.start < grid.anchor:
        return None
    period = grid.span(grid.number(row.start))
    return period if (row.start, row.end) == (period.start, period.end) else None


def in_force(periods: Sequence[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """The rows of periods that were not taken back, by start."""
    found: dict[date, LedgerEntry] = {}
    for row in periods:
        if row.counter:
            found.pop(row.effective, None)
        else:
            found[row.effective] = row
    return tuple(found[start] for start in sorted(found))
