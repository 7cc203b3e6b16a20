"""Processor time: what the kernel has charged us and every server that we started, by what they are.

Waiting is not in it, so that it says the same on a machine that others use, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

PROCESSES = Path("/proc")


class _Process(NamedTuple):
    name: str
    parent: int
    ticks: int


class Spent(NamedTuple):
    """Seconds of processor time: of the Temporal server, of this process, and of PostgreSQL."""

    server: float
    python: float
    database: float

    @classmethod
    def so_far(cls) -> Self:
        """Since each began. Ended processes count with those that they were children of. Linux only."""
        found = dict(_processes())
        ours = {os.getpid()}
        while more := {pid for pid, each in found.items() if each.parent in ours} - ours:
            ours |= more
        ticks = {"temporal": 0, "postgres": 0}
        for pid in ours - {os.getpid()}:
            each = found[pid]
            if each.name in ticks:
                ticks[each.name] += each.ticks
        per_second = os.sysconf("SC_CLK_TCK")
        mine = os.times()
        return cls(ticks["temporal"] / per_second, mine.user + mine.system, ticks["postgres"] / per_second)

    def since(self, before: Spent) -> Spent:
        """What was spent from ``before`` on."""
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))

    def each(self, runs: int) -> dict[str, float]:
        """Milliseconds for one of so many runs."""
        parts = {name: round(seconds * 1000 / runs, 1) for name, seconds in self._asdict().items()}
        return {**parts, "all": round(sum(self) * 1000 / runs, 1)}


def _processes() -> Iterator[tuple[int, _Process]]:
    for folder in PROCESSES.iterdir():
        if folder.name.isdigit():
            try:
                head, _, rest = (folder / "stat").read_text().rpartition(")")
            except OSError:  # it has ended
                continue
            values = rest.split()
            # User and system time, its own and that of ended children; the fields are numbered in proc(5).
            yield int(folder.name), _Process(head.partition("(")[2], int(values[1]), sum(map(int, values[11:15])))
