"""Calls to the run of a replacement; a run that an operator ended while its operation is not over is begun again."""

from __future__ import annotations

from typing import Any

import structlog
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.replacement_requests import OperationState, ReplacementOrder
from activities.store.operations import StoredOperation
from domain.refusal import Refusal
from starter.desk import Desk
from starter.temporal_calls import answered
from workflows.approver_replacement import ApproverReplacement
from workflows.names import replacement_id
from workflows.replacement_messages import ReplacementAnswer, ReplacementStart

log = structlog.get_logger(__name__)


async def update_replacement(desk: Desk, operation: str, update: Any, message: Any, call_id: str) -> ReplacementAnswer:
    """The operation after ``update`` of its run with ``message``; ``call_id`` names the call and its repeats.

    Codes: those that the run refuses with, ``wrong_state`` once it is over, ``unavailable``.
    """
    handle = desk.client.get_workflow_handle(replacement_id(operation))

    async def call() -> ReplacementAnswer:
        found: ReplacementAnswer = await handle.execute_update(update, message, id=call_id)
        return found

    over = Refusal("wrong_state", f"operation {operation} is over")
    try:
        return await answered(call, over)
    except Refusal as refusal:
        if refusal is not over or not await resume_replacement(desk, operation):
            raise
    return await answered(call, over)


async def resume_replacement(desk: Desk, operation: str) -> bool:
    """Begin a run for an operation that is not over and has none; whether it is not over.

    The tables hold what was asked for and how far it is; the new run takes it up there, and needs no proof for what
    was proved when it was written down. Codes: ``unknown_operation``, ``unavailable``.
    """
    async with desk.reading() as work:
        stored = await work.operations.get(operation)
    if OperationState(stored.state).is_over:
        return False
    if await _begun(desk, stored):
        log.warning("replacement_resumed", operation=operation, state=stored.state)
    return True


async def _begun(desk: Desk, stored: StoredOperation) -> bool:
    order = ReplacementOrder.model_validate(stored.wanted)
    start = ReplacementStart(order=order, at=desk.clock.told(), resumed=True)

    async def call() -> bool:
        try:
            await desk.client.start_workflow(
                ApproverReplacement.run,
                start,
                id=replacement_id(stored.operation_id),
                task_queue=desk.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=f"{order.old} is replaced by {order.new}, taken up again",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    return await answered(call, Refusal("wrong_state", f"operation {stored.operation_id} is over"))
