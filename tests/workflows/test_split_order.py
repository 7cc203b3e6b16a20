"""Orders as durable runs: their date, the ERP, deliveries by update and by signal, and trouble with each of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import CancelledError

import workflows.terms
from activities.store.erp_messages import ErpState
from activities.store.order_tables import orders
from activities.tokens import Identity
from domain.order.order import Order, OrderState
from domain.refusal import Refusal
from tests.workflows.house import (
    FARID,
    ROSA,
    TOKENS,
    House,
    change_message,
    details,
    events,
    refusal_code,
    summaries,
    until,
)
from workflows.messages import OrderStart
from workflows.names import DUE_AT, ORDER_DATE, ORDER_STATE, QUOTE_ID
from workflows.terms import Term

ERP = Identity("erp", frozenset({"service"}))
DAY = timedelta(days=1)
both_caches = pytest.mark.parametrize("house", [1000, 0], indirect=True, ids=["cached", "uncached"])


async def change(house: House, order: Order, verb: str, who: Identity = ROSA, **fields: Any) -> str:
    """Change by update, straight at the run; the code of a refusal, or done."""
    message = change_message(order, verb, who, **fields)
    return await refusal_code(house.order_run(order).execute_update(verb, message))


async def sent(house: House, order: Order) -> None:
    """Wait until the run knows that the ERP has the order."""
    await until(lambda: house.standing(order), lambda standing: standing.sent)


async def ended(house: House, order: Order) -> str:
    return str((await house.order_run(order).result())["standing"]["state"])


async def ignored(house: House, order: Order, count: int) -> list[str]:
    async def codes() -> list[str]:
        return [entry.body["code"] for entry in await house.record(order.quote_id) if entry.kind == "signal_ignored"]

    found: list[str] = await until(codes, lambda seen: len(seen) >= count)
    return found


# -- the way through


@both_caches
async def test_an_order_starts_on_its_date_and_ends_with_its_last_delivery(house: House) -> None:
    (order,) = await house.ordered(10)
    await house.forward(house.order_run(order), 10 * DAY)
    await sent(house, order)
    assert await change(house, order, "acknowledge", ERP, document="E-1") == "done"
    assert await change(house, order, "deliver") == "done"
    assert await ended(house, order) == "fulfilled"
    kinds = await house.kinds(order.quote_id)
    once = ("ordered", "activated", "sent", "acknowledged", "delivered", "fulfilled")
    assert [kinds[f"order_{kind}"] for kind in once] == [1] * 6
    assert [document.header.order_id for document in house.erp.sent] == [order.order_id]


async def test_operators_see_what_an_order_waits_for(house: House) -> None:
    (order,) = await house.ordered(10)
    run = house.order_run(order)
    described = await run.describe()
    found = described.typed_search_attributes
    assert (found[QUOTE_ID], found[ORDER_STATE], found[ORDER_DATE]) == (order.quote_id, "scheduled", order.due)
    assert found[DUE_AT] == order.due
    assert f"order {order.order_id}: {order.key}, 1 items" in str(await described.static_summary())
    assert f"Waits for its date, {order.due:%Y-%m-%d}" in await details(run)
    assert any(name.startswith("waits for its date") for name in await summaries(run))
    assert await change(house, order, "activate") == "done"
    await sent(house, order)
    assert "Waits for the ERP's acknowledgement" in await details(run)
    assert await change(house, order, "acknowledge", ERP) == "done"
    assert "Waits for deliveries" in await details(run)
    assert {"rosa: activate", "send to the ERP", "erp: acknowledge"} <= set(await summaries(run))
    found = (await run.describe()).typed_search_attributes
    assert (found[ORDER_STATE], found.get(DUE_AT)) == ("in_fulfilment", None)


async def test_an_order_that_is_due_already_starts_at_once(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    assert (await house.order(order)).state is OrderState.ACTIVATED


async def test_what_the_erp_rejects_ends_rejected(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    assert await change(house, order, "acknowledge", ERP, outcome="rejected", reason="no such product") == "done"
    assert await ended(house, order) == "rejected"


async def test_an_order_delivered_before_the_erp_answered_waits_for_the_answer(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    assert await change(house, order, "deliver") == "done"
    assert (await house.order(order)).state is OrderState.FULFILLED
    assert "Waits for the ERP's acknowledgement" in await details(house.order_run(order))
    assert (await house.orders.change(ERP, order.order_id, "acknowledge", document="E-1")).acknowledged
    assert await ended(house, order) == "fulfilled"


# -- dates


@both_caches
async def test_an_order_moved_to_an_earlier_date_starts_then(house: House) -> None:
    (order,) = await house.ordered(30)
    assert await change(house, order, "move_date", to=house.today(5)) == "done"
    assert (await house.order_run(order).describe()).typed_search_attributes[ORDER_DATE] == order.due - 25 * DAY
    await house.forward(house.order_run(order), 5 * DAY)
    await sent(house, order)
    assert (await house.kinds(order.quote_id))["order_activated"] == 1


async def test_an_order_moved_to_a_later_date_does_not_start_on_the_old_one(house: House) -> None:
    (order,) = await house.ordered(5)
    await house.orders.change(ROSA, order.order_id, "move_date", to=house.today(20))
    await house.forward(house.order_run(order), 6 * DAY)
    assert (await house.standing(order)).state is OrderState.SCHEDULED
    await house.forward(house.order_run(order), 14 * DAY)
    await sent(house, order)


async def test_an_order_moved_to_today_starts_now(house: House) -> None:
    (order,) = await house.ordered(5)
    assert await change(house, order, "move_date", to=house.today()) == "done"
    await sent(house, order)


async def test_the_date_of_a_started_order_stands_and_asking_leaves_no_event(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    before = await events(house.order_run(order))
    assert await change(house, order, "move_date", to=house.today(5)) == "wrong_state"
    with pytest.raises(Refusal, match="wrong_state"):
        await house.orders.change(ROSA, order.order_id, "move_date", to=house.today(5))
    assert await events(house.order_run(order)) == before
    (early,) = await house.ordered(0, point_of_no_return="activation")
    await sent(house, early)
    assert await change(house, early, "move_date", to=house.today(5)) == "past_no_return"


async def test_a_date_that_is_past_is_refused_and_the_old_timer_stays(house: House) -> None:
    (order,) = await house.ordered(5)
    assert await change(house, order, "move_date", to=house.today(-1)) == "in_the_past"
    assert await change(house, order, "move_date") == "missing_field"
    assert await house.order(order) == order
    await house.forward(house.order_run(order), 5 * DAY)
    await sent(house, order)


async def test_moving_to_the_same_date_changes_nothing_and_bothers_nobody(house: House) -> None:
    (order,) = await house.ordered(5)
    run = house.order_run(order)
    before = await until(lambda: events(run), lambda seen: seen[-1] == "TIMER_STARTED")  # it waits for its date
    assert await house.orders.change(ROSA, order.order_id, "move_date", to=order.order_date) == order
    assert await events(house.order_run(order)) == before


# -- repeats and races


@both_caches
async def test_an_order_is_activated_once_whoever_is_first(house: House) -> None:
    (order,) = await house.ordered(10)
    codes = await asyncio.gather(*(change(house, order, "activate") for _ in range(3)))
    assert sorted(codes) == ["done", "wrong_state", "wrong_state"]
    await sent(house, order)
    await house.forward(house.order_run(order), 11 * DAY)
    kinds = await house.kinds(order.quote_id)
    assert (kinds["order_activated"], kinds["order_sent"]) == (1, 1)
    assert len(house.erp.sent) == 1


@both_caches
async def test_a_repeated_key_is_one_change_through_every_door(house: House) -> None:
    (order,) = await house.ordered(0, quantity="3", deliveries=[{"order_date": str(house.today()), "quantity": "3"}])
    await sent(house, order)
    message = change_message(order, "deliver", ROSA, key="slip-1", line="L1", quantity="1")
    run = house.order_run(order)
    await asyncio.gather(
        run.execute_update("deliver", message),
        run.execute_update("deliver", message, id="another-call"),
        run.signal("delivered", message),
        house.orders.change(ROSA, order.order_id, "deliver", key="slip-1", line="L1", quantity="1"),
    )
    assert await change(house, order, "acknowledge", ERP) == "done"
    kinds = await house.kinds(order.quote_id)
    assert (kinds["order_delivered"], kinds["signal_ignored"]) == (1, 0)
    assert (await house.order(order)).items[0].delivered_quantity == 1


async def test_a_change_made_for_an_older_version_is_refused(house: House) -> None:
    (order,) = await house.ordered(10)
    assert await change(house, order, "move_date", to=house.today(9), expected_version=order.version) == "done"
    assert await change(house, order, "move_date", to=house.today(8), expected_version=order.version) == "stale"
    assert await change(house, order, "activate", expected_version=order.version) == "stale"
    assert await change(house, order, "activate", expected_version=order.version + 1) == "done"


@both_caches
async def test_two_orders_of_a_quote_change_at_once_without_losing_either(house: House) -> None:
    first, second, third = await house.ordered(0, 10, 20)
    await sent(house, first)
    codes = await asyncio.gather(
        change(house, first, "deliver"),
        change(house, second, "move_date", to=house.today(12)),
        change(house, third, "move_date", to=house.today(22)),
        change(house, third, "activate"),
    )
    assert [codes[0], codes[1]] == ["done", "done"]
    assert set(codes[2:]) <= {"done", "past_no_return", "wrong_state"}
    async with house.desk.reading() as work:
        book = await work.orders.book(first.quote_id)
    assert [order.state for order in book.orders[:2]] == [OrderState.FULFILLED, OrderState.SCHEDULED]
    assert book.orders[1].order_date == house.today(12)


@both_caches
async def test_an_activity_whose_commit_nobody_heard_of_is_not_done_twice(house: House) -> None:
    house.worker_database.frail = True
    (order,) = await house.ordered(5)
    assert await change(house, order, "move_date", to=house.today(3)) == "done"
    await house.forward(house.order_run(order), 3 * DAY)
    await sent(house, order)
    assert await change(house, order, "acknowledge", ERP) == "done"
    await house.order_run(order).signal("reached", change_message(order, "reach", ERP))
    assert await ignored(house, order, 1) == ["no_milestone"]
    assert await change(house, order, "deliver", line="L1", quantity="1") == "done"
    assert await ended(house, order) == "fulfilled"
    kinds = await house.kinds(order.quote_id)
    once = ("ordered", "date_moved", "activated", "sent", "acknowledged", "delivered", "fulfilled")
    assert {kind: kinds[f"order_{kind}"] for kind in once} == dict.fromkeys(once, 1)
    assert kinds["signal_ignored"] == 1
    assert len(house.erp.sent) == 1
    assert house.worker_database.lost >= 8


# -- signals


async def test_signals_of_other_services_count_like_updates(house: House) -> None:
    (order,) = await house.ordered(0, acceptance="required")
    await sent(house, order)
    run = house.order_run(order)
    await run.signal("acknowledged", change_message(order, "acknowledge", ERP, document="E-7"))
    await run.signal("delivered", change_message(order, "deliver", FARID, evidence="slip 12"))
    await run.signal("accepted", change_message(order, "accept_item", ROSA))
    assert await ended(house, order) == "fulfilled"
    stored = await house.order(order)
    assert stored.acknowledgement is not None
    assert stored.acknowledgement.document == "E-7"
    assert stored.items[0].accepted_quantity == 1


async def test_a_milestone_is_reached_by_signal(house: House) -> None:
    (order,) = await house.ordered(0, revenue="on_milestone")
    await sent(house, order)
    await house.order_run(order).signal("reached", change_message(order, "reach", FARID))
    assert await change(house, order, "acknowledge", ERP) == "done"
    assert await ended(house, order) == "fulfilled"


async def test_signals_that_prove_nothing_or_are_refused_are_recorded_and_the_run_goes_on(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    run = house.order_run(order)
    forged = TOKENS.act(FARID, order.order_id, "deliver", "k")
    wrong = (
        change_message(order, "deliver", ROSA, token="nonsense"),
        change_message(order, "deliver", ROSA, key="k", token=forged),
        change_message(order, "deliver", ROSA, line="L1", quantity="7"),
        change_message(order, "deliver", ROSA, evidence="a\0b"),
        change_message(order, "deliver", ROSA, key="k" * 9000),
        change_message(order, "deliver", ROSA, line="L1", quantity="lots"),
    )
    for message in wrong:
        await run.signal("delivered", message)
    codes = await ignored(house, order, len(wrong))
    expected = ["invalid_number", "invalid_text", "invalid_token", "invalid_token", "quantity_out_of_range", "too_long"]
    assert sorted(codes) == expected
    assert (await house.order(order)).items[0].delivered == ()
    assert await change(house, order, "deliver") == "done"


async def test_a_signal_that_names_another_verb_is_not_a_way_round_its_own(house: House) -> None:
    (order,) = await house.ordered(10)
    await house.order_run(order).signal("delivered", change_message(order, "activate", ROSA))
    assert await ignored(house, order, 1) == ["wrong_type"]
    assert await refusal_code(house.order_run(order).execute_update("deliver", change_message(order, "activate", ROSA)))
    assert (await house.order(order)).state is OrderState.SCHEDULED


# -- the ERP


async def test_an_erp_that_is_down_gets_the_order_once_when_it_is_back(house: House) -> None:
    house.erp.is_down = True
    (order,) = await house.ordered(0)
    noted = await until(lambda: house.erp_messages(order), lambda seen: bool(seen and seen[0].attempts))
    assert (noted[0].state, noted[0].last_error) == (ErpState.WAITING, "ConnectionError: the ERP is down")
    assert "Waits for the ERP to take it" in await details(house.order_run(order))
    house.erp.is_down = False
    await sent(house, order)
    assert len(house.erp.sent) == 1
    assert (await house.kinds(order.quote_id))["order_sent"] == 1


async def test_an_erp_whose_answer_was_lost_has_the_order_once(house: House) -> None:
    house.erp.loses_answers = 1
    (order,) = await house.ordered(0)
    await sent(house, order)
    assert (house.erp.calls, len(house.erp.sent)) == (2, 1)


async def test_what_the_erp_refuses_goes_to_the_work_list_and_the_run_goes_on(house: House) -> None:
    house.erp.conflicts = True
    (order,) = await house.ordered(0)
    await until(lambda: house.kinds(order.quote_id), lambda kinds: kinds["order_not_sent"] == 1)
    (message,) = await house.erp_messages(order)
    assert (message.state, message.attempts, house.erp.calls) == (ErpState.WORK_LIST, 1, 1)
    assert message.last_error == "erp_conflict: another document is there under this key"
    assert await change(house, order, "deliver") == "done"
    assert "Waits for the ERP to take it" in await details(house.order_run(order))
    assert await change(house, order, "acknowledge", ERP, document="by hand") == "done"
    assert await ended(house, order) == "fulfilled"


async def test_an_erp_that_is_down_for_too_long_puts_the_order_on_the_work_list(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Term(timedelta(seconds=1), RetryPolicy(initial_interval=timedelta(milliseconds=50)), timedelta(seconds=0.5))
    monkeypatch.setattr(workflows.terms, "PARTNER", short)
    house.erp.is_down = True
    (order,) = await house.ordered(0)
    await until(lambda: house.kinds(order.quote_id), lambda kinds: kinds["order_not_sent"] == 1)
    (message,) = await house.erp_messages(order)
    assert message.state is ErpState.WORK_LIST
    assert "the ERP is down" in str(message.last_error)
    assert (await house.order_run(order).describe()).status is WorkflowExecutionStatus.RUNNING


async def test_an_operator_can_cancel_a_run_while_it_is_sending(house: House) -> None:
    house.erp.is_down = True
    (order,) = await house.ordered(0)
    await until(lambda: house.erp_messages(order))
    await house.order_run(order).cancel()
    with pytest.raises(WorkflowFailureError) as failed:
        await house.order_run(order).result()
    assert isinstance(failed.value.cause, CancelledError)


# -- trouble


async def test_an_activation_that_is_refused_is_shown_and_done_once_the_reason_is_gone(house: House) -> None:
    (order,) = await house.ordered(5)
    run = house.order_run(order)
    items = [item.model_dump(mode="json") | {"parent_item": "ghost"} for item in order.items]
    await _overwrite(house, order, {**order.model_dump(mode="json"), "items": items})
    await house.forward(run, order.due - house.clock.now() + timedelta(seconds=1))
    picture = await until(lambda: details(run), lambda seen: "Held up" in seen)
    assert "[invariant_broken]" in picture
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    with pytest.raises(Refusal) as refused:
        await house.orders.change(ROSA, order.order_id, "activate")
    assert refused.value.code == "invariant_broken"
    await _overwrite(house, order, order.model_dump(mode="json"))
    await house.forward(run, timedelta(minutes=11))
    await sent(house, order)
    assert (await house.kinds(order.quote_id))["order_activated"] == 1


async def _overwrite(house: House, order: Order, body: dict[str, Any]) -> None:
    async with house.database.work() as work:
        await work.connection.execute(update(orders).where(orders.c.order_id == order.order_id).values(body=body))


async def test_a_run_that_brings_its_own_time_moves_no_order(house: House) -> None:
    (order,) = await house.ordered(5)
    later = 6 * DAY // timedelta(microseconds=1)
    start = OrderStart(standing=await house.standing(order), clock_offset_us=later)
    name = f"forged-{order.order_id}"
    forged = await house.client.start_workflow("SplitOrder", start, id=name, task_queue=house.task_queue)
    await until(lambda: details(forged), lambda seen: "stories_only" in seen)
    assert (await house.order(order)).activated_at is None
    await forged.terminate()
