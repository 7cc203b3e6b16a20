"""Problem documents (RFC 9457): every "no" of the API, with a stable code from which the HTTP status follows."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from domain.reading import problem_of
from domain.refusal import Problem, Refusal

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MEDIA_TYPE = "application/problem+json"
LATER = "2"
"""Seconds after which a request that could not be served may be made again."""

_BY_STATUS = {
    400: "invalid_json invalid_header invalid_text invalid_cursor",
    401: "invalid_token",
    403: "four_eyes not_yours admin_only not_permitted authority_exceeded stories_only",
    404: "not_found unknown_quote unknown_round unknown_approval unknown_order unknown_policy unknown_customer "
    "unknown_user unknown_group unknown_delegation unknown_operation unknown_contract unknown_message",
    405: "method_not_allowed",
    409: "wrong_state round_closed not_your_turn already_decided already_delivered already_accepted already_reached "
    "already_acknowledged already_pending not_editable not_approved not_ordered nothing_unordered not_running on_hold "
    "past_no_return after_cut_off invariant_broken in_progress stale not_deliverable acceptance_not_required "
    "no_milestone superseded already_prepared not_on_credit_hold already_closed already_invoiced key_taken no_progress "
    "already_renewed no_usage not_the_last_change nothing_open round_full approval_id_taken needs_approval "
    "change_outdated",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    501: "not_built_yet",
    503: "unavailable",
}
STATUS_OF_CODE = {code: status for status, codes in _BY_STATUS.items() for code in codes.split()}
"""Every code that is not 422: the document was understood and says something that cannot be."""

CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class ProblemItem(BaseModel):
    """One thing that is wrong; ``path`` names the field (``lines.L3.quantity``) or is blank."""

    code: str
    path: str
    message: str


class ProblemDocument(BaseModel):
    """What a refused request is answered with. ``code`` is stable, texts are for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemItem]


def status_of(problem: Problem, headers: Mapping[str, str]) -> int:
    """The HTTP status of a problem in a request with these headers."""
    if problem.code == "stale" and ("if-match" in headers or "if-none-match" in headers):
        return HTTPStatus.PRECONDITION_FAILED
    if problem.code == "unknown_user" and problem.path == "by":
        # Not something that is looked for and missing, but somebody who may do nothing here.
        return HTTPStatus.FORBIDDEN
    if problem.code in ("unknown_approver", "unknown_calendar") and problem.path == "id":
        # It is this that was looked for; elsewhere a document names something that is not there.
        return HTTPStatus.NOT_FOUND
    return STATUS_OF_CODE.get(problem.code, HTTPStatus.UNPROCESSABLE_ENTITY)


def problem_document(refusal: Refusal, headers: Mapping[str, str]) -> dict[str, Any]:
    """The document that tells ``refusal``."""
    first = refusal.problems[0]
    document = ProblemDocument(
        type=f"urn:countersign:problem:{first.code}",
        title=first.code.replace("_", " ").capitalize(),
        status=status_of(first, headers),
        detail=first.message,
        code=first.code,
        errors=[ProblemItem(code=each.code, path=each.path, message=each.message) for each in refusal.problems],
    )
    return document.model_dump()


def problem_response(refusal: Refusal, headers: Mapping[str, str], **more: str) -> JSONResponse:
    """The answer that tells ``refusal``; ``more`` are further headers."""
    document = problem_document(refusal, headers)
    added = {"Cache-Control": "no-store", **more}
    if document["status"] == HTTPStatus.UNAUTHORIZED:
        added["WWW-Authenticate"] = 'Bearer realm="countersign"'
    if document["status"] == HTTPStatus.SERVICE_UNAVAILABLE or refusal.code == "in_progress":
        added["Retry-After"] = LATER
    return JSONResponse(document, document["status"], added, MEDIA_TYPE)


async def tell_refusal(request: Request, error: Exception) -> JSONResponse:
    """A refusal by the desk or a door."""
    assert isinstance(error, Refusal)
    return problem_response(error, request.headers)


async def tell_wrong_request(request: Request, error: Exception) -> JSONResponse:
    """Fields that the web framework found wrong in body, path or query."""
    assert isinstance(error, RequestValidationError)
    return problem_response(Refusal.of([_field_problem(error, each) for each in error.errors()]), request.headers)


def _field_problem(error: RequestValidationError, details: Any) -> Problem:
    where, *location = details["loc"]
    if where == "body" and not location and details["type"] == "missing":
        return Problem("missing_field", "the body is missing; send a JSON object", "")
    data = error.body if where == "body" else None
    return problem_of(data, cast("ErrorDetails", {**details, "loc": tuple(location)}))


async def tell_http_error(request: Request, error: Exception) -> JSONResponse:
    """What the web framework itself refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    code = CODE_OF_STATUS.get(error.status_code, "invalid_json" if error.status_code == 400 else "internal_error")
    told = {
        "not_found": f"there is nothing at {request.url.path}; the paths are in /openapi.json",
        "method_not_allowed": f"{request.method} is not possible here",
    }
    refusal = Refusal(code, told.get(code, str(error.detail)))
    return problem_response(refusal, request.headers, **dict(error.headers or {}))


def bug_response() -> JSONResponse:
    """What is told of a bug of ours: nothing but that it is one."""
    return problem_response(Refusal("internal_error", "this is a fault of ours and was written to the log"), {})
