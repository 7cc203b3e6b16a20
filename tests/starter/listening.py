"""An API that listens on a port of this machine, and commands that are processes of their own and call it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from starter.api.app import create_api
from starter.desk import Desk

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def listening(desk: Desk) -> AsyncIterator[str]:
    """The address of an API on ``desk``."""
    server = uvicorn.Server(uvicorn.Config(create_api(desk), port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    (listener,) = server.servers
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


async def run(address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What became of ``countersign`` with these arguments, at the API on ``address``."""
    place = {"COUNTERSIGN_API": address, "COUNTERSIGN_KEY": "k" * 32, "PATH": "/usr/bin:/bin"}
    program = "from starter.cli.main import main; main()"
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, *arguments],
        env=place,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
