"""The one place that waits: for something to change, or for a deadline, whichever is first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

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


def later(moment: datetime | None, not_before: datetime | None) -> datetime | None:
    """``moment``, or ``not_before`` where that is later; no moment stays none."""
    return moment if moment is None or not_before is None else max(moment, not_before)


def history_is_long() -> bool:
    """Whether the server asks to go on in a new run. Refused messages make a history long, too."""
    return workflow.info().is_continue_as_new_suggested()
