"""What becomes of an order that the ERP rejected, and of a return that was a mistake, by HTTP."""

import asyncio

import pytest

from tests.starter.api.conftest import Api
from tests.starter.api.test_order_changes import FIRST, orders  # noqa: F401

NO = {"outcome": "rejected", "reason": "wrong bill-to"}


@pytest.mark.parametrize("query", ["", "?preview=true"])
async def test_only_the_erp_or_an_admin_says_that_an_order_is_rejected(
    api: Api,
    orders: dict[str, str],  # noqa: F811
    query: str,
) -> None:
    path = f"/orders/{orders[FIRST]}/acknowledgements{query}"
    await api.post(f"/orders/{orders[FIRST]}/activate")
    assert await api.refused("POST", path, json=NO) == (403, "not_permitted")
    assert (await api.call("POST", path, "rosa", "admin", json=NO)).json()["state"] == "rejected"


async def test_a_rejected_order_is_cancelled_and_ordered_again(
    api: Api,
    orders: dict[str, str],  # noqa: F811
) -> None:
    order = orders[FIRST]
    quote = order.rpartition("-")[0]
    await api.post(f"/orders/{order}/activate")
    await api.post(f"/orders/{order}/acknowledgements", "erp", NO)
    assert "cancel" in (await api.get(f"/orders/{order}"))["allowed"]
    assert (await api.post(f"/orders/{order}/cancel"))["state"] == "cancelled"
    kinds = [each["key"].rpartition(":")[2] for each in (await api.get(f"/orders/{order}"))["erp"]]
    assert set(kinds) <= {"create"}
    book = await api.post(f"/quotes/{quote}/orders", body={"split_by": ["order_date", "ship_to"]})
    again = [each for each in book["orders"] if each["key"] == f"{FIRST}#2"]
    assert [each["total"] for each in again] == [(await api.get(f"/orders/{again[0]['order_id']}"))["total"]]


async def test_a_return_of_today_is_rolled_back_after_the_erp_has_it(
    api: Api,
    orders: dict[str, str],  # noqa: F811
) -> None:
    order = orders[FIRST]
    await api.post(f"/orders/{order}/activate")
    await api.post(f"/orders/{order}/acknowledgements", "erp", {})
    await api.post(f"/orders/{order}/deliveries", "erp", {})
    await api.post(f"/orders/{order}/progress", "erp", {"percent": "100"})
    made = await api.post(f"/orders/{order}/return", body={"lines": {"A": "2"}})
    (back,) = [each["order_id"] for each in made["also_changed"] if each["kind"] == "return"]
    await told(api, back, ["create"])
    await api.post(f"/orders/{back}/acknowledgements", "erp", {})
    assert {"rollback", "close_short"} <= {*(await api.get(f"/orders/{back}"))["allowed"]}
    assert (await api.post(f"/orders/{back}/rollback"))["state"] == "cancelled"
    await told(api, back, ["create", "delete"])


async def told(api: Api, order: str, kinds: list[str]) -> None:
    """Wait until the ERP was told these kinds of messages of an order."""
    async with asyncio.timeout(20):
        while [each["key"].rpartition(":")[2] for each in (await api.get(f"/orders/{order}"))["erp"]] != kinds:
            await asyncio.sleep(0.05)
