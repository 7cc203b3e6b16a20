"""Typical runs, told on a real server: what is saved for replays, and what the commands of today are compared with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from activities.tokens import Identity
from domain.approval.state import Verdict, Where
from domain.delegation import Delegation
from starter.replacement_desk import ReplacementDesk
from tests.workflows.acts import (
    ADD,
    ANSWER,
    ASK,
    INES,
    OVERRIDE,
    REASSIGN,
    RECOMPUTE,
    WITHDRAW,
    act,
    act_message,
)
from tests.workflows.house import (
    ADMIN,
    DAVID,
    FARID,
    LIAM,
    MEI,
    NORA,
    ROSA,
    SAM,
    House,
    change_message,
    decide_message,
    until,
)
from workflows.names import fulfilment_id, order_run_id, quote_approval_id, replacement_id

ERP = Identity("erp", frozenset({"service"}))
HOUR, DAY, BEYOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)

Story = Callable[[House], Awaitable[str]]
"""Tells a story and returns the id of the run it is about, once that has ended."""


async def round_approved_after_an_escalation(house: House) -> str:
    state = await house.submitted()
    run = house.run_of(state)
    await run.execute_update("decide", decide_message(state, "terms", NORA))
    await run.signal("decision", decide_message(state, "director", DAVID))
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["signal_ignored"] == 1)
    await house.forward(run, 4 * HOUR + BEYOND)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["reminded"] == 1)
    await house.forward(run, 20 * HOUR)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["escalated"] == 1)
    await run.execute_update("decide", decide_message(state, "manager", SAM))
    await house.people.delegate(ADMIN, Delegation(of="david", to="farid"))
    await run.signal("decision", decide_message(state, "director", FARID))
    await run.result()
    return run.id


async def round_rejected(house: House) -> str:
    state = await house.submitted()
    run = house.run_of(state)
    await run.execute_update("decide", decide_message(state, "terms", LIAM))
    await run.execute_update("decide", decide_message(state, "manager", MEI, Verdict.REJECT, reason="too cheap"))
    await run.result()
    return run.id


async def round_with_every_verb(house: House) -> str:
    state = await house.submitted()
    run = house.run_of(state)
    await act(house, state, "terms", NORA, ASK, comment="which terms?")
    await run.signal("action", act_message(state, "manager", FARID, WITHDRAW))
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["signal_ignored"] == 1)
    await run.execute_update("act", act_message(state, "terms", ROSA, ANSWER, comment="Net 90"))
    await run.execute_update("decide", decide_message(state, "terms", NORA))
    await run.execute_update("act", act_message(state, "terms", NORA, WITHDRAW, comment="too early"))
    await run.execute_update("act", act_message(state, "terms", LIAM, ADD, to="farid", where=Where.AFTER))
    await run.signal("action", act_message(state, "manager", MEI, REASSIGN, to="sam"))
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["reassigned"] == 1)
    await run.execute_update("act", act_message(state, "manager", ADMIN, RECOMPUTE))
    await run.execute_update("decide", decide_message(state, "manager", SAM))
    await run.execute_update("act", act_message(state, "director", INES, OVERRIDE, verdict=Verdict.APPROVE))
    await run.execute_update("decide", decide_message(state, "terms", LIAM))
    added = next(each for each in (await house.round(state)).approvals if each.added)
    await house.quotes.decide(FARID, added.approval_id, Verdict.APPROVE)
    await run.result()
    return run.id


async def round_recalled(house: House) -> str:
    state = await house.submitted("10.00")
    await house.quotes.recall(ROSA, state.quote_id, "a mistake")
    await house.run_of(state).result()
    return quote_approval_id(state.quote_id, state.round)


async def round_nobody_is_asked_in(house: House) -> str:
    state = await house.submitted("0.00")
    await house.run_of(state).result()
    return quote_approval_id(state.quote_id, state.round)


async def order_moved_twice(house: House) -> str:
    (order,) = await house.ordered(10)
    run = house.order_run(order)
    await run.execute_update("move_date", change_message(order, "move_date", ROSA, to=house.today(5)))
    await run.execute_update("move_date", change_message(order, "move_date", ROSA, to=house.today(20)))
    await house.forward(run, 20 * DAY)
    await until(lambda: house.standing(order), lambda standing: standing.sent)
    await run.execute_update("acknowledge", change_message(order, "acknowledge", ERP))
    await run.execute_update("deliver", change_message(order, "deliver", ROSA))
    await run.result()
    return order_run_id(order.order_id)


async def order_delivered_in_two_parts(house: House) -> str:
    deliveries = [{"order_date": str(house.today(3)), "quantity": "2"}]
    (order,) = await house.ordered(3, quantity="2", deliveries=deliveries)
    run = house.order_run(order)
    await run.execute_update("activate", change_message(order, "activate", ROSA))
    await until(lambda: house.standing(order), lambda standing: standing.sent)
    house.clock.ahead += 3 * DAY
    await house.forward(run, timedelta(hours=24))
    part = {"line": "L1", "quantity": "1"}
    await run.execute_update("deliver", change_message(order, "deliver", ROSA, **part))
    await run.signal("acknowledged", change_message(order, "acknowledge", ERP, document="E-1"))
    await run.signal("delivered", change_message(order, "deliver", ROSA, **part))
    await run.result()
    return order_run_id(order.order_id)


async def order_the_erp_refuses(house: House) -> str:
    house.erp.conflicts = True
    (order,) = await house.ordered(0)
    await until(lambda: house.kinds(order.quote_id), lambda kinds: kinds["order_not_sent"] == 1)
    house.erp.conflicts = False
    run = house.order_run(order)
    await run.execute_update("acknowledge", change_message(order, "acknowledge", ERP, outcome="rejected", reason="no"))
    await run.result()
    return order_run_id(order.order_id)


async def fulfilment_of_two_orders(house: House) -> str:
    orders = await house.ordered(0, 1)
    for order in orders:
        run = house.order_run(order)
        if order.order_date > house.today():
            await run.execute_update("activate", change_message(order, "activate", ROSA))
        await until(partial(house.standing, order), lambda standing: standing.sent)
        await run.execute_update("acknowledge", change_message(order, "acknowledge", ERP))
        await run.execute_update("deliver", change_message(order, "deliver", ROSA))
        await run.result()
    run = house.client.get_workflow_handle(fulfilment_id(orders[0].quote_id))
    await run.result()
    return run.id


async def approver_replaced_on_a_date(house: House) -> str:
    await house.submitted()
    desk = ReplacementDesk(house.desk)
    begun = await desk.replace(ADMIN, "manager", "farid", start=house.clock.now() + 2 * DAY)
    run = house.client.get_workflow_handle(replacement_id(begun.operation_id))
    await house.forward(run, 2 * DAY + timedelta(seconds=1))
    await desk.finished(begun.operation_id)
    return run.id


async def replacement_called_off(house: House) -> str:
    desk = ReplacementDesk(house.desk)
    begun = await desk.replace(ADMIN, "manager", "farid", start=house.clock.now() + 2 * DAY)
    await desk.cancel(ADMIN, begun.operation_id)
    await desk.finished(begun.operation_id)
    return replacement_id(begun.operation_id)


STORIES: tuple[Story, ...] = (
    round_approved_after_an_escalation,
    round_rejected,
    round_with_every_verb,
    round_recalled,
    round_nobody_is_asked_in,
    order_moved_twice,
    order_delivered_in_two_parts,
    order_the_erp_refuses,
    fulfilment_of_two_orders,
    approver_replaced_on_a_date,
    replacement_called_off,
)
