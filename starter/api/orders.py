"""Routes of orders: split a quote, read, move a date, and what comes back from the ERP and the field."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse

from domain.money import decimal_text
from domain.order.choosing import Pick
from domain.refusal import Refusal
from starter.api.bodies import Acknowledging, Commented, Moving, Previewing, Reaching, Receiving
from starter.api.bodies import Body as Closed
from starter.api.caller import Call, Calling
from starter.api.order_bodies import CancellingAll, Ordering
from starter.api.order_documents import book_document
from starter.api.order_page import changed_document, order_page_document
from starter.api.quotes import etag
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["orders"])

Preview = Annotated[Previewing, Query()]


@router.post("/quotes/{quote_id}/orders/preview")
async def preview_orders(quote_id: str, body: Ordering, call: Calling) -> JSONResponse:
    """The orders, items and amounts that a split, or lines by hand, would make, and what would be left."""
    book = await call.doors.orders.preview(call.who, quote_id, *_wanted(body))
    return JSONResponse(book_document(book))


@router.post("/quotes/{quote_id}/orders")
async def create_orders(quote_id: str, body: Ordering, call: Calling) -> JSONResponse:
    """Split what is unordered of an accepted quote into orders, or order lines by hand; each goes on its date."""
    split_by, lines = _wanted(body)
    orders = call.doors.orders
    book = await orders.create(call.who, quote_id, split_by, lines, comment=body.comment, key=call.key)
    return JSONResponse(book_document(book), 201, {"Location": f"/api/v1/quotes/{quote_id}/orders"})


@router.get("/quotes/{quote_id}/orders")
async def list_orders(quote_id: str, call: Calling) -> JSONResponse:
    """All orders of a quote, and what is left of each line."""
    return JSONResponse(book_document(await call.doors.orders.book(quote_id)))


@router.post("/quotes/{quote_id}/orders/cancel")
async def cancel_orders(
    quote_id: str, call: Calling, query: Preview, body: Annotated[CancellingAll | None, Body()] = None
) -> JSONResponse:
    """Cancel the whole fulfilment: what was not sent, and at the ERP what was not shipped; what was shipped stays."""
    wanted, orders = body or CancellingAll(), call.doors.orders
    if query.preview:
        done = await orders.preview_cancel_all(call.who, quote_id, disposition=wanted.disposition)
    else:
        told = {"comment": wanted.comment, "key": call.key}
        done = await orders.cancel_all(call.who, quote_id, disposition=wanted.disposition, **told)
    return JSONResponse({"quote_id": quote_id, **done.model_dump(mode="json")})


@router.get("/orders/{order_id}")
async def get_order(order_id: str, call: Calling) -> JSONResponse:
    """One order with its items, what can be done to it now, and what the ERP was told about it."""
    async with call.doors.desk.reading() as work:
        page = await work.order_views.order_page(order_id)
    return JSONResponse(order_page_document(page), headers=etag(page.order.version))


@router.patch("/orders/{order_id}")
async def move_order(order_id: str, body: Moving, call: Calling, query: Preview) -> JSONResponse:
    """Move the order to another date; its items follow as their lines say."""
    fields = {"to": body.order_date, "comment": body.comment}
    return await change_order(call, order_id, "move_date", fields, query)


@router.post("/orders/{order_id}/activate")
async def activate_order(
    order_id: str, call: Calling, query: Preview, body: Annotated[Commented | None, Body()] = None
) -> JSONResponse:
    """Make the order final before its date."""
    return await change_order(call, order_id, "activate", _fields(body or Commented()), query)


@router.post("/orders/{order_id}/acknowledgements")
async def acknowledge_order(
    order_id: str, call: Calling, query: Preview, body: Annotated[Acknowledging | None, Body()] = None
) -> JSONResponse:
    """The ERP's business answer to the order."""
    return await change_order(call, order_id, "acknowledge", _fields(body or Acknowledging()), query)


@router.post("/orders/{order_id}/deliveries")
async def deliver(
    order_id: str, call: Calling, query: Preview, body: Annotated[Receiving | None, Body()] = None
) -> JSONResponse:
    """Something arrived: all that is open, or so much of a line."""
    return await change_order(call, order_id, "deliver", _fields(body or Receiving()), query)


@router.post("/orders/{order_id}/acceptances")
async def accept_items(
    order_id: str, call: Calling, query: Preview, body: Annotated[Receiving | None, Body()] = None
) -> JSONResponse:
    """The customer accepted what arrived."""
    return await change_order(call, order_id, "accept_item", _fields(body or Receiving()), query)


@router.post("/orders/{order_id}/milestones")
async def reach_milestone(
    order_id: str, call: Calling, query: Preview, body: Annotated[Reaching | None, Body()] = None
) -> JSONResponse:
    """A milestone of the work was reached."""
    return await change_order(call, order_id, "reach", _fields(body or Reaching()), query)


def _wanted(body: Ordering) -> tuple[tuple[str, ...], tuple[Pick, ...] | None]:
    """By what is split, or which lines; one of them. Codes: ``missing_field``, ``conflicting_fields``."""
    if body.split_by is None and body.lines is None:
        raise Refusal("missing_field", "say by what to split, or which lines to order", "split_by")
    if body.split_by is not None and body.lines is not None:
        raise Refusal("conflicting_fields", "split by keys, or order lines by hand, not both", "lines")
    return body.split_by or (), body.lines


def _fields(body: Closed) -> dict[str, Any]:
    found = dict(body)
    if found.get("quantity") is not None:
        found["quantity"] = decimal_text(found["quantity"])
    return found


async def change_order(call: Call, order_id: str, verb: str, fields: dict[str, Any], query: Previewing) -> JSONResponse:
    """The order after one verb, or as it would be, with the other orders that this makes or changes.

    202: the order is as it was, and the change waits for its approval.
    """
    fields["expected_version"] = call.expected_version
    orders = call.doors.orders
    if query.preview:
        return JSONResponse(changed_document(await orders.preview_changed(call.who, order_id, verb, **fields)))
    changed = await orders.changed(call.who, order_id, verb, key=call.key, **fields)
    status = 200 if changed.waiting is None else 202
    return JSONResponse(changed_document(changed), status, headers=etag(changed.order.version))
