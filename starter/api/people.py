"""Routes of policies and people: publish, read, compare and roll back versions, load the directory, delegate."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from domain.policy.check import LARGEST_TEXT
from domain.policy.difference import difference
from domain.policy.document import read_policy
from domain.refusal import Refusal
from domain.yaml_text import read_yaml
from starter.api.bodies import Delegating, Paged, RollingBack, TwoVersions
from starter.api.caller import Calling
from starter.api.documents import policy_document
from starter.api.route import JSON_TYPES, DocumentRoute, DoorRoute, media_type, read_json
from starter.differences import difference_document

documents = APIRouter(route_class=DocumentRoute, tags=["policies and people"])
router = APIRouter(route_class=DoorRoute, tags=["policies and people"])

SHOWN = ("severity", "code", "document", "path", "message")
EITHER = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}, "application/yaml": {}},
    }
}


async def _document(request: Request) -> tuple[dict[str, Any], str]:
    """The document in the body, and its text. In these documents bare numbers are exact decimals."""
    body = await request.body()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refusal("invalid_text", "the body is not UTF-8; send it so encoded") from None
    value = read_json(body, parse_float=Decimal) if media_type(request) in JSON_TYPES else read_yaml(text, "body").value
    if not isinstance(value, dict):
        raise Refusal("wrong_type", "send one document: a mapping of fields")
    return value, text


async def _policy(request: Request) -> tuple[dict[str, Any], str]:
    """The policy in the body, and its text; a longer one than anybody writes is not even read."""
    if len(await request.body()) > LARGEST_TEXT:
        raise Refusal("too_long", f"a policy has at most {LARGEST_TEXT:,} characters")
    return await _document(request)


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


@documents.put("/directory", openapi_extra=EITHER)
async def load_directory(request: Request, call: Calling) -> JSONResponse:
    """Put a document (JSON or YAML) in the place of the whole directory; what waits is handed over at once."""
    call.require_admin()
    document, _ = await _document(request)
    await call.doors.people.load_directory(call.who, document)
    async with call.doors.desk.reading() as work:
        return JSONResponse({"version": await work.directory.version()})


@router.post("/delegations")
async def delegate(body: Delegating, call: Calling) -> JSONResponse:
    """Hand over to somebody from a moment until another, what already waits included."""
    of = body.of or call.who.user
    if of != call.who.user:
        call.require_admin()
    return JSONResponse({"id": await call.doors.people.delegate(call.who, body.delegation(of), key=call.key)}, 201)
