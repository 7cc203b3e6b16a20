"""A whole installation in one go: the stack, a worker that is kept alive, the API, and the example."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from activities.store.work import Database
from activities.tokens import Tokens
from starter.api.app import create_api
from starter.child_process import StackError, sole_use
from starter.connection import connect
from starter.desk import Desk
from starter.embedded import Stack, embedded_stack
from starter.example import load_example
from starter.heap import settle_heap
from starter.server import listening_socket, serving
from starter.service_level_file import read_service_levels
from starter.settings import Settings
from starter.worker_process import worker_process

PAUSES = (0.0, 1.0, 2.0, 5.0, 15.0)
"""Seconds before a worker that ended is started again: longer each time it ends soon after its start."""
LASTING = 60.0
POLL = 0.5


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs, and where. ``loaded`` names what was loaded of the example."""

    stack: Stack
    api_url: str
    loaded: tuple[str, ...]


@asynccontextmanager
async def installation(
    settings: Settings,
    *,
    example: Path | None,
    temporal_port: int | None = None,
    ui_port: int | None = None,
    say: Callable[[str], None] = print,
) -> AsyncIterator[Installation]:
    """Run everything until the block ends. Raises StackError when a part does not come up."""
    levels = read_service_levels(settings.service_levels)
    async with AsyncExitStack() as running:
        stack = await running.enter_async_context(
            embedded_stack(settings, temporal_port=temporal_port, ui_port=ui_port, say=say)
        )
        if not (stack.temporal_embedded or stack.database_embedded):
            # The embedded servers hold the folder themselves. Without them two of us would end each other's worker.
            running.enter_context(sole_use(stack.state_dir))
        await running.enter_async_context(kept_worker(settings, stack, say))
        database = Database(stack.database_url)
        running.push_async_callback(database.close)
        client = await connect(settings, stack.temporal_address, namespace=stack.namespace)
        desk = Desk(
            client,
            database,
            Tokens(settings.signing_key()),
            settings.task_queue,
            settings.policy,
            cut_off=settings.cut_off,
            required=settings.activation_requires,
            change_policy=settings.change_policy,
            service_levels=levels,
        )
        loaded = await load_example(desk, example) if example is not None else ()
        listener = listening_socket(settings.http_host, settings.http_port, say)
        running.callback(listener.close)
        url = await running.enter_async_context(serving(create_api(desk), listener, stack.state_dir))
        settle_heap()
        yield Installation(stack, url, loaded)


@asynccontextmanager
async def kept_worker(settings: Settings, stack: Stack, say: Callable[[str], None]) -> AsyncIterator[None]:
    """A worker process that is started again when it ends. Raises StackError when the first one does not come up."""
    works = asyncio.Event()
    keeping = asyncio.create_task(_keep(settings, stack, works, say))
    ready = asyncio.create_task(works.wait())
    try:
        await asyncio.wait((keeping, ready), return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
        yield
    finally:
        ready.cancel()
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


async def _keep(settings: Settings, stack: Stack, works: asyncio.Event, say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    short_lives = 0
    while True:
        began = loop.time()
        try:
            async with worker_process(settings, stack) as process:
                works.set()
                while not process.exited:
                    await asyncio.sleep(POLL)
        except StackError as error:
            if not works.is_set():
                raise
            say(str(error))
        short_lives = 0 if loop.time() - began > LASTING else short_lives + 1
        pause = PAUSES[min(short_lives, len(PAUSES) - 1)]
        say(f"the worker ended and is started again; why it ended is in {stack.logs / 'worker.log'}")
        await asyncio.sleep(pause)
