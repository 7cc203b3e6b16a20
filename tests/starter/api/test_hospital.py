"""The whole hospital story by HTTP, from the first preview to revenue, to the figures of expected.json."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from starter.clock import StoryClock
from tests.starter.api.conftest import HOSPITAL, YES, Api

EXPECTED = json.loads((HOSPITAL / "expected.json").read_text())
CUSTOMER = json.loads((HOSPITAL / "quote.json").read_text())["customer"]["customer_id"]


@pytest.mark.usefixtures("working")
async def test_the_hospital_quote_goes_from_preview_to_revenue_by_http(api: Api, quote: str, clock: StoryClock) -> None:
    plan = await api.post(f"/quotes/{quote}/preview")
    assert [lane["lane"] for lane in plan["lanes"]] == ["commercial", "legal", "unchained"]
    opened = await api.post(f"/quotes/{quote}/submit", body={"comment": "please"})
    assert [lane["steps"] for lane in opened["lanes"]] == [lane["steps"] for lane in plan["lanes"]]

    inbox = await api.get("/approvals", "mei")
    assert [(each["rule"], each["net_total"]["amount"]) for each in inbox["approvals"]] == [
        ("discount-manager", "1911201.11")
    ]
    for who, rule in YES:
        await api.post(f"/approvals/{quote}.1.{rule}/approve", who)
    assert (await api.get(f"/quotes/{quote}"))["state"] == "approved"
    await api.post(f"/quotes/{quote}/accept")

    split = {"split_by": ["order_date", "ship_to"]}
    preview = await api.post(f"/quotes/{quote}/orders/preview", body=split)
    assert (await api.get(f"/quotes/{quote}/orders"))["orders"] == []
    book = await api.post(f"/quotes/{quote}/orders", body=split)
    assert book["totals"] == preview["totals"]
    check_orders(book)

    ids = {order["key"]: order["order_id"] for order in book["orders"]}
    await move_dates(api, ids, clock)
    await fulfil(api, quote, clock)

    book = await api.get(f"/quotes/{quote}/orders")
    assert {order["state"] for order in book["orders"]} == {"fulfilled"}
    await check_customer(api)
    record = await api.get(f"/quotes/{quote}/record", params={"limit": 200})
    assert {"submitted", "approved", "accepted", "order_date_moved", "order_delivered"} <= {
        entry["kind"] for entry in record["entries"]
    }


def check_orders(book: dict[str, Any]) -> None:
    told = [
        {
            "order_date": order["order_date"],
            "ship_to": order["ship_to"],
            "items": {item["line_id"]: item["amount"]["amount"] for item in order["items"]},
            "total": order["total"]["amount"],
        }
        for order in book["orders"]
    ]
    assert told == EXPECTED["orders"]
    assert book["totals"]["ordered"] == {"amount": EXPECTED["quote_total"], "currency": "USD"}


async def move_dates(api: Api, ids: dict[str, str], clock: StoryClock) -> None:
    clock.move_to(datetime(2027, 2, 5, 15, tzinfo=UTC))
    change = EXPECTED["change_on_2027_02_05"]
    for key, to in (("2027-03-22/RC", "2027-04-19"), ("2027-04-01/RC", "2027-05-01")):
        path = f"/orders/{ids[key]}"
        tried = (await api.call("PATCH", f"{path}?preview=true", json={"order_date": to})).json()
        assert (await api.get(path))["order_date"] != to
        moved = (await api.call("PATCH", path, json={"order_date": to})).json()
        assert moved["total"] == tried["total"]
        assert moved["order_date"] == to
    assert moved["total"]["amount"] == change["service_order_total"]
    totals = (await api.get(f"/quotes/{moved['quote_id']}/orders"))["totals"]
    assert totals["ordered"]["amount"] == change["all_orders"]
    assert totals["variance"]["amount"] == change["reschedule_variance"]


async def fulfil(api: Api, quote: str, clock: StoryClock) -> None:
    """Activate every order, acknowledge it, and record what arrived on its date, when all dates have come."""
    clock.move_to(datetime(2027, 6, 1, 15, tzinfo=UTC))
    for order in (await api.get(f"/quotes/{quote}/orders"))["orders"]:
        path, day = f"/orders/{order['order_id']}", order["order_date"]
        await api.post(f"{path}/activate")
        await api.post(f"{path}/acknowledgements", "erp", {"document": f"SO-{order['number']}"})
        if any(item["kind"] == "one_time" and item["revenue"] == "on_delivery" for item in order["items"]):
            await api.post(f"{path}/deliveries", "erp", {"on": day})
        if any(item["acceptance"] == "required" for item in order["items"]):
            await api.post(f"{path}/acceptances", "erp", {"line": "L1", "on": "2027-01-20"})
            await api.post(f"{path}/milestones", "erp", {"on": "2027-01-29"})


async def check_customer(api: Api) -> None:
    base = f"/customers/{CUSTOMER}"
    contracts = (await api.get(f"{base}/contracts", params={"method": "by_end_date"}))["contracts"]
    assert [each["end"] for each in contracts] == EXPECTED["contract_ends_by_end_date"]

    (_, *products), *days = EXPECTED["entitlements_contracted"]
    for on, *quantities in days:
        entitled = await api.get(f"{base}/entitlements", params={"on": on})
        held = [int(entitled["by_product"].get(product, "0")) for product in products[:-1]]
        assert [*held, sorted(site for sites in entitled["covers"].values() for site in sites)] == quantities
    for known, links in (("2027-02-01", 193), ("2027-02-06", 162)):
        asked = {"on": "2027-04-10", "known": known, "view": "committed"}
        entitled = await api.get(f"{base}/entitlements", params=asked)
        assert int(entitled["by_product"]["EHR-DEVICE-LINK"]) == links

    revenue = await api.get(f"{base}/revenue")
    expected = EXPECTED["revenue"]
    assert revenue["total"] == revenue["contracted"] == expected["total"]
    assert revenue["remaining"] == "0.00"
    for period, amount in expected.items():
        if ".." not in period and period != "total":
            assert (revenue["years"] | revenue["months"])[period] == amount
    half = await api.get(f"{base}/revenue", params={"from": "2027-07", "until": "2027-12"})
    assert half["total"] == expected["2027-07..12"]
    await check_csv(api, base)
    await check_page(api, base)


async def check_page(api: Api, base: str) -> None:
    """On 2027-06-01 everything was delivered and runs; the page shows what the example must come to."""
    page = await api.get(base)
    (money,) = page["money"]
    whole = EXPECTED["change_on_2027_02_05"]["all_orders"]
    assert (money["quoted"], money["contracted"]) == (EXPECTED["quote_total"], whole)
    assert money["ordered"] == {"fulfilled": whole}
    assert {money[name] for name in ("unordered", "cancelled", "returned")} == {"0.00"}
    by_today = await api.get(f"{base}/revenue", params={"until": page["on"]})
    assert (money["recognised"], money["remaining"]) == (by_today["total"], by_today["remaining"])
    assert Decimal(money["recognised"]) + Decimal(money["remaining"]) == Decimal(whole)
    before = sum(Decimal(EXPECTED["revenue"][f"2027-0{month}"]) for month in range(1, 6))
    assert before < Decimal(money["recognised"]) < before + Decimal(EXPECTED["revenue"]["2027-06"])
    (on, *quantities) = EXPECTED["entitlements_contracted"][-3]
    assert on == "2027-05-01"
    assert quantities[:3] == [shown(page["delivered"], name) for name in ("MRI-3T", "PATIENT-MONITOR", "INFUSION-PUMP")]
    assert shown(page["running"], "EHR-DEVICE-LINK") == quantities[3]
    ends = {each["end"] for each in page["running"]}
    assert ends == set(EXPECTED["contract_ends_by_end_date"])
    assert page["coming"] == {"orders": [], "services": []}


def shown(rows: list[dict[str, Any]], product: str) -> Decimal:
    return sum((Decimal(each["quantity"]) for each in rows if each["product"] == product), Decimal(0))


async def check_csv(api: Api, base: str) -> None:
    answer = await api.call("GET", f"{base}/revenue", headers={"Accept": "text/csv"}, params={"from": "2027-02-01"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = answer.text.split("\r\n")
    columns = header.split(",")
    told = "customer,contract,quote,order,item,obligation,line,product,month,corrects,amount,currency"
    assert columns == told.split(",")
    of_february = [Decimal(row.split(",")[columns.index("amount")]) for row in rows if ",2027-02," in row]
    assert sum(of_february) == Decimal(EXPECTED["revenue"]["2027-02"])
