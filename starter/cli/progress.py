"""A bar for work that takes longer than two seconds: on the error stream, and only where somebody looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHOWN_AFTER = 2.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives the function that hears how many more of ``total`` are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=total)
    began = time.monotonic()

    def on_done(count: int) -> None:
        bar.advance(task, count)
        if console.is_terminal and not bar.live.is_started and time.monotonic() - began > SHOWN_AFTER:
            bar.start()

    try:
        yield on_done
    finally:
        if bar.live.is_started:
            bar.stop()
