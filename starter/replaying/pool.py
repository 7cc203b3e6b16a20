"""Replays on all cores: chunks go to a pool of processes, results come back in order, and few are ever on their way.

Few submissions are played here: a pool takes longer to start than they do.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType

from starter.replaying.past import Item
from starter.replaying.player import Played, Player, Setting, begin, play

FEW = 300
CHUNK = 100
CHUNK_BYTES = 2**20


def cores() -> int:
    """How many processes may really run at once here."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


class Replaying:
    """Takes submissions one by one; what was played is told by ``on_played`` (its result, and how far it comes).

    ``listed`` is how many differences are kept at most.
    """

    def __init__(
        self,
        setting: Setting,
        *,
        listed: int,
        processes: int | None = None,
        on_played: Callable[[Played, int], None] = lambda played, size: None,
    ) -> None:
        self.player: Player = setting.player()
        self.result = Played()
        self._setting = setting
        self._listed = listed
        self._processes = processes or cores()
        self._on_played = on_played
        self._waiting: list[Item] = []
        self._weight = 0
        self._pool: ProcessPoolExecutor | None = None
        self._running: deque[tuple[Future[Played], int]] = deque()

    def __enter__(self) -> Replaying:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def feed(self, item: Item) -> None:
        """One more submission; waits while enough are on their way."""
        self._waiting.append(item)
        self._weight += len(item.text) if item.text is not None else 0
        full = len(self._waiting) >= CHUNK or self._weight >= CHUNK_BYTES
        if self._pool is None and self._processes > 1:
            if len(self._waiting) >= FEW or self._weight >= FEW * CHUNK_BYTES // CHUNK:
                self._start()
        elif full:
            self._send(self._take(len(self._waiting)))

    def finish(self) -> Played:
        """What all of them came to."""
        items = self._take(len(self._waiting))
        if items:
            self._send(items)
        while self._running:
            self._collect()
        return self.result

    def _start(self) -> None:
        spawned = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self._processes, spawned, initializer=begin, initargs=(self._setting,))
        while self._waiting:
            self._send(self._take(CHUNK))

    def _take(self, many: int) -> list[Item]:
        taken, self._waiting = self._waiting[:many], self._waiting[many:]
        self._weight = sum(len(item.text or b"") for item in self._waiting)
        return taken

    def _send(self, items: list[Item]) -> None:
        room, size = self._listed - len(self.result.listed), sum(item.size for item in items)
        if self._pool is None:
            self._add(self.player.play(items, room), size)
            return
        while len(self._running) > 2 * self._processes:
            self._collect()
        self._running.append((self._pool.submit(play, items, room), size))

    def _collect(self) -> None:
        future, size = self._running.popleft()
        self._add(future.result(), size)

    def _add(self, played: Played, size: int) -> None:
        self.result.merge(played, self._listed)
        self._on_played(played, size)
