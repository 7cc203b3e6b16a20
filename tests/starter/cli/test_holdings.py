"""``countersign customer assets|coverage|service-levels`` and their kin of orders, over a running API."""

from __future__ import annotations

import json

from starter.people_desk import PeopleDesk
from tests.starter.cli.test_acts import Shell, address, house, shell
from tests.workflows.house import ADMIN, ROSA, House

__all__ = ["address", "house", "shell"]
AT = [{"order_date": "2024-01-01", "ship_to": "N", "quantity": "2"}]
DOCUMENT = {
    "quote_id": "Q-H", "title": "Racks", "owner": "rosa", "currency": "USD",
    "customer": {"customer_id": "held", "name": "Held"}, "start_date": "2024-01-01",
    "sites": [{"site_id": "N", "name": "North"}],
    "lines": [
        {"line_id": "A", "product": "RACK", "family": "Device", "kind": "one_time", "quantity": "2",
         "list_price": "10", "asset": "per_unit", "deliveries": AT},
        {"line_id": "C", "product": "CARE", "family": "Care", "kind": "evergreen", "quantity": "2",
         "list_price": "1", "covers": "assets_of_site", "deliveries": AT},
    ],
}  # fmt: skip


async def test_what_is_held_is_shown_as_text_and_as_json(shell: Shell, house: House) -> None:
    await PeopleDesk(house.desk).publish(ADMIN, {"policy": "standard", "rules": []})
    await house.quotes.put(ROSA, DOCUMENT)
    await house.quotes.submit(ROSA, "Q-H")
    await house.quotes.accept(ROSA, "Q-H")

    async def told(*words: str) -> str:
        return await shell(*words, "--as", "rosa")

    await told("order", "create", "Q-H")
    while "scheduled" in await told("order", "show", "Q-H-1"):
        pass
    assert (await told("customer", "assets", "held")).startswith("nothing is held on ")
    assert (await told("customer", "coverage", "held")).startswith("nothing is covered on ")
    await told("order", "deliver", "Q-H-1", "--line", "A", "--quantity", "1")
    text = await told("customer", "assets", "held", "--product", "RACK", "--site", "N")
    assert "Q-H-1/A:1  RACK  N  1  since " in text
    assert "1 by Q-H-1 on " in text
    assert await told("order", "assets", "Q-H-1") == text
    assert "CARE  N  RACK  Q-H-1/A:1  1" in await told("customer", "coverage", "held")
    (asset,) = json.loads(await told("customer", "assets", "held", "--json"))["assets"]
    assert asset["movements"][0]["item_id"] == "Q-H-1/A"
    assert await told("customer", "service-levels", "held", "--state", "breached") == "no clocks"
    assert await told("order", "service-levels", "Q-H-1") == "no clocks"
