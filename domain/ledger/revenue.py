"""Revenue: schedules per item, and the report by month, year and line (``spec/orders.md`` 5).

Time methods show every ordered item, its future included; event methods show what was recorded, dated by when it
happened. A date move replaces the schedule, for it is read from the latest plan. Recognised and remaining always make
up what is contracted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem, known_items
from domain.ledger.recognition import change_dates, earned_share
from domain.money import cumulative_split, round_money, total_of
from domain.quote import Revenue
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Obligation:
    """An amount that is earned as ``item`` is: the item's own, or a part of a share that follows it."""

    item: KnownItem
    amount: Decimal

    def earned_by(self, day: date) -> Decimal:
        """What is earned by the end of ``day``."""
        return round_money(Fraction(self.amount) * earned_share(self.item, day), self.item.plan.currency)


@dataclass(frozen=True, slots=True)
class Recognised:
    """An amount earned in a month; ``month`` is written ``2027-02``."""

    month: str
    amount: Decimal


@dataclass(frozen=True)
class ItemSchedule:
    """The revenue of one item: what it is contracted for, and what each month recognises, in month order."""

    plan: LedgerEntry
    obligations: tuple[Obligation, ...]
    months: tuple[Recognised, ...]

    @property
    def contracted(self) -> Decimal:
        return self.plan.amount

    @property
    def recognised(self) -> Decimal:
        """What the schedule comes to: all of it for time methods, what has happened for event methods."""
        return total_of((part.amount for part in self.months), self.plan.currency)

    def recognised_by(self, day: date) -> Decimal:
        """What is recognised by the end of the local date ``day``."""
        return total_of((part.earned_by(day) for part in self.obligations), self.plan.currency)

    def remaining(self, day: date) -> Decimal:
        """What is contracted and not recognised by the end of ``day``."""
        return self.contracted - self.recognised_by(day)


@dataclass(frozen=True)
class RevenueReport:
    """Revenue by month (``2027-02``, no empty months), its total, and what is contracted; for each line too."""

    currency: str | None
    contracted: Decimal
    total: Decimal
    months: Mapping[str, Decimal]
    lines: Mapping[str, RevenueReport]

    def amount(self, period: str) -> Decimal:
        """The amount of a month (``2027-02``), of a year (``2027``), or ``total``; 0 where there is none."""
        if period == "total":
            return self.total
        return sum((amount for month, amount in self.months.items() if month.startswith(period)), 0 * self.total)

    @property
    def years(self) -> Mapping[str, Decimal]:
        return {year: self.amount(year) for year in dict.fromkeys(month[:4] for month in self.months)}


def revenue(entries: Iterable[LedgerEntry], known: datetime | None = None) -> tuple[ItemSchedule, ...]:
    """The schedule of every item as known at a moment (none: everything recorded), in the order of planning.

    ``entries`` hold the base items of every share that is ``as_base``, in the order they were added.
    Code: ``not_built_yet``.
    """
    items = {item.item_id: item for item in known_items(entries, known)}
    return tuple(_schedule(item, _obligations(item, items)) for item in items.values())


def report(schedules: Iterable[ItemSchedule]) -> RevenueReport:
    """The sums of ``schedules`` by month and by line id. Code: ``currency_differs`` when they have several."""
    rows = tuple(schedules)
    currencies = {row.plan.currency for row in rows}
    if len(currencies) > 1:
        raise Refusal(
            "currency_differs", f"amounts in {', '.join(sorted(currencies))} do not add up; report each alone"
        )
    by_line: dict[str, list[ItemSchedule]] = {}
    for row in rows:
        by_line.setdefault(row.plan.line_id, []).append(row)
    lines = {line_id: _summed(of_line, {}) for line_id, of_line in by_line.items()}
    return _summed(rows, lines)


def remaining(schedules: Iterable[ItemSchedule], day: date) -> Decimal:
    """What ``schedules`` (of one currency) are contracted for and have not recognised by the end of ``day``."""
    return sum((schedule.remaining(day) for schedule in schedules), Decimal(0))


def _obligations(item: KnownItem, items: Mapping[str, KnownItem]) -> tuple[Obligation, ...]:
    """What ``item`` is earned by; an ``as_base`` share is split over its base in line order, by the frozen amounts."""
    plan = item.plan
    if plan.revenue is not Revenue.AS_BASE:
        return (Obligation(item, plan.amount),)
    base = [part for part in plan.base if part.item_id in items]
    if not sum(part.amount for part in base):
        return ()
    amounts = cumulative_split(plan.amount, [part.amount for part in base], plan.currency)
    return tuple(Obligation(items[part.item_id], amount) for part, amount in zip(base, amounts, strict=True))


def _schedule(item: KnownItem, obligations: tuple[Obligation, ...]) -> ItemSchedule:
    months: dict[str, Decimal] = {}
    for obligation in obligations:
        earned = 0 * obligation.amount
        for day in sorted(set(change_dates(obligation.item))):
            by_then = obligation.earned_by(day)
            month = day.isoformat()[:7]
            months[month] = months.get(month, 0 * earned) + by_then - earned
            earned = by_then
    return ItemSchedule(
        plan=item.plan,
        obligations=obligations,
        months=tuple(Recognised(month, amount) for month, amount in sorted(months.items()) if amount),
    )


def _summed(rows: Iterable[ItemSchedule], lines: Mapping[str, RevenueReport]) -> RevenueReport:
    rows = tuple(rows)
    months: dict[str, Decimal] = {}
    for part in (part for row in rows for part in row.months):
        months[part.month] = months.get(part.month, 0 * part.amount) + part.amount
    return RevenueReport(
        currency=rows[0].plan.currency if rows else None,
        contracted=sum((row.contracted for row in rows), Decimal(0)),
        total=sum((row.recognised for row in rows), Decimal(0)),
        months=dict(sorted(months.items())),
        lines=lines,
    )
