"""Carries out changes of orders whose approval is over: those approved happen, the others are dropped.

What waits is in the tables, so nothing is lost with the process that asked, decided or began to carry out.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from activities.store.waiting_changes import WaitingChange
from domain.refusal import Refusal
from domain.standing import QuoteState
from starter.background import Background
from starter.change_desk import ChangeDesk
from starter.desk import Desk
from starter.order_desk import OrderDesk

log = structlog.get_logger(__name__)

BATCH = 20
LEASE = timedelta(seconds=60)
UNSUBMITTED = timedelta(seconds=30)


class ChangeKeeper:
    """Several may run: a change is carried out once, for its key."""

    def __init__(self, desk: Desk, *, poll: timedelta = timedelta(seconds=1)) -> None:
        self._desk = desk
        self._poll = poll
        self._changes = ChangeDesk(desk)
        self._orders = OrderDesk(desk)

    async def run(self) -> None:
        """Look until cancelled."""
        await Background("change_keeper", self.drain, self._poll).run()

    async def drain(self, *, of_quote: str | None = None) -> int:
        """Settle every change whose approval is over (of the orders of one quote); how many there were."""
        settled = 0
        while True:
            async with self._desk.database.work() as work:
                batch = await work.waiting_changes.take(
                    BATCH, lease=LEASE, unsubmitted_for=UNSUBMITTED, of_quote=of_quote
                )
            if not batch:
                return settled
            for waiting in batch:
                await self._bring(waiting)
            settled += len(batch)

    async def _bring(self, waiting: WaitingChange) -> None:
        try:
            await self._settle(waiting)
        except Exception as error:  # whatever is wrong with one change must not hold up the others
            log.warning("change_not_settled", change_id=waiting.change_id, error=repr(error))
            async with self._desk.database.work() as work:
                await work.waiting_changes.again(waiting.change_id, timedelta(seconds=min(2**waiting.attempts, 60)))

    async def _settle(self, waiting: WaitingChange) -> None:
        async with self._desk.reading() as work:
            state = (await work.quotes.get(waiting.change_id)).state
        if state is QuoteState.DRAFT:
            await self._submit(waiting)
        elif state is QuoteState.APPROVED:
            await self._carry_out(waiting)
        else:
            await self._changes.drop(waiting, str(state), None)

    async def _submit(self, waiting: WaitingChange) -> None:
        try:
            await self._changes.submit(waiting)
        except Refusal as refusal:
            await self._drop(waiting, refusal)
            return
        async with self._desk.database.work() as work:
            await work.waiting_changes.again(waiting.change_id, timedelta())

    async def _carry_out(self, waiting: WaitingChange) -> None:
        try:
            change = self._changes.again(waiting, self._desk.clock.told())
            await self._orders.carry_out(waiting.order_id, change, waiting.change_id)
        except Refusal as refusal:
            await self._drop(waiting, refusal)

    async def _drop(self, waiting: WaitingChange, refusal: Refusal) -> None:
        if refusal.code == "unavailable":
            raise refusal
        await self._changes.drop(waiting, refusal.code, str(refusal))
