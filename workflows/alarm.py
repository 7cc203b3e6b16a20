"""A timer that outlives what it was set for: each one set is billed, and most deadlines are met long before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """Waits like ``waiting.until``, but keeps a timer that rings early enough instead of setting another one.

    So it may ring in vain, and is then set for the moment that counts by now: a round that is decided in time needs
    one timer, not one for each step, and no round needs more than before.
    """

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    async def until(
        self, changed: Callable[[], bool], moment: datetime | None, left: timedelta | None, what: str
    ) -> bool:
        """Wait until ``changed()``, or until it rings, at ``moment`` (in ``left``; none: never) or before.

        Whether it changed. ``what`` names the timer, where one is set.
        """
        timer = self._timer = self._set(moment, left, what)
        await workflow.wait_condition(lambda: changed() or (timer is not None and timer.done()))
        if timer is not None and timer.done():
            self._timer = None
        return changed()

    def _set(self, moment: datetime | None, left: timedelta | None, what: str) -> asyncio.Task[None] | None:
        if self._timer is not None:
            if moment is not None and self._at is not None and self._at <= moment:
                return self._timer
            self._timer.cancel()
        self._at = moment
        if moment is None or left is None:
            return None
        return asyncio.create_task(workflow.sleep(max(left, timedelta()), summary=what))
