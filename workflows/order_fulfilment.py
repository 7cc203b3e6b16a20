"""``OrderFulfilment``: splits an accepted quote into orders, starts a child for each, and watches them end.

It keeps no timers of its own: dates belong to the orders. Children are abandoned, so that each outlives whoever watches
it, are started a few at a time, beyond 100 by intermediate parents, and say by signal that they have ended. Messages:
update ``ordered`` (order once more, or hear of the orders that the start made), update ``created`` (the orders of the
start, or why they were refused); signal ``ended``; query ``standing``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError
from temporalio.workflow import ChildWorkflowHandle

from activities.requests import CREATE_ORDERS, CreateOrders, OrdersCreated, OrderStanding, RefusalNote
from workflows.messages import BatchStart, FulfilmentResult, FulfilmentStart, OrderResult, OrdersAnswer
from workflows.names import order_batch_id
from workflows.order_batch import OrderBatch, begin_all
from workflows.pictures import orders_table
from workflows.refusing import refused
from workflows.run_clock import RunClock
from workflows.split_order import SplitOrder
from workflows.terms import LEDGER
from workflows.waiting import history_is_long

Child = ChildWorkflowHandle[SplitOrder, OrderResult]
LARGEST_OWN = 100
BATCH = 500
MOST_TOLD = 1000
"""Orders that a result tells of as they ended: what all of them came to must fit into one payload."""


@workflow.defn(name="OrderFulfilment")
class OrderFulfilment:
    """The orders of one quote, as long as one of them goes on."""

    @workflow.init
    def __init__(self, start: FulfilmentStart) -> None:
        self._start = start
        self._clock = RunClock(start.at)
        self._orders: tuple[OrderStanding, ...] = ()
        self._pending: set[str] = set(start.pending)
        self._over: dict[str, OrderStanding] = {}
        self._ended: dict[str, str] = dict(start.ended)
        self._made = start.made
        self._early: set[str] = set()
        self._batches = start.batches
        self._started = start.resumed
        self._refused: RefusalNote | None = None
        self._ordering = 0

    @workflow.run
    async def run(self, start: FulfilmentStart) -> FulfilmentResult:
        by_signal = workflow.patched("orders-report-by-signal")
        if not start.resumed:
            created = await self._create(start)
            if created.refused is not None:
                self._refused = created.refused
                await workflow.wait_condition(workflow.all_handlers_finished)
                raise refused(created.refused)
            self._orders, self._made = created.orders, len(created.orders)
            if not by_signal:
                return await self._watched_by_handle()
            self._expect(created.orders)
            await self._begin(created.orders)
            self._started = True
        self._show()
        while self._pending or self._ordering or not workflow.all_handlers_finished():
            await workflow.wait_condition(lambda: not (self._pending or self._ordering) or history_is_long())
            # Whoever orders in this very moment is answered, and their orders are waited for.
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self._pending and history_is_long():
                workflow.continue_as_new(self._resumed())
        ended = sorted(self._over.values(), key=lambda standing: standing.order_id)[:MOST_TOLD]
        return FulfilmentResult(quote_id=start.quote_id, orders=tuple(ended), ended=self._ended)

    # -- messages

    @workflow.update(name="created", description="The orders once their runs were started")
    async def created(self) -> OrdersAnswer:
        await self._ready()
        return await self._of_start()

    @workflow.update(name="ordered", description="Order what is unordered, or hear of what the start ordered")
    async def ordered(self, message: FulfilmentStart) -> OrdersAnswer:
        await self._ready()
        if message.key == self._start.key:
            return await self._of_start()
        self._ordering += 1
        try:
            created = await self._create(message)
            if created.refused is not None:
                raise refused(created.refused)
            self._orders = (*self._orders, *created.orders)
            self._made += len(created.orders)
            self._expect(created.orders)
            await self._begin(created.orders)
            self._show()
            return OrdersAnswer(orders=created.orders)
        finally:
            self._ordering -= 1

    @workflow.signal(name="ended", description="An order has come to its end")
    async def ended(self, standing: OrderStanding) -> None:
        self._end(standing)

    @workflow.query(name="standing", description="The orders as they were made")
    def standing(self) -> OrdersAnswer:
        return OrdersAnswer(orders=self._orders)

    # -- steps

    async def _of_start(self) -> OrdersAnswer:
        """The orders of the start; a run that was continued asks for them, for they were made before it."""
        if self._start.resumed:
            return OrdersAnswer(orders=(await self._create(self._start)).orders)
        return OrdersAnswer(orders=self._orders)

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self._started or self._refused is not None)
        if self._refused is not None:
            raise refused(self._refused)

    async def _create(self, start: FulfilmentStart) -> OrdersCreated:
        request = CreateOrders(
            quote_id=start.quote_id,
            split_by=start.split_by,
            lines=start.lines,
            by=start.by,
            at=self._clock.moment(start.at),
            key=CreateOrders.claim(start.quote_id, start.key),
            comment=start.comment,
            token=start.token,
            story=self._clock.is_shifted,
        )
        created: OrdersCreated = await workflow.execute_activity(
            CREATE_ORDERS, request, result_type=OrdersCreated, **LEDGER.options(), summary="split into orders"
        )
        return created

    def _expect(self, orders: Iterable[OrderStanding]) -> None:
        self._pending |= {order.order_id for order in orders} - self._early

    async def _begin(self, orders: tuple[OrderStanding, ...]) -> None:
        """Start a run for each order: by ourselves, or by intermediate parents, so that our history stays short."""
        at = self._clock.now() if self._clock.is_story else None
        if len(orders) <= LARGEST_OWN:
            for child in await begin_all(orders, at, self._start.quote_id):
                asyncio.create_task(self._watch(child))  # noqa: RUF006 (it ends with the run)
            return
        batches = [orders[first : first + BATCH] for first in range(0, len(orders), BATCH)]
        await asyncio.gather(*(self._begin_batch(batch, at) for batch in batches))

    async def _begin_batch(self, orders: tuple[OrderStanding, ...], at: datetime | None) -> None:
        self._batches += 1
        start = BatchStart(quote_id=self._start.quote_id, orders=orders, at=at)
        await workflow.execute_child_workflow(
            OrderBatch.run,
            start,
            id=order_batch_id(self._start.quote_id, self._start.key, self._batches),
            static_summary=f"starts {len(orders)} orders",
        )

    async def _watch(self, child: Child) -> None:
        """A run that somebody ended by hand says nothing; the others go on, and so do we."""
        try:
            self._end((await child).standing)
        except ChildWorkflowError:
            workflow.logger.warning("order_run_lost")
            self._end_of(child.id.removeprefix("order/"))

    def _end(self, standing: OrderStanding) -> None:
        self._over[standing.order_id] = standing
        self._ended[standing.order_id] = str(standing.state)
        self._end_of(standing.order_id)

    def _end_of(self, order_id: str) -> None:
        # It may end before we have noted that we wait for it.
        self._early.add(order_id)
        self._pending.discard(order_id)
        if len(self._pending) % 50 == 0 or self._made <= LARGEST_OWN:
            self._show()

    def _resumed(self) -> FulfilmentStart:
        return self._start.model_copy(
            update={
                "resumed": True,
                "pending": tuple(sorted(self._pending)),
                "batches": self._batches,
                "made": self._made,
                "ended": self._ended,
                "lines": None,
            }
        )

    async def _watched_by_handle(self) -> FulfilmentResult:
        """As runs did that began before orders reported by signal."""
        at = self._clock.now() if self._clock.is_story else None
        children = await begin_all(self._orders, at, self._start.quote_id, window=len(self._orders) or 1)
        self._started = True
        self._show()
        ended: list[OrderStanding] = []
        for child in workflow.as_completed(children):
            try:
                ended.append((await child).standing)
            except ChildWorkflowError:
                workflow.logger.warning("order_run_lost")
            self._show(len(ended))
        await workflow.wait_condition(workflow.all_handlers_finished)
        orders = tuple(sorted(ended, key=lambda standing: standing.order_id))
        return FulfilmentResult(quote_id=self._start.quote_id, orders=orders)

    def _show(self, ended: int | None = None) -> None:
        told = self._made - len(self._pending) if ended is None else ended
        workflow.set_current_details(orders_table(self._orders, told, self._made))
