"""Assets with the orders they came by, what is covered, and service-level clocks, over HTTP."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.reading import read_model
from domain.service_level import ServiceLevels
from starter.clock import StoryClock
from starter.desk import Desk
from tests.starter.api.conftest import Api
from tests.starter.api.running import running

pytestmark = pytest.mark.usefixtures("working")
LEVELS = {
    "targets": [
        {"clock": "quote_to_order", "within": "2d"},
        {"clock": "order_to_acknowledgement", "within": "4h", "warn": "1h"},
        {"clock": "activation_to_delivery", "within": "10d"},
        {"clock": "promised_date", "warn": "2d"},
    ]
}
AT = [{"order_date": "2027-01-01", "ship_to": "N"}]


def line(line_id: str, product: str, kind: str, quantity: str, price: str, **more: Any) -> dict[str, Any]:
    own = {"line_id": line_id, "product": product, "family": product, "kind": kind, "quantity": quantity}
    deliveries = [{**AT[0], "quantity": quantity}]
    return {**own, "net_price": price, "deliveries": deliveries, **more}


LINES = [
    line("A", "RACK", "one_time", "2", "500", asset="per_unit", fields={"promised_date": "2027-01-05"}),
    line("B", "CABLE", "one_time", "30", "2", asset="per_line", acceptance="required", unit="m"),
    line("C", "CARE", "subscription", "1", "10", term_months=12, covers="assets_of_site"),
]


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    return replace(desk, service_levels=read_model(ServiceLevels, LEVELS))


async def house(api: Api, clock: StoryClock) -> str:
    """The id of an order with racks, cable and care, on its date."""
    quote = await running(api, clock, lines=LINES, sites=[{"site_id": "N", "name": "North"}])
    return f"{quote}-1"


async def activated(api: Api, order: str) -> None:
    """Until the order's own run has activated it."""
    while (await api.get(f"/orders/{order}"))["state"] == "scheduled":
        await asyncio.sleep(0.05)


async def test_assets_say_by_which_order_and_delivery_they_came(api: Api, clock: StoryClock) -> None:
    order = await house(api, clock)
    assert (await api.get("/customers/C-RUN/assets"))["assets"] == []
    await api.post(f"/orders/{order}/deliveries", "erp", {"line": "A", "quantity": "1"})
    await api.post(f"/orders/{order}/deliveries", "erp", {"line": "B", "quantity": "20"})
    await api.post(f"/orders/{order}/acceptances", "erp", {"line": "B", "quantity": "12.5"})
    clock.move_to(clock.now().replace(day=3))
    await api.post(f"/orders/{order}/deliveries", "erp", {"line": "A"})
    await api.post(f"/orders/{order}/acceptances", "erp", {"line": "B", "quantity": "7.5"})
    found = await api.get("/customers/C-RUN/assets")
    assert (found["customer_id"], found["on"]) == ("C-RUN", "2027-01-03")
    racks = [each for each in found["assets"] if each["product"] == "RACK"]
    assert [(each["asset_id"], each["number"], each["quantity"], each["since"]) for each in racks] == [
        (f"{order}/A:1", 1, "1", "2027-01-01"),
        (f"{order}/A:2", 2, "1", "2027-01-03"),
    ]
    assert racks[1]["movements"] == [
        {"on": "2027-01-03", "quantity": "1", "order_id": order, "item_id": f"{order}/A"},
    ]
    (cable,) = (await api.get("/customers/C-RUN/assets", params={"product": "CABLE"}))["assets"]
    assert (cable["asset_id"], cable["number"], cable["quantity"]) == (f"{order}/B", None, "20.0")
    assert [(each["on"], each["quantity"]) for each in cable["movements"]] == [
        ("2027-01-01", "12.5"),
        ("2027-01-03", "7.5"),
    ]
    assert (await api.get(f"/orders/{order}/assets"))["assets"] == found["assets"]
    early = await api.get("/customers/C-RUN/assets", params={"on": "2027-01-02", "site": "N", "order": order})
    assert [each["asset_id"] for each in early["assets"]] == [f"{order}/A:1", f"{order}/B"]
    for other in ({"site": "S"}, {"order": "Q-other-1"}, {"known": "2026-12-31"}, {"on": "2026-12-31"}):
        assert (await api.get("/customers/C-RUN/assets", params=other))["assets"] == []


async def test_what_goes_back_goes_by_its_return(api: Api, clock: StoryClock) -> None:
    order = await house(api, clock)
    await api.post(f"/orders/{order}/deliveries", "erp", {})
    await api.post(f"/orders/{order}/acceptances", "erp", {})
    back = await api.post(f"/orders/{order}/return", "rosa", {"lines": {"A": "1"}})
    returned = back["also_changed"][0]["order_id"] if back["order_id"] == order else back["order_id"]
    await activated(api, returned)
    await api.post(f"/orders/{returned}/deliveries", "erp", {"line": "A"})
    (rack,) = (await api.get("/customers/C-RUN/assets", params={"product": "RACK"}))["assets"]
    assert rack["number"] == 1
    assert (await api.get(f"/orders/{returned}/assets"))["assets"] == []
    before = await api.get("/customers/C-RUN/assets", params={"product": "RACK", "known": "2027-01-01T08:00Z"})
    assert before["assets"] == []


async def test_coverage_names_the_service_and_each_asset(api: Api, clock: StoryClock) -> None:
    order = await house(api, clock)
    assert (await api.get("/customers/C-RUN/coverage"))["coverage"] == []
    await api.post(f"/orders/{order}/deliveries", "erp", {"line": "A"})
    found = (await api.get("/customers/C-RUN/coverage", params={"product": "CARE"}))["coverage"]
    assert [(each["item_id"], each["asset_product"], each["asset_id"]) for each in found] == [
        (f"{order}/C", "RACK", f"{order}/A:1"),
        (f"{order}/C", "RACK", f"{order}/A:2"),
    ]
    for asked in ({"on": "2028-01-01"}, {"view": "unordered"}, {"product": "RACK"}, {"site": "S"}):
        assert (await api.get("/customers/C-RUN/coverage", params=asked))["coverage"] == []


async def test_clocks_with_target_jeopardy_and_breach(api: Api, clock: StoryClock) -> None:
    order = await house(api, clock)
    quote = order.removesuffix("-1")
    found = (await api.get("/customers/C-RUN/service-levels"))["clocks"]
    assert [(each["clock"], each["subject"], each["state"]) for each in found] == [
        ("activation_to_delivery", order, "breached"),
        ("promised_date", f"{order}/A", "running"),
        ("order_to_acknowledgement", order, "met"),
        ("quote_to_order", quote, "met"),
    ]
    late, promised = found[0], found[1]
    assert (late["started"], late["target"]) == ("2026-11-16T15:00:00+00:00", "2026-11-26T15:00:00+00:00")
    assert (promised["target"][:19], promised["next_moment"][:19]) == ("2027-01-05T23:59:59", "2027-01-03T23:59:59")
    clock.move_to(clock.now().replace(day=4))
    warned = (await api.get("/customers/C-RUN/service-levels", params={"state": "jeopardy"}))["clocks"]
    assert [each["clock"] for each in warned] == ["promised_date"]
    await api.post(f"/orders/{order}/deliveries", "erp", {})
    own = (await api.get(f"/orders/{order}/service-levels"))["clocks"]
    assert {each["clock"]: each["state"] for each in own} == {
        "activation_to_delivery": "missed",
        "promised_date": "met",
        "order_to_acknowledgement": "met",
    }


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/customers/nobody/assets", (404, "unknown_customer")),
        ("/customers/nobody/coverage", (404, "unknown_customer")),
        ("/customers/nobody/service-levels", (404, "unknown_customer")),
        ("/orders/nothing/assets", (404, "unknown_order")),
        ("/orders/nothing/service-levels", (404, "unknown_order")),
        ("/customers/C-RUN/assets?contract=none", (404, "unknown_contract")),
        ("/customers/C-RUN/assets?known=later", (422, "invalid_moment")),
        ("/customers/C-RUN/assets?on=2027-02-30", (422, "invalid_date")),
        ("/customers/C-RUN/service-levels?state=late", (422, "invalid_choice")),
        ("/customers/C-RUN/coverage?colour=red", (422, "unknown_field")),
    ],
)
async def test_what_cannot_be_asked(api: Api, clock: StoryClock, path: str, refusal: tuple[int, str]) -> None:
    await house(api, clock)
    assert await api.refused("GET", path) == refusal
