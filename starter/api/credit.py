"""Routes of credit holds: put a customer on hold, lift it, and see who is on hold and since when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import StringConstraints

from activities.store.credit_holds import CreditWord
from activities.store.cursor import make_cursor, read_cursor
from domain.quote import Identifier
from starter.api.bodies import Body as Closed
from starter.api.bodies import Paged
from starter.api.caller import Calling
from starter.api.documents import Json
from starter.api.route import DoorRoute
from starter.credit_desk import CreditDesk

router = APIRouter(route_class=DoorRoute, tags=["customers"])


class Crediting(Closed):
    """Why a customer is put on hold, or is not any more."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


@router.post("/customers/{customer_id}/credit-hold")
async def hold_credit(customer_id: Identifier, body: Crediting, call: Calling) -> JSONResponse:
    """Put a customer on credit hold: their orders that come due are blocked until it is lifted."""
    word = await CreditDesk(call.doors.desk).hold(call.who, customer_id, body.reason)
    return JSONResponse(credit_document(word))


@router.post("/customers/{customer_id}/credit-hold/lift")
async def lift_credit_hold(customer_id: Identifier, body: Crediting, call: Calling) -> JSONResponse:
    """End a credit hold: the orders that it blocked are tried again by themselves."""
    word = await CreditDesk(call.doors.desk).lift(call.who, customer_id, body.reason)
    return JSONResponse(credit_document(word))


@router.get("/customers/{customer_id}/credit-hold")
async def get_credit_hold(customer_id: str, call: Calling) -> JSONResponse:
    """Whether a customer is on credit hold, and all that was said about it, the latest first."""
    words = await CreditDesk(call.doors.desk).history(customer_id)
    held = bool(words) and words[0].held
    history = [credit_document(each) for each in words]
    return JSONResponse({"customer_id": customer_id, "held": held, "history": history})


@router.get("/credit-holds")
async def list_credit_holds(call: Calling, query: Annotated[Paged, Query()]) -> JSONResponse:
    """The customers who are on credit hold, by id."""
    after = read_cursor(query.cursor, 1)[0] if query.cursor is not None else ""
    found = await CreditDesk(call.doors.desk).held(after, query.limit + 1)
    words = found[: query.limit]
    following = make_cursor(words[-1].customer_id) if len(found) > query.limit else None
    return JSONResponse({"held": [credit_document(each) for each in words], "next": following})


def credit_document(word: CreditWord) -> Json:
    """One word on a customer's credit."""
    return word.model_dump(mode="json")
