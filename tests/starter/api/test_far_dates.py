"""Dates beyond the calendar: refused at every door, by a code and the field, so that no page of a customer breaks."""

from typing import Any

import pytest

from activities.store.audit import audit
from activities.store.work import Database
from tests.activities.test_record import tamper
from tests.starter.api.conftest import Api
from tests.starter.api.test_order_changes import LINES, ordered, orders  # noqa: F401

EVERGREEN = {
    "line_id": "E", "product": "E", "family": "Service", "kind": "evergreen", "quantity": "2", "list_price": "5",
    "price_per": "month", "deliveries": [{"order_date": "2027-03-01", "ship_to": "S", "quantity": "2"}],
}  # fmt: skip
TERM = {
    "line_id": "T", "product": "T", "family": "Service", "kind": "subscription", "quantity": "2", "list_price": "5",
    "term_months": 24, "date_change": "term_fixed",
    "deliveries": [{"order_date": "2027-04-01", "ship_to": "S", "quantity": "2"}],
}  # fmt: skip
PAGES = ("/customers/c", "/customers/c/revenue", "/customers/c/contracts", "/customers/c/entitlements")


async def problem(api: Api, method: str, path: str, **more: Any) -> tuple[int, str, str]:
    answer = await api.call(method, path, **more)
    told = answer.json()
    return answer.status_code, told["code"], told["errors"][0]["path"]


@pytest.mark.usefixtures("orders")
async def test_an_order_does_not_move_out_of_the_calendar(api: Api) -> None:
    mine = await ordered(api, lines=[*LINES, EVERGREEN, TERM])
    evergreen, term = mine["2027-03-01/S"], mine["2027-04-01/S"]
    for to in ("9999-12-31", "3000-01-01", "1899-12-31"):
        refused = await problem(api, "PATCH", f"/orders/{evergreen}", json={"order_date": to})
        assert refused == (422, "invalid_date", "order_date")
    # The date is one, the end of the fixed term that moves along is none.
    for query in ("", "?preview=true"):
        moved = await problem(api, "PATCH", f"/orders/{term}{query}", json={"order_date": "2998-06-01"})
        assert moved[:2] == (422, "invalid_date")
    for order in (evergreen, term):
        assert (await api.call("PATCH", f"/orders/{order}", json={"order_date": "2997-12-31"})).status_code == 200
    for page in PAGES:
        shown = await api.call("GET", page)
        assert shown.status_code == 200, (page, shown.text)


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("revenue?until=9999-12", "until"),
        ("revenue?until=9999-12-31", "until"),
        ("revenue?from=0001-01", "from"),
        ("revenue/remaining?on=9998-12-31", "on"),
        ("entitlements?on=9999-12-31", "on"),
        ("entitlements?on=2027-01-01&known=9999-12-31", "known"),
        ("assets?on=9999-12-31", "on"),
    ],
)
async def test_nobody_asks_for_a_day_out_of_the_calendar(api: Api, query: str, field: str) -> None:
    assert await problem(api, "GET", f"/customers/c/{query}") == (422, "invalid_date", field)
    last = query.replace("9999", "2999").replace("9998", "2999").replace("0001", "1900")
    assert (await api.call("GET", f"/customers/c/{last}")).status_code == 200


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("known", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00+14:00"])
async def test_nobody_looks_back_from_a_moment_out_of_the_calendar(api: Api, known: str) -> None:
    path = "/customers/c/entitlements"
    assert await api.refused("GET", path, params={"known": known}) == (422, "invalid_moment")


async def test_one_customer_that_cannot_be_told_does_not_hide_the_others(
    api: Api,
    orders: dict[str, str],  # noqa: F811
    database: Database,
) -> None:
    await ordered(api, customer={"customer_id": "d", "name": "Doctor"})
    assert (await audit(database)).violations == ()
    # No end: what is earned over time cannot be told.
    await tamper(database, "UPDATE ledger SET body = body - 'end' WHERE line_id = 'C' AND customer_id = 'c'")
    assert ("unreadable", "customer c") in {(each.code, each.where) for each in (await audit(database)).violations}
    await tamper(database, "UPDATE ledger SET body = body - 'end' WHERE line_id = 'C' AND customer_id = 'd'")
    found = {(each.code, each.where) for each in (await audit(database)).violations}
    assert found >= {("unreadable", "customer c"), ("unreadable", "customer d")}
