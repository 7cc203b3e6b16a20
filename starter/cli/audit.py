"""``countersign audit``: the record, the rounds it tells of, and the invariants I1 to I4, over the whole database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from starter.cli.options import AsJson, DatabaseUrl, StateDir

if TYPE_CHECKING:
    from activities.store.audit import AuditReport
    from starter.settings import Settings

SHOWN_AFTER = 2.0


def audit(database: DatabaseUrl = None, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Verify everything that is kept; exit 1 when something is not as it must be.

    Looks at the database of the running stack, or at the named one, or starts the embedded database for it.
    """
    import asyncio

    from starter.child_process import StackError
    from starter.cli.reading import settings_of
    from starter.cli.record import heads_text

    settings = settings_of(database, state_dir)
    try:
        report = asyncio.run(_audit(settings))
    except StackError as error:
        typer.echo(f"unavailable: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
    else:
        for each in report.violations:
            typer.echo(f"{each.code}: {each.where}: {each.message}")
        looked_at = f"{report.entries} entries, {report.books} quotes with orders, {report.orders} orders"
        if report.rounds or report.heads:
            typer.echo(f"record: {report.rounds} rounds told again, {heads_text(report.heads)}")
        typer.echo(f"audit {len(report.violations)} violations ({looked_at})")
    if report.violations:
        raise typer.Exit(1)


async def _audit(settings: Settings) -> AuditReport:
    from activities.store.audit import audit as look
    from starter.cli.reading import database_of
    from starter.cli.record import evidence_of

    evidence = evidence_of(settings, None, None)
    async with database_of(settings) as found:
        with _progress() as on_quote:
            return await look(found, evidence=evidence, on_book=on_quote)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Tells how far it is, once it has taken two seconds."""
    import time

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    began = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.completed} quotes looked at"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("audit", total=None)

    def on_quote(_: str) -> None:
        progress.advance(task)
        if not progress.live.is_started and time.monotonic() - began > SHOWN_AFTER:
            progress.start()

    try:
        yield on_quote
    finally:
        if progress.live.is_started:
            progress.stop()
