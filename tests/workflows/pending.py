"""Many pending rounds, put down through the store; their runs are absent."""

from __future__ import annotations

import uuid

from activities.store.work import Work
from domain.approval.plan import make_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import RoundState
from tests.workflows.house import House, quote_document

TOGETHER = 200


async def pending(house: House, count: int, price: str = "20.00") -> list[RoundState]:
    """So many open rounds, as they are stored."""
    plan = await _opened(house, price)
    states = [_named(plan, f"P{uuid.uuid4().hex[:12]}", price) for _ in range(count)]
    for begin in range(0, count, TOGETHER):
        async with house.database.work() as work:
            for state in states[begin : begin + TOGETHER]:
                await _store(work, state, price)
    return states


async def _opened(house: House, price: str) -> RoundState:
    quote_id = await house.stored(price)
    async with house.desk.reading() as work:
        submission = await house.desk.knowledge.submission(work, quote_id, "rosa", house.clock.now(), policy="standard")
    moving = ApprovalRound(make_plan(submission), submission.directory)
    moving.open(house.clock.now())
    return moving.state


def _named(state: RoundState, quote_id: str, price: str) -> RoundState:
    approvals = tuple(each.model_copy(update={"approval_id": f"{quote_id}.1.{each.rule}"}) for each in state.approvals)
    return state.model_copy(update={"quote_id": quote_id, "approvals": approvals})


async def _store(work: Work, state: RoundState, price: str) -> None:
    stored = await work.quotes.put(quote_document(state.quote_id, price), "rosa", state.opened_at)
    await work.rounds.open(state.model_copy(update={"content_hash": stored.content_hash}))
    await work.quotes.set_state(state.quote_id, "pending", state.opened_at, round=1)
