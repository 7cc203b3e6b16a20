"""Revenue of a customer who buys in two currencies: nothing is added up, and everything has a door."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from starter.clock import StoryClock
from tests.starter.api.conftest import Api
from tests.starter.api.running import contract_document, ordered, running

pytestmark = pytest.mark.usefixtures("working")
REVENUE = "/customers/C-RUN/revenue"


@pytest.fixture
async def quote(api: Api, clock: StoryClock) -> str:
    """The quote in dollars; another in euros (its id ends with E) has seats alone, one of them taken away."""
    quote = await running(api, clock)
    euros = f"{quote}E"
    document = contract_document(euros, currency="EUR", contracting={"method": "by_end_date"})
    document["lines"] = document["lines"][:1]
    assert (await api.call("PUT", f"/quotes/{euros}", json=document)).status_code == 201
    await ordered(api, euros)
    less = {"start_date": "2027-07-01", "lines": [{"line": "S", "quantity_change": "-1"}]}
    await ordered(api, (await api.post(f"/contracts/{euros}/amend", body=less))["quote_id"])
    return quote


async def told(api: Api, query: str) -> dict[str, Any]:
    found: dict[str, Any] = await api.get(f"{REVENUE}{query}")
    return found


async def test_sums_are_asked_for_in_one_currency(api: Api, quote: str) -> None:
    for path in (REVENUE, f"{REVENUE}/remaining"):
        assert await api.refused("GET", path) == (422, "currency_differs")
        assert await api.refused("GET", f"{path}?currency=EURO") == (422, "unknown_currency")
    euros, dollars = [await told(api, f"?currency={code}") for code in ("EUR", "USD")]
    assert (euros["currency"], euros["contracted"]) == ("EUR", "1140.00")
    assert (dollars["currency"], dollars["contracted"]) == ("USD", "2231.00")
    rest = await told(api, "/remaining?currency=EUR&on=2027-06-30")
    assert (rest["currency"], rest["total"]) == ("EUR", "544.93")
    none = await told(api, "?currency=JPY")
    assert (none["currency"], none["contracted"]) == (None, "0")


async def test_a_quote_and_a_contract_are_reported_alone(api: Api, quote: str) -> None:
    assert (await told(api, f"?quote={quote}E"))["contracted"] == "1200.00"
    assert (await told(api, f"?quote={quote}E-A1"))["contracted"] == "-60.00"
    assert (await told(api, f"?contract={quote}E/2027-12-31"))["contracted"] == "1140.00"
    assert (await told(api, f"/remaining?quote={quote}&on=2027-12-31"))["total"] == "1000.00"
    assert await api.refused("GET", f"{REVENUE}?quote=Q-NONE") == (404, "unknown_quote")
    assert await api.refused("GET", f"{REVENUE}?contract={quote}E/2030-12-31") == (404, "unknown_contract")
    document = contract_document(f"{quote}O", customer={"customer_id": "C-OTHER", "name": "Other"})
    assert (await api.call("PUT", f"/quotes/{quote}O", json=document)).status_code == 201
    assert await api.refused("GET", f"{REVENUE}?quote={quote}O") == (404, "unknown_quote")


@pytest.mark.parametrize("by", ["item", "quote", "line", "month", "contract", "customer"])
async def test_rows_of_any_kind_are_told_for_each_currency(api: Api, quote: str, by: str) -> None:
    found = await told(api, f"?by={by}&until=2027-12-31")
    assert (found["currency"], found["by"], "contracted" in found) == (None, by, False)
    sums = {each["currency"]: (each["contracted"], each["total"]) for each in found["currencies"]}
    assert sums["EUR"] == ("1140.00", "1140.00")
    rows: dict[str, Decimal] = {}
    for row in found["rows"]:
        rows[row["currency"]] = rows.get(row["currency"], Decimal(0)) + Decimal(row["recognised"])
    assert {code: str(amount) for code, amount in rows.items()} == {code: total for code, (_, total) in sums.items()}


async def test_the_table_has_every_currency(api: Api, quote: str) -> None:
    text = (await api.call("GET", f"{REVENUE}?format=csv&until=2027-12")).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    euros = sum(Decimal(row["amount"]) for row in rows if row["currency"] == "EUR")
    assert (euros, {row["currency"] for row in rows}) == (Decimal("1140.00"), {"EUR", "USD"})
