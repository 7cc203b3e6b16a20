"""Revenue: schedules per item, and the report by month, year and line (``spec/orders.md`` 5).

Time methods show every ordered item, its future included; event methods show what was recorded, dated by when it
happened. A date move replaces the schedule, for it is read from the latest plan; what was closed stays, and is
corrected later. Recognised and remaining always make up what is contracted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from domain.ledger.allocation import allocated
from domain.ledger.closing import (
    Book,
    ClosedPeriod,
    Knowledge,
    Recognised,
    joined_books,
    moments,
    recognised_months,
    told_apart,
)
from domain.ledger.connection import connected
from domain.ledger.entries import LedgerEntry
from domain.ledger.evergreen import period_earnings
from domain.ledger.known import KnownItem, Receipts, known_at
from domain.ledger.obligation import Earning, Items, Obligation, chained, consumed, joined
from domain.ledger.recognition import TIME_METHODS, recognition_term
from domain.money import cumulative_split, total_of
from domain.quote import Revenue
from domain.refusal import Refusal


@dataclass(frozen=True)
class ItemSchedule:
    """The revenue of one item: what it is contracted for, and what is recognised when.

    ``contracted`` is the item's amount or its part of the bundle's, with the later periods of what runs without end
    and what was used beyond the order; zero where nothing but closed months is left of the item. ``books`` are what
    speaks for the days of closed months, and for the days that follow. ``invoiced`` are amounts by date. ``chosen``
    are the months that somebody asked for; none: all of them.
    """

    plan: LedgerEntry
    contracted: Decimal
    books: tuple[Book, ...]
    invoiced: tuple[tuple[date, Decimal], ...] = ()
    chosen: tuple[Recognised, ...] | None = None
    _by_day: dict[date, Decimal] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def months(self) -> tuple[Recognised, ...]:
        """What each month recognises, in month order; worked out when somebody asks, for it is most of the work."""
        return recognised_months(self.books) if self.chosen is None else self.chosen

    @property
    def obligations(self) -> tuple[Earning, ...]:
        """What the item earns by, as it is known now."""
        return self.books[-1].parts

    @cached_property
    def recognised(self) -> Decimal:
        """What the schedule comes to: all of it for time methods, what has happened for event methods."""
        return total_of((part.amount for part in self.months), self.plan.currency)

    def recognised_by(self, day: date) -> Decimal:
        """What is recognised by the end of the local date ``day``; corrections on the first day of their month."""
        if day not in self._by_day:
            parts = next(book.parts for book in self.books if book.until is None or day <= book.until)
            self._by_day[day] = total_of((part.earned_by(day) for part in parts), self.plan.currency)
        return self._by_day[day]

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


def revenue(
    entries: Iterable[LedgerEntry],
    known: datetime | None = None,
    closed: Iterable[ClosedPeriod] = (),
    *,
    since: date | None = None,
) -> tuple[ItemSchedule, ...]:
    """The schedule of every item as known at a moment (none: everything recorded), in the order of planning.

    ``entries`` hold the base items of every share that is ``as_base``, in the order they were added; ``closed`` are
    the closings that count for their customer. ``since``: nobody will ask for what was recognised by an earlier day,
    nor for months, so that what was closed before it need not be looked at. Code: ``missing_field`` (over time, and
    without an end).
    """
    rows = tuple(entries)
    told = moments(closed, known)
    found: dict[str, ItemSchedule] = {}
    gone: dict[str, ItemSchedule] = {}
    for together in connected(rows):
        for schedule, is_there in _schedules(together, told, since):
            (found if is_there else gone)[schedule.plan.item_id] = schedule
    ids = dict.fromkeys(row.item_id for row in rows)
    return tuple(where[item_id] for where in (found, gone) for item_id in ids if item_id in where)


def _schedules(
    rows: Sequence[LedgerEntry], told: Sequence[Knowledge], since: date | None
) -> Iterator[tuple[ItemSchedule, bool]]:
    """The schedules of items that have to do with each other, and whether each is still planned."""
    present = _State.of(known_at(rows, [told[-1].extent])[0])
    if since is not None and present.items.keys() == {row.item_id for row in rows}:
        told = [each for each in told if each.until is None or since <= each.until]
    earlier = told_apart(told, rows)[:-1]
    known = known_at(rows, [each.extent for each in earlier]) if earlier else ()
    states = [*((each.until, _State.of(items)) for each, items in zip(earlier, known, strict=True)), (None, present)]
    plans = {item_id: item.plan for _, state in states for item_id, item in state.items.items()}
    for item_id, plan in plans.items():
        books = [Book(until, state.parts(item_id)) for until, state in states]
        yield _schedule(plan, books, present), item_id in present.items


@dataclass(frozen=True, slots=True)
class _State:
    """The items as known at one moment, and what each earns by."""

    items: Items
    earnings: Mapping[str, tuple[Earning, ...]]

    @classmethod
    def of(cls, known: Iterable[KnownItem]) -> _State:
        items = joined({item.item_id: item for item in known})
        amounts = allocated(items)
        own: dict[str, Earning] = {**chained(items, amounts), **consumed(items.values())}
        by_period = period_earnings(items)
        earnings = {
            item_id: by_period.get(item_id) or _earnings(item, own[item_id], items) for item_id, item in items.items()
        }
        return cls(items, earnings)

    def parts(self, item_id: str) -> tuple[Earning, ...]:
        return self.earnings.get(item_id, ())

    def contracted(self, item_id: str) -> Decimal:
        """What an item is contracted for; a share is, even where nothing is left of its base."""
        item = self.items.get(item_id)
        if item is None:
            return Decimal(0)
        if item.plan.revenue is Revenue.AS_BASE:
            return item.plan.amount
        return sum((part.amount for part in self.earnings[item_id]), 0 * item.plan.amount)


def _earnings(item: KnownItem, own: Earning, items: Items) -> tuple[Earning, ...]:
    """What ``item`` is earned by; an ``as_base`` share is split over its base in line order, by the frozen amounts."""
    plan = item.plan
    if plan.end is None and plan.revenue in TIME_METHODS:
        recognition_term(plan)
    if plan.revenue is not Revenue.AS_BASE:
        return (own,)
    base = [part for part in plan.base if part.item_id in items]
    if not sum(part.amount for part in base):
        return ()
    amounts = cumulative_split(plan.amount, [part.amount for part in base], plan.currency)
    return tuple(Obligation(items[part.item_id], amount) for part, amount in zip(base, amounts, strict=True))


def _schedule(plan: LedgerEntry, books: Iterable[Book], present: _State) -> ItemSchedule:
    told = joined_books(books)
    item = present.items.get(plan.item_id)
    invoiced: Receipts = item.invoiced if item else []
    return ItemSchedule(
        plan=plan,
        contracted=total_of([present.contracted(plan.item_id)], plan.currency),
        books=told,
        invoiced=tuple(invoiced),
    )


def report(schedules: Iterable[ItemSchedule]) -> RevenueReport:
    """The sums of ``schedules`` by month and by line id. Code: ``currency_differs`` when they have several."""
    rows = tuple(schedules)
    one_currency(rows)
    by_line: dict[str, list[ItemSchedule]] = {}
    for row in rows:
        by_line.setdefault(row.plan.line_id, []).append(row)
    lines = {line_id: summed(of_line) for line_id, of_line in by_line.items()}
    return summed(rows, lines)


def one_currency(rows: Iterable[ItemSchedule]) -> None:
    """Refuse to add amounts of several currencies. Code: ``currency_differs``."""
    currencies = {row.plan.currency for row in rows}
    if len(currencies) > 1:
        raise Refusal(
            "currency_differs", f"amounts in {', '.join(sorted(currencies))} do not add up; report each alone"
        )


def remaining(schedules: Iterable[ItemSchedule], day: date) -> Decimal:
    """What ``schedules`` (of one currency) are contracted for and have not recognised by the end of ``day``."""
    return sum((schedule.remaining(day) for schedule in schedules), Decimal(0))


def summed(rows: Iterable[ItemSchedule], lines: Mapping[str, RevenueReport] | None = None) -> RevenueReport:
    """The sums of ``rows`` by month."""
    rows = tuple(rows)
    months: dict[str, Decimal] = {}
    for part in (part for row in rows for part in row.months):
        months[part.month] = months.get(part.month, 0 * part.amount) + part.amount
    return RevenueReport(
        currency=rows[0].plan.currency if rows else None,
        contracted=sum((row.contracted for row in rows), Decimal(0)),
        total=sum((row.recognised for row in rows), Decimal(0)),
        months={month: amount for month, amount in sorted(months.items()) if amount},
        lines=lines or {},
    )
