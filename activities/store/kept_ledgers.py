"""Ledgers that were read lately, and what was worked out from them: asked again, only what has changed is read anew.

A ledger is only ever added to. How many rows a customer has, which is the last and when that was recorded say all that
is in it; every question reads this *mark* in the moment and statement in which it would read the rows. What is kept is
dropped when the mark is another, the longest unused first where there is too much of it, and with the process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from domain.ledger.closing import ClosedPeriod
from domain.ledger.known import Told
from domain.ledger.revenue import ItemSchedule, revenue

MOST_ROWS = 40_000
"""Rows that are kept of all customers together, some 4 KB each with all that was worked out."""
MOST_ANSWERS = 4
"""Schedules that are kept of one ledger: as of now, of the page, and as known at some moments."""

Schedules = tuple[ItemSchedule, ...]
Question = tuple[datetime | None, tuple[ClosedPeriod, ...], date | None]


@dataclass(eq=False, slots=True)
class KeptLedger:
    """The rows of a customer at a mark. Nobody changes what is answered."""

    mark: str
    rows: Told
    _answers: OrderedDict[Question, Schedules] = field(default_factory=OrderedDict)

    def revenue(
        self, known: datetime | None, closed: tuple[ClosedPeriod, ...], *, since: date | None = None
    ) -> Schedules:
        """As :func:`~domain.ledger.revenue.revenue`, worked out once."""
        asked = (known, closed, since)
        if asked not in self._answers:
            self._answers[asked] = revenue(self.rows, known, closed, since=since)
            if len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        self._answers.move_to_end(asked)
        return self._answers[asked]


class KeptLedgers:
    """The ledgers of one database that were read lately, in one process."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._kept: OrderedDict[str, KeptLedger] = OrderedDict()

    def mark(self, customer_id: str) -> str:
        """The mark of what is kept of a customer; empty: nothing is."""
        kept = self._kept.get(customer_id)
        return kept.mark if kept is not None else ""

    def at(self, customer_id: str, mark: str, read: Callable[[], Told]) -> KeptLedger:
        """The ledger at ``mark``: what is kept, or what ``read`` brings."""
        kept = self._kept.get(customer_id)
        if kept is None or kept.mark != mark:
            kept = self._kept[customer_id] = KeptLedger(mark, read())
        self._kept.move_to_end(customer_id)
        while sum(len(each.rows) for each in self._kept.values()) > self._most_rows:
            self._kept.popitem(last=False)
        return kept
