"""Cancelling a whole fulfilment by HTTP: previewed, done once under its key, refused when nothing is left."""

from __future__ import annotations

from tests.starter.api.conftest import Api
from tests.starter.api.test_order_changes import ordered, orders

__all__ = ["orders"]


async def test_a_whole_fulfilment_is_cancelled_once(api: Api, orders: dict[str, str]) -> None:
    quote_id = next(iter(orders.values())).rsplit("-", 1)[0]
    path = f"/quotes/{quote_id}/orders/cancel"
    groups = {"quote_id": quote_id, "cancelled": sorted(orders.values()), "withdrawn": [], "kept": []}
    previewed = await api.post(f"{path}?preview=true")
    assert previewed == groups
    assert {order["state"] for order in (await api.get(f"/quotes/{quote_id}/orders"))["orders"]} == {"scheduled"}
    assert await api.post(path, body={"comment": "they withdrew"}) == groups
    book = await api.get(f"/quotes/{quote_id}/orders")
    assert {order["state"] for order in book["orders"]} == {"cancelled"}
    assert book["totals"]["unordered"] == book["totals"]["quote"]
    refused = await api.call("POST", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_open")
    unknown = await api.call("POST", path, json={"why": "x"})
    assert unknown.status_code == 422
    assert await ordered(api) != orders
