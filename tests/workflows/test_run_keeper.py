"""Runs that an operator ended: operations are taken up again by whoever asks, and what is due by the worker."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.replacement_requests import REPLACE, OpenReplacement, ReplacementOrder, StepReplacement
from activities.replacements import ReplacementActivities
from activities.store.operations import StoredOperation
from domain.approval.state import RoundState
from domain.refusal import Refusal
from starter.replacement_desk import ReplacementDesk
from starter.run_keeper import RunKeeper
from tests.workflows.house import ADMIN, TOKENS, House, until
from workflows.names import replacement_id

DAY = timedelta(days=1)


async def planned(house: House, key: str | None = None) -> StoredOperation:
    """A replacement that waits for its start, and whose run an operator has ended."""
    begun = await ReplacementDesk(house.desk).replace(ADMIN, "manager", "farid", start=house.clock.now() + DAY, key=key)
    await house.client.get_workflow_handle(replacement_id(begun.operation_id)).terminate("by mistake")
    return begun


async def is_running(house: House, operation: str) -> bool:
    described = await house.client.get_workflow_handle(replacement_id(operation)).describe()
    return described.status is WorkflowExecutionStatus.RUNNING


async def manager_of(house: House, state: RoundState) -> list[str]:
    found = (await house.round(state)).approval("manager")
    assert found is not None
    return [seat.holder for seat in found.seats]


async def test_an_operation_is_resumed_and_begins_when_it_should(house: House) -> None:
    desk, state = ReplacementDesk(house.desk), await house.submitted("10.00")
    begun = await planned(house)
    assert (await desk.resume(begun.operation_id)).state == "scheduled"
    run = house.client.get_workflow_handle(replacement_id(begun.operation_id))
    await until(lambda: run.query("progress"))
    await house.forward(run, DAY + timedelta(seconds=1))
    over = await desk.finished(begun.operation_id)
    assert (over.state, over.done) == ("done", 1)
    assert await manager_of(house, state) == ["farid"]
    with pytest.raises(Refusal) as refused:
        await desk.resume(begun.operation_id)
    assert refused.value.code == "wrong_state"


async def test_a_cancel_finds_its_operation_after_an_operator_ended_the_run(house: House) -> None:
    begun = await planned(house)
    assert (await ReplacementDesk(house.desk).cancel(ADMIN, begun.operation_id)).state == "cancelled"


async def test_the_same_order_under_its_key_takes_it_up_again(house: House) -> None:
    # The server is shared with other tests: their keys name other operations.
    desk, key = ReplacementDesk(house.desk), uuid.uuid4().hex
    begun = await planned(house, key)
    assert not await is_running(house, begun.operation_id)
    again = await desk.replace(ADMIN, "manager", "farid", key=key)
    assert again.operation_id == begun.operation_id
    assert await is_running(house, begun.operation_id)


@pytest.mark.parametrize("old", ["manager", "mei"])
async def test_the_worker_takes_up_an_operation_that_has_begun(house: House, old: str) -> None:
    state, now, name = await house.submitted("10.00"), datetime.now(UTC), uuid.uuid4().hex
    activities = ReplacementActivities(house.database, TOKENS)
    order = ReplacementOrder(operation=name, old=old, new="farid", by="root")
    proved = order.model_copy(update={"token": TOKENS.act(ADMIN, order.said(), REPLACE, name)})
    await activities.open_replacement(OpenReplacement(order=proved, at=now))
    moved = await activities.begin_replacement(StepReplacement(operation=name, at=now))
    # Here an operator ended its run.
    assert moved.standing is not None
    assert (moved.standing.state, moved.standing.total) == ("running", 1)
    house.clock.ahead += timedelta(minutes=2)
    await RunKeeper(house.desk).look()
    assert (await ReplacementDesk(house.desk).finished(name)).state == "done"
    assert await manager_of(house, state) == ["farid"]


async def test_the_worker_takes_up_a_planned_operation_when_it_is_due_and_not_before(house: House) -> None:
    begun = await planned(house)
    keeper = RunKeeper(house.desk)
    await keeper.look()
    assert not await is_running(house, begun.operation_id)
    house.clock.ahead += DAY + timedelta(minutes=2)
    await keeper.look()
    assert await is_running(house, begun.operation_id)


async def test_reminders_of_a_run_that_was_ended_come_after_all(house: House) -> None:
    state = await house.submitted("10.00")
    run = house.run_of(state)
    await run.terminate("by mistake")
    keeper = RunKeeper(house.desk)
    await keeper.look()
    assert (await run.describe()).status is WorkflowExecutionStatus.TERMINATED, "nothing is due yet"
    house.clock.ahead += timedelta(hours=5)
    await keeper.look()
    await until(lambda: run.query("standing"))
    # The desk's clock was put on; the new run's is brought after it.
    await house.forward(run, timedelta(hours=5))

    async def reminded() -> int:
        return (await house.kinds(state.quote_id))["reminded"]

    assert await until(reminded) == 1


async def test_rounds_that_stay_overdue_do_not_keep_others_from_their_turn(house: House) -> None:
    states = [await house.submitted("10.00") for _ in range(3)]
    for state in states[1:]:
        await house.run_of(state).terminate("by mistake")
    house.clock.ahead += timedelta(days=5)
    keeper = RunKeeper(house.desk, at_a_time=1)
    for _ in range(4):
        await keeper.look()
    for state in states:
        assert (await house.run_of(state).describe()).status is WorkflowExecutionStatus.RUNNING
