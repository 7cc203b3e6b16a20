"""What the ledger says as known at a moment: each item's present plan, and what has happened to it.

A correction adds rows, so what was known before stays as it was: only rows recorded by then are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.extent import Extent, reaches

Receipts = list[tuple[date, Decimal]]
Fact = TypeVar("Fact")


@dataclass(slots=True)
class KnownItem:
    """An item as known: ``plan`` is its latest planning row; receipts are increments on local dates.

    ``holds`` are the local dates from which its order is held (true) or no longer held, in the order of recording.
    ``progress`` holds cumulative percents (``progress_order``: the which of all entries told each), ``usage`` and
    ``invoiced`` amounts; ``periods`` are the rows of the later periods of an evergreen item, counter-rows among them.
    ``rows`` counts what the ledger tells of it, but for invoices, by which nothing is earned: rows are only added, so
    as many rows mean the same facts. ``rows_of_work`` are those of each item whose facts it shares.
    """

    plan: LedgerEntry
    activated: bool = False
    rejected: bool = False
    delivered: Receipts = field(default_factory=list)
    accepted: Receipts = field(default_factory=list)
    reached: list[tuple[date, str | None]] = field(default_factory=list)
    activated_on: date | None = None
    holds: list[tuple[date, bool]] = field(default_factory=list)
    progress: Receipts = field(default_factory=list)
    progress_order: list[int] = field(default_factory=list)
    usage: Receipts = field(default_factory=list)
    invoiced: Receipts = field(default_factory=list)
    periods: list[LedgerEntry] = field(default_factory=list)
    rows: int = 0
    rows_of_work: tuple[tuple[str, int], ...] = ()

    @property
    def item_id(self) -> str:
        return self.plan.item_id

    def copied(self) -> KnownItem:
        """The same facts, to which others may be added."""
        return replace(
            self,
            delivered=[*self.delivered],
            accepted=[*self.accepted],
            reached=[*self.reached],
            holds=[*self.holds],
            progress=[*self.progress],
            progress_order=[*self.progress_order],
            usage=[*self.usage],
            invoiced=[*self.invoiced],
            periods=[*self.periods],
        )

    @property
    def received(self) -> Receipts:
        """What counts as received: deliveries, or acceptances where the line requires them."""
        return self.accepted if self.plan.acceptance == "required" else self.delivered


class Told(tuple[LedgerEntry, ...]):
    """Rows that several things are asked of: what they say now is worked out once."""

    @cached_property
    def now(self) -> tuple[KnownItem, ...]:
        return _known_items(self, Extent())


def known_items(entries: Iterable[LedgerEntry], known: datetime | None = None) -> tuple[KnownItem, ...]:
    """The items that have a plan at ``known`` (inclusive; none: everything recorded), in the order of their planning.

    ``entries`` come in the order in which they were added. Nobody changes what is answered.
    """
    return entries.now if known is None and isinstance(entries, Told) else _known_items(entries, Extent(known))


def known_at(entries: Sequence[LedgerEntry], known: Sequence[Extent]) -> tuple[tuple[KnownItem, ...], ...]:
    """:func:`known_items` as far as each of ``known`` reaches (rising). An item of which nothing was recorded between
    two of them is the same object in both, where the rows lie in that order."""
    reached = reaches(entries, known) if len(known) > 1 else None
    if reached is None:
        return tuple(_known_items(entries, each) for each in known)
    found: list[tuple[KnownItem, ...]] = []
    knowledge, position = Knowledge(), 0
    for last in reached:
        for entry in entries[position:last]:
            knowledge.learn(entry)
        position = last
        found.append(knowledge.told())
    return tuple(found)


def _known_items(entries: Iterable[LedgerEntry], known: Extent) -> tuple[KnownItem, ...]:
    knowledge = Knowledge()
    everything = known == Extent()
    for entry in entries:
        if everything or known.knows(entry):
            knowledge.learn(entry)
    return knowledge.told()


class Knowledge:
    """What is learnt from entry after entry. What was told once stays: items are changed as copies then."""

    def __init__(self) -> None:
        self._items: dict[str, KnownItem] = {}
        self._taken_back: set[str] = set()
        self._told: set[str] = set()
        self._learnt = 0

    def learn(self, entry: LedgerEntry) -> None:
        item_id, kind = entry.item_id, entry.kind
        self._learnt += 1
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = KnownItem(entry)
        elif item_id in self._told:
            self._told.discard(item_id)
            item = self._items[item_id] = item.copied()
        item.rows += kind is not EntryKind.INVOICED
        if kind is EntryKind.PROGRESS:
            _progress(item, entry, self._learnt)
        elif kind is not EntryKind.SCHEDULED:
            _note(item, entry)
        elif entry.counter:
            self._taken_back.add(item_id)
        else:
            self._taken_back.discard(item_id)
            item.plan = entry

    def told(self) -> tuple[KnownItem, ...]:
        self._told = set(self._items)
        return tuple(item for item_id, item in self._items.items() if item_id not in self._taken_back)


def _note(item: KnownItem, entry: LedgerEntry) -> None:
    match entry.kind:
        case EntryKind.ACTIVATED:
            item.activated = not entry.counter
            item.activated_on = None if entry.counter else entry.effective
        case EntryKind.REJECTED:
            item.rejected = not entry.counter
        case EntryKind.HELD | EntryKind.RELEASED:
            _fact(item.holds, (entry.effective, entry.kind is EntryKind.HELD), entry)
        case EntryKind.DELIVERED:
            item.delivered.append((entry.effective, entry.quantity))
        case EntryKind.ACCEPTED:
            item.accepted.append((entry.effective, entry.quantity))
        case EntryKind.REACHED:
            _fact(item.reached, (entry.effective, entry.milestone), entry)
        case EntryKind.USAGE:
            item.usage.append((entry.effective, entry.amount))
        case EntryKind.INVOICED:
            item.invoiced.append((entry.effective, entry.amount))
        case EntryKind.PERIOD:
            item.periods.append(entry)
        case EntryKind.SCHEDULED:
            item.plan = entry


def _progress(item: KnownItem, entry: LedgerEntry, number: int) -> None:
    """What is told of work, and as the which of all: work of several items goes by the order of all their words."""
    word = (entry.effective, entry.percent or Decimal(0))
    if not entry.counter:
        item.progress.append(word)
        item.progress_order.append(number)
    elif word in item.progress:
        last = len(item.progress) - 1 - item.progress[::-1].index(word)
        del item.progress[last], item.progress_order[last]


def _fact(known: list[Fact], fact: Fact, entry: LedgerEntry) -> None:
    """Add what an entry tells that is no sum, or drop it where the entry takes it back."""
    if not entry.counter:
        known.append(fact)
    elif fact in known:
        del known[len(known) - 1 - known[::-1].index(fact)]


def end_of_day(day: date, time_zone: str) -> datetime:
    """The last instant (UTC) of ``day`` in ``time_zone``: what a bare date means where a moment is asked for."""
    following = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone))
    return following.astimezone(UTC) - timedelta(microseconds=1)


def by(receipts: Iterable[tuple[date, Decimal]], day: date) -> Decimal:
    """How much was received by ``day``, that day included."""
    return sum((quantity for on, quantity in receipts if on <= day), Decimal(0))
