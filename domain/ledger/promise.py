"""Promises: what an approved quote still holds and nobody has ordered, for the view ``unordered``.

The ledger knows nothing of it, for nothing was ordered: whoever has the quote and its orders says what is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.quote import Kind, Revenue


@dataclass(frozen=True, slots=True)
class Promise:
    """A quantity of a line that is promised to a place, as the quote wants it; ``since`` the quote is approved.

    Things count from ``start`` on (the delivery's order date), services to ``end``, inclusive. ``quantity`` is what
    the quote gives to the place on ``order_date``, ``left`` what is unordered now.
    """

    quote_id: str
    line_id: str
    product: str
    order_date: date
    ship_to: str | None
    kind: Kind
    revenue: Revenue
    since: datetime
    quantity: Decimal
    left: Decimal
    start: date | None
    end: date | None

    def counts(self, on: date) -> bool:
        """Whether it entitles to anything on ``on`` once it is ordered; work is never held."""
        if self.revenue in (Revenue.ON_MILESTONE, Revenue.PERCENT_COMPLETE):
            return False
        return self.start is not None and self.start <= on and (self.end is None or on <= self.end)


def left_at(promises: Iterable[Promise], entries: Iterable[LedgerEntry], known: datetime | None) -> list[Promise]:
    """``promises`` with what was left of them at ``known``; without one, what is left now.

    How much of a line was unordered then its rows tell, and where. Those of before do not: there, what was cancelled or
    came back by then is what the plans of the line had lost, as far as it has not returned to unordered, and what was
    left is looked for at the last places.
    """
    if known is None:
        return list(promises)
    rows = sorted(entries, key=lambda entry: entry.recorded_at)
    found: list[Promise] = []
    for lines in _by_line(promise for promise in promises if promise.since <= known).values():
        places = _places_at(lines[0], rows, known)
        if places is not None:
            found += [replace(each, left=places.get((each.order_date, each.ship_to), Decimal(0))) for each in lines]
            continue
        open_then = _open_at(lines, rows, known)
        for promise in reversed(lines):
            part = min(promise.quantity, open_then)
            found.append(replace(promise, left=part))
            open_then -= part
    return found


def _by_line(promises: Iterable[Promise]) -> dict[tuple[str, str], list[Promise]]:
    found: dict[tuple[str, str], list[Promise]] = {}
    for promise in promises:
        found.setdefault((promise.quote_id, promise.line_id), []).append(promise)
    return found


def _places_at(
    promise: Promise, rows: list[LedgerEntry], known: datetime
) -> dict[tuple[date, str | None], Decimal] | None:
    """Where something of the promise's line was unordered at ``known``, by date and place; none: no row tells."""
    for row in reversed(rows):
        told = row.kind is EntryKind.SCHEDULED and row.recorded_at <= known
        if told and (row.quote_id, row.line_id) == (promise.quote_id, promise.line_id):
            places = row.left_places
            return None if places is None else {(each.order_date, each.ship_to): each.quantity for each in places}
    return None


def _open_at(lines: list[Promise], rows: list[LedgerEntry], known: datetime) -> Decimal:
    """How much of a line was unordered at ``known``: what the last row by then says, where rows say it."""
    own = [
        row
        for row in rows
        if (row.quote_id, row.line_id) == (lines[0].quote_id, lines[0].line_id) and row.kind is EntryKind.SCHEDULED
    ]
    told = [row for row in own if row.recorded_at <= known]
    if told and told[-1].left is not None:
        return told[-1].left
    quoted = sum((promise.quantity for promise in lines), Decimal(0))
    ordered_now = sum((row.quantity for row in own), Decimal(0))
    gone_now = quoted - ordered_now - sum((promise.left for promise in lines), Decimal(0))
    ordered = most = Decimal(0)
    for moment in dict.fromkeys(row.recorded_at for row in own if row.recorded_at <= known):
        ordered += sum((row.quantity for row in own if row.recorded_at == moment), Decimal(0))
        most = max(most, ordered)
    return max(quoted - ordered - min(gone_now, most - ordered), Decimal(0))
