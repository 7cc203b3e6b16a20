"""The embedded Temporal server with its UI: the `temporal` command of our packages, on a file, on loopback only."""

import contextlib
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starter.child_process import ChildProcess, StackError, end_leftover, log_lines

LOOPBACK = "127.0.0.1"
PORT = 7233
UI_PORT = 8233
ATTEMPTS = 20


def _values(**dynamic: str) -> tuple[str, ...]:
    return tuple(part for key, value in dynamic.items() for part in ("--dynamic-config-value", f"{key}={value}"))


# One partition of a task queue instead of four: with one server process the others only delay the matching of tasks.
TUNING = _values(**{"matching.numTaskqueueReadPartitions": "1", "matching.numTaskqueueWritePartitions": "1"})
# A timer fires up to the time shift after its moment. At the default of a second, skipping a hundred deadlines takes
# two minutes, and a run that is forwarded again within that second passes over a deadline that is due but not fired.
TIME_SKIPPING = _values(
    **{"frontend.WorkflowTimeSkippingEnabled": "true", "history.timerProcessorMaxTimeShift": '"10ms"'}
)
PRAGMAS = ("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL")


@dataclass(frozen=True, slots=True)
class TemporalServer:
    """A running server."""

    address: str
    ui_url: str | None
    pid: int
    log: Path


def temporal_command() -> Path:
    """The `temporal` program that came with our packages. Raises StackError where there is none for the platform."""
    beside_us = Path(sys.executable).with_name("temporal")
    found = beside_us if beside_us.exists() else shutil.which("temporal")
    if not found:
        raise StackError("there is no `temporal` command here: name an external server (--temporal HOST:PORT)")
    return Path(found)


@asynccontextmanager
async def temporal_server(
    database: Path,
    *,
    log: Path,
    port: int = PORT,
    ui_port: int | None = UI_PORT,
    namespace: str = "default",
    time_skipping: bool = False,
    say: Callable[[str], None] = print,
) -> AsyncIterator[TemporalServer]:
    """A server on the database file. A taken port gives way to the next free one; with ui_port None there is no UI."""
    database, log = database.absolute(), log.absolute()
    lock = database.with_suffix(".lock")
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Histories name quotes, people and comments; the folder may be one that others pass.
    for each in database.parent.glob(f"{database.name}*"):
        each.chmod(0o600)
    # First, so that the ports of a server left by a crash are free again.
    await end_leftover(lock, signal.SIGTERM)

    for _ in range(ATTEMPTS):
        port = _said("Temporal", port, free_port(port), say)
        if ui_port is not None:
            ui_port = _said("the Temporal UI", ui_port, free_port(ui_port, but_not=port), say)
        command = _command(database, port, ui_port, namespace, time_skipping)
        seen = len(log_lines(log))
        child = await ChildProcess.start(
            "Temporal", command, lock=lock, log=log, stop_signal=signal.SIGTERM, umask=0o077
        )
        try:
            try:
                await child.until(partial(_answers, port, namespace), within=60)
            except StackError:
                if child.exited and any("address already in use" in line for line in log_lines(log)[seen:]):
                    continue  # somebody took the port between our look and the server's
                raise
            ui_url = f"http://{LOOPBACK}:{ui_port}" if ui_port is not None else None
            yield TemporalServer(f"{LOOPBACK}:{port}", ui_url, child.pid, log)
            return
        finally:
            await child.stop(signal.SIGTERM)
    raise StackError(f"Temporal found no free port from {port} on in {ATTEMPTS} attempts")


def _command(
    database: Path, port: int, ui_port: int | None, namespace: str, time_skipping: bool
) -> Sequence[str | Path]:
    from workflows.names import ALL_KEYS

    command: list[str | Path] = [temporal_command(), "server", "start-dev", "--db-filename", database]
    command += ["--ip", LOOPBACK, "--port", str(port), "--namespace", namespace, "--log-level", "warn"]
    if ui_port is None:
        command += ["--headless"]
    else:
        command += ["--ui-ip", LOOPBACK, "--ui-port", str(ui_port), "--ui-disable-news-fetch"]
    for key in ALL_KEYS:
        command += ["--search-attribute", f"{key.name}={key._metadata_type}"]
    return [*command, *PRAGMAS, *TUNING, *(TIME_SKIPPING if time_skipping else ())]


async def _answers(port: int, namespace: str) -> bool:
    """Whether the namespace is there with every search attribute; the port opens some time before that."""
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
    from temporalio.client import Client
    from temporalio.service import RPCError

    from workflows.names import ALL_KEYS

    try:
        # A refused connection is cheaper found out here than by the client, which retries on its own.
        socket.create_connection((LOOPBACK, port), timeout=1).close()
        client = await Client.connect(f"{LOOPBACK}:{port}", namespace=namespace)
        known = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    except (OSError, RuntimeError, RPCError):
        return False
    return all(key.name in known.custom_attributes for key in ALL_KEYS)


def _said(what: str, wanted: int, given: int, say: Callable[[str], None]) -> int:
    if wanted not in (0, given):
        say(f"port {wanted} is taken: {what} listens on {given}")
    return given


def free_port(wanted: int, *, but_not: int | None = None) -> int:
    """The wanted port on loopback, or the next one that is free; 0 means any."""
    for port in range(wanted, wanted + 200) if wanted else (0,):
        if port == but_not:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                return int(probe.getsockname()[1])
    raise StackError(f"no free port on {LOOPBACK} from {wanted} to {wanted + 199}")
