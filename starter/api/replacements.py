"""Routes of replacements: put a successor in somebody's place, and the operations that do it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from activities.replacements import standing
from activities.store.cursor import make_cursor, read_cursor, read_number
from activities.store.operations import OperationRound
from domain.delegation import Moment
from domain.quote import FreeText, Text
from domain.replacement import Replaced
from starter.api.bodies import Body, Paged
from starter.api.caller import Call, Calling
from starter.api.route import DoorRoute
from starter.replacement_desk import DryRun, Operation, ReplacementDesk

router = APIRouter(route_class=DoorRoute, tags=["replacements"])


class Replacing(Body):
    """Who takes the place, from when on. ``kind`` says what the id is where several things bear it.

    ``dry_run`` shows what would be touched now and writes nothing.
    """

    by: Text
    from_: Moment | None = Field(default=None, alias="from")
    kind: Replaced | None = None
    dry_run: bool = False
    comment: FreeText | None = None


def _desk(call: Call) -> ReplacementDesk:
    call.require_admin()
    return ReplacementDesk(call.doors.desk)


@router.post("/approvers/{name}/replace")
async def replace_approver(name: str, body: Replacing, call: Calling) -> JSONResponse:
    """Put somebody in the place of an approver, a group or a user: in the directory and in every pending approval."""
    desk = _desk(call)
    if body.dry_run:
        found = await desk.preview(call.who, name, body.by, kind=body.kind, comment=body.comment)
        return JSONResponse(dry_run_document(found))
    begun = await desk.replace(
        call.who, name, body.by, kind=body.kind, start=body.from_, comment=body.comment, key=call.key
    )
    place = f"/api/v1/operations/{begun.operation_id}"
    return JSONResponse(operation_document(await desk.operation(begun.operation_id)), 202, {"Location": place})


@router.get("/operations/{name}")
async def get_operation(name: str, call: Calling) -> JSONResponse:
    """How far an operation is, and what it has touched."""
    return JSONResponse(operation_document(await _desk(call).operation(name)))


@router.get("/operations/{name}/rounds")
async def list_operation_rounds(name: str, call: Calling, page: Annotated[Paged, Query()]) -> JSONResponse:
    """The report round by round: what became of each approval, and why something was left alone."""
    after = read_number(read_cursor(page.cursor, 1)[0]) if page.cursor is not None else 0
    found = await _desk(call).rounds(name, after=after, limit=page.limit + 1)
    shown = found[: page.limit]
    following = make_cursor(str(shown[-1].position)) if len(found) > page.limit else None
    return JSONResponse({"operation": name, "rounds": [round_document(each) for each in shown], "next": following})


@router.post("/operations/{name}/cancel")
async def cancel_operation(name: str, call: Calling) -> JSONResponse:
    """Call an operation off before it begins."""
    desk = _desk(call)
    await desk.cancel(call.who, name)
    return JSONResponse(operation_document(await desk.operation(name)))


@router.post("/operations/{name}/resume")
async def resume_operation(name: str, call: Calling) -> JSONResponse:
    """See to it that an operation that is not over has a run, after an operator ended it."""
    desk = _desk(call)
    await desk.resume(name)
    return JSONResponse(operation_document(await desk.operation(name)))


def operation_document(found: Operation) -> dict[str, Any]:
    """An operation as the API tells it."""
    stored, now = found.stored, standing(found.stored)
    moments = {name: getattr(stored, name) for name in ("asked_at", "starts_at", "began_at", "finished_at")}
    refusal = now.refusal.refusal() if now.refusal is not None else None
    return {
        "operation": stored.operation_id,
        "kind": stored.kind,
        "state": stored.state,
        "replaced": {"id": now.old, "kind": now.kind},
        "by_whom": now.new,
        "asked_by": stored.by,
        "comment": stored.wanted.get("comment"),
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        "total": stored.total,
        "done": stored.done,
        "rounds": dict(found.rounds),
        "approvals": dict(found.approvals),
        "directory": stored.directory,
        "refused": {"code": refusal.code, "message": str(refusal)} if refusal is not None else None,
    }


def dry_run_document(found: DryRun) -> dict[str, Any]:
    """What a replacement would touch, in the words of an operation and its rounds."""
    wanted = found.replacement
    states = [each.state for each in found.rounds]
    outcomes = [each["outcome"] for told in found.rounds for each in told.found]
    return {
        "dry_run": True,
        "replaced": {"id": wanted.old, "kind": wanted.kind},
        "by_whom": wanted.new,
        "total": len(found.rounds),
        "rounds": {state: states.count(state) for state in sorted(set(states))},
        "approvals": {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
        "directory": list(found.directory),
        "touched": [round_document(each) for each in found.rounds],
    }


def round_document(found: OperationRound) -> dict[str, Any]:
    """One round of an operation."""
    return {"quote_id": found.quote_id, "round": found.round, "outcome": found.state, "approvals": found.found}
