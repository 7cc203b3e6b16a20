"""The stack that a process runs on: embedded servers under the state folder, or the external ones the settings name."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starter.child_process import FolderInUse, StackError, in_use, sole_use
from starter.settings import Settings

__all__ = ["FolderInUse", "Stack", "StackError", "embedded_stack", "migrated", "running_stack"]

DATABASE = "countersign"
RECORD = "stack.json"
# Seconds for an external server to answer.
PATIENCE = 20


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything is. A part that was not asked for has an empty address."""

    temporal_address: str
    namespace: str
    ui_url: str | None
    database_url: str = field(repr=False)
    state_dir: Path
    temporal_embedded: bool
    database_embedded: bool

    @property
    def logs(self) -> Path:
        """The folder with the logs of the embedded servers."""
        return self.state_dir / "logs"


@asynccontextmanager
async def embedded_stack(
    settings: Settings,
    *,
    ui: bool = True,
    time_skipping: bool = False,
    temporal: bool = True,
    database: bool = True,
    temporal_port: int | None = None,
    ui_port: int | None = None,
    say: Callable[[str], None] = print,
) -> AsyncIterator[Stack]:
    """Start what the settings do not name from outside, bring the database up to date, and stop it all on the way out.

    `temporal=False` or `database=False` leaves that part out. A port 0 means any free one; the default ones give way to
    the next free one, and `say` tells. `time_skipping` lets runs be fast-forwarded, for stories and the demo only.

    Raises FolderInUse when another process runs on this state folder, StackError when a server does not come up.
    """
    from starter.temporal_server import PORT, UI_PORT, temporal_server

    state_dir = settings.state_dir.absolute()
    own_temporal = temporal and settings.temporal is None
    own_database = database and settings.database is None
    logs = state_dir / "logs"
    async with AsyncExitStack() as running:
        if own_temporal or own_database:
            running.enter_context(sole_use(state_dir))

        address, ui_url = settings.temporal or "", None
        database_url = settings.database.get_secret_value() if settings.database and database else ""
        if own_database:
            from starter.postgres_server import postgres_server

            postgres = postgres_server(state_dir / "postgres", log=logs / "postgres.log", say=say)
            server = await running.enter_async_context(postgres)
            await server.create_database(DATABASE)
            database_url = server.url(DATABASE)
        if own_temporal:
            running_temporal = temporal_server(
                state_dir / "temporal.db",
                log=logs / "temporal.log",
                port=PORT if temporal_port is None else temporal_port,
                ui_port=(UI_PORT if ui_port is None else ui_port) if ui else None,
                namespace=settings.temporal_namespace,
                time_skipping=time_skipping,
                say=say,
            )
            found = await running.enter_async_context(running_temporal)
            address, ui_url = found.address, found.ui_url
        if temporal and not own_temporal:
            await _prepare_external(settings)
        if database_url:
            await migrated(database_url)

        stack = Stack(
            temporal_address=address if temporal else "",
            namespace=settings.temporal_namespace,
            ui_url=ui_url,
            database_url=database_url,
            state_dir=state_dir,
            temporal_embedded=own_temporal,
            database_embedded=own_database,
        )
        if own_temporal or own_database:
            _leave_record(stack)
            running.callback((state_dir / RECORD).unlink, missing_ok=True)
        yield stack


def running_stack(settings: Settings) -> Stack | None:
    """The stack that another process runs on this state folder now, for a command that wants to talk to it."""
    state_dir = settings.state_dir.absolute()
    record = state_dir / RECORD
    # A record without a holder of the folder is left from a crash.
    if not record.exists() or not in_use(state_dir):
        return None
    found = json.loads(record.read_text())
    if not found["database_embedded"] and settings.database is not None:
        found["database_url"] = settings.database.get_secret_value()
    return Stack(**{**found, "state_dir": state_dir})


def _leave_record(stack: Stack) -> None:
    # An external address may hold a password: it is not written down, whoever needs it has it in the settings.
    database_url = stack.database_url if stack.database_embedded else ""
    content = {**asdict(stack), "state_dir": str(stack.state_dir), "database_url": database_url}
    draft = stack.state_dir / (RECORD + ".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(stack.state_dir / RECORD)


async def _prepare_external(settings: Settings) -> None:
    from starter.connection import connect, register_search_attributes

    try:
        client = await asyncio.wait_for(connect(settings), PATIENCE)
    except (RuntimeError, TimeoutError) as refused:
        raise StackError(f"Temporal at {settings.temporal} cannot be reached: {refused or 'no answer'}") from refused
    await register_search_attributes(client)


async def migrated(database_url: str) -> None:
    """Bring the database at the address up to date. Raises StackError when nothing answers there."""
    from activities.store.migrate import upgrade

    try:
        await upgrade(database_url)
    except (OSError, TimeoutError) as refused:
        place = urlsplit(database_url)
        # Without user and password.
        where = f"{place.hostname or 'a local socket'}{place.path}"
        raise StackError(f"the database {where} cannot be reached: {refused or 'no answer'}") from refused
