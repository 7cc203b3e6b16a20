"""Contracts over HTTP: amendments and renewals are quotes of their own, and change what runs once they are ordered."""

from decimal import Decimal

import pytest

from starter.clock import StoryClock
from tests.starter.api.conftest import Api
from tests.starter.api.running import ordered, running

pytestmark = pytest.mark.usefixtures("working")
MORE = {"start_date": "2027-07-01", "lines": [{"line": "S", "quantity_change": "5"}]}


async def test_an_amendment_is_a_quote_of_the_caller_and_changes_the_contract_when_it_is_ordered(
    api: Api, clock: StoryClock
) -> None:
    quote = await running(api, clock)
    made = await api.post(f"/contracts/{quote}/amend", body=MORE)
    assert (made["quote_id"], made["amends"], made["state"]) == (f"{quote}-A1", quote, "draft")
    assert made["net_total"] == {"amount": "300.00", "currency": "USD"}
    assert (await api.get(f"/contracts/{quote}"))["value"]["amount"] == "2231.00"

    book = await ordered(api, made["quote_id"])
    assert [(order["kind"], order["total"]["amount"]) for order in book["orders"]] == [("amendment", "300.00")]
    contract = await api.get(f"/contracts/{quote}")
    assert (contract["start"], contract["value"]["amount"]) == ("2027-01-01", "2531.00")
    for on, seats in (("2027-06-30", "10"), ("2027-07-01", "15")):
        asked = {"on": on, "view": "committed", "product": "SEAT", "contract": quote}
        held = await api.get("/customers/C-RUN/entitlements", params=asked)
        assert held["by_product"] == {"SEAT": seats}


async def test_a_second_amendment_sees_the_first_and_takes_the_last_in_first(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    await ordered(api, (await api.post(f"/contracts/{quote}/amend", body=MORE))["quote_id"])
    less = {"start_date": "2027-10-01", "lines": [{"line": "S", "quantity_change": "-7"}]}
    second = await api.post(f"/contracts/{quote}-A1/amend", body=less)
    assert (second["quote_id"], second["amends"]) == (f"{quote}-A2", quote)
    book = await ordered(api, second["quote_id"])
    (order,) = book["orders"]
    taken = {item["quantity"]: item["amount"]["amount"] for item in order["items"]}
    assert taken == {"-5": "-150.00", "-2": "-60.00"}
    asked = {"on": "2027-10-01", "view": "committed", "product": "SEAT"}
    assert (await api.get("/customers/C-RUN/entitlements", params=asked))["by_product"] == {"SEAT": "8"}


async def test_the_same_key_is_one_amendment_and_another_key_the_next(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    ids = [
        (await api.post(f"/contracts/{quote}/amend", body=MORE, headers={"Idempotency-Key": key}))["quote_id"]
        for key in ("one", "one", "two")
    ]
    assert ids == [f"{quote}-A1", f"{quote}-A1", f"{quote}-A2"]


async def test_what_two_amendments_both_took_is_refused_when_the_second_is_ordered(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    less = {"start_date": "2027-10-01", "lines": [{"line": "S", "quantity_change": "-7"}]}
    first, second = [(await api.post(f"/contracts/{quote}/amend", body=less))["quote_id"] for _ in range(2)]
    await ordered(api, first)
    assert (await api.post(f"/quotes/{second}/submit"))["outcome"] == "approved"
    await api.post(f"/quotes/{second}/accept")
    body = {"split_by": ["order_date"]}
    refused = (422, "quantity_out_of_range")
    assert await api.refused("POST", f"/quotes/{second}/orders/preview", json=body) == refused
    assert await api.refused("POST", f"/quotes/{second}/orders", json=body) == refused
    by_hand = {"lines": [{"line": "S"}]}
    assert await api.refused("POST", f"/quotes/{second}/orders", json=by_hand) == refused
    book = await api.post(f"/quotes/{second}/orders", body={"lines": [{"line": "S", "quantity": "3"}]})
    assert [(order["kind"], order["total"]["amount"]) for order in book["orders"]] == [("amendment", "-90.00")]
    assert [each["quantity"] for each in book["unordered"]] == ["-4"]


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("nothing/amend", MORE, (404, "unknown_contract")),
        ("{quote}/amend", {**MORE, "lines": [{"line": "X", "quantity_change": "1"}]}, (422, "unknown_line")),
        ("{quote}/amend", {**MORE, "lines": [{"line": "A", "quantity_change": "1"}]}, (409, "not_running")),
        ("{quote}/amend", {**MORE, "quote_id": "{quote}"}, (409, "key_taken")),
        ("{quote}/amend", {"start_date": "2027-07-01", "lines": []}, (422, "missing_field")),
        ("{quote}/renew", {"price": "uplift"}, (422, "missing_field")),
        ("{quote}/renew", {"lead": "60d"}, (422, "unknown_field")),
    ],
)
async def test_what_cannot_be_changed_is_refused(
    api: Api, clock: StoryClock, path: str, body: dict[str, object], refusal: tuple[int, str]
) -> None:
    quote = await running(api, clock)
    told = {key: value.format(quote=quote) if isinstance(value, str) else value for key, value in body.items()}
    found = await api.refused("POST", f"/contracts/{path.format(quote=quote)}", json=told)
    assert found == refusal


async def test_a_renewal_begins_when_what_runs_ends(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    made = await api.post(f"/contracts/{quote}/renew", body={"price": "uplift", "uplift_percent": "5"})
    assert (made["quote_id"], made["renews"], made["amends"]) == (f"{quote}-R1", quote, None)
    assert made["net_total"]["amount"] == "1260.00"
    (line,) = made["content"]["lines"]
    assert (line["start_date"], line["end_date"]) == ("2028-01-01", "2028-12-31")


async def test_contracts_by_end_date_are_named_with_their_slash(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock, contracting={"method": "by_end_date"})
    found = await api.get("/customers/C-RUN/contracts")
    names = [each["contract_id"] for each in found["contracts"]]
    assert names == [f"{quote}/2027-12-31", f"{quote}/evergreen"]
    assert (await api.get(f"/contracts/{names[0]}"))["lines"] == ["S"]
    whole = await api.get(f"/contracts/{quote}")
    assert Decimal(whole["value"]["amount"]) == Decimal("2231.00")
    assert await api.refused("GET", f"/contracts/{quote}/2030-01-01") == (404, "unknown_contract")
    assert await api.refused("POST", f"/contracts/{names[1]}/renew") == (409, "not_running")
