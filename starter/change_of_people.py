"""A change of the directory on its way to the open rounds: written down with the change, then tried at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from activities.store.record_entry import RecordEntry
from activities.store.refreshes import RoundRefresh
from activities.store.work import Work
from activities.tokens import Identity
from starter.desk import Desk
from starter.round_refresher import RoundRefresher

PATIENCE = timedelta(seconds=3)
"""For how long a request waits until open rounds have looked again; the worker sees to the others."""


class ChangeOfPeople:
    """What every verb on the directory does around its own change."""

    def __init__(self, desk: Desk, *, patience: timedelta = PATIENCE) -> None:
        self._desk = desk
        self._patience = patience

    def entry(self, kind: str, who: Identity, body: Mapping[str, Any]) -> RecordEntry:
        """What the record says of it."""
        return RecordEntry(kind=kind, at=self._desk.clock.now(), by=who.user, body=body)

    async def noted(self, work: Work, rounds: Iterable[tuple[str, int]]) -> tuple[RoundRefresh, ...]:
        """Write down, with the change itself, which rounds must look again: whatever becomes of us, they will."""
        return await work.refreshes.put(rounds, await work.directory.version(), grace=2 * self._patience)

    async def bring(self, wanted: Sequence[RoundRefresh]) -> None:
        """Let those rounds look now, as many as can."""
        await RoundRefresher(self._desk).try_at_once(wanted, within=self._patience)
