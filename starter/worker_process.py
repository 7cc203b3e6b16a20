"""The worker as a process of its own, ended by its pid."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from pydantic import TypeAdapter

from starter.child_process import ChildProcess
from starter.embedded import Stack
from starter.settings import Settings

READY = b"worker ready"
ROOT = Path(__file__).parents[1]


def worker_environment(settings: Settings, stack: Stack) -> dict[str, str]:
    """The environment in which a worker finds the stack."""
    return os.environ | {
        "COUNTERSIGN_STATE_DIR": str(stack.state_dir),
        "COUNTERSIGN_TEMPORAL": stack.temporal_address,
        "COUNTERSIGN_TEMPORAL_NAMESPACE": stack.namespace,
        "COUNTERSIGN_DATABASE": stack.database_url,
        "COUNTERSIGN_TASK_QUEUE": settings.task_queue,
        "COUNTERSIGN_POLICY": settings.policy,
        "COUNTERSIGN_CHANGE_POLICY": settings.change_policy or "",
        "COUNTERSIGN_STORIES": str(settings.stories),
        "COUNTERSIGN_RENEWAL_LEAD": _duration(settings.renewal_lead),
        "COUNTERSIGN_CUT_OFF": _duration(settings.cut_off),
        "COUNTERSIGN_ACTIVATION_REQUIRES": ",".join(settings.activation_requires),
    }


def _duration(length: timedelta | None) -> str:
    """As the settings read it; nothing is none."""
    return TypeAdapter(timedelta).dump_python(length, mode="json") if length is not None else ""


@asynccontextmanager
async def worker_process(settings: Settings, stack: Stack) -> AsyncIterator[ChildProcess]:
    """Start a worker on ``stack``, wait until it works, and drain it on the way out."""
    log = stack.logs / "worker.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    begin = log.stat().st_size if log.exists() else 0
    process = await ChildProcess.start(
        "worker",
        [sys.executable, "-m", "worker"],
        lock=stack.state_dir / "worker.lock",
        log=log,
        stop_signal=signal.SIGTERM,
        cwd=ROOT,
        env=worker_environment(settings, stack),
    )

    async def ready() -> bool:
        written = log.read_bytes()
        # A log that grew too large was put aside at the start: all of the new one is of this worker.
        return READY in written[begin if begin <= len(written) else 0 :]

    try:
        await process.until(ready, within=30)
        yield process
    finally:
        await process.stop(signal.SIGTERM, grace=20)
