"""What the audit holds the ledger against, over random lives: items have what is planned, and events tell the rest."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.order.event import OrderEvent, OrderEventKind
from domain.pricing import PricedQuote
from tests.domain.order.life_steps import KEYS, STEPS, Step
from tests.domain.order.random_quotes import every_kind
from tests.domain.order.test_life_properties import cases, lived

TOLD = {
    OrderEventKind.DELIVERED: (EntryKind.DELIVERED, "quantity"),
    OrderEventKind.ACCEPTED: (EntryKind.ACCEPTED, "quantity"),
    OrderEventKind.USED: (EntryKind.USAGE, "amount"),
    OrderEventKind.INVOICED: (EntryKind.INVOICED, "invoiced"),
}
Sums = dict[tuple[str, EntryKind], Decimal]


def planned(rows: Iterable[LedgerEntry]) -> dict[str, tuple[Decimal, Decimal]]:
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for row in rows:
        if row.kind is EntryKind.SCHEDULED:
            quantity, amount = sums.get(row.item_id, (Decimal(0), Decimal(0)))
            sums[row.item_id] = (quantity + row.quantity, amount + row.amount)
    return {item: found for item, found in sums.items() if any(found)}


def happened(rows: Iterable[LedgerEntry]) -> Sums:
    sums: Sums = {}
    for row in rows:
        if row.kind in {kind for kind, _ in TOLD.values()}:
            much = row.quantity if row.kind in (EntryKind.DELIVERED, EntryKind.ACCEPTED) else row.amount
            sums[row.item_id, row.kind] = sums.get((row.item_id, row.kind), Decimal(0)) + much
    return {key: much for key, much in sums.items() if much}


def recorded(events: Iterable[OrderEvent]) -> Sums:
    sums: Sums = {}
    for event in events:
        if event.kind in TOLD and event.item_id is not None:
            kind, field = TOLD[event.kind]
            before = "0" if event.kind is OrderEventKind.USED else str(event.before.get(field, "0"))
            more = Decimal(str(event.after[field])) - Decimal(before)
            sums[event.item_id, kind] = sums.get((event.item_id, kind), Decimal(0)) + more
    return {key: much for key, much in sums.items() if much}


@given(every_kind(), KEYS, STEPS)
@cases(15)
def test_the_ledger_ties_to_items_and_events(priced: PricedQuote, keys: tuple[str, ...], steps: list[Step]) -> None:
    life = lived(priced, keys, steps)
    items = [item for story in life.stories for order in story.book.orders for item in order.items if item.counts]
    assert planned(life.entries) == {item.item_id: (item.quantity, item.amount) for item in items}
    assert happened(life.entries) == recorded(event for story in life.stories for event in story.events)
