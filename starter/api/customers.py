"""Routes of customers: contracts, entitlements and revenue, on any date, as known at any moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from domain.ledger.entitlement import Scope
from starter.api.bodies import ContractQuery, EntitlementQuery, Paged, RemainingQuery, RevenueQuery
from starter.api.caller import Calling
from starter.api.customer_documents import (
    change_document,
    look_document,
    owed_document,
    revenue_document,
)
from starter.api.order_documents import contract_document, earned_csv, entitled_document
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["customers"])


@router.get("/customers/{customer_id}")
async def get_customer(customer_id: str, call: Calling) -> JSONResponse:
    """The customer in one look: terms, prices, what was delivered, runs and comes, changes, and money by state."""
    return JSONResponse(look_document(await call.doors.customers.page(customer_id)))


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
    scope = Scope(query.product, query.site, query.contract)
    entitled = await call.doors.customers.entitlements(
        customer_id, on=query.on, known=query.known, view=query.view, scope=scope
    )
    return JSONResponse(entitled_document(customer_id, entitled))


@router.get("/customers/{customer_id}/revenue")
async def get_revenue(
    customer_id: str, request: Request, call: Calling, query: Annotated[RevenueQuery, Query()]
) -> Response:
    """Revenue by month, year and line, and `by` what is asked; as JSON or CSV (`Accept: text/csv`, `format=csv`)."""
    asked = {"first": query.from_, "until": query.until, "known": query.known}
    earned = await call.doors.customers.revenues(customer_id, by=query.by, of=query.selection, **asked)
    if query.format == "csv" or (query.format is None and _prefers_csv(request.headers.get("accept", ""))):
        return Response(earned_csv(earned), media_type="text/csv", headers={"Vary": "Accept"})
    return JSONResponse(revenue_document(customer_id, earned), headers={"Vary": "Accept"})


@router.get("/customers/{customer_id}/revenue/remaining")
async def get_remaining(customer_id: str, call: Calling, query: Annotated[RemainingQuery, Query()]) -> JSONResponse:
    """What is contracted and still to be earned after a date, by when; and what of it was invoiced already."""
    owed = await call.doors.customers.outstanding(customer_id, on=query.on, known=query.known, of=query.selection)
    return JSONResponse(owed_document(customer_id, owed))


@router.get("/customers/{customer_id}/timeline")
async def get_timeline(customer_id: str, call: Calling, query: Annotated[Paged, Query()]) -> JSONResponse:
    """Everything that was recorded of the customer's quotes and orders, with its source; the latest first."""
    found = await call.doors.customers.timeline(customer_id, cursor=query.cursor, limit=query.limit)
    changes = [change_document(each) for each in found.changes]
    return JSONResponse({"customer_id": customer_id, "changes": changes, "next": found.next})


def _prefers_csv(accept: str) -> bool:
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "text/csv" in named and "application/json" not in named
