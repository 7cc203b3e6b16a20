"""Routes of periods: close a month and all before it, and see what is closed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse

from domain.quote import Identifier
from starter.api.bodies import Body as Closed
from starter.api.bodies import Commented
from starter.api.caller import Calling
from starter.api.customer_documents import closed_document
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["periods"])


class Closing(Commented):
    """Of which customer alone; left out: of every customer."""

    customer_id: Identifier | None = None


class PeriodsQuery(Closed):
    """With those of this customer alone; left out: only those of every customer."""

    customer: Identifier | None = None


@router.post("/periods/{month}/close")
async def close_period(month: str, call: Calling, body: Annotated[Closing | None, Body()] = None) -> JSONResponse:
    """Close a month (`2027-01`) and all before it: what they show stays, corrections go into the first open month."""
    call.require_admin()
    given = body or Closing()
    closed = await call.doors.contracts.close_period(
        call.who, month, customer_id=given.customer_id, comment=given.comment
    )
    return JSONResponse(closed_document(closed), 201)


@router.get("/periods")
async def list_periods(call: Calling, query: Annotated[PeriodsQuery, Query()]) -> JSONResponse:
    """The months that were closed, as they were."""
    found = await call.doors.contracts.closed_periods(query.customer)
    return JSONResponse({"closed": [closed_document(each) for each in found]})
