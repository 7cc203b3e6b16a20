"""A customer with something that runs: seats for a year, a rack that is delivered, and hosting without end."""

import uuid
from typing import Any

from starter.clock import StoryClock
from tests.starter.api.conftest import Api


def contract_document(quote_id: str, **changes: Any) -> dict[str, Any]:
    seats = {"line_id": "S", "product": "SEAT", "family": "Software", "kind": "subscription", "quantity": "10"}
    rack = {"line_id": "A", "product": "RACK", "family": "Hardware", "kind": "one_time", "quantity": "2"}
    hosting = {"line_id": "E", "product": "HOSTING", "family": "Cloud", "kind": "evergreen", "quantity": "1"}
    return {
        "quote_id": quote_id,
        "title": "Seats",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "C-RUN", "name": "Runner", "time_zone": "UTC"},
        "start_date": "2027-01-01",
        "terms": {"payment_terms": "Net 30"},
        "lines": [
            {**seats, "list_price": "10.00", "term_months": 12},
            {**rack, "list_price": "500.00", "asset": "per_unit"},
            {**hosting, "list_price": "31.00"},
        ],
        **changes,
    }


async def ordered(api: Api, quote_id: str) -> dict[str, Any]:
    """Submit, accept and order a stored quote that nobody has to approve."""
    opened = await api.post(f"/quotes/{quote_id}/submit")
    assert opened["outcome"] == "approved", opened
    await api.post(f"/quotes/{quote_id}/accept")
    book: dict[str, Any] = await api.post(f"/quotes/{quote_id}/orders", body={"split_by": ["order_date"]})
    return book


async def running(api: Api, clock: StoryClock, **changes: Any) -> str:
    """The id of a quote whose order was activated ahead of its date, which is today."""
    quote_id = f"Q-{uuid.uuid4().hex[:8]}"
    answer = await api.call("PUT", f"/quotes/{quote_id}", json=contract_document(quote_id, **changes))
    assert answer.status_code == 201, answer.text
    book = await ordered(api, quote_id)
    order = book["orders"][0]["order_id"]
    await api.post(f"/orders/{order}/activate")
    await api.post(f"/orders/{order}/acknowledgements", "erp")
    clock.move_to(clock.now().replace(year=2027, month=1, day=1, hour=9))
    return quote_id
