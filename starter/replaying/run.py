"""Runs a replay over a file or the database, and says on the terminal how far it is and what cannot be read."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.policy.waiting import Waits
from starter.replaying.past import Item, lines_of
from starter.replaying.player import Played, Player, Setting
from starter.replaying.pool import Replaying

if TYPE_CHECKING:
    from activities.store.work import Work

SHOWN_AFTER = 2.0
MOST_TOLD = 100
"""Problems that are told as they come; the report has more of them."""

Tell = Callable[[Played, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A replay as it was asked for. What is not given comes from the database; ``listed`` is how many are told of.

    ``name`` and ``version`` say which published version, where ``against`` is no document.
    """

    draft: Any
    against: Any | None
    directory: Any | None
    quotes: Path | None
    now: datetime
    name: str
    version: int | None
    limit: int | None
    listed: int

    @property
    def is_whole(self) -> bool:
        """Whether everything is given."""
        return self.quotes is not None and self.against is not None and self.directory is not None


@dataclass(frozen=True, slots=True)
class Run:
    """What was played, by whom, with which waits; ``called`` names the published version that was compared with."""

    played: Played
    player: Player
    waits: Waits | None
    called: str = ""


def replay_files(wanted: Wanted) -> Run:
    """Replay what is given whole. Codes: those of the documents, ``unknown_approver``, ``unreadable_file``."""
    assert wanted.quotes is not None
    return _over_file(Setting(wanted.draft, wanted.against, wanted.directory, wanted.now), wanted, "")


async def replay_stored(work: Work, wanted: Wanted) -> Run:
    """The same, with what is missing from the database. Code also: ``unknown_policy``."""
    from activities.store.past_rounds import PastRounds
    from starter.replaying.stored import stored_items, stored_setting

    setting, called = await stored_setting(
        work,
        wanted.draft,
        wanted.now,
        against=wanted.against,
        directory=wanted.directory,
        name=wanted.name,
        version=wanted.version,
    )
    if wanted.quotes is not None:
        return _over_file(setting, wanted, called)
    count = await PastRounds(work.connection).count()
    total = count if wanted.limit is None else min(count, wanted.limit)
    with _telling(total) as tell, Replaying(setting, listed=wanted.listed, on_played=tell) as replaying:
        replaying.player.check()
        async for page in stored_items(work, wanted.limit):
            _feed(replaying, page)
        return Run(replaying.finish(), replaying.player, setting.waits, called)


def _over_file(setting: Setting, wanted: Wanted, called: str) -> Run:
    """The quotes of a JSONL file, without ever holding all."""
    path = wanted.quotes
    assert path is not None
    total = path.stat().st_size if path.is_file() and wanted.limit is None else None
    with _telling(total) as tell, Replaying(setting, listed=wanted.listed, on_played=tell) as replaying:
        replaying.player.check()
        _feed(replaying, islice(lines_of(path), wanted.limit))
        return Run(replaying.finish(), replaying.player, setting.waits, called)


def _feed(replaying: Replaying, items: Iterable[Item]) -> None:
    for item in items:
        replaying.feed(item)


@contextmanager
def _telling(total: int | None) -> Iterator[Tell]:
    """Tells what cannot be read, and on a terminal how far it is, once it has taken two seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = TextColumn("{task.fields[quotes]:,} quotes")
    progress = Progress(
        shown, BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console, transient=True
    )
    task = progress.add_task("replay", total=total, quotes=0)
    began, quotes, told = time.monotonic(), 0, 0

    def tell(played: Played, size: int) -> None:
        nonlocal quotes, told
        quotes += played.totals.submissions
        progress.update(task, advance=size, quotes=quotes)
        if not progress.live.is_started and console.is_terminal and time.monotonic() - began > SHOWN_AFTER:
            progress.start()
        for each in played.unread[: max(MOST_TOLD - told, 0)]:
            print(each, file=sys.stderr)
        told += len(played.unread)

    try:
        yield tell
    finally:
        if progress.live.is_started:
            progress.stop()
        if told > MOST_TOLD:
            print(f"and {told - MOST_TOLD:,} more problems", file=sys.stderr)
