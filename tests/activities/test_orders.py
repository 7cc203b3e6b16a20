"""Orders in the store: versions, balances, the ledger, and what pages show."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from activities.store.audit import audit
from activities.store.order_tables import order_balances, order_items, orders
from activities.store.work import Database
from domain.order.activation import activate, advance
from domain.order.event import Cause, Change
from domain.order.reschedule import move_date
from domain.refusal import Refusal
from tests.activities.samples import NOON, order_hospital
from tests.activities.test_record import tamper

CAUSE = Cause(at=NOON, by="rosa", why="the site is not ready")


async def test_the_book_comes_back_equal(database: Database) -> None:
    _, book = await order_hospital(database)
    async with database.reading() as work:
        stored = await work.orders.book("Q-1001")
        assert stored == book
        assert stored.totals == book.totals
        assert await work.orders.named("Q-1001", "2027-02-15/NC") == book.order("2027-02-15/NC")
        assert await work.orders.count("Q-1001") == len(book.orders)
        with pytest.raises(Refusal) as refused:
            await work.orders.book("Q-2")
        assert refused.value.code == "not_ordered"
        with pytest.raises(Refusal) as refused:
            await work.orders.get("Q-1001-99")
        assert refused.value.code == "unknown_order"


async def test_rows_tie_to_the_cent(database: Database) -> None:
    await order_hospital(database)
    async with database.reading() as work:
        for table, column in ((orders, orders.c.total), (order_items, order_items.c.amount)):
            total = (await work.connection.execute(select(func.sum(column)).select_from(table))).scalar_one()
            assert str(total) == "1911201.11"
        rest = select(func.sum(order_balances.c.unordered_amount))
        assert str((await work.connection.execute(rest)).scalar_one()) == "0.00"
        one = select(orders.c.total).where(orders.c.order_id == "Q-1001-1")
        stored = (await work.connection.execute(one)).scalar_one()
        assert str(stored) == str((await work.orders.get("Q-1001-1")).total)


async def test_a_moved_date_is_kept_with_its_variance(database: Database) -> None:
    await order_hospital(database)
    async with database.work() as work:
        book = await work.orders.book("Q-1001", for_update=True)
        change = move_date(book, "2027-02-01/MC", date(2027, 2, 8), CAUSE)
        await work.save_change(change)
    async with database.reading() as work:
        stored = await work.orders.book("Q-1001")
        assert stored == book.applied(change)
        assert stored.totals.variance != 0
        kinds = [each.kind for each in await work.record.of_order(change.orders[0].order_id)]
        assert "order_date_moved" in kinds
    assert (await audit(database)).violations == ()


async def test_of_two_changes_at_once_one_is_stale(database: Database) -> None:
    await order_hospital(database)
    both_have_read = asyncio.Barrier(2)

    async def start() -> str:
        try:
            async with database.work() as work:
                order = await work.orders.get("Q-1001-1")
                await both_have_read.wait()
                await work.save_change(activate(order, CAUSE))
        except Refusal as refusal:
            return refusal.code
        return "saved"

    assert sorted(await asyncio.gather(start(), start())) == ["saved", "stale"]
    async with database.reading() as work:
        assert (await work.orders.get("Q-1001-1")).version == 2


async def test_of_two_changes_of_one_balance_one_is_stale(database: Database) -> None:
    await order_hospital(database)
    both_have_read = asyncio.Barrier(2)

    async def move(name: str) -> str:
        try:
            async with database.work() as work:
                book = await work.orders.book("Q-1001")
                await both_have_read.wait()
                later = book.order(name).order_date + timedelta(days=3)
                await work.save_change(move_date(book, name, later, CAUSE))
        except Refusal as refusal:
            return refusal.code
        return "saved"

    results = await asyncio.gather(move("2027-02-01/MC"), move("2027-03-01/NC"))
    assert sorted(results) == ["saved", "stale"]
    assert (await audit(database)).violations == ()


async def test_who_holds_an_order_makes_others_wait(database: Database) -> None:
    await order_hospital(database)

    async def touch() -> None:
        async with database.work() as work:
            order = await work.orders.get("Q-1001-1", for_update=True)
            await work.orders.save(Change(orders=(order.model_copy(update={"version": order.version + 1}),)))

    await asyncio.gather(*(touch() for _ in range(5)))
    async with database.reading() as work:
        assert (await work.orders.get("Q-1001-1")).version == 6


async def test_a_version_that_skips_one_is_stale_unless_it_was_read(database: Database) -> None:
    _, book = await order_hospital(database)
    order = book.orders[0]
    with pytest.raises(Refusal) as refused:
        async with database.work() as work:
            await work.orders.save(Change(orders=(order.model_copy(update={"version": 3}),)))
    assert refused.value.code == "stale"
    async with database.work() as work:
        await work.orders.get(order.order_id)
        await work.orders.save(Change(orders=(order.model_copy(update={"version": 3}),)))


async def test_orders_made_twice_are_stale(database: Database) -> None:
    _, book = await order_hospital(database)
    again = Change(orders=book.orders)
    with pytest.raises(RuntimeError, match="read the one book"):
        async with database.work() as work:
            await work.orders.save(again)
    async with database.work() as work:
        assert not await work.orders.open_book(book)


async def test_the_ledger_takes_an_entry_once(database: Database) -> None:
    await order_hospital(database)
    async with database.work() as work:
        before = await work.ledger.entries(quote="Q-1001")
        await work.ledger.append(before)
        assert await work.ledger.entries(quote="Q-1001") == before
        assert await work.ledger.entries(customer="st-anne") == before
        first = await work.ledger.entries(order="Q-1001-1")
        assert first == tuple(entry for entry in before if entry.order_id == "Q-1001-1")
        assert await work.ledger.entries(customer="st-anne", known=NOON - timedelta(seconds=1)) == ()
        assert await work.ledger.entries(customer="st-anne", known=NOON) == before
        with pytest.raises(ValueError, match="say of whom"):
            await work.ledger.entries()


async def test_orders_and_ledger_are_read_page_by_page(database: Database) -> None:
    _, book = await order_hospital(database)
    async with database.reading() as work:
        names = [order.order_id for order in book.orders]
        first = await work.order_views.orders_of_quote("Q-1001", limit=4)
        second = await work.order_views.orders_of_quote("Q-1001", cursor=first.next, limit=4)
        assert [line.order_id for page in (first, second) for line in page.orders] == names
        assert second.next is None
        by_date = await work.order_views.orders_of_customer("st-anne", limit=3)
        more = await work.order_views.orders_of_customer("st-anne", cursor=by_date.next)
        assert [line.order_date for line in (*by_date.orders, *more.orders)] == sorted(
            order.order_date for order in book.orders
        )
        page = await work.order_views.ledger_of_customer("st-anne", limit=5)
        rest = await work.order_views.ledger_of_customer("st-anne", cursor=page.next)
        assert (*page.entries, *rest.entries) == await work.ledger.entries(customer="st-anne")
        due = await work.order_views.due_orders(book.orders[0].due)
        assert [line.order_id for line in due] == [book.orders[0].order_id]
        shown = await work.order_views.order_page("Q-1001-1")
        assert (shown.order, shown.erp) == (book.orders[0], ())


async def test_an_activated_order_is_not_due_any_more(database: Database) -> None:
    _, book = await order_hospital(database)
    order = book.orders[0]
    async with database.work() as work:
        stored = await work.orders.get(order.order_id, for_update=True)
        await work.save_change(advance(stored, Cause(at=order.due, by="clock")))
    async with database.reading() as work:
        due = await work.order_views.due_orders(order.due + timedelta(days=365))
        assert order.order_id not in [line.order_id for line in due]


async def test_the_audit_of_a_sound_database_finds_nothing(database: Database) -> None:
    _, book = await order_hospital(database)
    seen: list[str] = []
    report = await audit(database, on_book=seen.append)
    assert (report.books, report.orders, report.violations) == (1, len(book.orders), ())
    assert report.entries > 0
    assert seen == ["Q-1001"]


async def test_the_audit_finds_what_was_changed_by_hand(database: Database) -> None:
    await order_hospital(database)
    await tamper(
        database,
        "UPDATE order_balances SET body = jsonb_set(body, '{unordered_quantity}', '\"1\"') WHERE line_id = 'L2'",
        "UPDATE orders SET total = 1 WHERE order_id = 'Q-1001-1'",
        "UPDATE record SET by = 'mei' WHERE seq = 2",
    )
    found = {(violation.code, violation.where) for violation in (await audit(database)).violations}
    assert found == {
        ("i1_quantity", "quote Q-1001 lines.L2"),
        ("row_differs", "order Q-1001-1"),
        ("record_edited", "record 2"),
    }


async def test_the_audit_goes_on_over_what_it_cannot_read(database: Database) -> None:
    await order_hospital(database)
    await tamper(database, "UPDATE orders SET body = body - 'currency' WHERE order_id = 'Q-1001-2'")
    report = await audit(database)
    assert [violation.code for violation in report.violations] == ["unreadable"]
    assert Decimal(report.books) == 1
