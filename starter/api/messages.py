"""Routes of messages, for admins: why somebody got no mail, and sending one again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from activities.store.message_views import MessageLine, MessageState
from starter.api.bodies import Paged
from starter.api.caller import Calling
from starter.api.route import DoorRoute
from starter.message_desk import MessageDesk

router = APIRouter(route_class=DoorRoute, tags=["messages"])


class MessageQuery(Paged):
    """Which messages: in one state, about a quote, to a person; ``failed``: that should have left and have not."""

    state: MessageState | None = None
    failed: bool = False
    to: Annotated[str, Field(max_length=200)] | None = None
    quote_id: Annotated[str, Field(max_length=200)] | None = None


def message_document(line: MessageLine) -> dict[str, Any]:
    """A message as the API shows it."""
    return line.model_dump(mode="json")


@router.get("/messages")
async def list_messages(call: Calling, query: Annotated[MessageQuery, Query()]) -> JSONResponse:
    """Messages, the newest first: whether each was sent, and what went wrong."""
    call.require_admin()
    async with call.doors.desk.reading() as work:
        page = await work.message_views.page(
            query.state,
            failed=query.failed,
            to=query.to,
            quote_id=query.quote_id,
            cursor=query.cursor,
            limit=query.limit,
        )
    return JSONResponse({"messages": [message_document(line) for line in page.messages], "next": page.next})


@router.post("/messages/{key:path}/resend")
async def resend_message(key: str, call: Calling) -> JSONResponse:
    """Let a message leave again, also one that was sent; it keeps its Message-ID."""
    call.require_admin()
    line = await MessageDesk(call.doors.desk).resend(call.who, key)
    return JSONResponse(message_document(line))
