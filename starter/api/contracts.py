"""Routes of contracts: read one, amend it, renew it. The id of a contract may hold a slash (``Q-1001/2028-02-14``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from activities.store.quotes import StoredQuote
from domain.order.amend import AmendLine
from domain.order.renewal import CoTermination, RenewalPrice
from domain.quote import Identifier, LocalDate, QuoteNumber, Text
from starter.api.bodies import Body as Closed
from starter.api.bodies import KnownQuery
from starter.api.caller import Call, Calling
from starter.api.order_documents import contract_document
from starter.api.quotes import etag
from starter.api.route import DoorRoute

router = APIRouter(route_class=DoorRoute, tags=["contracts"])


class Preparing(Closed):
    """The id and title of the quote that is prepared; left out: the next one of its kind."""

    quote_id: Identifier | None = None
    title: Text | None = None

    def wish(self) -> dict[str, Any]:
        """What was said."""
        return self.model_dump(mode="json", exclude_none=True)


class Amending(Preparing):
    """How lines of the contract change from ``start_date`` on."""

    start_date: LocalDate
    lines: Annotated[tuple[AmendLine, ...], Field(min_length=1)]


class Renewing(Preparing):
    """At which price, for how many months and to which common end what runs is renewed."""

    price: RenewalPrice = RenewalPrice.SAME
    uplift_percent: QuoteNumber | None = None
    co_termination: CoTermination = CoTermination.LATEST
    term_months: Annotated[int, Field(strict=True, ge=1, le=1200)] = 12
    list_prices: Mapping[str, QuoteNumber] = Field(default_factory=dict)


@router.post("/contracts/{contract_id:path}/amend")
async def amend_contract(contract_id: str, body: Amending, call: Calling) -> JSONResponse:
    """Prepare an amendment of a running contract: a quote of the caller, approved and ordered like any other."""
    stored = await call.doors.contracts.amend(call.who, contract_id, body.wish(), key=call.key)
    return await _prepared(call, stored)


@router.post("/contracts/{contract_id:path}/renew")
async def renew_contract(
    contract_id: str, call: Calling, body: Annotated[Renewing | None, Body()] = None
) -> JSONResponse:
    """Prepare a renewal of what runs of a contract: a quote of the caller, to begin when that ends."""
    stored = await call.doors.contracts.renew(call.who, contract_id, (body or Renewing()).wish(), key=call.key)
    return await _prepared(call, stored)


@router.get("/contracts/{contract_id:path}")
async def get_contract(contract_id: str, call: Calling, query: Annotated[KnownQuery, Query()]) -> JSONResponse:
    """One contract as it is now, or as it was known at a moment."""
    return JSONResponse(contract_document(await call.doors.contracts.get(contract_id, query.known)))


async def _prepared(call: Call, stored: StoredQuote) -> JSONResponse:
    """The quote that was made, with its document, to be looked at and submitted."""
    async with call.doors.desk.reading() as work:
        content = (await work.quotes.content(stored.quote_id, stored.version)).content
    answer = {
        "quote_id": stored.quote_id,
        "state": str(stored.state),
        "amends": content.get("amends"),
        "renews": content.get("fields", {}).get("renews"),
        "net_total": {"amount": str(stored.net_total), "currency": stored.currency},
        "content": content,
    }
    headers = {"Location": f"/api/v1/quotes/{stored.quote_id}", **etag(stored.etag)}
    return JSONResponse(answer, 201, headers)
