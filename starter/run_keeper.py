"""Sees to it that whatever is due has a run: operators end runs, and the tables go on holding what they were for.

Every verb on a round or an operation begins its run again by itself. What only time brings (reminders, hand-overs,
the start of a replacement) has nobody to ask for it: that is looked for here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import structlog

from activities.replacements import KIND
from activities.store.rounds import OverdueRound
from starter.background import Background
from starter.desk import Desk
from starter.replacement_calls import resume_replacement
from starter.round_calls import resume_round

log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=1)
"""For how long after its moment a run is left to see to it by itself."""
AT_A_TIME = 500
AT_ONCE = 8


class RunKeeper:
    """Begins runs that are missing, a bounded number each time. Several may run; one run per id is the server's rule.

    Never where stories are told: what is overdue there waits for the story to move on.
    """

    def __init__(self, desk: Desk, *, every: timedelta = timedelta(minutes=1), at_a_time: int = AT_A_TIME) -> None:
        self._desk = desk
        self._every = every
        self._at_a_time = at_a_time
        self._few = asyncio.Semaphore(AT_ONCE)
        self._last: OverdueRound | None = None

    async def run(self) -> None:
        """Look from time to time until cancelled."""
        await Background("run_keeper", self.look, self._every).run()

    async def look(self) -> None:
        """Begin the runs of overdue rounds and operations that have none; the next look goes on with later rounds."""
        until = self._desk.clock.now() - GRACE
        async with self._desk.reading() as work:
            found = await work.rounds.overdue(until, after=self._last, limit=self._at_a_time)
            operations = await work.operations.overdue(KIND, until, limit=self._at_a_time)
        # Some of these have a run that cannot go on, and stay overdue: they must not keep the others from their turn.
        self._last = found[-1] if len(found) == self._at_a_time else None
        calls = [self._kept(resume_replacement(self._desk, name), operation=name) for name in operations]
        calls += [
            self._kept(resume_round(self._desk, each.quote_id, each.round), quote_id=each.quote_id) for each in found
        ]
        await asyncio.gather(*calls)

    async def _kept(self, call: Awaitable[bool], **what: str) -> None:
        try:
            async with self._few:
                await call
        except Exception as error:  # whatever is wrong with one must not hold up the others
            log.warning("run_not_resumed", **what, error=repr(error))
