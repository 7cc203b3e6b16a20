"""Runs whose history gets long go on in a new one and lose nothing; importing a workflow loads no database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.tokens import Identity
from domain.approval.state import Verdict
from tests.workflows.house import (
    DAVID,
    FARID,
    MEI,
    NORA,
    ROSA,
    House,
    approval_of,
    change_message,
    decide_message,
    until,
)

ROOT = Path(__file__).parents[2]
ERP = Identity("erp", frozenset({"service"}))


async def runs(house: House, run_id: str) -> list[WorkflowExecutionStatus | None]:
    """How each run in the chain of that workflow id ended, the first one first."""
    found = [each async for each in house.client.list_workflows(f"WorkflowId = '{run_id}'")]
    return [each.status for each in sorted(found, key=lambda each: each.start_time)]


async def test_a_long_round_goes_on_in_a_new_run_even_when_nothing_but_noise_came(impatient_house: House) -> None:
    house = impatient_house
    state = await house.submitted()
    run = house.run_of(state)
    decided = decide_message(state, "terms", NORA)
    await run.execute_update("decide", decided)
    for number in range(12):
        await run.signal("decision", decide_message(state, "manager", FARID, key=f"noise-{number}"))
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["signal_ignored"] == 12)
    await until(lambda: runs(house, run.id), lambda seen: len(seen) > 1)
    # What was decided in an earlier run is known in the later one.
    await run.execute_update("decide", decided)
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
    await house.quotes.decide(DAVID, approval_of(state, "director"), Verdict.APPROVE)
    assert (await run.result())["outcome"] == "approved"
    statuses = await until(lambda: runs(house, run.id), lambda seen: seen[-1] is WorkflowExecutionStatus.COMPLETED)
    assert set(statuses[:-1]) == {WorkflowExecutionStatus.CONTINUED_AS_NEW}
    kinds = await house.kinds(state.quote_id)
    assert (kinds["submitted"], kinds["approved"], kinds["quote_approved"]) == (1, 3, 1)


async def test_an_order_with_many_deliveries_goes_on_in_a_new_run(impatient_house: House) -> None:
    house = impatient_house
    day = str(house.today())
    (order,) = await house.ordered(0, price="1.00", quantity="9", deliveries=[{"order_date": day, "quantity": "9"}])
    await until(lambda: house.standing(order), lambda standing: standing.sent)
    await house.orders.change(ERP, order.order_id, "acknowledge")
    for number in range(9):
        await house.orders.change(ROSA, order.order_id, "deliver", key=f"slip-{number}", line="L1", quantity="1")
    run = house.order_run(order)
    assert (await run.result())["standing"]["state"] == "fulfilled"
    statuses = await until(lambda: runs(house, run.id), lambda seen: seen[-1] is WorkflowExecutionStatus.COMPLETED)
    assert len(statuses) > 1
    kinds = await house.kinds(order.quote_id)
    assert (kinds["order_delivered"], kinds["order_sent"], kinds["signal_ignored"]) == (9, 1, 0)
    again = change_message(order, "deliver", ROSA, key="slip-0", line="L1", quantity="1")
    assert (await house.orders.change(ROSA, order.order_id, "deliver", key=again.key)).version > 9


@pytest.mark.parametrize("module", ["quote_approval", "approver_replacement", "order_fulfilment", "split_order"])
def test_importing_a_workflow_loads_no_database_and_no_partner(module: str) -> None:
    heavy = "{'sqlalchemy', 'asyncpg', 'alembic', 'fastapi', 'activities.store.work', 'activities.partners.erp'}"
    code = f"import sys, workflows.{module}; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
