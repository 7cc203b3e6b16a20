"""Forgets the answers that were kept for repeats of requests, once nobody repeats them any more.

What must be done once for ever is not among them: decisions and acts are known by their ids in the round, changes of
orders, publishing and accepting by claims, operations by their id. They all stay.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from activities.store.work import Database

log = structlog.get_logger(__name__)

KEPT = timedelta(days=30)
EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(minutes=5)


class AnswerKeeper:
    """Keeps answers to requests for so long. Several may run: each takes others."""

    def __init__(self, database: Database, *, kept: timedelta = KEPT, every: timedelta = EVERY) -> None:
        self._database = database
        self._kept = kept
        self._every = every

    async def run(self) -> None:
        """Forget from time to time until cancelled."""
        while True:
            pause = self._every
            try:
                await self.forget()
            except Exception as error:  # the database may be away for a while
                log.warning("answer_keeper_interrupted", error=repr(error))
                pause = AFTER_FAILURE
            await asyncio.sleep(pause.total_seconds())

    async def forget(self, *, at_a_time: int = 1000) -> int:
        """Forget what is older, in transactions that each hold few rows; how many answers."""
        forgotten = 0
        while True:
            async with self._database.work() as work:
                now = await work.idempotency.forget_before(self._kept, limit=at_a_time)
            forgotten += now
            if now < at_a_time:
                return forgotten
