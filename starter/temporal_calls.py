"""Calls to Temporal: what is worth another try, and how an answer that is a refusal becomes one again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio.client import RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.requests import RefusalNote
from domain.refusal import Refusal

T = TypeVar("T")

# FAILED_PRECONDITION and UNKNOWN come while a shard moves or a server starts; NOT_FOUND is final.
PASSING = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    }
)
PAUSES = (0.1, 0.3, 1.0, 2.0, 4.0)


async def answered(call: Callable[[], Awaitable[T]], closed: Refusal) -> T:
    """The answer to ``call``, which must carry its own id so that it may be repeated.

    A run that is over is refused with ``closed``; a refusal by the workflow is raised as one. Code ``unavailable``:
    the server did not answer after several tries; nothing is known to be lost, and the same call may be made again.
    """
    for pause in (*PAUSES, None):
        try:
            return await call()
        except WorkflowUpdateFailedError as error:
            raise refusal_of(error.cause) from error
        except RPCTimeoutOrCancelledError as error:
            _heed_cancellation(error)
            await _pause(pause, error)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise closed from error
            if error.status not in PASSING:
                raise
            await _pause(pause, error)
    raise AssertionError("the last pause raises")


def _heed_cancellation(error: Exception) -> None:
    """The client tells a cancelled caller as it tells a time-out; whoever is cancelled must not try again."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


async def _pause(seconds: float | None, error: Exception) -> None:
    if seconds is None:
        raise Refusal("unavailable", "the workflow server did not answer; try again with the same key") from error
    await asyncio.sleep(seconds)


def refusal_of(cause: BaseException | None) -> Refusal:
    """The refusal that a workflow answered with; anything else is a bug of ours and raised as it is."""
    if isinstance(cause, ApplicationError) and cause.type:
        if cause.details:
            return RefusalNote.model_validate(cause.details[0]).refusal()
        if cause.type == "AcceptedUpdateCompletedWorkflow":
            return Refusal("round_closed", "it ended while the answer was on its way")
        return Refusal(cause.type, cause.message)
    raise cause if cause is not None else RuntimeError("an update failed without a cause")
