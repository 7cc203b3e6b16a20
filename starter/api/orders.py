"""Routes of orders: split a quote, read, move a date, and what comes back from the ERP and the field."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse

from domain.money import decimal_text
from domain.order.order import Order
from starter.api.bodies import Acknowledging, Commented, Moving, Previewing, Reaching, Receiving, Splitting
from starter.api.bodies import Body as Closed
from starter.api.caller import Call, Calling
from starter.api.order_documents import book_document, order_document, order_page_document
from starter.api.quotes import etag
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["orders"])

Preview = Annotated[Previewing, Query()]


@router.post("/quotes/{quote_id}/orders/preview")
async def preview_orders(quote_id: str, body: Splitting, call: Calling) -> JSONResponse:
    """The orders, items and amounts that a split would make, and what would be left. Writes nothing."""
    return JSONResponse(book_document(await call.doors.orders.preview(call.who, quote_id, body.split_by)))


@router.post("/quotes/{quote_id}/orders")
async def create_orders(quote_id: str, body: Splitting, call: Calling) -> JSONResponse:
    """Split an accepted quote into orders; each is carried out on its date."""
    book = await call.doors.orders.create(call.who, quote_id, body.split_by, comment=body.comment, key=call.key)
    return JSONResponse(book_document(book), 201, {"Location": f"/api/v1/quotes/{quote_id}/orders"})


@router.get("/quotes/{quote_id}/orders")
async def list_orders(quote_id: str, call: Calling) -> JSONResponse:
    """All orders of a quote, and what is left of each line."""
    return JSONResponse(book_document(await call.doors.orders.book(quote_id)))


@router.get("/orders/{order_id}")
async def get_order(order_id: str, call: Calling) -> JSONResponse:
    """One order with its items, and what the ERP was told about it."""
    async with call.doors.desk.reading() as work:
        page = await work.order_views.order_page(order_id)
    return JSONResponse(order_page_document(page.order, page.erp), headers=etag(page.order.version))


@router.patch("/orders/{order_id}")
async def move_order(order_id: str, body: Moving, call: Calling, query: Preview) -> JSONResponse:
    """Move the order to another date; its items follow as their lines say."""
    fields = {"to": body.order_date, "comment": body.comment}
    return await _change(call, order_id, "move_date", fields, query)


@router.post("/orders/{order_id}/activate")
async def activate_order(
    order_id: str, call: Calling, query: Preview, body: Annotated[Commented | None, Body()] = None
) -> JSONResponse:
    """Make the order final before its date."""
    return await _change(call, order_id, "activate", _fields(body or Commented()), query)


@router.post("/orders/{order_id}/acknowledgements")
async def acknowledge_order(
    order_id: str, call: Calling, query: Preview, body: Annotated[Acknowledging | None, Body()] = None
) -> JSONResponse:
    """The ERP's business answer to the order."""
    return await _change(call, order_id, "acknowledge", _fields(body or Acknowledging()), query)


@router.post("/orders/{order_id}/deliveries")
async def deliver(
    order_id: str, call: Calling, query: Preview, body: Annotated[Receiving | None, Body()] = None
) -> JSONResponse:
    """Something arrived: all that is open, or so much of a line."""
    return await _change(call, order_id, "deliver", _fields(body or Receiving()), query)


@router.post("/orders/{order_id}/acceptances")
async def accept_items(
    order_id: str, call: Calling, query: Preview, body: Annotated[Receiving | None, Body()] = None
) -> JSONResponse:
    """The customer accepted what arrived."""
    return await _change(call, order_id, "accept_item", _fields(body or Receiving()), query)


@router.post("/orders/{order_id}/milestones")
async def reach_milestone(
    order_id: str, call: Calling, query: Preview, body: Annotated[Reaching | None, Body()] = None
) -> JSONResponse:
    """A milestone of the work was reached."""
    return await _change(call, order_id, "reach", _fields(body or Reaching()), query)


def _fields(body: Closed) -> dict[str, Any]:
    found = dict(body)
    if found.get("quantity") is not None:
        found["quantity"] = decimal_text(found["quantity"])
    return found


async def _change(call: Call, order_id: str, verb: str, fields: dict[str, Any], query: Previewing) -> JSONResponse:
    fields["expected_version"] = call.expected_version
    orders = call.doors.orders
    if query.preview:
        return JSONResponse(order_document(await orders.preview_change(call.who, order_id, verb, **fields)))
    order: Order = await orders.change(call.who, order_id, verb, key=call.key, **fields)
    return JSONResponse(order_document(order), headers=etag(order.version))
