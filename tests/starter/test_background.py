"""The loop of everything that runs by itself: what goes wrong is told and does not end it, and a cancel does."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.refusal import Refusal
from starter.background import LONGEST_PAUSE, Background


class Work:
    """Fails as it is told to, then succeeds; counts."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.done = asyncio.Event()
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        self.done.set()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that loops make, in seconds; they are over at once."""
    real, made = asyncio.sleep, list[float]()

    async def nap(seconds: float) -> None:
        made.append(seconds)
        await real(0)

    monkeypatch.setattr("starter.background.asyncio.sleep", nap)
    return made


async def told(loop: Background, ready: Callable[[], bool]) -> list[Any]:
    """What the log says until ``ready``; then the loop is cancelled."""
    with capture_logs() as logs:
        task = asyncio.create_task(loop.run())
        while not ready():
            await asyncio.wait([task], timeout=0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return logs


async def test_what_goes_wrong_is_told_with_its_code_and_does_not_end_the_loop(naps: list[float]) -> None:
    work = Work(Refusal("unavailable", "later"), ConnectionError("gone"))
    logs = await told(Background("watch", work, timedelta(seconds=1)), work.done.is_set)
    assert [(each["event"], each["loop"], each["code"], each["failures"]) for each in logs] == [
        ("background_interrupted", "watch", "unavailable", 1),
        ("background_interrupted", "watch", "ConnectionError", 2),
    ]


async def test_the_pause_doubles_with_each_failure_and_is_the_ordinary_one_after_a_success(naps: list[float]) -> None:
    work = Work(*[ConnectionError("gone")] * 9)
    await told(Background("watch", work, timedelta(seconds=1)), lambda: work.calls > 10)
    assert naps[:10] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1]


async def test_a_loop_that_pauses_longer_by_itself_is_not_hurried_by_failures(naps: list[float]) -> None:
    pause = 3 * LONGEST_PAUSE
    work = Work(*[ConnectionError("gone")] * 3)
    await told(Background("watch", work, pause), work.done.is_set)
    assert set(naps) == {pause.total_seconds()}


async def test_a_cancel_ends_it_at_once_in_the_pause_and_at_work() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    for work in (Work(), stuck):
        task = asyncio.create_task(Background("watch", work, timedelta(days=1)).run())
        await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done == {task}
        assert task.cancelled()
