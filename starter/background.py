"""Work that is done again and again beside everything else: a loop for all that looks, does what is due, and pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from domain.refusal import Refusal

log = structlog.get_logger(__name__)

LONGEST_PAUSE = timedelta(minutes=1)
"""How long a loop waits at most after one failure upon another, unless its own pause is longer."""


class Background:
    """Does ``work`` from time to time, with a ``pause`` after each time, until it is cancelled.

    Nothing that ``work`` raises ends it: the log tells (``background_interrupted``, with ``loop``, ``code`` and how
    many ``failures`` there were in a row), and each failure after another doubles the pause, up to a minute. What is
    to be done must be noted elsewhere, so that the next time finds it.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[object]], pause: timedelta) -> None:
        self._name = name
        self._work = work
        self._pause = pause
        self._failures = 0

    async def run(self) -> None:
        """Work and pause until cancelled; a cancel ends the work or the pause at once."""
        while True:
            try:
                await self._work()
            except Exception as error:  # the database, the server or a folder may be away for a while
                self._failures += 1
                log.warning(
                    "background_interrupted",
                    loop=self._name,
                    code=code_of(error),
                    failures=self._failures,
                    error=repr(error),
                )
            else:
                self._failures = 0
            await asyncio.sleep(self.pause.total_seconds())

    @property
    def pause(self) -> timedelta:
        """How long it waits now before it works again."""
        doubled = self._pause * (1 << min(max(self._failures - 1, 0), 16))
        return min(doubled, max(self._pause, LONGEST_PAUSE))


def code_of(error: Exception) -> str:
    """The code of a refusal; of anything else, what kind of error it is."""
    return error.code if isinstance(error, Refusal) else type(error).__name__
