"""Brings changes of the directory to open rounds: at once where that is possible, and otherwise as soon as it is.

What must look again is written down with the change itself, so nothing is lost with the process that made it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog

from activities.store.refreshes import RoundRefresh
from domain.refusal import Refusal
from starter.background import Background
from starter.desk import Desk
from starter.round_calls import resume_round
from starter.temporal_calls import answered
from workflows.messages import Refresh, RoundAnswer
from workflows.names import quote_approval_id
from workflows.quote_approval import QuoteApproval

log = structlog.get_logger(__name__)

AT_ONCE = 8
BATCH = 40
EACH = timedelta(seconds=20)
LEASE = timedelta(seconds=120)


class RoundRefresher:
    """Lets rounds look again who may act. Several may run; to look twice changes nothing."""

    def __init__(self, desk: Desk, *, poll: timedelta = timedelta(seconds=1)) -> None:
        self._desk = desk
        self._poll = poll

    async def run(self) -> None:
        """Bring what waits until cancelled."""
        await Background("round_refresher", self.drain, self._poll).run()

    async def drain(self) -> int:
        """Bring everything whose turn it is; how many rounds have looked."""
        looked = 0
        while True:
            async with self._desk.database.work() as work:
                batch = await work.refreshes.take(BATCH, lease=LEASE)
            if not batch:
                return looked
            looked += sum(await asyncio.gather(*(self._bring(each) for each in batch)))

    async def try_at_once(self, wanted: Sequence[RoundRefresh], *, within: timedelta) -> None:
        """Bring these now, as many as can be within that time; the others come with :meth:`drain`."""
        few = asyncio.Semaphore(AT_ONCE)

        async def bring(refresh: RoundRefresh) -> None:
            async with few:
                await self._look(refresh)

        try:
            async with asyncio.timeout(within.total_seconds()):
                found = await asyncio.gather(*(bring(each) for each in wanted), return_exceptions=True)
        except TimeoutError:
            log.warning("refresh_later", rounds=len(wanted))
            return
        for error in found:
            if isinstance(error, BaseException):
                log.warning("refresh_later", error=repr(error))

    async def _bring(self, refresh: RoundRefresh) -> bool:
        try:
            async with asyncio.timeout(EACH.total_seconds()):
                await self._look(refresh)
        except Exception as error:  # whatever is wrong with one round must not hold up the others
            log.warning("refresh_failed", quote_id=refresh.quote_id, round=refresh.round, error=repr(error))
            async with self._desk.database.work() as work:
                await work.refreshes.again(refresh, timedelta(seconds=min(2**refresh.attempts, 60)))
            return False
        return True

    async def _look(self, refresh: RoundRefresh) -> None:
        handle: Any = self._desk.client.get_workflow_handle(quote_approval_id(refresh.quote_id, refresh.round))
        message = Refresh(at=self._desk.clock.told())

        async def call() -> RoundAnswer:
            found: RoundAnswer = await handle.execute_update(
                QuoteApproval.refresh, message, id=f"refresh-{refresh.version}"
            )
            return found

        try:
            await answered(call, Refusal("round_closed", "the round is over"))
        except Refusal as refusal:
            if refusal.code == "unavailable":
                raise
            if refusal.code != "round_closed":  # it will never make sense to this run
                log.warning("refresh_refused", quote_id=refresh.quote_id, code=refusal.code)
            elif await resume_round(self._desk, refresh.quote_id, refresh.round):
                raise Refusal("unavailable", "its run was begun again; the refresh comes with the next try") from None
        async with self._desk.database.work() as work:
            await work.refreshes.done(refresh)
