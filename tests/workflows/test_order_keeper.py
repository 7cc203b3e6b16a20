"""Runs of orders that an operator ended: what is due of them is done all the same, and nothing before its time."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import WorkflowExecutionStatus

from domain.order.order import Order
from starter.order_keeper import OrderKeeper
from tests.workflows.house import ROSA, House, until

DAY = timedelta(days=1)
LATE = timedelta(minutes=2)


async def status(house: House, order: Order) -> WorkflowExecutionStatus | None:
    return (await house.order_run(order).describe()).status


async def looked_twice(keeper: OrderKeeper) -> None:
    for _ in range(2):
        await keeper.look()


async def test_an_order_whose_run_was_ended_is_activated_when_it_is_due_and_not_before(house: House) -> None:
    first, second = await house.ordered(3, 9)
    keeper = OrderKeeper(house.desk)
    for order in (first, second):
        await house.order_run(order).terminate("by mistake")
    await looked_twice(keeper)
    assert await status(house, first) is WorkflowExecutionStatus.TERMINATED, "nothing is due yet"
    house.clock.ahead += 3 * DAY + LATE
    await keeper.look()
    assert await status(house, first) is WorkflowExecutionStatus.TERMINATED, "its run may be about to see to it"
    await keeper.look()
    assert await status(house, first) is WorkflowExecutionStatus.RUNNING
    # The desk's clock was put on; the new run's is brought after it.
    await house.forward(house.order_run(first), 3 * DAY + LATE)
    activated = await until(lambda: house.order(first), lambda seen: seen.sent_at is not None)
    assert activated.activated_at >= activated.due
    assert (await house.kinds(first.quote_id))["order_activated"] == 1
    assert await status(house, second) is WorkflowExecutionStatus.TERMINATED


async def test_an_order_that_was_not_sent_yet_when_its_run_was_ended_is_sent(house: House) -> None:
    house.erp.is_down = True
    (order,) = await house.ordered(0)
    await until(lambda: house.order(order), lambda seen: seen.activated_at is not None)
    await house.order_run(order).terminate("by mistake")
    house.erp.is_down = False
    house.clock.ahead += LATE
    await looked_twice(OrderKeeper(house.desk))
    await until(lambda: house.order(order), lambda seen: seen.sent_at is not None)
    assert [document.header.order_id for document in house.erp.sent] == [order.order_id]


async def test_a_service_starts_although_its_run_was_ended(house: House) -> None:
    start, end = str(house.today(5)), str(house.today(400))
    line = {"kind": "subscription", "start_date": start, "end_date": end, "price_per": "month"}
    (order,) = await house.ordered(0, price="1.00", **line)
    await until(lambda: house.order(order), lambda seen: seen.sent_at is not None)
    await house.orders.change(ROSA, order.order_id, "acknowledge")
    await house.order_run(order).terminate("by mistake")
    keeper = OrderKeeper(house.desk)
    house.clock.ahead += DAY
    await looked_twice(keeper)
    assert await status(house, order) is WorkflowExecutionStatus.TERMINATED, "the service has not started yet"
    house.clock.ahead += 4 * DAY + LATE
    await looked_twice(keeper)
    await house.forward(house.order_run(order), 5 * DAY + LATE)
    await until(lambda: house.order(order), lambda seen: seen.state == "fulfilled")


async def test_a_run_that_is_there_is_left_alone(house: House) -> None:
    (order,) = await house.ordered(3)
    began = (await house.order_run(order).describe()).run_id
    house.clock.ahead += 3 * DAY + LATE
    keeper = OrderKeeper(house.desk, at_a_time=1)
    await looked_twice(keeper)
    await looked_twice(keeper)
    now = await house.order_run(order).describe()
    assert (now.run_id, now.status) == (began, WorkflowExecutionStatus.RUNNING)
