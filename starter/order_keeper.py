"""Sees to it that an order that is due has a run: operators end runs, and nobody asks for what only time brings.

Every verb on an order begins its run again by itself; its activation, its message to the ERP and the start of its
services are looked for here.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.erp_news import erp_news
from activities.requests import OrderStanding
from activities.store.overdue_orders import overdue_orders
from starter.background import Background
from starter.desk import Desk
from starter.order_refresher import order_start
from workflows.split_order import SplitOrder

log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=1)
"""For how long after its moment a run is left to see to it by itself."""
AT_A_TIME = 500
AT_ONCE = 8


class OrderKeeper:
    """Begins runs that are missing, a bounded number each time. Several may run; one run per id is the server's rule.

    An order must be found overdue twice in a row: after an outage many are due at once and their runs are about to see
    to it. Never where stories are told: what is overdue there waits for the story to move on.
    """

    def __init__(self, desk: Desk, *, every: timedelta = timedelta(minutes=1), at_a_time: int = AT_A_TIME) -> None:
        self._desk = desk
        self._every = every
        self._at_a_time = at_a_time
        self._few = asyncio.Semaphore(AT_ONCE)
        self._last = ""
        self._suspects: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Look from time to time until cancelled."""
        await Background("order_keeper", self.look, self._every).run()

    async def look(self) -> None:
        """Begin the runs of orders that are still overdue and have none; the next look goes on with later orders."""
        again = [await self._overdue(name) for name in sorted(self._suspects)]
        await asyncio.gather(*(self._kept(standing) for standing in again if standing is not None))
        until = self._desk.clock.now() - GRACE
        async with self._desk.reading() as work:
            found = await overdue_orders(work.connection, until, after=self._last, limit=self._at_a_time)
        # Some of these have a run that cannot go on, and stay overdue: they must not keep the others from their turn.
        self._last = found[-1] if len(found) == self._at_a_time else ""
        self._suspects = frozenset(found)

    async def _overdue(self, order_id: str) -> OrderStanding | None:
        """The order, if something of it should have been done by now."""
        async with self._desk.reading() as work:
            standing = (await erp_news(work, await work.orders.get(order_id))).standing
        moment = standing.next_moment
        late = moment is not None and moment < self._desk.clock.now() - GRACE
        return standing if late or (standing.must_be_sent and not standing.is_final) else None

    async def _kept(self, standing: OrderStanding) -> None:
        try:
            async with self._few:
                await self._begun(standing)
        except Exception as error:  # whatever is wrong with one must not hold up the others
            log.warning("run_not_resumed", order_id=standing.order_id, error=repr(error))

    async def _begun(self, standing: OrderStanding) -> None:
        start, options = order_start(self._desk, standing)
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE
        try:
            await self._desk.client.start_workflow(SplitOrder.run, start, id_reuse_policy=reuse, **options)
        except WorkflowAlreadyStartedError:
            return
        log.warning("order_resumed", order_id=standing.order_id)
