"""The HTTP server: a port of its own or the next free one, and a note of its address for commands beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starter.child_process import StackError, in_use

if TYPE_CHECKING:
    from fastapi import FastAPI

RECORD = "api.json"
PORTS = 200
BACKLOG = 512
GRACE = 10


def listening_socket(host: str, port: int, say: Callable[[str], None]) -> socket.socket:
    """A socket on the port, or on the next free one, which is said; 0 means any. Raises StackError without one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS, 65536)) if port else (0,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            if isinstance(error, socket.gaierror | PermissionError):
                raise StackError(f"the API cannot listen on {host}:{candidate}: {error.strerror}") from error
            continue
        if candidate != port:
            say(f"port {port} is taken: the API listens on {candidate}")
        return listener
    raise StackError(f"no free port on {host} from {port} to {port + PORTS - 1}")


@asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket, state_dir: Path) -> AsyncIterator[str]:
    """Serve the API until the block ends; its address, such as ``http://127.0.0.1:8080``.

    Requests that are being worked on are finished first. Signals are left to whoever runs this.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
            return contextlib.nullcontext()

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not running.done():
            await asyncio.sleep(0.01)
        if running.done():
            running.result()
            raise StackError("the HTTP server ended at its start")
        url = _address(listener)
        with _noted(state_dir, url):
            yield url
    finally:
        server.should_exit = True
        await running


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{reachable}:{port}"


@contextlib.contextmanager
def _noted(state_dir: Path, url: str) -> Iterator[None]:
    record = state_dir / RECORD
    draft = state_dir / (RECORD + ".draft")
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    draft.replace(record)
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


def running_api(state_dir: Path) -> str | None:
    """The address of the API that another process serves on this state folder now."""
    record = state_dir.absolute() / RECORD
    # A record without a holder of the folder is left from a crash.
    if not record.exists() or not in_use(state_dir.absolute()):
        return None
    return str(json.loads(record.read_text())["url"])
