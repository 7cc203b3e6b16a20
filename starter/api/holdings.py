"""Routes of what customers hold: assets, coverage, and the service-level clocks of quotes and orders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from domain.ledger.entitlement import Scope
from domain.quote import LocalDate, Text
from domain.service_level import LevelState
from starter.api.bodies import Body as Closed
from starter.api.bodies import EntitlementQuery, KnownQuery
from starter.api.caller import Calling
from starter.api.holding_documents import asset_document, clocks_document, coverage_document, held_document
from starter.api.route import DoorRoute
from starter.holding_desk import HoldingDesk

router = APIRouter(route_class=DoorRoute, tags=["customers"])


class OrderAssetQuery(KnownQuery):
    """On a local date of the customer (left out: today)."""

    on: LocalDate | None = None


class AssetQuery(OrderAssetQuery):
    """Of one product, site, contract or order."""

    product: Text | None = None
    site: Text | None = None
    contract: Text | None = None
    order: Text | None = None


class ClockQuery(Closed):
    """In which state alone; left out: in any."""

    state: LevelState | None = None


@router.get("/customers/{customer_id}/assets")
async def list_assets(customer_id: str, call: Calling, query: Annotated[AssetQuery, Query()]) -> JSONResponse:
    """The things that a customer holds on a date, per line or per unit, and by which orders they came."""
    scope = Scope(query.product, query.site, query.contract)
    desk = HoldingDesk(call.doors.desk)
    held = await desk.assets(customer_id, on=query.on, known=query.known, scope=scope, order_id=query.order)
    return JSONResponse({**held_document(held), "assets": [asset_document(each) for each in held.assets]})


@router.get("/customers/{customer_id}/coverage")
async def list_coverage(customer_id: str, call: Calling, query: Annotated[EntitlementQuery, Query()]) -> JSONResponse:
    """Which services of a customer cover which assets on a date."""
    scope = Scope(query.product, query.site, query.contract)
    desk = HoldingDesk(call.doors.desk)
    held = await desk.coverage(customer_id, on=query.on, known=query.known, view=query.view, scope=scope)
    return JSONResponse({**held_document(held), "coverage": [coverage_document(each) for each in held.coverage]})


@router.get("/customers/{customer_id}/service-levels")
async def list_clocks(customer_id: str, call: Calling, query: Annotated[ClockQuery, Query()]) -> JSONResponse:
    """The service-level clocks of a customer's quotes and orders, what is breached first."""
    clocks = await HoldingDesk(call.doors.desk).clocks(customer_id, state=query.state)
    return JSONResponse({"customer_id": customer_id, **clocks_document(clocks)})


@router.get("/orders/{order_id}/assets")
async def list_order_assets(order_id: str, call: Calling, query: Annotated[OrderAssetQuery, Query()]) -> JSONResponse:
    """The things that came by an order, as the customer holds them on a date."""
    held = await HoldingDesk(call.doors.desk).assets_of_order(order_id, on=query.on, known=query.known)
    return JSONResponse(
        {**held_document(held), "order_id": order_id, "assets": [asset_document(each) for each in held.assets]}
    )


@router.get("/orders/{order_id}/service-levels")
async def list_order_clocks(order_id: str, call: Calling) -> JSONResponse:
    """The service-level clocks of an order."""
    clocks = await HoldingDesk(call.doors.desk).clocks_of_order(order_id)
    return JSONResponse({"order_id": order_id, **clocks_document(clocks)})
