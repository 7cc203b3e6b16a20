"""Routes that change orders: split again, move lines, merge, cancel, hold, supplement, close short, return, roll back.

Each takes ``?preview=true``, which says what would be and writes nothing, and ``If-Match`` with the version one has
seen. What comes back from the ERP and the field is in ``orders``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from domain.money import decimal_text
from starter.api.bodies import Body as Closed
from starter.api.bodies import Commented
from starter.api.caller import Calling
from starter.api.order_bodies import (
    Cancelling,
    ClosingShort,
    Holding,
    Invoicing,
    Merging,
    MovingLines,
    Progressing,
    Returning,
    Splitting,
    Supplementing,
    Using,
)
from starter.api.orders import Preview, change_order
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["orders"])

Comment = Annotated[Commented | None, Body()]


@router.post("/orders/{order_id}/split")
async def split_order(order_id: str, body: Splitting, call: Calling, query: Preview) -> JSONResponse:
    """Take quantities out of a planned order, into another or a new one."""
    return await change_order(call, order_id, "split", fields_of(body), query)


@router.post("/orders/{order_id}/move")
async def move_lines(order_id: str, body: MovingLines, call: Calling, query: Preview) -> JSONResponse:
    """Move lines with their bundles to another or a new order."""
    fields = {**fields_of(body), "lines": dict.fromkeys(body.lines)}
    return await change_order(call, order_id, "move", fields, query)


@router.post("/orders/{order_id}/merge")
async def merge_orders(order_id: str, body: Merging, call: Calling, query: Preview) -> JSONResponse:
    """Merge other planned orders of the quote into this one."""
    return await change_order(call, order_id, "merge", fields_of(body), query)


@router.post("/orders/{order_id}/cancel")
async def cancel_order(
    order_id: str, call: Calling, query: Preview, body: Annotated[Cancelling | None, Body()] = None
) -> JSONResponse:
    """Cancel a planned order, or lines of it: back to unordered, or for good."""
    return await change_order(call, order_id, "cancel", fields_of(body or Cancelling()), query)


@router.post("/orders/{order_id}/hold")
async def hold_order(order_id: str, body: Holding, call: Calling, query: Preview) -> JSONResponse:
    """Hold an order: it is not activated, and its services are suspended."""
    return await change_order(call, order_id, "hold", fields_of(body), query)


@router.post("/orders/{order_id}/release")
async def release_order(order_id: str, call: Calling, query: Preview, body: Comment = None) -> JSONResponse:
    """Release a held or blocked order; after its date it is activated at once."""
    return await change_order(call, order_id, "release", fields_of(body or Commented()), query)


@router.post("/orders/{order_id}/supplement")
async def supplement_order(order_id: str, body: Supplementing, call: Calling, query: Preview) -> JSONResponse:
    """Change quantities of a running order by a linked order of deltas, which supersedes it."""
    return await change_order(call, order_id, "supplement", fields_of(body), query)


@router.post("/orders/{order_id}/close-short")
async def close_order_short(
    order_id: str, call: Calling, query: Preview, body: Annotated[ClosingShort | None, Body()] = None
) -> JSONResponse:
    """Give up what is neither delivered nor invoiced of a running order."""
    return await change_order(call, order_id, "close_short", fields_of(body or ClosingShort()), query)


@router.post("/orders/{order_id}/return")
async def return_items(order_id: str, body: Returning, call: Calling, query: Preview) -> JSONResponse:
    """Take things of a fulfilled order back, or reduce its running services, by an order of negative items."""
    return await change_order(call, order_id, "return", fields_of(body), query)


@router.post("/orders/{order_id}/rollback")
async def roll_back_order(order_id: str, call: Calling, query: Preview, body: Comment = None) -> JSONResponse:
    """Undo the last change of an order by counter-entries, in all orders that it touched."""
    return await change_order(call, order_id, "rollback", fields_of(body or Commented()), query)


@router.post("/orders/{order_id}/close")
async def close_order(order_id: str, call: Calling, query: Preview, body: Comment = None) -> JSONResponse:
    """Close a fulfilled order: nothing happens to it any more."""
    return await change_order(call, order_id, "close", fields_of(body or Commented()), query)


@router.post("/orders/{order_id}/progress")
async def record_progress(order_id: str, body: Progressing, call: Calling, query: Preview) -> JSONResponse:
    """How far the work of an order is, in percent."""
    return await change_order(call, order_id, "progress", fields_of(body), query)


@router.post("/orders/{order_id}/usage")
async def record_usage(order_id: str, body: Using, call: Calling, query: Preview) -> JSONResponse:
    """What was used of a line."""
    return await change_order(call, order_id, "usage", fields_of(body), query)


@router.post("/orders/{order_id}/invoices")
async def record_invoice(order_id: str, body: Invoicing, call: Calling, query: Preview) -> JSONResponse:
    """What the ERP invoiced for a line."""
    return await change_order(call, order_id, "invoice", fields_of(body), query)


def fields_of(body: Closed) -> dict[str, Any]:
    """The fields of a change as the orders take them: numbers as texts."""
    return {name: _text(value) for name, value in dict(body).items()}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    return {name: _text(each) for name, each in value.items()} if isinstance(value, Mapping) else value
