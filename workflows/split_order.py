"""``SplitOrder``: one split order, from its date to its last delivery.

Life: wait for the order's date (a timer that a date move re-arms), activate, send to the ERP, wait for the
acknowledgement and the deliveries, tell the ERP of every change, end. What the ERP does not take goes to the work list;
an activation that is refused is tried again later; neither ends the run. Deadlines: the standing's next moment, and a
few seconds that spread orders of the same moment. Messages: updates
``move_date``, ``activate``, ``acknowledge``, ``deliver``, ``accept_item``, ``reach``, and ``change`` for every other
verb, that answer or refuse; signals ``acknowledged``, ``delivered``, ``accepted``, ``reached`` that end in the same
place; signal ``look`` with the order as a change of another one left it; query ``standing``.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.requests import (
    ADVANCE_ORDER,
    CHANGE_ORDER,
    NOTE_IGNORED,
    SEND_ORDER,
    SET_ASIDE_ORDER,
    AdvanceOrder,
    ChangeOrder,
    NoteIgnored,
    OrderChange,
    OrderMoved,
    OrderStanding,
    SendOrder,
    SetAsideOrder,
)
from domain.order.order import OrderState
from domain.refusal import Refusal
from workflows.burst import lag
from workflows.messages import OrderAnswer, OrderResult, OrderStart
from workflows.names import DUE_AT, LONGEST_NAME, ORDER_DATE, ORDER_STATE, fulfilment_id
from workflows.pictures import held_up, order_table, waits_for
from workflows.refusing import refused
from workflows.run_clock import RunClock
from workflows.terms import LEDGER, PARTNER, REFUSED_AGAIN
from workflows.waiting import history_is_long, later, until


@workflow.defn(name="SplitOrder")
class SplitOrder:
    """One split order."""

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        offset = timedelta(microseconds=start.clock_offset_us) if start.clock_offset_us is not None else None
        self._clock = RunClock(start.at, offset)
        self._standing = start.standing
        self._lock = asyncio.Lock()
        self._stuck = False
        self._not_before: datetime | None = None

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        self._show()
        while not self._standing.is_final:
            if self._standing.must_be_sent and not (self._stuck and self._standing.to_tell is None):
                await self._send()
            else:
                await self._wait()
            if history_is_long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._standing.is_final:
                    workflow.continue_as_new(self._resumed(start))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if workflow.patched("report-to-fulfilment"):
            await self._report()
        return OrderResult(standing=self._standing)

    async def _report(self) -> None:
        """Tell the fulfilment, if there is one that still waits for us."""
        fulfilment = workflow.get_external_workflow_handle(fulfilment_id(self._standing.quote_id))
        try:
            await fulfilment.signal("ended", self._standing)
        except ApplicationError:
            workflow.logger.info("nobody_waits")

    # -- messages

    @workflow.update(name="move_date", description="Move the order to another date")
    async def move_date(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, "move_date")

    @move_date.validator
    def check_move_date(self, change: OrderChange) -> None:
        """Refuse without leaving history, by the code that the activity would refuse with."""
        standing = self._standing
        if standing.state in (OrderState.DRAFT, OrderState.SCHEDULED):
            return
        code = "on_hold" if standing.state is OrderState.ON_HOLD else "wrong_state"
        message = f"order {standing.order_id} is {standing.state}; its date stands"
        raise refused(Refusal("past_no_return" if standing.past_no_return else code, message, "order"))

    @workflow.update(name="activate", description="Make the order final before its date")
    async def activate(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, "activate")

    @workflow.update(name="acknowledge", description="The ERP's answer")
    async def acknowledge(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, "acknowledge")

    @workflow.update(name="deliver", description="Something arrived")
    async def deliver(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, "deliver")

    @workflow.update(name="accept_item", description="The customer accepted what arrived")
    async def accept_item(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, "accept_item")

    @workflow.update(name="reach", description="A milestone was reached")
    async def reach(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, "reach")

    @workflow.update(name="change", description="Split, move, merge, cancel, hold, release, supplement, return …")
    async def change(self, change: OrderChange) -> OrderAnswer:
        return await self._change(change, change.verb)

    @workflow.signal(name="look", description="The order as a change of another order left it")
    async def look(self, standing: OrderStanding) -> None:
        async with self._lock:
            if self._is_news(standing):
                self._take(standing.model_copy(update={"sent": standing.sent or self._standing.sent}))

    @workflow.signal(name="acknowledged", description="The same as acknowledge, without an answer")
    async def acknowledged(self, change: OrderChange) -> None:
        await self._heed("acknowledged", change, "acknowledge")

    @workflow.signal(name="delivered", description="The same as deliver, without an answer")
    async def delivered(self, change: OrderChange) -> None:
        await self._heed("delivered", change, "deliver")

    @workflow.signal(name="accepted", description="The same as accept_item, without an answer")
    async def accepted(self, change: OrderChange) -> None:
        await self._heed("accepted", change, "accept_item")

    @workflow.signal(name="reached", description="The same as reach, without an answer")
    async def reached(self, change: OrderChange) -> None:
        await self._heed("reached", change, "reach")

    @workflow.query(name="standing", description="The order as this run last saw it")
    def standing(self) -> OrderStanding:
        return self._standing

    # -- steps

    def _is_news(self, standing: OrderStanding) -> bool:
        """Whether it tells more than we know: that the ERP was told makes no version."""
        known = self._standing
        if standing.version != known.version:
            return standing.version > known.version
        return (standing.sent or known.sent, standing.to_tell) != (known.sent, known.to_tell)

    async def _wait(self) -> None:
        """Until the order is another or its next moment has come; then do what time has brought."""
        seen, moment = self._standing, later(self._standing.next_moment, self._not_before)
        left = moment - self._clock.now() if moment is not None else None
        if left is not None and left > timedelta() and not self._clock.is_shifted:
            left += lag(seen.order_id)
        changed = await until(
            lambda: self._standing is not seen or history_is_long(),
            left,
            f"waits for {waits_for(seen)}"[:LONGEST_NAME],
        )
        if changed or moment is None:
            return
        async with self._lock:
            moment = self._standing.next_moment
            if moment is not None and moment <= self._clock.now():
                await self._advance_to(self._clock.due(moment))

    async def _advance_to(self, moment: datetime) -> None:
        request = AdvanceOrder(order_id=self._standing.order_id, at=moment, story=self._clock.is_shifted)
        try:
            await self._move(ADVANCE_ORDER, request, f"{self._standing.order_date} has come")
        except ApplicationError as error:
            # The order can still be changed so that it may be activated.
            self._not_before = self._clock.now() + REFUSED_AGAIN
            workflow.set_current_details(held_up(order_table(self._standing), error))
            workflow.logger.error("advance_refused", extra={"code": error.type})

    async def _send(self) -> None:
        request = SendOrder(order_id=self._standing.order_id, at=self._clock.now())
        try:
            moved = await workflow.execute_activity(
                SEND_ORDER, request, result_type=OrderMoved, **PARTNER.options(), summary="send to the ERP"
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # People look at it on the work list, and a later message of the ERP still counts.
            self._stuck = True
            await workflow.execute_activity(
                SET_ASIDE_ORDER,
                SetAsideOrder(order_id=request.order_id, at=self._clock.now(), why=_root(error)),
                **LEDGER.options(),
                summary="put on the work list",
            )
            if self._standing.to_tell is not None:
                self._standing = self._standing.model_copy(update={"to_tell": False})
            return
        if moved.standing is not None:
            async with self._lock:
                self._take_sent(moved.standing)

    def _take_sent(self, then: OrderStanding) -> None:
        """What the ERP was told, ``then``; what the order has become meanwhile, we know better or hear presently."""
        known = self._standing
        to_tell = then.to_tell if then.version >= known.version else known.to_tell
        self._take(known.model_copy(update={"sent": then.sent or known.sent, "to_tell": to_tell}))

    async def _change(self, change: OrderChange, verb: str) -> OrderAnswer:
        if change.verb != verb:
            message = f"this is the way to {verb}, not to {change.verb}"
            raise refused(Refusal("wrong_type", message, "verb"))
        at, shifted = self._clock.moment(change.at), self._clock.is_shifted
        request = ChangeOrder(order_id=self._standing.order_id, change=change, at=at, story=shifted)
        async with self._lock:
            return OrderAnswer(standing=await self._move(CHANGE_ORDER, request, f"{change.by}: {change.verb}"))

    async def _heed(self, signal: str, change: OrderChange, verb: str) -> None:
        try:
            await self._change(change, verb)
        except ApplicationError as error:
            note = NoteIgnored(
                quote_id=self._standing.quote_id,
                order_id=self._standing.order_id,
                signal=signal,
                code=error.type or "refused",
                why=error.message,
                at=self._clock.moment(change.at),
                key=str(workflow.uuid4()),
            )
            await workflow.execute_activity(NOTE_IGNORED, note, **LEDGER.options(), summary=f"ignored {signal}")

    async def _move(self, name: str, request: ChangeOrder | AdvanceOrder, what: str) -> OrderStanding:
        moved = await workflow.execute_activity(
            name, request, result_type=OrderMoved, **LEDGER.options(), summary=what[:LONGEST_NAME]
        )
        if moved.refused is not None:
            raise refused(moved.refused)
        assert moved.standing is not None
        self._take(moved.standing.model_copy(update={"sent": moved.standing.sent or self._standing.sent}))
        return self._standing

    def _take(self, standing: OrderStanding) -> None:
        before, self._standing = self._standing, standing
        self._not_before = None
        if (before.state, before.due, before.next_moment) != (standing.state, standing.due, standing.next_moment):
            self._show()
        else:
            workflow.set_current_details(order_table(standing))

    def _resumed(self, start: OrderStart) -> OrderStart:
        offset = self._clock.offset // timedelta(microseconds=1)
        return start.model_copy(update={"standing": self._standing, "clock_offset_us": offset})

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


def _root(error: BaseException) -> str:
    """What went wrong in the activity itself: a time-out says only that trying again was given up."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return str(cause or error.__cause__ or error)
