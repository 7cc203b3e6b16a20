"""Routes of the directory: its entries one by one, the whole of it, and delegations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from activities.store.directory import SECTIONS
from activities.store.directory_entry import DirectoryEntry
from activities.store.directory_pages import StoredDelegation
from activities.store.work import Work
from domain.people import Directory
from starter.api.bodies import Delegating, DelegationsQuery, Paged
from starter.api.caller import Call, Calling
from starter.api.document_body import EITHER, read_document
from starter.api.documents import delegation_document
from starter.api.quotes import etag
from starter.api.route import DocumentRoute, DoorRoute

documents = APIRouter(route_class=DocumentRoute, tags=["directory"])
router = APIRouter(route_class=DoorRoute, tags=["directory"])


async def _check_reader(work: Work, call: Call) -> None:
    """Refuse (``unknown_user``) who has left the house: what people may approve is told to colleagues only."""
    if not call.who.is_admin:
        await call.doors.desk.check_user(work, call.who, services=True)


def _line(entry: DirectoryEntry) -> dict[str, Any]:
    document = entry.model_dump(mode="json", exclude={"kind", "body"})
    return {**document, "entry": entry.body}


def _add_routes(section: str, kind: str) -> None:
    """The three routes of one kind of entry."""

    async def show(name: str, call: Calling) -> JSONResponse:
        async with call.doors.desk.reading() as work:
            await _check_reader(work, call)
            found = await work.directory.get(kind, name)
        return JSONResponse(found.body, headers=etag(found.version))

    async def put(name: str, request: Request, call: Calling) -> JSONResponse:
        call.require_admin()
        document, _ = await read_document(request)
        done = await call.doors.directory.put(call.who, section, name, document, expected_version=call.expected_version)
        headers = {**etag(done.entry.version), "Location": f"/api/v1/{section}/{name}"}
        return JSONResponse(done.entry.body, 201 if done.is_new else 200, headers)

    async def page(call: Calling, page: Annotated[Paged, Query()]) -> JSONResponse:
        async with call.doors.desk.reading() as work:
            await _check_reader(work, call)
            found = await work.directory.pages.entries(kind, cursor=page.cursor, limit=page.limit)
        return JSONResponse({section: [_line(each) for each in found.entries], "next": found.next})

    router.add_api_route(
        f"/{section}/{{name}}",
        show,
        methods=["GET"],
        name=f"get_{kind}",
        description=f"A {kind}, as `PUT` takes it; its version is the `ETag`.",
    )
    router.add_api_route(
        f"/{section}",
        page,
        methods=["GET"],
        name=f"list_{section}",
        description=f"The {section} of the directory by id: when each last changed, and what it says.",
    )
    documents.add_api_route(
        f"/{section}/{{name}}",
        put,
        methods=["PUT"],
        name=f"put_{kind}",
        openapi_extra=EITHER,
        description=f"Add or replace a {kind} (JSON or YAML); `If-Match` refuses to overwrite what one has not seen.",
    )


for _section, _kind in SECTIONS.items():
    _add_routes(_section, _kind)


@router.get("/directory")
async def get_directory(call: Calling) -> JSONResponse:
    """The whole directory, as `PUT` takes it: what is in force or to come; its version is the `ETag`."""
    call.require_admin()
    async with call.doors.desk.reading() as work:
        return JSONResponse(await work.directory.load(), headers=etag(await work.directory.version()))


@documents.put("/directory", openapi_extra=EITHER)
async def load_directory(request: Request, call: Calling) -> JSONResponse:
    """Put a document (JSON or YAML) in the place of the whole directory; what waits is handed over at once."""
    call.require_admin()
    document, _ = await read_document(request)
    version = await call.doors.people.load_directory(call.who, document, expected_version=call.expected_version)
    return JSONResponse({"version": version}, headers=etag(version))


@router.post("/delegations")
async def delegate(body: Delegating, call: Calling) -> JSONResponse:
    """Hand over to somebody from a moment until another, what already waits included."""
    of = body.of or call.who.user
    if of != call.who.user:
        call.require_admin()
    name = await call.doors.people.delegate(call.who, body.delegation(of), key=call.key)
    return JSONResponse({"id": name}, 201, {"Location": f"/api/v1/delegations/{name}"})


@router.get("/delegations")
async def list_delegations(call: Calling, query: Annotated[DelegationsQuery, Query()]) -> JSONResponse:
    """Who hands over to whom, entered last first; those that were taken back only when asked for."""
    async with call.doors.desk.reading() as work:
        await _check_reader(work, call)
        directory = await call.doors.desk.knowledge.directory(work)
        found = await work.directory.pages.delegations(
            of=query.of, to=query.to, taken_back=query.taken_back, cursor=query.cursor, limit=query.limit
        )
    shown = [_shown(call, directory, each) for each in found.delegations]
    return JSONResponse({"delegations": shown, "next": found.next})


@router.get("/delegations/{name}")
async def get_delegation(name: str, call: Calling) -> JSONResponse:
    """A delegation, also one that was taken back."""
    async with call.doors.desk.reading() as work:
        await _check_reader(work, call)
        directory = await call.doors.desk.knowledge.directory(work)
        found = await work.directory.pages.delegation(name)
    return JSONResponse(_shown(call, directory, found))


@router.delete("/delegations/{name}")
async def end_delegation(name: str, call: Calling) -> JSONResponse:
    """Take a delegation back, one's own or as an admin; what waits returns to whoever gave it."""
    found = await call.doors.directory.end_delegation(call.who, name)
    async with call.doors.desk.reading() as work:
        directory = await call.doors.desk.knowledge.directory(work)
    return JSONResponse(_shown(call, directory, found))


def _shown(call: Call, directory: Directory, stored: StoredDelegation) -> dict[str, Any]:
    return delegation_document(stored, directory, call.doors.desk.clock.now())
