"""The one place that waits: for something to change, or for a deadline, whichever is first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow


async def until(changed: Callable[[], bool], left: timedelta | None, what: str) -> bool:
    """Wait until ``changed()``, at most ``left`` (``None``: for ever); whether it changed. ``what`` names the timer."""
    if left is None:
        await workflow.wait_condition(changed)
        return True
    try:
        await workflow.wait_condition(changed, timeout=max(left, timedelta()), timeout_summary=what)
    except TimeoutError:
        return False
    return True
