"""``OrderFulfilment``: splits an accepted quote into orders, starts a child for each, and watches them end.

It keeps no timers of its own: dates belong to the orders. Messages: update ``created`` (the orders once their runs
were started, or why the split was refused); query ``standing``.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ChildWorkflowError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from activities.requests import CREATE_ORDERS, CreateOrders, OrdersCreated, OrderStanding, RefusalNote
from workflows.messages import FulfilmentResult, FulfilmentStart, OrderResult, OrdersAnswer, OrderStart
from workflows.names import CUSTOMER_ID, QUOTE_ID, order_run_id
from workflows.pictures import orders_table
from workflows.refusing import refused
from workflows.run_clock import RunClock
from workflows.split_order import SplitOrder
from workflows.terms import LEDGER


@workflow.defn(name="OrderFulfilment")
class OrderFulfilment:
    """All orders of one split."""

    @workflow.init
    def __init__(self, start: FulfilmentStart) -> None:
        self._clock = RunClock(start.at)
        self._orders: tuple[OrderStanding, ...] = ()
        self._started = False
        self._refused: RefusalNote | None = None

    @workflow.run
    async def run(self, start: FulfilmentStart) -> FulfilmentResult:
        request = CreateOrders(
            quote_id=start.quote_id,
            split_by=start.split_by,
            by=start.by,
            at=start.at or self._clock.now(),
            key=CreateOrders.claim(start.quote_id, start.key),
            comment=start.comment,
            token=start.token,
            story=self._clock.is_shifted,
        )
        created = await workflow.execute_activity(
            CREATE_ORDERS, request, result_type=OrdersCreated, **LEDGER.options(), summary="split into orders"
        )
        if created.refused is not None:
            self._refused = created.refused
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise refused(created.refused)
        self._orders = created.orders
        children = await asyncio.gather(*(self._begin(order) for order in created.orders))
        self._started = True
        self._show(0)
        ended = await self._watch([child for child in children if child is not None])
        await workflow.wait_condition(workflow.all_handlers_finished)
        return FulfilmentResult(quote_id=start.quote_id, orders=ended)

    @workflow.update(name="created", description="The orders once their runs were started")
    async def created(self) -> OrdersAnswer:
        await workflow.wait_condition(lambda: self._started or self._refused is not None)
        if self._refused is not None:
            raise refused(self._refused)
        return OrdersAnswer(orders=self._orders)

    @workflow.query(name="standing", description="The orders as they were made")
    def standing(self) -> OrdersAnswer:
        return OrdersAnswer(orders=self._orders)

    async def _begin(self, order: OrderStanding) -> ChildWorkflowHandle[SplitOrder, OrderResult] | None:
        """Start the run of one order; one that runs already is left alone."""
        try:
            return await workflow.start_child_workflow(
                SplitOrder.run,
                OrderStart(standing=order, at=self._clock.now() if self._clock.is_story else None),
                id=order_run_id(order.order_id),
                # An order outlives whoever watches it.
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(QUOTE_ID, order.quote_id),
                        SearchAttributePair(CUSTOMER_ID, order.customer_id),
                    ]
                ),
                static_summary=f"order {order.order_id}: {order.key}, {order.items} items",
            )
        except WorkflowAlreadyStartedError:
            return None

    async def _watch(self, children: list[ChildWorkflowHandle[SplitOrder, OrderResult]]) -> tuple[OrderStanding, ...]:
        ended: list[OrderStanding] = []
        for child in workflow.as_completed(children):
            try:
                ended.append((await child).standing)
            except ChildWorkflowError:
                # Somebody ended that run by hand. The others go on, and so do we.
                workflow.logger.warning("order_run_lost")
            self._show(len(ended))
        return tuple(sorted(ended, key=lambda standing: standing.order_id))

    def _show(self, ended: int) -> None:
        workflow.set_current_details(orders_table(self._orders, ended))
