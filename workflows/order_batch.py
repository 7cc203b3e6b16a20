"""``OrderBatch``: starts the runs of many orders, a few at a time, so that the history of their parent stays short.

It ends once all are started: they are abandoned, and report to the fulfilment by themselves. It takes no messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from activities.requests import OrderStanding
from workflows.messages import BatchStart, OrderResult, OrderStart
from workflows.names import CUSTOMER_ID, QUOTE_ID, order_run_id
from workflows.split_order import SplitOrder

WINDOW = 25
"""Starts that are on their way at the same time."""

Child = ChildWorkflowHandle[SplitOrder, OrderResult]


@workflow.defn(name="OrderBatch")
class OrderBatch:
    """The starts of up to 500 orders."""

    @workflow.run
    async def run(self, start: BatchStart) -> None:
        await begin_all(start.orders, start.at, start.quote_id)


async def begin_all(
    orders: Sequence[OrderStanding], at: datetime | None, quote_id: str, *, window: int = WINDOW
) -> list[Child]:
    """The runs of ``orders``, all started; one that runs already is left alone. ``at`` is told in stories only."""
    found: list[Child] = []
    for first in range(0, len(orders), window):
        begun = await asyncio.gather(*(_begin(order, at, quote_id) for order in orders[first : first + window]))
        found.extend(child for child in begun if child is not None)
    return found


async def _begin(order: OrderStanding, at: datetime | None, quote_id: str) -> Child | None:
    try:
        return await workflow.start_child_workflow(
            SplitOrder.run,
            OrderStart(standing=order, at=at),
            id=order_run_id(order.order_id),
            # An order outlives whoever watches it.
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(QUOTE_ID, quote_id),
                    SearchAttributePair(CUSTOMER_ID, order.customer_id),
                ]
            ),
            static_summary=f"order {order.order_id}: {order.key}, {order.items} items",
        )
    except WorkflowAlreadyStartedError:
        return None
