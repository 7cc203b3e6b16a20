"""``countersign up``: the whole system on this machine, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from starter.cli.options import DatabaseUrl, StateDir

if TYPE_CHECKING:
    from starter.installation import Installation
    from starter.settings import Settings

NO_EXAMPLE = "the example is not here (it comes with the checkout): load your own with countersign directory load"


def up(
    temporal: Annotated[str | None, typer.Option("--temporal", help="An external server.", metavar="HOST:PORT")] = None,
    database: DatabaseUrl = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="Port of the API; a taken one gives way to the next.", min=0, max=65535),
    ] = None,
    state_dir: StateDir = None,
    any_port: Annotated[bool, typer.Option("--any-port", help="Let the embedded servers take any free port.")] = False,
) -> None:
    """Start Temporal, PostgreSQL, a worker and the API, load the example, and run until Ctrl-C.

    State is kept between runs. With --temporal and --database, external servers are used instead of the embedded ones.
    """
    import asyncio

    from pydantic import ValidationError

    from starter.child_process import StackError
    from starter.settings import Settings

    given = {"temporal": temporal, "database": database, "http_port": port, "state_dir": state_dir}
    try:
        settings = Settings().with_(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for each in error.errors():
            typer.echo(f"invalid_setting: {'.'.join(map(str, each['loc']))}: {each['msg']}", err=True)
        raise typer.Exit(2) from None
    try:
        asyncio.run(_run(settings, any_port))
    except asyncio.CancelledError:
        typer.echo("stopped before it was up")
        raise typer.Exit(1) from None
    except StackError as error:
        typer.echo(f"unavailable: {error}", err=True)
        raise typer.Exit(1) from None


async def _run(settings: Settings, any_port: bool) -> None:
    import asyncio
    import signal

    from starter.example import example_folder
    from starter.installation import installation

    is_up, stop = asyncio.Event(), asyncio.Event()
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Before it is up there is nothing to finish: what has started is ended again at once.
        loop.add_signal_handler(each, lambda: stop.set() if is_up.is_set() else this.cancel())
    _log_to_file(settings)
    example, anywhere = example_folder(), 0 if any_port else None
    running = installation(settings, example=example, temporal_port=anywhere, ui_port=anywhere, say=typer.echo)
    async with running as found:
        typer.echo(_told(settings, found) if example else f"{NO_EXAMPLE}\n{_told(settings, found)}")
        is_up.set()
        await stop.wait()
        typer.echo("stopping …")
    typer.echo("stopped; everything is kept")


def _log_to_file(settings: Settings) -> None:
    """What the API logs goes beside the logs of the servers: the terminal is for people."""
    import logging

    import structlog

    from starter.child_process import own_folder

    log = settings.state_dir / "logs" / "api.log"
    own_folder(settings.state_dir)
    log.parent.mkdir(mode=0o700, exist_ok=True)
    logging.basicConfig(filename=log, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=log.open("a", encoding="utf-8", buffering=1)),
    )


def _told(settings: Settings, found: Installation) -> str:
    api, stack = found.api_url, found.stack
    quote, command = f"{api}/api/v1/quotes/Q-1001", _command()
    lines = [
        "",
        "countersign is up; Ctrl-C stops it.",
        f"  API          {api}/api/v1   (addresses: {api}/docs, description: {api}/openapi.json)",
        *([f"  Temporal UI  {stack.ui_url}"] if stack.ui_url else []),
        f"  Temporal     {stack.temporal_address}, namespace {stack.namespace}",
        f"  state        {stack.state_dir}   (logs in {stack.logs.name}/)",
        f"  mails        {settings.smtp_host or settings.outbox_dir}",
        f"  ERP          orders in {settings.erp_outbox_dir}, answers from {settings.erp_inbox_dir}",
        *([f"  loaded       {', '.join(found.loaded)}"] if found.loaded else []),
        "",
        "Try, in another terminal:",
        f"  TOKEN=$({command} token rosa)",
        f'  curl -s -H "Authorization: Bearer $TOKEN" {quote}',
        f'  curl -s -H "Authorization: Bearer $TOKEN" -X POST {quote}/submit',
        f"  {command} approval list --as mei",
    ]
    return "\n".join(lines)


def _command() -> str:
    """How this command is called from a shell here: by its name where the shell finds it, else by where it stands."""
    import os
    import shlex
    import shutil
    import sys
    from pathlib import Path

    beside = Path(sys.executable).parent / "countersign"
    found = shutil.which("countersign")
    if (found is not None and Path(found).resolve() == beside.resolve()) or not beside.exists():
        return "countersign"
    near = os.path.relpath(beside)
    return shlex.quote(str(beside) if near.startswith("..") else near)
