"""Brings the change of one order to the runs of the others that it touched, and begins runs for orders that it made.

What must look is written down with the change itself, so nothing is lost with the process that made it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from activities.erp_news import erp_news
from activities.requests import OrderStanding
from activities.store.order_looks import OrderLook
from domain.refusal import Refusal
from starter.background import Background
from starter.desk import Desk
from starter.temporal_calls import answered
from workflows.messages import OrderStart
from workflows.names import CUSTOMER_ID, QUOTE_ID, order_run_id
from workflows.split_order import SplitOrder

log = structlog.get_logger(__name__)

BATCH = 40
AT_ONCE = 8
EACH = timedelta(seconds=20)
LEASE = timedelta(seconds=60)


class OrderRefresher:
    """Lets runs of orders look again. Several may run; to look twice changes nothing."""

    def __init__(self, desk: Desk, *, poll: timedelta = timedelta(seconds=1)) -> None:
        self._desk = desk
        self._poll = poll
        self._few = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Bring what waits until cancelled."""
        await Background("order_refresher", self.drain, self._poll).run()

    async def drain(self, *, of_quote: str | None = None, within: timedelta | None = None) -> int:
        """Bring everything whose turn it is (of one quote); how many runs have looked.

        Begins nothing after ``within``: what is left is for the worker's loop.
        """
        looked, loop = 0, asyncio.get_running_loop()
        begun = loop.time()
        while within is None or loop.time() < begun + within.total_seconds():
            async with self._desk.database.work() as work:
                batch = await work.order_looks.take(BATCH, lease=LEASE, of_quote=of_quote)
            if not batch:
                return looked
            looked += sum(await asyncio.gather(*(self._bring(each) for each in batch)))
        return looked

    async def _bring(self, look: OrderLook) -> bool:
        try:
            async with self._few, asyncio.timeout(EACH.total_seconds()):
                await self._look(look)
        except Exception as error:  # whatever is wrong with one order must not hold up the others
            log.warning("order_look_failed", order_id=look.order_id, error=repr(error))
            async with self._desk.database.work() as work:
                await work.order_looks.again(look, timedelta(seconds=min(2**look.attempts, 60)))
            return False
        return True

    async def _look(self, look: OrderLook) -> None:
        async with self._desk.reading() as work:
            order = await work.orders.get(look.order_id)
            standing = (await erp_news(work, order)).standing
        if standing.is_final:
            await self._tell(standing)
        else:
            await self._begin(standing)
        async with self._desk.database.work() as work:
            await work.order_looks.done(look.model_copy(update={"version": order.version}))

    async def _tell(self, standing: OrderStanding) -> None:
        """An order to which nothing more happens needs no run; one that has a run hears of it, and ends."""
        handle = self._desk.client.get_workflow_handle(order_run_id(standing.order_id))
        over = Refusal("wrong_state", "its run is over")
        try:
            await answered(lambda: handle.signal(SplitOrder.look, standing), over)
        except Refusal as refusal:
            if refusal is not over:
                raise

    async def _begin(self, standing: OrderStanding) -> None:
        """The order's run hears of it; an order without one gets it."""
        start, options = order_start(self._desk, standing)
        await self._desk.client.start_workflow(
            SplitOrder.run,
            start,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="look",
            start_signal_args=[standing],
            **options,
        )


def order_start(desk: Desk, standing: OrderStanding) -> tuple[OrderStart, dict[str, Any]]:
    """What the run of an order is begun with, and how, by whoever is not its fulfilment."""
    pairs = [SearchAttributePair(QUOTE_ID, standing.quote_id), SearchAttributePair(CUSTOMER_ID, standing.customer_id)]
    return OrderStart(standing=standing, at=desk.clock.told()), {
        "id": order_run_id(standing.order_id),
        "task_queue": desk.task_queue,
        "search_attributes": TypedSearchAttributes(pairs),
        "static_summary": f"order {standing.order_id}: {standing.key}, {standing.items} items",
    }
