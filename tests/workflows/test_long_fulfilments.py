"""Fulfilments that go on in a new run: no order that has ended and nobody who orders in that moment is lost."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.order.choosing import Pick
from tests.workflows.house import ROSA, House, details, quote_document
from tests.workflows.test_long_runs import runs
from workflows.names import fulfilment_id

PARTS, MORE = 12, 6


@pytest.mark.timeout(180)
async def test_a_fulfilment_that_goes_on_in_new_runs_hears_of_every_order(impatient_house: House) -> None:
    house = impatient_house
    day = house.today(20)
    line = {**quote_document("any", "0.10")["lines"][0], "quantity": str(PARTS + MORE)}
    places = [{"order_date": str(day), "ship_to": f"S{number}", "quantity": "1"} for number in range(PARTS + MORE)]
    quote_id = await house.accepted(lines=[{**line, "deliveries": places}])

    def pick(number: int) -> Pick:
        return Pick.model_validate({"line": "L1", "quantity": "1", "ship_to": f"S{number}", "order_date": str(day)})

    book = await house.orders.create(ROSA, quote_id, [], [pick(number) for number in range(PARTS)])
    run = house.client.get_workflow_handle(fulfilment_id(quote_id))

    async def end(order_id: str) -> None:
        await house.orders.change(ROSA, order_id, "cancel", disposition="cancelled")

    # Orders end and others are made at the same time, over several new runs of the fulfilment.
    more = (house.orders.create(ROSA, quote_id, [], [pick(PARTS + number)], key=f"m{number}") for number in range(MORE))
    await asyncio.gather(*(end(order.order_id) for order in book.orders[:-1]), *more)
    assert "orders have ended" in await details(run)
    for order in (await house.orders.book(quote_id)).orders:
        if order.state != "cancelled":
            await end(order.order_id)
    result = await asyncio.wait_for(run.result(), 60)
    assert list(result["ended"].values()) == ["cancelled"] * (PARTS + MORE)
    statuses = await runs(house, run.id)
    assert WorkflowExecutionStatus.CONTINUED_AS_NEW in statuses
