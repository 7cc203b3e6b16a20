"""Many orders of one quote: all on their date, in the same second, and over an outage (``--orders 1000``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from activities.store import order_tables
from domain.order.order import Order
from starter.connection import connect
from starter.settings import Settings
from starter.temporal_server import temporal_server
from tests.workflows.house import ROSA, House, quote_document, until
from workflows.burst import LONGEST, lag
from workflows.names import fulfilment_id

PORT = 17_233
tables = order_tables.orders.c
MOST_EVENTS = 10_240
"""Where the server begins to warn."""


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--orders"))


async def many(house: House, size: int, *, days: Sequence[int] = (10,)) -> tuple[Order, ...]:
    """So many orders of one quote, each to a place of its own, over these days."""
    deliveries = [
        {"order_date": str(house.today(days[number % len(days)])), "ship_to": f"S{number}", "quantity": "1"}
        for number in range(size)
    ]
    line = {**quote_document("any", "0.01")["lines"][0], "quantity": str(size), "deliveries": deliveries}
    quote_id = await house.accepted(lines=[line])
    return (await house.orders.create(ROSA, quote_id, ["order_date", "ship_to"])).orders


async def forward_all(house: House, orders: Sequence[Order], by: timedelta) -> None:
    """Move the runs on, some at a time, and then the desk's clock."""
    few = asyncio.Semaphore(16)

    async def move(order: Order) -> None:
        async with few:
            await house._skipper.fast_forward(house.order_run(order), by)

    await asyncio.gather(*(move(order) for order in orders))
    house.clock.ahead += by


async def activated(house: House, orders: Sequence[Order]) -> tuple[Order, ...]:
    async with house.desk.reading() as work:
        mine = {order.order_id for order in orders}
        found = await work.orders.of_quote(orders[0].quote_id)
    return tuple(order for order in found if order.order_id in mine and order.activated_at is not None)


async def all_activated(house: House, orders: Sequence[Order]) -> None:
    """Wait until they are: counted by the database, as reading them all holds up the others."""
    mine = [order.order_id for order in orders]
    statement = select(func.count()).where(tables.order_id.in_(mine), tables.activated_at.is_not(None))

    async def count() -> int:
        async with house.desk.reading() as work:
            return int((await work.connection.execute(statement)).scalar_one())

    await until(count, lambda seen: seen == len(mine), patience=300)


async def events_of_parents(house: House, quote_id: str) -> list[int]:
    """How long the history of each run in the fulfilment's chain is."""
    found = [each async for each in house.client.list_workflows(f"WorkflowId = '{fulfilment_id(quote_id)}'")]
    return [each.history_length for each in found]


@pytest.mark.timeout(900)
async def test_many_orders_are_activated_once_each_on_its_date(house: House, size: int) -> None:
    orders = await many(house, size, days=(10, 20))
    first, second = orders[: len(orders) // 2], orders[len(orders) // 2 :]
    assert {order.order_date for order in first} == {house.today(10)}
    await forward_all(house, orders, 10 * timedelta(days=1))
    await all_activated(house, first)
    assert await activated(house, second) == ()
    await forward_all(house, second, 10 * timedelta(days=1))
    await all_activated(house, orders)
    done = await activated(house, orders)
    for order in done:
        assert order.activated_at is not None
        assert order.activated_at >= order.due
        assert order.local_date(order.activated_at) == order.order_date
    await until(lambda: _count_sent(house), lambda seen: seen == size, patience=300)
    # And all of them end, each telling the fulfilment.
    cancelled = await house.orders.cancel_all(ROSA, orders[0].quote_id)
    assert len(cancelled.withdrawn) == size
    run = house.client.get_workflow_handle(fulfilment_id(orders[0].quote_id))
    assert len((await asyncio.wait_for(run.result(), 300))["ended"]) == size
    assert max(await events_of_parents(house, orders[0].quote_id)) < MOST_EVENTS
    kinds = [message.header.key for message in house.erp.sent]
    assert (len(kinds), len(set(kinds))) == (2 * size, 2 * size)


async def _count_sent(house: House) -> int:
    return len(house.erp.sent)


@pytest.mark.timeout(900)
async def test_orders_of_one_second_over_an_outage_each_go_once_and_soon(
    database_url: str, task_queue: str, tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    log, database = tmp_path / "temporal.log", tmp_path / "temporal.db"
    serving = partial(temporal_server, database, log=log, ui_port=None, time_skipping=True, say=lambda _: None)
    settings = Settings(state_dir=tmp_path, temporal=None, temporal_namespace="default", database=database_url)
    async with serving(port=PORT) as server:
        client = await connect(settings, server.address)
        async with House.built(client, database_url, task_queue) as house, house.worker():
            orders = await many(house, size)
            # Every run is moved on by as much, so that all are due in the same second of the world.
            due_in = timedelta(seconds=15 + size // 12)
            by = orders[0].due - house.clock.now() - due_in
            deadline = time.monotonic() + due_in.total_seconds()
            await forward_all(house, orders, by)
            assert time.monotonic() < deadline, "too slow to forward them: give them longer"
            assert await activated(house, orders) == ()
    await asyncio.sleep(max(0.0, deadline - time.monotonic()) + LONGEST.total_seconds() + 1)
    async with serving(port=PORT) as server:
        client = await connect(settings, server.address)
        async with House.built(client, database_url, task_queue) as house, house.worker():
            house.clock.ahead = by
            back = time.monotonic()
            await all_activated(house, orders)
            took = time.monotonic() - back
            done = await activated(house, orders)
            await until(lambda: _count_sent(house), lambda seen: seen == size, patience=300)
            kinds = await _activations(house, orders[0].quote_id)
    with capsys.disabled():
        print(f"\n{size} orders of one second were activated {took:.1f} s after the server's return")
    assert all(order.activated_at is not None and order.activated_at >= order.due for order in done)
    assert kinds == size


async def _activations(house: House, quote_id: str) -> int:
    count, after = 0, 0
    async with house.desk.reading() as work:
        while page := await work.record.of_quote(quote_id, after, limit=1000):
            count += sum(entry.kind == "order_activated" for entry in page)
            after = page[-1].seq
    return count


def test_orders_of_one_moment_are_spread_over_some_seconds() -> None:
    lags = [lag(f"Q-1-{number}") for number in range(1000)]
    assert lags == [lag(f"Q-1-{number}") for number in range(1000)]
    assert min(lags) >= timedelta()
    assert max(lags) < LONGEST
    for second in range(int(LONGEST.total_seconds())):
        assert 120 < sum(int(each.total_seconds()) == second for each in lags) < 280
