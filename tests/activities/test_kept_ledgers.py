"""Ledgers that are read in short and kept: nothing else is answered than the whole rows would."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from activities.store.kept_ledgers import KeptLedgers
from activities.store.short_rows import FIELDS, NOT_TOLD
from activities.store.work import Database
from domain.ledger.asset import assets, subscriptions
from domain.ledger.contract import contracts
from domain.ledger.entitlement import View, covers, entitlements
from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.known import Told
from domain.ledger.report import contract_of, csv_rows, outstanding
from domain.ledger.revenue import revenue
from domain.order.event import Cause
from domain.order.fulfilment import deliver
from tests.activities.samples import NOON
from tests.activities.test_ledger_audit import delivered

CUSTOMER = "st-anne"


def answers(rows: tuple[LedgerEntry, ...]) -> list[object]:
    """All that is asked of a ledger, as of now and as known at each moment."""
    found: list[object] = []
    for known in (None, *sorted({row.recorded_at for row in rows})):
        schedules = revenue(rows, known)
        found += [contracts(rows, method, known) for method in ("single", "by_end_date", "by_group")]
        found += [csv_rows(schedules, contract_of(rows, None, known)), outstanding(schedules, NOON.date())]
        for on in (NOON.date(), date(2027, 4, 10), date(2028, 3, 1)):
            found += [entitlements(rows, on, known, view) for view in (View.CONTRACTED, View.COMMITTED)]
            found += [covers(rows, on, known), tuple(assets(rows, on, known)), subscriptions(rows, known)]
    return found


def poor(row: LedgerEntry) -> LedgerEntry:
    """A fact that has nothing right but what short rows tell of it."""
    if row.kind in (EntryKind.SCHEDULED, EntryKind.PERIOD):
        return row
    wrong = {"line_id": "?", "product": "?", "family": "?", "group": "?", "unit": "?", "parent_item": "?"}
    wrong |= {"revises": "?", "root_item": "?", "contract_of": "?", "order_id": "?", "quote_id": "?"}
    more = {"order_date": date(1999, 1, 1), "standalone_amount": Decimal(7), "base": (), "milestones": ()}
    assert not {*wrong, *more} & {*FIELDS}
    return row.model_copy(update={**wrong, **more, **NOT_TOLD})


async def whole_and_short(database: Database, kept: KeptLedgers) -> tuple[tuple[LedgerEntry, ...], Told]:
    async with database.reading() as work:
        return await work.ledger.entries(customer=CUSTOMER), (await work.ledger.short(CUSTOMER, kept)).rows


async def test_short_rows_answer_what_whole_rows_answer(database: Database) -> None:
    await delivered(database)
    whole, short = await whole_and_short(database, KeptLedgers())
    assert len(whole) == len(short) > 10
    for told, row in zip(short, whole, strict=True):
        names = LedgerEntry.model_fields if row.kind is EntryKind.SCHEDULED else FIELDS
        assert [(name, str(getattr(told, name))) for name in names] == [
            (name, str(getattr(row, name))) for name in names
        ]
    expected = answers(whole)
    assert answers(short) == expected
    assert answers(tuple(map(poor, whole))) == expected


async def test_what_is_kept_is_dropped_when_a_row_was_added(database: Database) -> None:
    await delivered(database)
    kept = KeptLedgers()
    _, first = await whole_and_short(database, kept)
    _, again = await whole_and_short(database, kept)
    assert again is first
    async with database.work() as work:
        order = await work.orders.get("Q-1001-1")
        await work.save_change(deliver(order, Cause(at=NOON + timedelta(days=1), by="erp")))
    whole, then = await whole_and_short(database, kept)
    assert [row.entry_id for row in then] == [row.entry_id for row in whole]
    assert len(then) > len(first)


async def test_no_more_is_kept_than_there_is_room_for(database: Database) -> None:
    await delivered(database)
    kept = KeptLedgers(most_rows=1)
    _, first = await whole_and_short(database, kept)
    assert kept.mark(CUSTOMER) == ""
    _, again = await whole_and_short(database, kept)
    assert (again is first, again == first) == (False, True)
