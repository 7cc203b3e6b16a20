"""Routes of the record: what happened to a quote or to one approval, page by page, or whole as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from activities.store.cursor import make_cursor, read_cursor, read_number
from activities.store.record import Record, RecordedEntry
from domain.refusal import Refusal
from starter.api.bodies import Paged
from starter.api.caller import Call, Calling
from starter.api.documents import Json, record_entry_document
from starter.api.route import DoorRoute
from starter.csv_text import csv_lines
from starter.desk import Desk
from starter.plans import approval_document
from starter.record_csv import HEADER, record_row

router = APIRouter(route_class=DoorRoute, tags=["record"])

AT_A_TIME = 500
Read = Callable[[Record, int, int], Awaitable[tuple[RecordedEntry, ...]]]


class RecordQuery(Paged):
    """A page, or everything as CSV (`format=csv` or `Accept: text/csv`)."""

    format: Literal["json", "csv"] | None = None


@router.get("/quotes/{quote_id}/record")
async def read_record(
    quote_id: str, request: Request, call: Calling, query: Annotated[RecordQuery, Query()]
) -> Response:
    """What happened to a quote and its orders, oldest first, with the hashes that chain the record."""
    async with call.doors.desk.reading() as work:
        await work.quotes.get(quote_id)

    async def read(record: Record, after: int, limit: int) -> tuple[RecordedEntry, ...]:
        return await record.of_quote(quote_id, after, limit)

    if wants_csv(request, query.format):
        return _streamed(call.doors.desk, read, query)
    return JSONResponse(await _page(call, read, query), headers={"Vary": "Accept"})


@router.get("/approvals/{approval_id}/record")
async def read_approval_record(
    approval_id: str, request: Request, call: Calling, query: Annotated[RecordQuery, Query()]
) -> Response:
    """What happened to one approval: who, for whom, when, how, on what; and the approval as it stands."""
    async with call.doors.desk.reading() as work:
        state = await work.rounds.of_approval(approval_id)

    async def read(record: Record, after: int, limit: int) -> tuple[RecordedEntry, ...]:
        return await record.of_approval(approval_id, after, limit)

    if wants_csv(request, query.format):
        return _streamed(call.doors.desk, read, query)
    approval = next(each for each in state.approvals if each.approval_id == approval_id)
    seen = {name: getattr(state, name) for name in ("quote_id", "round", "content_hash", "policy", "policy_version")}
    document = {"approval": {**seen, **approval_document(approval)}, **await _page(call, read, query)}
    return JSONResponse(document, headers={"Vary": "Accept"})


def wants_csv(request: Request, asked: str | None) -> bool:
    """Whether the answer is a table: said in the address, or else by what is accepted."""
    named = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return asked == "csv" or (asked is None and "text/csv" in named and "application/json" not in named)


async def _page(call: Call, read: Read, query: RecordQuery) -> Json:
    after = read_number(read_cursor(query.cursor, 1)[0]) if query.cursor is not None else 0
    async with call.doors.desk.reading() as work:
        found = await read(work.record, after, query.limit + 1)
    entries = found[: query.limit]
    following = make_cursor(str(entries[-1].seq)) if len(found) > query.limit else None
    return {"entries": [record_entry_document(entry) for entry in entries], "next": following}


def _streamed(desk: Desk, read: Read, query: RecordQuery) -> Response:
    if query.cursor is not None:
        raise Refusal("conflicting_fields", "CSV is the whole record; leave the cursor out", "cursor")
    return StreamingResponse(_lines(desk, read), media_type="text/csv; charset=utf-8", headers={"Vary": "Accept"})


async def _lines(desk: Desk, read: Read) -> AsyncIterator[str]:
    """The table, a part at a time: entries never change, so each part may be read by itself."""
    yield csv_lines([HEADER])
    after = 0
    while True:
        async with desk.reading() as work:
            entries = await read(work.record, after, AT_A_TIME)
        if not entries:
            return
        yield csv_lines(record_row(entry) for entry in entries)
        after = entries[-1].seq
