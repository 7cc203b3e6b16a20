"""Routes of customers: contracts, entitlements and revenue, on any date, as known at any moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from starter.api.bodies import ContractQuery, EntitlementQuery, RevenueQuery
from starter.api.caller import Calling
from starter.api.order_documents import contract_document, earned_csv, earned_document, entitled_document
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["customers"])


@router.get("/customers/{customer_id}/contracts")
async def list_contracts(customer_id: str, call: Calling, query: Annotated[ContractQuery, Query()]) -> JSONResponse:
    """The customer's contracts, sorted by end; what runs on comes last."""
    found = await call.doors.customers.contracts(customer_id, method=query.method, known=query.known)
    return JSONResponse({"customer_id": customer_id, "contracts": [contract_document(each) for each in found]})


@router.get("/customers/{customer_id}/entitlements")
async def get_entitlements(
    customer_id: str, call: Calling, query: Annotated[EntitlementQuery, Query()]
) -> JSONResponse:
    """What the customer may use or is owed on a date."""
    entitled = await call.doors.customers.entitlements(customer_id, on=query.on, known=query.known, view=query.view)
    return JSONResponse(entitled_document(customer_id, entitled))


@router.get("/customers/{customer_id}/revenue")
async def get_revenue(
    customer_id: str, request: Request, call: Calling, query: Annotated[RevenueQuery, Query()]
) -> Response:
    """Revenue by month, year and line, as JSON or as CSV (`Accept: text/csv` or `format=csv`)."""
    earned = await call.doors.customers.revenue(customer_id, first=query.from_, until=query.until, known=query.known)
    if query.format == "csv" or (query.format is None and _prefers_csv(request.headers.get("accept", ""))):
        return Response(earned_csv(earned), media_type="text/csv", headers={"Vary": "Accept"})
    return JSONResponse(earned_document(customer_id, earned), headers={"Vary": "Accept"})


def _prefers_csv(accept: str) -> bool:
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "text/csv" in named and "application/json" not in named
