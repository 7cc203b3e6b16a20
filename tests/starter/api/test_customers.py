"""The customer in one look, its reports, and what closing a month does to them."""

from decimal import Decimal

import pytest

from starter.clock import StoryClock
from tests.starter.api.conftest import Api
from tests.starter.api.running import contract_document, ordered, running

pytestmark = pytest.mark.usefixtures("working")


async def test_the_customer_in_one_look(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    order = f"{quote}-1"
    await api.post(f"/orders/{order}/deliveries", "erp", {"line": "A", "quantity": "1"})
    await api.post(f"/orders/{order}/invoices", "erp", {"line": "S", "amount": "1200.00"})
    later = f"{quote}-2nd"
    assert (
        await api.call("PUT", f"/quotes/{later}", json=contract_document(later, start_date="2027-05-01"))
    ).status_code == 201
    await ordered(api, later)
    page = await api.get("/customers/C-RUN")
    assert (page["name"], page["on"]) == ("Runner", "2027-01-01")
    assert [(each["quote_id"], each["terms"]) for each in page["quotes"]] == [
        (quote, {"payment_terms": "Net 30"}),
        (later, {"payment_terms": "Net 30"}),
    ]
    assert {(each["product"], each["unit_price"]) for each in page["prices"] if each["quote_id"] == quote} == {
        ("SEAT", "10"),
        ("RACK", "500"),
        ("HOSTING", "31"),
    }
    assert [(each["product"], each["quantity"], each["ordered"]) for each in page["delivered"]] == [("RACK", "1", "2")]
    assert [each["asset_id"] for each in page["assets"]] == [f"{order}/A:1"]
    assert {each["product"]: each["end"] for each in page["running"]} == {"SEAT": "2027-12-31", "HOSTING": None}
    assert [each["order_id"] for each in page["coming"]["orders"]] == [f"{later}-1"]
    assert {each["start"] for each in page["coming"]["services"]} == {"2027-05-01"}
    (money,) = page["money"]
    assert (money["quoted"], money["contracted"], money["invoiced"]) == ("4462.00", "4462.00", "1200.00")
    assert money["deferred"] is not None
    assert money["ordered"] == {"partially_fulfilled": "2231.00", "scheduled": "2231.00"}
    assert page["changes"][0]["kind"] == "order_ordered"
    assert (page["changes"][0]["by"], page["changes"][0]["order_id"]) == ("rosa", f"{later}-1")
    seen = await api.get("/customers/C-RUN/timeline", params={"limit": 5})
    assert seen["changes"] == page["changes"][:5]
    following = await api.get("/customers/C-RUN/timeline", params={"limit": 5, "cursor": seen["next"]})
    assert following["changes"][0]["seq"] < seen["changes"][-1]["seq"]


async def test_a_closed_month_stays_and_its_correction_names_it(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    order = f"{quote}-1"
    clock.move_to(clock.now().replace(month=2, day=3))
    assert await api.refused("POST", "/periods/2027-01/close") == (403, "admin_only")
    answer = await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={})
    assert (answer.status_code, answer.json()["month"]) == (201, "2027-01")
    clock.move_to(clock.now().replace(day=4))
    await api.post(f"/orders/{order}/deliveries", "erp", {"line": "A", "quantity": "1", "on": "2027-01-15"})
    report = await api.get("/customers/C-RUN/revenue", params={"by": "line"})
    racks = next(row for row in report["rows"] if row["key"] == "A")
    assert (racks["months"], racks["corrected"]) == ({"2027-02": "500.00"}, "500.00")
    text = (await api.call("GET", "/customers/C-RUN/revenue?format=csv")).text
    row = next(line for line in text.splitlines() if ",2027-02,2027-01," in line)
    assert row == f"C-RUN,{quote},{quote},{order},{order}/A,{order}/A,A,RACK,2027-02,2027-01,500.00,USD"
    assert [each["month"] for each in (await api.get("/periods"))["closed"]] == ["2027-01"]
    for month, refusal in (
        ("2027-01", (409, "already_closed")),
        ("2027-02", (422, "in_the_future")),
        ("2027-13", (422, "invalid_date")),
    ):
        assert await api.refused("POST", f"/periods/{month}/close", "rosa", "admin", json={}) == refusal


@pytest.mark.parametrize("key", ["month", "item", "line", "order", "quote", "product", "contract", "obligation"])
async def test_by_whatever_key_revenue_comes_to_the_same(api: Api, clock: StoryClock, key: str) -> None:
    quote = await running(api, clock)
    report = await api.get("/customers/C-RUN/revenue", params={"by": key})
    assert sum(float(row["recognised"]) for row in report["rows"]) == float(report["total"]) == 1231.0
    if key == "contract":
        assert [row["key"] for row in report["rows"]] == [quote]
    owed = await api.get("/customers/C-RUN/revenue/remaining", params={"on": "2027-01-31"})
    parts = [*(band["amount"] for band in owed["bands"]), owed["undated"]]
    assert Decimal(owed["total"]) == sum(map(Decimal, parts))
    assert owed["undated"] == "1000.00"


async def test_what_is_unordered_of_an_approved_quote_is_a_view_of_its_own(api: Api, clock: StoryClock) -> None:
    await running(api, clock)
    later = contract_document("Q-open", start_date="2027-05-01")
    assert (await api.call("PUT", "/quotes/Q-open", json=later)).status_code == 201
    await api.post("/quotes/Q-open/submit")
    asked = {"on": "2027-05-01", "view": "unordered"}
    held = await api.get("/customers/C-RUN/entitlements", params=asked)
    assert held["by_product"] == {"HOSTING": "1", "RACK": "2", "SEAT": "10"}
