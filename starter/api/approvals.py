"""Routes of approvals: the inbox, and decisions one by one or many at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import JSONResponse

from domain.approval.state import ActVerb, RoundState, Verdict
from domain.refusal import Refusal
from starter.api.bodies import (
    Adding,
    Asking,
    Commented,
    Deciding,
    DecidingMany,
    InboxQuery,
    OneOfMany,
    Overriding,
    Reassigning,
    Withdrawing,
)
from starter.api.caller import Call, Calling
from starter.api.documents import inbox_line_document
from starter.api.problems import problem_document
from starter.api.route import DoorRoute
from starter.approval_desk import new_act
from starter.plans import approval_document

router = APIRouter(route_class=DoorRoute, tags=["approvals"])

Answer = Annotated[Deciding | None, Body()]


@router.get("/approvals")
async def list_approvals(call: Calling, query: Annotated[InboxQuery, Query()]) -> JSONResponse:
    """The inbox of whoever asks, the earliest due first; groups and delegations are resolved.

    With `mine=false` everybody's, in the order of their ids; for admins.
    """
    if not query.mine:
        call.require_admin()
    async with call.doors.desk.reading() as work:
        if query.mine:
            page = await work.views.inbox(call.who.user, state=query.state, cursor=query.cursor, limit=query.limit)
        else:
            page = await work.views.everybodys(state=query.state, cursor=query.cursor, limit=query.limit)
    return JSONResponse({"approvals": [inbox_line_document(line) for line in page.lines], "next": page.next})


@router.post("/approvals/decide")
async def decide_many(body: DecidingMany, request: Request, call: Calling) -> JSONResponse:
    """Many decisions, one after the other, each checked on its own; one answer each, in the same order.

    Under a key each decision is made once; those that were not made may be made by the same request again.
    """
    answers = [await _answer(call, each, request) for each in body.decisions]
    request.state.unfinished = any(answer["status"] != 200 for answer in answers)
    return JSONResponse({"answers": answers})


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


@router.post("/approvals/{approval_id}/ask")
async def ask(approval_id: str, call: Calling, body: Annotated[Asking | None, Body()] = None) -> JSONResponse:
    """Ask the submitter; until the answer the clock of whoever asks stands still."""
    given = body or Asking()
    return await _act(call, approval_id, ActVerb.ASK, comment=given.comment, seat_of=given.for_)


@router.post("/approvals/{approval_id}/reassign")
async def reassign(approval_id: str, body: Reassigning, call: Calling) -> JSONResponse:
    """Hand a seat to somebody else for good: by whoever is asked, or by an admin."""
    return await _act(
        call,
        approval_id,
        ActVerb.REASSIGN,
        to=body.to,
        comment=body.comment,
        reason=body.reason,
        seat_of=body.for_,
    )


@router.post("/approvals/{approval_id}/add")
async def add(approval_id: str, body: Adding, call: Calling) -> JSONResponse:
    """Add an ad-hoc approver before, beside or after oneself."""
    return await _act(
        call, approval_id, ActVerb.ADD, to=body.who, where=body.where, comment=body.comment, seat_of=body.for_
    )


@router.post("/approvals/{approval_id}/withdraw")
async def withdraw(approval_id: str, call: Calling, body: Annotated[Withdrawing | None, Body()] = None) -> JSONResponse:
    """Take one's decision back, while nothing was built on it."""
    given = body or Withdrawing()
    return await _act(call, approval_id, ActVerb.WITHDRAW, comment=given.comment, reason=given.reason)


@router.post("/approvals/{approval_id}/override")
async def override(approval_id: str, body: Overriding, call: Calling) -> JSONResponse:
    """Decide in everybody's place; takes a permission of its own (`countersign token USER --role override`)."""
    return await _act(
        call, approval_id, ActVerb.OVERRIDE, verdict=body.decision, comment=body.comment, reason=body.reason
    )


@router.post("/approvals/{approval_id}/recompute")
async def recompute(approval_id: str, call: Calling, body: Annotated[Commented | None, Body()] = None) -> JSONResponse:
    """Have the deadlines of an approval worked out again on the calendars of now; for admins."""
    return await _act(call, approval_id, ActVerb.RECOMPUTE, comment=body.comment if body else None)


async def _act(call: Call, approval_id: str, verb: ActVerb, **fields: object) -> JSONResponse:
    act = new_act(call.who, verb, call.key, approval=approval_id, **fields)
    return JSONResponse(_decided(await call.doors.approvals.act(call.who, act), approval_id))


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
