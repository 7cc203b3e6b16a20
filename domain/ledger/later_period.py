"""Later periods of what runs without end: each ``price_per`` period after the first adds a ledger row outside I2.

The first period is the order's own amount. A row is due on the first day of its period; where the plan changed, or is
gone, rows that no longer hold are taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.known import KnownItem, known_items
from domain.ledger.recognition import TIME_METHODS
from domain.money import round_money
from domain.quote import Kind, PricePer
from domain.term import ONE_DAY, add_months, term_days


def due_periods(entries: Iterable[LedgerEntry], day: date, recorded_at: datetime) -> tuple[LedgerEntry, ...]:
    """The rows that are due by the local date ``day`` and are not in ``entries`` yet, counter-rows before what follows.

    Only activated evergreen items that are earned over time have later periods; an end cuts the last one by days.
    Asked again with these rows among the entries, nothing is due: the ids say which row it is.
    """
    rows = tuple(entries)
    plans = {item.item_id: item for item in known_items(rows) if _runs_on(item)}
    told: dict[str, list[LedgerEntry]] = {item_id: [] for item_id in plans}
    for entry in rows:
        if entry.kind is EntryKind.PERIOD:
            told.setdefault(entry.item_id, []).append(entry)
    due: list[LedgerEntry] = []
    for item_id, periods in told.items():
        wanted = {row.effective: row for row in _wanted(plans[item_id].plan, day)} if item_id in plans else {}
        due.extend(_missing(periods, wanted, recorded_at))
    return tuple(due)


def in_force(periods: Sequence[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """The rows of periods that were not taken back, by start."""
    found: dict[date, LedgerEntry] = {}
    for row in periods:
        if row.counter:
            found.pop(row.effective, None)
        else:
            found[row.effective] = row
    return tuple(found[start] for start in sorted(found))


def period_months(plan: LedgerEntry) -> int:
    """How many months one ``price_per`` period has."""
    return 12 if plan.price_per is PricePer.YEAR else 1


def _runs_on(item: KnownItem) -> bool:
    plan = item.plan
    has_periods = plan.item_kind is Kind.EVERGREEN and plan.revenue in TIME_METHODS and plan.start is not None
    return has_periods and item.activated and not item.rejected


def _wanted(plan: LedgerEntry, day: date) -> Iterator[LedgerEntry]:
    """The later periods of ``plan`` that have begun by ``day``, as rows."""
    assert plan.start is not None
    months = number = period_months(plan)
    last = min(day, plan.end or day)
    while (start := add_months(plan.start, number)) <= last:
        whole_end = add_months(plan.start, number + months) - ONE_DAY
        end = min(whole_end, plan.end or whole_end)
        part = Fraction(term_days(start, end), term_days(start, whole_end))
        amount = round_money(Fraction(plan.amount) * part, plan.currency)
        yield plan.model_copy(
            update={"kind": EntryKind.PERIOD, "amount": amount, "start": start, "end": end, "effective": start}
        )
        number += months


def _missing(
    told: Sequence[LedgerEntry], wanted: Mapping[date, LedgerEntry], recorded_at: datetime
) -> Iterator[LedgerEntry]:
    number = len(told)
    held = {row.effective: row for row in in_force(told)}
    for start in sorted({*held, *wanted}):
        row, known = wanted.get(start), held.get(start)
        if row is not None and known is not None and _says(row) == _says(known):
            continue
        if known is not None:
            number += 1
            turned = {"quantity": -known.quantity, "amount": -known.amount, "counter": True}
            yield _numbered(known.model_copy(update=turned), number, recorded_at)
        if row is not None:
            number += 1
            yield _numbered(row, number, recorded_at)


def _says(row: LedgerEntry) -> tuple[object, ...]:
    return (row.quantity, row.amount, row.end, row.revenue, row.ship_to)


def _numbered(row: LedgerEntry, number: int, recorded_at: datetime) -> LedgerEntry:
    entry_id = f"{row.item_id}:period:{number}"
    return row.model_copy(update={"entry_id": entry_id, "position": number, "recorded_at": recorded_at})
