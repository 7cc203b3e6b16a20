"""Fulfilments: one split, a run for each order, and what happens when one of them goes astray."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from activities.requests import CreateOrders
from activities.tokens import Identity
from domain.approval.state import Verdict
from domain.order.order import Order
from domain.refusal import Refusal
from tests.workflows.house import (
    ADMIN,
    ROSA,
    TOKENS,
    House,
    change_message,
    details,
    quote_document,
    refusal_code,
    until,
)
from workflows.messages import FulfilmentStart, OrdersAnswer
from workflows.names import fulfilment_id, order_run_id
from workflows.order_fulfilment import OrderFulfilment

ERP = Identity("erp", frozenset({"service"}))
both_caches = pytest.mark.parametrize("house", [1000, 0], indirect=True, ids=["cached", "uncached"])


async def finish(house: House, order: Order) -> None:
    """Take an order to its end."""
    await house.orders.change(ROSA, order.order_id, "activate")
    await house.orders.change(ERP, order.order_id, "acknowledge")
    day = (await house.order(order)).order_date
    house.clock.ahead += max(day - house.today(), day - day)
    await house.orders.change(ROSA, order.order_id, "deliver")


async def start(house: House, quote_id: str, key: str, *, who: Identity = ROSA, **more: Any) -> OrdersAnswer:
    """Start a fulfilment as the desk does, without its checks."""
    facts = {"token": TOKENS.act(who, quote_id, "order", CreateOrders.claim(quote_id, key)), **more}
    operation = WithStartWorkflowOperation(
        OrderFulfilment.run,
        FulfilmentStart(quote_id=quote_id, split_by=("order_date",), by=who.user, key=key, **facts),
        id=fulfilment_id(quote_id),
        task_queue=house.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    answer: OrdersAnswer = await house.client.execute_update_with_start_workflow(
        "created", start_workflow_operation=operation, result_type=OrdersAnswer
    )
    return answer


async def test_a_start_proves_who_orders_and_tells_no_time(house: House) -> None:
    quote_id = await house.accepted()
    assert await refusal_code(start(house, quote_id, "k", token="")) == "invalid_token"
    assert await refusal_code(start(house, quote_id, "k", who=Identity("mallory"))) == "unknown_user"
    assert await refusal_code(start(house, quote_id, "k", at=house.clock.now())) == "stories_only"
    assert (await house.kinds(quote_id))["order_ordered"] == 0


async def test_who_was_deactivated_orders_and_changes_nothing(house: House) -> None:
    (order,) = await house.ordered(1)
    other = await house.accepted()
    act = change_message(order, "activate", ROSA)
    await house.people.deactivate(ADMIN, "rosa")
    for refused in (
        house.orders.create(ROSA, other, ["order_date"]),
        house.orders.preview(ROSA, other, ["order_date"]),
        house.orders.change(ROSA, order.order_id, "activate"),
        house.orders.preview_change(ROSA, order.order_id, "activate"),
    ):
        with pytest.raises(Refusal, match="unknown_user"):
            await refused
    # Straight at the runs the same holds, whenever the token was made.
    assert await refusal_code(house.order_run(order).execute_update("activate", act)) == "unknown_user"
    moved = change_message(order, "move_date", ROSA, to=house.today(5))
    assert await refusal_code(house.order_run(order).execute_update("move_date", moved)) == "unknown_user"
    assert await refusal_code(start(house, other, "k")) == "unknown_user"
    assert (await house.order(order)).activated_at is None
    await house.orders.change(ERP, order.order_id, "activate")


@both_caches
async def test_a_split_starts_a_run_for_each_order_and_ends_with_the_last(house: House) -> None:
    first, second = await house.ordered(1, 2)
    run = house.client.get_workflow_handle(fulfilment_id(first.quote_id))
    assert "0 of 2 orders have ended" in await details(run)
    await finish(house, second)
    await until(lambda: details(run), lambda seen: "1 of 2 orders have ended" in seen)
    await finish(house, first)
    result = await run.result()
    assert [order["order_id"] for order in result["orders"]] == [first.order_id, second.order_id]
    assert (await house.kinds(first.quote_id))["order_ordered"] == 2


async def test_a_split_that_is_refused_leaves_nothing_and_may_be_tried_again(house: House) -> None:
    state = await house.submitted("10.00", start_date=str(house.today(5)))
    assert await refusal_code(start(house, state.quote_id, "k")) == "not_approved"
    with pytest.raises(WorkflowFailureError):
        await house.client.get_workflow_handle(fulfilment_id(state.quote_id)).result()
    async with house.desk.reading() as work:
        assert await work.orders.find_book(state.quote_id) is None
    approval = state.approvals[0].approval_id
    await house.quotes.decide(Identity("mei"), approval, Verdict.APPROVE)
    await house.quotes.accept(ROSA, state.quote_id)
    assert len((await house.orders.create(ROSA, state.quote_id, ["order_date"], key="k")).orders) == 1


@both_caches
async def test_of_two_who_split_a_quote_at_once_one_does_and_the_other_is_told(house: House) -> None:
    quote_id = await house.accepted(lines=_two_places(house))

    async def split(*by: str) -> str:
        try:
            await house.orders.create(ROSA, quote_id, by)
        except Refusal as refusal:
            return refusal.code
        return "done"

    assert sorted(await asyncio.gather(split("order_date"), split("order_date", "ship_to"))) == [
        "done",
        "nothing_unordered",
    ]
    assert len((await house.orders.book(quote_id)).orders) in (1, 2)


async def test_the_same_split_under_the_same_key_is_one_split(house: House) -> None:
    quote_id = await house.accepted(lines=_two_places(house))
    first, second = await asyncio.gather(
        *(house.orders.create(ROSA, quote_id, ["order_date", "ship_to"], key="split-1") for _ in range(2))
    )
    assert first == second == await house.orders.create(ROSA, quote_id, ["order_date", "ship_to"], key="split-1")
    assert (await house.kinds(quote_id))["order_ordered"] == 2


def _two_places(house: House) -> list[dict[str, object]]:
    places = [{"order_date": str(house.today(5)), "ship_to": place, "quantity": "1"} for place in ("north", "south")]
    return [{**quote_document("any", "10.00")["lines"][0], "quantity": "2", "deliveries": places}]


async def test_the_loss_of_one_run_keeps_the_others_going(house: House) -> None:
    first, second = await house.ordered(1, 2)
    await house.order_run(first).terminate("by hand")
    await finish(house, second)
    result = await house.client.get_workflow_handle(fulfilment_id(first.quote_id)).result()
    assert [order["order_id"] for order in result["orders"]] == [second.order_id]


async def test_orders_go_on_when_nobody_watches_them_any_more(house: House) -> None:
    (order,) = await house.ordered(1)
    await house.client.get_workflow_handle(fulfilment_id(order.quote_id)).terminate("by hand")
    await finish(house, order)
    assert (await house.order_run(order).result())["standing"]["state"] == "fulfilled"


async def test_a_split_whose_commit_nobody_heard_of_is_one_split(house: House) -> None:
    house.worker_database.frail = True
    orders = await house.ordered(1, 2, 3)
    assert house.worker_database.lost > 0
    assert (await house.kinds(orders[0].quote_id))["order_ordered"] == 3
    for order in orders:
        described = await house.client.get_workflow_handle(order_run_id(order.order_id)).describe()
        assert described.status is WorkflowExecutionStatus.RUNNING
