"""Closed periods: what a month came to when it was closed stays; corrections fall into the first open month.

A closing freezes what the ledger said when it was made about its month and all before it. What is recorded later about
them is booked in the first month that is open then, and names the month it belongs to (``spec/orders.md`` 5). Which was
first, the closing or a row, is told by the row's place in the ledger; of closings that earlier releases made, by its
moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.extent import Extent, reaches
from domain.ledger.obligation import Earning, Signature
from domain.reading import read_date
from domain.refusal import Refusal
from domain.term import add_months, last_of_month


class ClosedPeriod(BaseModel):
    """``month`` (``2027-01``) and all months before it were closed at ``at``; of one customer, or of every customer.

    ``ledger_seq`` is the place of the last row that was in the ledger then (0: it was empty; none: an earlier release
    closed it, and what was recorded by ``at`` was known to it).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    month: str
    at: AwareDatetime
    by: str
    customer_id: str | None = None
    ledger_seq: int | None = None

    @property
    def last_day(self) -> date:
        return end_of_month(self.month)


@dataclass(frozen=True, slots=True)
class Recognised:
    """An amount earned in a month; ``month`` is written ``2027-02``.

    ``original``: the closed month that the amount corrects, where that is another.
    """

    month: str
    amount: Decimal
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """What an item earns as it was known when the days up to ``until`` were closed; none: as it is known now."""

    until: date | None
    parts: tuple[Earning, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """As much of the ledger as speaks for the days up to ``until`` (none: all that follow)."""

    until: date | None
    extent: Extent


def close_period(
    closed: Iterable[ClosedPeriod],
    month: str,
    at: datetime,
    by: str,
    *,
    time_zone: str,
    customer_id: str | None = None,
    ledger_seq: int | None = None,
) -> ClosedPeriod:
    """The closing of ``month`` and of every open month before it, at ``at``, when ``ledger_seq`` was the last row.

    Codes: ``invalid_date`` (not written ``2027-01``), ``in_the_future`` (the month is not over in ``time_zone``),
    ``already_closed``.
    """
    last_day = end_of_month(month)
    if at.astimezone(ZoneInfo(time_zone)).date() <= last_day:
        raise Refusal("in_the_future", f"{month} is not over; close it on the first day after {last_day}", "month")
    latest = max((each.month for each in closed_for(closed, customer_id)), default="")
    if month <= latest:
        raise Refusal("already_closed", f"{latest} and all before it are closed; close a later month", "month")
    return ClosedPeriod(month=month, at=at, by=by, customer_id=customer_id, ledger_seq=ledger_seq)


def closed_for(closed: Iterable[ClosedPeriod], customer_id: str | None) -> tuple[ClosedPeriod, ...]:
    """The closings that count for a customer: those of every customer, and its own."""
    return tuple(each for each in closed if each.customer_id in (None, customer_id))


def end_of_month(month: str) -> date:
    """The last day of ``2027-02``. Code: ``invalid_date``."""
    if len(month) != len("2027-02"):
        raise Refusal("invalid_date", f"{month} is no month; write 2027-02", "month")
    return last_of_month(read_date(f"{month}-01", "month"))


def month_after(day: date) -> str:
    return add_months(day.replace(day=1), 1).isoformat()[:7]


def moments(closed: Iterable[ClosedPeriod], known: datetime | None) -> tuple[Knowledge, ...]:
    """What speaks for the months, the present last.

    A closing that was not known at ``known``, or of a month that was closed before, changes nothing. What a closing
    knew is known at ``known`` too, whatever the moments of the rows say.
    """
    found: list[Knowledge] = []
    least = 0
    for each, extent in extents(closed):
        if known is not None and known < each.at:
            continue
        least = max(least, extent.least)
        if not found or each.last_day > (found[-1].until or date.max):
            found.append(Knowledge(each.last_day, extent))
    return (*found, Knowledge(None, Extent(known, least) if known is not None else Extent()))


def extents(closed: Iterable[ClosedPeriod]) -> tuple[tuple[ClosedPeriod, Extent], ...]:
    """The closings as they were made, and how far each knew the ledger: never less than the one before.

    A closing of an earlier release goes by its moment, but knew nothing that was not there yet when the next was made.
    """
    made = sorted(closed, key=lambda one: one.at)
    behind: int | None = None
    lasts: list[int | None] = []
    for each in reversed(made):
        behind = each.ledger_seq if each.ledger_seq is not None else behind
        lasts.append(behind)
    least = 0
    found: list[tuple[ClosedPeriod, Extent]] = []
    for each, last in zip(made, reversed(lasts), strict=True):
        least = max(least, each.ledger_seq or 0)
        found.append((each, Extent(each.at, least, last if each.ledger_seq is None else least)))
    return tuple(found)


def told_apart(told: Sequence[Knowledge], entries: Iterable[LedgerEntry]) -> tuple[Knowledge, ...]:
    """Those of ``told`` for which ``entries`` say different things: those between which nothing was recorded are one.

    Invoices are no such thing, for nothing is earned by them.
    """
    if len(told) == 1:
        return tuple(told)
    rows = [entry for entry in entries if entry.kind is not EntryKind.INVOICED]
    asked = [one.extent for one in told]
    counts = reaches(rows, asked) or [sum(extent.knows(row) for row in rows) for extent in asked]
    kept = [earlier for (earlier, before), (_, after) in pairwise(zip(told, counts, strict=True)) if before != after]
    return (*kept, told[-1])


def joined_books(books: Iterable[Book]) -> tuple[Book, ...]:
    """``books`` without those that say what the next one says."""
    found: list[Book] = []
    for book in books:
        if found and _signature(found[-1]) == _signature(book):
            found.pop()
        found.append(book)
    return tuple(found)


def _signature(book: Book) -> list[object]:
    return [part.signature for part in book.parts]


def recognised_months(books: Sequence[Book]) -> tuple[Recognised, ...]:
    """What each month recognises, corrections of closed months in the first month that was open."""
    rows: list[Recognised] = []
    told: dict[str, Decimal] = {}
    first_open = ""
    seen: dict[Signature, Mapping[str, Decimal]] = {}
    for book in books:
        natural = _by_month(book.parts, seen)
        last = book.until.isoformat()[:7] if book.until else "9999-99"
        for month in sorted({*natural, *told}):
            amount = natural.get(month, Decimal(0)) - told.get(month, Decimal(0))
            if month <= last and amount:
                corrects = month < first_open
                rows.append(Recognised(first_open if corrects else month, amount, month if corrects else None))
                told[month] = natural.get(month, 0 * amount)
        first_open = month_after(book.until) if book.until else first_open
    return tuple(sorted(rows, key=lambda row: (row.month, row.original or "")))


def _by_month(parts: Iterable[Earning], seen: dict[Signature, Mapping[str, Decimal]]) -> Mapping[str, Decimal]:
    """What ``parts`` earn in each month, without a thought of closed ones.

    ``seen`` keeps what each part earns, for most parts are the same in one book as in the next.
    """
    months: dict[str, Decimal] = {}
    for part in parts:
        mark = part.signature
        if mark not in seen:
            seen[mark] = _months_of(part)
        for month, amount in seen[mark].items():
            months[month] = months.get(month, 0 * amount) + amount
    return {month: amount for month, amount in months.items() if amount}


def _months_of(part: Earning) -> Mapping[str, Decimal]:
    months: dict[str, Decimal] = {}
    earned = 0 * part.amount
    for day in sorted(set(part.changes())):
        by_then = part.earned_by(day)
        month = day.isoformat()[:7]
        months[month] = months.get(month, 0 * earned) + by_then - earned
        earned = by_then
    return months
