"""Calls to the run of a round; a run that an operator ended while its round is open is begun again."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.approval.state import RoundState
from domain.refusal import Refusal
from starter.desk import Desk
from starter.temporal_calls import answered
from workflows.messages import RoundAnswer, RoundStart
from workflows.names import CUSTOMER_ID, QUOTE_ID, quote_approval_id
from workflows.quote_approval import QuoteApproval
from workflows.searched import Searched

log = structlog.get_logger(__name__)


async def update_round(desk: Desk, quote_id: str, number: int, update: Any, message: Any, key: str) -> RoundAnswer:
    """The round after ``update`` of its run with ``message``, made once under ``key``.

    Codes: those that the run refuses with, ``round_closed`` once it is over, ``unavailable``.
    """
    handle = desk.client.get_workflow_handle(quote_approval_id(quote_id, number))
    # One id for each call and its repeats: the server answers a known id with its first answer, also where that was a
    # refusal which is no longer true. What must be done once is known by its key in the round.
    call_id = f"{key}/{uuid.uuid4().hex}"

    async def call() -> RoundAnswer:
        found: RoundAnswer = await handle.execute_update(update, message, id=call_id)
        return found

    over = Refusal("round_closed", f"round {number} of {quote_id} is over")
    try:
        return await answered(call, over)
    except Refusal as refusal:
        if refusal is not over or not await resume_round(desk, quote_id, number):
            raise
    return await answered(call, over)


async def resume_round(desk: Desk, quote_id: str, number: int) -> bool:
    """Begin a run for a round that is open and has none, because an operator ended it; whether it is open.

    The tables hold the round; the new run takes it up where it stands.
    """
    async with desk.reading() as work:
        state: RoundState | None = await work.rounds.find(quote_id, number)
        if state is None or state.outcome is not None:
            return False
        quote = await work.quotes.get(quote_id)
    start = RoundStart(
        quote_id=quote_id,
        round=number,
        by=state.submitter,
        policy=state.policy,
        at=desk.clock.told(),
        resumed=True,
        few_actions=True,
    )

    async def call() -> bool:
        try:
            await desk.client.start_workflow(
                QuoteApproval.run,
                start,
                id=quote_approval_id(quote_id, number),
                task_queue=desk.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(QUOTE_ID, quote_id),
                        SearchAttributePair(CUSTOMER_ID, quote.customer_id),
                        *Searched.of(state).pairs(),
                    ]
                ),
                static_summary=f"{quote_id} round {number}, taken up again",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    if await answered(call, Refusal("round_closed", f"round {number} of {quote_id} is over")):
        log.warning("round_resumed", quote_id=quote_id, round=number)
    return True
