"""Tries orders again that were blocked for a credit hold, once that is lifted."""

from __future__ import annotations

from datetime import timedelta

import structlog

from domain.order.block import is_credit_blocked, unblock
from domain.order.event import Cause
from starter.background import Background, code_of
from starter.desk import Desk

log = structlog.get_logger(__name__)


class CreditWatch:
    """Looks for orders that wait for a hold that is over. Several may run; an order is freed once.

    What is to be done stands in the tables as long as it is not done, so nothing is lost with a process, and an order
    that is blocked in the very moment in which the hold is lifted is found by the next look.
    """

    def __init__(self, desk: Desk, *, poll: timedelta = timedelta(seconds=2)) -> None:
        self._desk = desk
        self._poll = poll

    async def run(self) -> None:
        """Look until cancelled."""
        await Background("credit_watch", self.look, self._poll).run()

    async def look(self) -> int:
        """Free all orders that wait for nothing any more; how many. Their runs hear of it by the work list of looks."""
        freed, after = 0, ""
        while True:
            async with self._desk.reading() as work:
                names = await work.credit_holds.freed(after)
            if not names:
                return freed
            for name in names:
                try:
                    freed += await self._free(name)
                except Exception as error:  # whatever is wrong with one order must not hold up the others
                    log.warning("order_not_freed", order_id=name, code=code_of(error), error=repr(error))
            after = names[-1]

    async def _free(self, order_id: str) -> bool:
        async with self._desk.database.work() as work:
            order = await work.orders.get(order_id, for_update=True)
            word = await work.credit_holds.last(order.customer_id)
            if not is_credit_blocked(order) or (word is not None and word.held):
                return False
            why = f"credit hold lifted by {word.by}: {word.reason}" if word is not None else "no credit hold"
            change = unblock(order, Cause(at=self._desk.clock.now(), by="clock", why=why))
            await work.save_change(change)
            await work.order_looks.put(change.orders)
        log.info("order_freed", order_id=order_id)
        return True
