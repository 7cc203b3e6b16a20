"""How far the ledger is known: by a moment, or by the place of the last row that was there.

Moments are stamped by whoever makes a change, before the row is stored: it may wait for a lock, or be tried again.
The place (``seq``) is given when it is stored, so it says of a closing and a row what came first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from domain.ledger.entries import LedgerEntry


@dataclass(frozen=True, slots=True)
class Extent:
    """What was recorded by ``at`` (none: whenever), as far as the places of rows do not tell it.

    Rows up to the place ``least`` are known, whatever their moment says; rows behind ``last`` (none: no such bound) are
    not. Rows without a place go by their moment.
    """

    at: datetime | None = None
    least: int = 0
    last: int | None = None

    def knows(self, row: LedgerEntry) -> bool:
        if row.seq is not None and row.seq <= self.least:
            return True
        if row.seq is not None and self.last is not None and row.seq > self.last:
            return False
        return self.at is None or row.recorded_at <= self.at


def reaches(rows: Sequence[LedgerEntry], extents: Sequence[Extent]) -> list[int] | None:
    """How many of ``rows``, counted from the first, each extent knows.

    None where what they know is not always the beginning of ``rows``, or not rising; then each row must be asked for.
    """
    placed = all(row.seq is not None for row in rows) and _rises(rows, _seq)
    timed = _rises(rows, _recorded_at)
    found: list[int] = []
    for extent in extents:
        by_place = placed and extent.last == extent.least
        if not (timed or by_place or extent == Extent()) or (extent.least and not placed):
            return None
        found.append(_reach(rows, extent, placed, by_place))
    return None if any(later < earlier for earlier, later in pairwise(found)) else found


def _reach(rows: Sequence[LedgerEntry], extent: Extent, placed: bool, by_place: bool) -> int:
    if by_place:
        return bisect_right(rows, extent.least, key=_seq)
    count = len(rows) if extent.at is None else bisect_right(rows, extent.at, key=_recorded_at)
    if placed and extent.last is not None:
        count = min(count, bisect_right(rows, extent.last, key=_seq))
    return max(count, bisect_right(rows, extent.least, key=_seq)) if placed else count


def _rises(rows: Sequence[LedgerEntry], key: Callable[[LedgerEntry], Any]) -> bool:
    return all(key(earlier) <= key(later) for earlier, later in pairwise(rows))


def _seq(row: LedgerEntry) -> int:
    return row.seq or 0


def _recorded_at(row: LedgerEntry) -> datetime:
    return row.recorded_at
