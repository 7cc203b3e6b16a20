"""Calls to the run of a round."""

from __future__ import annotations

from typing import Any

from domain.refusal import Refusal
from starter.desk import Desk
from starter.temporal_calls import answered
from workflows.messages import RoundAnswer
from workflows.names import quote_approval_id


async def update_round(desk: Desk, quote_id: str, number: int, update: Any, message: Any, key: str) -> RoundAnswer:
    """The round after ``update`` of its run with ``message``, made once under ``key``.

    Codes: those that the run refuses with, ``round_closed`` once it is over, ``unavailable``.
    """
    handle = desk.client.get_workflow_handle(quote_approval_id(quote_id, number))

    async def call() -> RoundAnswer:
        found: RoundAnswer = await handle.execute_update(update, message, id=key)
        return found

    return await answered(call, Refusal("round_closed", f"round {number} of {quote_id} is over"))
