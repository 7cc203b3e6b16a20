"""Who says what a customer is called, and what a stranger's words may do in a table."""

import csv
import io
import uuid

import pytest

from starter.clock import StoryClock
from tests.starter.api.conftest import Api
from tests.starter.api.running import contract_document, ordered, running

pytestmark = pytest.mark.usefixtures("working")
OWN = uuid.uuid4().hex[:8]
FAR = {"customer_id": "C-RUN", "name": "Somebody", "time_zone": "Pacific/Kiritimati"}


async def look(api: Api) -> tuple[str, str, str, str]:
    page = await api.get("/customers/C-RUN")
    held = await api.get("/customers/C-RUN/entitlements")
    return page["name"], page["time_zone"], page["on"], held["on"]


async def test_a_draft_changes_nothing_of_the_customer_and_an_accepted_quote_does(api: Api, clock: StoryClock) -> None:
    await running(api, clock)
    clock.move_to(clock.now().replace(hour=13))
    before = ("Runner", "UTC", "2027-01-01", "2027-01-01")
    assert await look(api) == before
    document = contract_document(f"Q-FAR-{OWN}", customer=FAR, owner="mei")
    assert (await api.call("PUT", f"/quotes/Q-FAR-{OWN}", "mei", json=document)).status_code == 201
    assert await look(api) == before
    assert (await api.post(f"/quotes/Q-FAR-{OWN}/submit", "mei"))["outcome"] == "approved"
    assert await look(api) == before
    await api.post(f"/quotes/Q-FAR-{OWN}/accept", "mei")
    assert await look(api) == ("Somebody", "Pacific/Kiritimati", "2027-01-02", "2027-01-02")


async def test_of_quotes_that_nobody_accepted_the_approved_one_speaks(api: Api, clock: StoryClock) -> None:
    for quote, name in ((f"Q-1-{OWN}", "First"), (f"Q-2-{OWN}", "Second")):
        document = contract_document(quote, customer={**FAR, "name": name})
        assert (await api.call("PUT", f"/quotes/{quote}", json=document)).status_code == 201
        assert (await look(api))[0] == name
    assert (await api.post(f"/quotes/Q-1-{OWN}/submit"))["outcome"] == "approved"
    changed = contract_document(f"Q-2-{OWN}", customer={**FAR, "name": "Third"})
    assert (await api.call("PUT", f"/quotes/Q-2-{OWN}", json=changed)).status_code == 200
    assert (await look(api))[0] == "First"


async def test_no_cell_of_the_revenue_table_is_a_formula_and_amounts_are_numbers(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    less = {"start_date": "2027-07-01", "lines": [{"line": "S", "quantity_change": "-5"}]}
    await ordered(api, (await api.post(f"/contracts/{quote}/amend", body=less))["quote_id"])
    document = contract_document(f"Q-CSV-{OWN}")
    document["lines"][0]["product"] = '=HYPERLINK("http://x";"y")'
    assert (await api.call("PUT", f"/quotes/Q-CSV-{OWN}", json=document)).status_code == 201
    await ordered(api, f"Q-CSV-{OWN}")
    text = (await api.call("GET", "/customers/C-RUN/revenue?format=csv")).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["product"] for row in rows if "HYPERLINK" in row["product"]} == {'\'=HYPERLINK("http://x";"y")'}
    assert sum(float(row["amount"]) < 0 for row in rows) == 6
