"""``SplitOrder``: one split order, from its date to its last delivery.

Life: wait for the order's date (a timer that a date move re-arms), activate, send to the ERP, wait for the
acknowledgement and the deliveries, end. Deadlines: the standing's next moment. Messages: updates ``move_date``,
``activate``, ``acknowledge``, ``deliver``, ``accept_item``, ``reach``, that answer or refuse; signals
``acknowledged``, ``delivered``, ``accepted``, ``reached`` that end in the same place; query ``standing``.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.requests import (
    ADVANCE_ORDER,
    CHANGE_ORDER,
    NOTE_IGNORED,
    SEND_ORDER,
    AdvanceOrder,
    ChangeOrder,
    NoteIgnored,
    OrderChange,
    OrderMoved,
    OrderStanding,
    SendOrder,
)
from domain.order.order import OrderState
from domain.refusal import Refusal
from workflows.messages import OrderAnswer, OrderResult, OrderStart
from workflows.names import DUE_AT, ORDER_DATE, ORDER_STATE
from workflows.pictures import order_table, waits_for
from workflows.refusing import refused
from workflows.run_clock import RunClock
from workflows.terms import LEDGER, PARTNER
from workflows.waiting import until


@workflow.defn(name="SplitOrder")
class SplitOrder:
    """One split order."""

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        self._clock = RunClock(start.at)
        self._standing = start.standing
        self._lock = asyncio.Lock()
        self._stuck = False

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        self._show()
        while not self._standing.is_final:
            if self._standing.activated and not self._standing.sent and not self._stuck:
                await self._send()
            else:
                await self._wait()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OrderResult(standing=self._standing)

    # -- messages

    @workflow.update(name="move_date", description="Move the order to another date")
    async def move_date(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change)

    @move_date.validator
    def check_move_date(self, change: OrderChange) -> None:
        if self._standing.state not in (OrderState.DRAFT, OrderState.SCHEDULED):
            message = f"order {self._standing.order_id} is {self._standing.state}; its date stands"
            raise refused(Refusal("past_no_return", message, "order"))

    @workflow.update(name="activate", description="Make the order final before its date")
    async def activate(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change)

    @workflow.update(name="acknowledge", description="The ERP's answer")
    async def acknowledge(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change)

    @workflow.update(name="deliver", description="Something arrived")
    async def deliver(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change)

    @workflow.update(name="accept_item", description="The customer accepted what arrived")
    async def accept_item(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change)

    @workflow.update(name="reach", description="A milestone was reached")
    async def reach(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change)

    @workflow.signal(name="acknowledged", description="The same as acknowledge, without an answer")
    async def acknowledged(self, change: OrderChange) -> None:
        await self._heed("acknowledged", change)

    @workflow.signal(name="delivered", description="The same as deliver, without an answer")
    async def delivered(self, change: OrderChange) -> None:
        await self._heed("delivered", change)

    @workflow.signal(name="accepted", description="The same as accept_item, without an answer")
    async def accepted(self, change: OrderChange) -> None:
        await self._heed("accepted", change)

    @workflow.signal(name="reached", description="The same as reach, without an answer")
    async def reached(self, change: OrderChange) -> None:
        await self._heed("reached", change)

    @workflow.query(name="standing", description="The order as this run last saw it")
    def standing(self) -> OrderStanding:
        return self._standing

    # -- steps

    async def _wait(self) -> None:
        """Until the order is another or its next moment has come; then do what time has brought."""
        seen, moment = self._standing, self._standing.next_moment
        left = moment - self._clock.now() if moment is not None else None
        changed = await until(lambda: self._standing is not seen, left, f"waits for {waits_for(seen)}")
        if changed or moment is None:
            return
        async with self._lock:
            moment = self._standing.next_moment
            if moment is not None and moment <= self._clock.now():
                request = AdvanceOrder(order_id=self._standing.order_id, at=self._clock.due(moment))
                await self._move(ADVANCE_ORDER, request, f"{self._standing.order_date} has come")

    async def _send(self) -> None:
        request = SendOrder(order_id=self._standing.order_id, at=self._clock.now())
        try:
            moved = await workflow.execute_activity(
                SEND_ORDER, request, result_type=OrderMoved, **PARTNER.options(), summary="send to the ERP"
            )
        except ActivityError:
            # On the work list now: people look at it, and a later message of the ERP still counts.
            self._stuck = True
            workflow.logger.warning("order_not_sent", extra={"order_id": self._standing.order_id})
            return
        if moved.standing is not None:
            async with self._lock:
                self._take(self._standing.model_copy(update={"sent": True}))

    async def _change(self, change: OrderChange) -> OrderAnswer:
        request = ChangeOrder(order_id=self._standing.order_id, change=change, at=self._clock.moment(change.at))
        async with self._lock:
            return OrderAnswer(standing=await self._move(CHANGE_ORDER, request, f"{change.by}: {change.verb}"))

    async def _heed(self, signal: str, change: OrderChange) -> None:
        try:
            await self._change(change)
        except ApplicationError as error:
            note = NoteIgnored(
                quote_id=self._standing.quote_id,
                order_id=self._standing.order_id,
                signal=signal,
                code=error.type or "refused",
                why=error.message,
                at=self._clock.moment(change.at),
            )
            await workflow.execute_activity(NOTE_IGNORED, note, **LEDGER.options(), summary=f"ignored {signal}")

    async def _move(self, name: str, request: ChangeOrder | AdvanceOrder, what: str) -> OrderStanding:
        moved = await workflow.execute_activity(name, request, result_type=OrderMoved, **LEDGER.options(), summary=what)
        if moved.refused is not None:
            raise refused(moved.refused)
        assert moved.standing is not None
        self._take(moved.standing.model_copy(update={"sent": moved.standing.sent or self._standing.sent}))
        return self._standing

    def _take(self, standing: OrderStanding) -> None:
        before, self._standing = self._standing, standing
        if (before.state, before.due, before.next_moment) != (standing.state, standing.due, standing.next_moment):
            self._show()
        else:
            workflow.set_current_details(order_table(standing))

    def _show(self) -> None:
        """Show operators where the order stands."""
        standing = self._standing
        workflow.set_current_details(order_table(standing))
        workflow.upsert_search_attributes(
            [
                ORDER_STATE.value_set(str(standing.state)),
                ORDER_DATE.value_set(standing.due),
                DUE_AT.value_set(standing.next_moment) if standing.next_moment else DUE_AT.value_unset(),
            ]
        )
