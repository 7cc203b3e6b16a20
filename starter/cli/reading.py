"""The database for a command that only reads: the running stack's, a named one, or the embedded one, started for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activities.store.work import Database, Work
    from starter.settings import Settings


def settings_of(database: str | None, state_dir: Path | None) -> Settings:
    """The settings with what the command line names."""
    from starter.settings import Settings

    given = {"database": database, "state_dir": state_dir}
    return Settings().with_(**{name: value for name, value in given.items() if value is not None})


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[Work]:
    """One moment of the database, in which PostgreSQL refuses to write. Raises StackError when there is none."""
    async with database_of(settings) as database, database.reading() as work:
        yield work


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    """The database that the command is about. Raises StackError when there is none."""
    from activities.store.work import Database

    async with _address(settings) as url:
        database = Database(url)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def _address(settings: Settings) -> AsyncIterator[str]:
    import typer

    from starter.child_process import StackError
    from starter.embedded import embedded_stack, migrated, running_stack
    from starter.server import running_api

    running = running_stack(settings) if settings.database is None else None
    if running is not None and running.database_url:
        yield running.database_url
    elif settings.database is not None:
        url = settings.database.get_secret_value()
        await migrated(url)
        yield url
    elif running_api(settings.state_dir) is not None:
        raise StackError("the system that runs here has an external database; name it with --database")
    else:
        quiet = embedded_stack(settings, temporal=False, say=lambda text: typer.echo(text, err=True))
        async with quiet as stack:
            yield stack.database_url
