"""Routes of policies: check, publish, read, compare and roll back versions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from domain.policy.check import LARGEST_TEXT
from domain.policy.difference import difference
from domain.policy.document import read_policy
from domain.refusal import Refusal
from starter.api.bodies import Paged, RollingBack, TwoVersions
from starter.api.caller import Calling
from starter.api.document_body import EITHER, read_document
from starter.api.documents import policy_document
from starter.api.route import DocumentRoute, DoorRoute
from starter.differences import difference_document

documents = APIRouter(route_class=DocumentRoute, tags=["policies"])
router = APIRouter(route_class=DoorRoute, tags=["policies"])

SHOWN = ("severity", "code", "document", "path", "message")


async def _policy(request: Request) -> tuple[dict[str, Any], str]:
    """The policy in the body, and its text; a longer one than anybody writes is not even read."""
    if len(await request.body()) > LARGEST_TEXT:
        raise Refusal("too_long", f"a policy has at most {LARGEST_TEXT:,} characters")
    return await read_document(request)


@documents.post("/policies", openapi_extra=EITHER)
async def publish_policy(request: Request, call: Calling) -> JSONResponse:
    """Check a policy (JSON or YAML) and publish it as the next version of its name; open rounds keep theirs."""
    call.require_admin()
    document, text = await _policy(request)
    version = await call.doors.people.publish(call.who, document, text, key=call.key, must_prove=True)
    name = document["policy"]
    place = f"/api/v1/policies/{name}/versions/{version}"
    return JSONResponse({"policy": name, "version": version}, 201, {"Location": place})


@documents.post("/policies/check", openapi_extra=EITHER)
async def check_policy(request: Request, call: Calling) -> JSONResponse:
    """What is wrong with a policy (JSON or YAML) and the people it would ask, errors first; nothing is written."""
    call.require_admin()
    document, _ = await _policy(request)
    found = await call.doors.people.check(document)
    errors = sum(each.is_error for each in found)
    rows = [{name: getattr(each, name) for name in SHOWN} for each in found]
    return JSONResponse({"errors": errors, "warnings": len(rows) - errors, "findings": rows})


@router.get("/policies/{name}/versions/{version}")
async def get_policy(name: str, version: Annotated[int, Path(ge=1, le=1_000_000)], call: Calling) -> JSONResponse:
    """A published version, which never changes."""
    async with call.doors.desk.reading() as work:
        return JSONResponse(policy_document(await work.policies.get(name, version)))


@router.get("/policies/{name}/versions")
async def list_policy_versions(name: str, call: Calling, page: Annotated[Paged, Query()]) -> JSONResponse:
    """The published versions of a policy, the newest first: who published each, and when."""
    async with call.doors.desk.reading() as work:
        found = await work.policies.page(name, cursor=page.cursor, limit=page.limit)
    return JSONResponse({"policy": name, **found.model_dump(mode="json")})


@router.get("/policies/{name}/diff")
async def compare_policies(name: str, call: Calling, query: Annotated[TwoVersions, Query()]) -> JSONResponse:
    """What a version says otherwise than another, in words, and whether that can change outcomes."""
    async with call.doors.desk.reading() as work:
        old, new = [await work.policies.get(name, version) for version in (query.from_, query.to)]
    found = difference(read_policy(old.document), read_policy(new.document))
    return JSONResponse({"policy": name, "from": old.version, "to": new.version, **difference_document(found)})


@router.post("/policies/{name}/rollback")
async def roll_back_policy(name: str, body: RollingBack, call: Calling) -> JSONResponse:
    """Publish the text of an old version again, as a new version; open rounds keep theirs."""
    call.require_admin()
    version = await call.doors.people.rollback(call.who, name, body.to, body.comment, key=call.key)
    place = f"/api/v1/policies/{name}/versions/{version}"
    return JSONResponse({"policy": name, "version": version, "to": body.to}, 201, {"Location": place})
