"""Later periods of what runs without end: each ``price_per`` period after the first adds a ledger row outside I2.

The first period is the order's own amount. A change in mid-period has less than a whole one: a row on its first day
says by how much. A row is due on the first day of its period; where the plan changed, or is gone, rows that no longer
hold are taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.evergreen import in_force
from domain.ledger.grid import Grid, Span, grid_of, has_periods
from domain.ledger.known import KnownItem, known_items
from domain.money import round_money


def due_periods(entries: Iterable[LedgerEntry], day: date, recorded_at: datetime) -> tuple[LedgerEntry, ...]:
    """The rows that are due by the local date ``day`` and are not in ``entries`` yet, counter-rows before what follows.

    Only activated evergreen items that are earned over time have later periods; an end cuts the last one by days.
    Asked again with these rows among the entries, nothing is due: the ids say which row it is.
    """
    rows = tuple(entries)
    items = {item.item_id: item for item in known_items(rows)}
    running = {item_id: item for item_id, item in items.items() if _runs_on(item)}
    told: dict[str, list[LedgerEntry]] = {item_id: [] for item_id in running}
    for entry in rows:
        if entry.kind is EntryKind.PERIOD:
            told.setdefault(entry.item_id, []).append(entry)
    due: list[LedgerEntry] = []
    for item_id, periods in told.items():
        item = running.get(item_id)
        wanted = _wanted(item.plan, grid_of(item, items), day) if item is not None else ()
        due.extend(_missing(periods, {row.effective: row for row in wanted}, recorded_at))
    return tuple(due)


def _runs_on(item: KnownItem) -> bool:
    return has_periods(item.plan) and item.activated and not item.rejected


def _wanted(plan: LedgerEntry, grid: Grid, day: date) -> Iterator[LedgerEntry]:
    """The rows of ``plan`` that have begun by ``day``: its later periods, and what its first has less than a whole."""
    assert plan.start is not None
    last, number = min(day, plan.end or day), grid.number(plan.start)
    if plan.revises is not None and plan.start <= day:
        yield from _less(plan, grid.span(number), plan.start)
    while (span := grid.span(number := number + 1)).start <= last:
        yield _row(plan, span, span.start)


def _less(plan: LedgerEntry, span: Span, start: date) -> Iterator[LedgerEntry]:
    """What the first period of a change has less than a whole one: what was over of it before, and is after its end."""
    row = _row(plan, span, start)
    amount = row.amount - plan.amount
    if row.end == span.end:
        amount = -round_money(Fraction(plan.amount) * span.over_before(start, plan.revenue), plan.currency)
    if amount:
        yield row.model_copy(update={"amount": amount})


def _row(plan: LedgerEntry, span: Span, start: date) -> LedgerEntry:
    """The row of a period of which ``plan`` runs from ``start`` on, its amount by the days."""
    end = min(span.end, plan.end or span.end)
    amount = round_money(Fraction(plan.amount) * span.part(start, end), plan.currency)
    facts = {"kind": EntryKind.PERIOD, "amount": amount, "start": start, "end": end, "effective": start}
    return plan.model_copy(update=facts)


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
    return row.model_copy(update={"entry_id": entry_id, "position": number, "recorded_at": recorded_at, "seq": None})
