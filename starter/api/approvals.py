"""Routes of approvals: the inbox, and decisions one by one or many at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import JSONResponse

from domain.approval.state import RoundState, Verdict
from domain.refusal import Refusal
from starter.api.bodies import Deciding, DecidingMany, InboxQuery, OneOfMany
from starter.api.caller import Call, Calling
from starter.api.documents import inbox_line_document
from starter.api.problems import problem_document
from starter.api.route import DoorRoute
from starter.plans import approval_document

router = APIRouter(route_class=DoorRoute, tags=["approvals"])

Answer = Annotated[Deciding | None, Body()]


@router.get("/approvals")
async def list_approvals(call: Calling, query: Annotated[InboxQuery, Query()]) -> JSONResponse:
    """The inbox of whoever asks, the earliest due first; groups and delegations are resolved."""
    if not query.mine:
        raise Refusal("not_built_yet", "the approvals of others are not built yet; ask with mine=true", "mine")
    async with call.doors.desk.reading() as work:
        page = await work.views.inbox(call.who.user, state=query.state, cursor=query.cursor, limit=query.limit)
    return JSONResponse({"approvals": [inbox_line_document(line) for line in page.lines], "next": page.next})


@router.post("/approvals/decide")
async def decide_many(body: DecidingMany, request: Request, call: Calling) -> JSONResponse:
    """Many decisions, one after the other, each checked on its own; one answer each, in the same order."""
    return JSONResponse({"answers": [await _answer(call, each, request) for each in body.decisions]})


async def _answer(call: Call, one: OneOfMany, request: Request) -> dict[str, Any]:
    key = f"{call.key}/{one.approval_id}" if call.key is not None else None
    try:
        state = await _decide(call, one.approval_id, one.verdict, one, key)
    except Refusal as refusal:
        problem = problem_document(refusal, request.headers)
        return {"approval_id": one.approval_id, "status": problem["status"], "problem": problem}
    return {"approval_id": one.approval_id, "status": 200, **_decided(state, one.approval_id)}


@router.post("/approvals/{approval_id}/approve")
async def approve(approval_id: str, call: Calling, body: Answer = None) -> JSONResponse:
    """Say yes to an approval."""
    state = await _decide(call, approval_id, Verdict.APPROVE, body or Deciding(), call.key)
    return JSONResponse(_decided(state, approval_id))


@router.post("/approvals/{approval_id}/reject")
async def reject(approval_id: str, call: Calling, body: Answer = None) -> JSONResponse:
    """Say no to an approval, with a reason; that ends the round."""
    state = await _decide(call, approval_id, Verdict.REJECT, body or Deciding(), call.key)
    return JSONResponse(_decided(state, approval_id))


async def _decide(call: Call, approval_id: str, verdict: Verdict, body: Deciding, key: str | None) -> RoundState:
    return await call.doors.quotes.decide(
        call.who,
        approval_id,
        verdict,
        comment=body.comment,
        reason=body.reason,
        seat_of=body.for_,
        key=key,
    )


def _decided(state: RoundState, approval_id: str) -> dict[str, Any]:
    approval = state.approval(approval_id)
    return {
        "quote_id": state.quote_id,
        "round": state.round,
        "outcome": state.outcome,
        "approval": approval_document(approval) if approval else None,
    }
