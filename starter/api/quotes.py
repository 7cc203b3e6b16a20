"""Routes of quotes: hand in, read, preview, submit, recall, accept, and what happened to them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import JSONResponse

from activities.store.quotes import StoredQuote
from domain.approval.plan import Submission
from domain.approval.preview import explain_plan, preview_plan
from domain.approval.state import ActVerb
from domain.refusal import Refusal
from starter.api.bodies import Answering, Commented, Commenting
from starter.api.caller import Calling
from starter.api.documents import (
    Json,
    quote_document,
    quote_page_document,
    round_document,
    round_lines_document,
)
from starter.api.route import DoorRoute
from starter.approval_desk import new_act
from starter.explanations import explanations_document
from starter.plans import plan_document

router = APIRouter(route_class=DoorRoute, tags=["quotes"])

QUOTE_BODY = {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Quote"}}}}}
Document = Annotated[dict[str, Any], Body()]
Comment = Annotated[Commented | None, Body()]
Explained = Annotated[bool, Query(description="Look for the smallest change that turns each rule.")]
Number = Annotated[int, Path(ge=1, le=1_000_000)]


def etag(version: int) -> dict[str, str]:
    """The header that names the version of what is shown."""
    return {"ETag": f'"{version}"'}


def _quote(stored: StoredQuote, status: int = 200) -> JSONResponse:
    return JSONResponse(quote_document(stored), status, etag(stored.etag))


@router.put("/quotes/{quote_id}", openapi_extra=QUOTE_BODY)
async def put_quote(quote_id: str, document: Document, call: Calling) -> JSONResponse:
    """Hand in a quote, or edit it where that is allowed; `If-Match` refuses to overwrite what one has not seen."""
    if document.get("quote_id") != quote_id and "quote_id" in document:
        raise Refusal("conflicting_fields", f"the address says {quote_id}; name the same quote in the body", "quote_id")
    stored = await call.doors.quotes.put(call.who, document, expected_version=call.expected_version)
    answer = _quote(stored, 201 if stored.etag == 1 else 200)
    answer.headers["Location"] = f"/api/v1/quotes/{quote_id}"
    return answer


@router.get("/quotes/{quote_id}")
async def get_quote(quote_id: str, call: Calling) -> JSONResponse:
    """A quote with its content and its approval state."""
    async with call.doors.desk.reading() as work:
        page = await work.views.quote_page(quote_id)
    return JSONResponse(quote_page_document(page), headers=etag(page.quote.etag))


@router.post("/quotes/{quote_id}/preview", tags=["preview"])
async def preview_quote(quote_id: str, call: Calling, explain: Explained = True) -> JSONResponse:
    """The plan of a submit at this moment: who would be asked, in which order, and why. Writes nothing.

    `explain` says for every rule what single change of the quote would turn it; `?explain=false` leaves that out.
    """
    return JSONResponse(await _previewed(await call.doors.quotes.submission(call.who, quote_id), explain))


@router.post("/preview", openapi_extra=QUOTE_BODY, tags=["preview"])
async def preview_document(document: Document, call: Calling, explain: Explained = True) -> JSONResponse:
    """The same for a quote that is not stored."""
    return JSONResponse(await _previewed(await call.doors.quotes.submission_of_document(call.who, document), explain))


async def _previewed(submission: Submission, explain: bool) -> Json:
    document = plan_document(preview_plan(submission))
    if not explain:
        return document
    # Many evaluations, during which other requests are answered.
    told = await asyncio.to_thread(explain_plan, submission)
    return {**document, "explain": explanations_document(told, submission.priced.quote)}


@router.post("/quotes/{quote_id}/submit")
async def submit_quote(quote_id: str, call: Calling, body: Comment = None) -> JSONResponse:
    """Hand a quote in for approval: the round as it is once it is open."""
    comment = body.comment if body else None
    return JSONResponse(round_document(await call.doors.quotes.submit(call.who, quote_id, comment, key=call.key)))


@router.post("/quotes/{quote_id}/recall")
async def recall_quote(quote_id: str, call: Calling, body: Comment = None) -> JSONResponse:
    """Take a quote back, pending or approved."""
    comment = body.comment if body else None
    return JSONResponse(round_document(await call.doors.quotes.recall(call.who, quote_id, comment, key=call.key)))


@router.post("/quotes/{quote_id}/answer")
async def answer_question(
    quote_id: str, call: Calling, body: Annotated[Answering | None, Body()] = None
) -> JSONResponse:
    """The submitter answers what an approver asked; the approver's clock goes on."""
    given = body or Answering()
    act = new_act(call.who, ActVerb.ANSWER, call.key, approval=given.approval_id, comment=given.comment)
    return JSONResponse(round_document(await call.doors.approvals.act_on_quote(call.who, quote_id, act)))


@router.post("/quotes/{quote_id}/recompute")
async def recompute_deadlines(quote_id: str, call: Calling, body: Comment = None) -> JSONResponse:
    """Have all deadlines of the open round worked out again on the calendars of now; for admins."""
    act = new_act(call.who, ActVerb.RECOMPUTE, call.key, comment=body.comment if body else None)
    return JSONResponse(round_document(await call.doors.approvals.act_on_quote(call.who, quote_id, act)))


@router.post("/quotes/{quote_id}/resume")
async def resume_round(quote_id: str, call: Calling) -> JSONResponse:
    """See to it that the open round has a run, after an operator ended it; for admins."""
    call.require_admin()
    return JSONResponse(round_document(await call.doors.approvals.resume(quote_id)))


@router.post("/quotes/{quote_id}/comments")
async def comment_on_quote(quote_id: str, body: Commenting, call: Calling) -> JSONResponse:
    """Put a comment on the record of a quote; it changes nothing else."""
    await call.doors.approvals.comment(call.who, quote_id, body.comment, key=call.key)
    return JSONResponse({"quote_id": quote_id, "comment": body.comment}, 201)


@router.post("/quotes/{quote_id}/accept")
async def accept_quote(quote_id: str, call: Calling, body: Comment = None) -> JSONResponse:
    """The customer said yes: the quote may be ordered and is never edited again."""
    comment = body.comment if body else None
    return _quote(await call.doors.quotes.accept(call.who, quote_id, comment, key=call.key))


@router.get("/quotes/{quote_id}/rounds")
async def list_rounds(quote_id: str, call: Calling) -> JSONResponse:
    """The rounds of a quote, the first one first."""
    async with call.doors.desk.reading() as work:
        await work.quotes.get(quote_id)
        return JSONResponse(round_lines_document(await work.views.rounds(quote_id)))


@router.get("/quotes/{quote_id}/rounds/{number}")
async def get_round(quote_id: str, number: Number, call: Calling) -> JSONResponse:
    """One round: its plan, approvals and decisions."""
    async with call.doors.desk.reading() as work:
        await work.quotes.get(quote_id)
        return JSONResponse(round_document(await work.rounds.get(quote_id, number)))
