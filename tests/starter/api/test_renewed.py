"""Renewals and extensions over HTTP that were prepared before others were ordered: nothing goes on twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from starter.clock import StoryClock
from starter.ledger_watch import LedgerWatch
from tests.starter.api.conftest import Api
from tests.starter.api.running import ordered, running

pytestmark = pytest.mark.usefixtures("working")
EXTEND = {"start_date": "2027-06-01", "lines": [{"line": "S", "end_date": "2028-06-30"}]}
BY_DATE = {"split_by": ["order_date"]}


async def prepared(api: Api, quote: str, verb: str, body: dict[str, Any]) -> str:
    """The id of a renewal or an amendment that is accepted and not ordered."""
    made = await api.post(f"/contracts/{quote}/{verb}", body=body)
    assert (await api.post(f"/quotes/{made['quote_id']}/submit"))["outcome"] == "approved"
    await api.post(f"/quotes/{made['quote_id']}/accept")
    return str(made["quote_id"])


async def seats(api: Api, on: str) -> str | None:
    asked = {"on": on, "view": "committed", "product": "SEAT"}
    found: dict[str, str] = (await api.get("/customers/C-RUN/entitlements", params=asked))["by_product"]
    return found.get("SEAT")


async def test_a_contract_is_renewed_once_and_the_draft_of_another_renewal_is_told(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    first, second = [await prepared(api, quote, "renew", {}) for _ in range(2)]
    by_hand = {"lines": [{"line": "S", "quantity": "4"}]}
    await api.post(f"/quotes/{first}/orders", body=by_hand)
    refused = (409, "already_renewed")
    for path, body in (("orders/preview", BY_DATE), ("orders", BY_DATE), ("orders", by_hand)):
        assert await api.refused("POST", f"/quotes/{second}/{path}", json=body) == refused
    await api.post(f"/quotes/{first}/orders", body=BY_DATE)
    assert await seats(api, "2028-03-01") == "10"
    assert await api.refused("POST", f"/contracts/{quote}/renew", json={}) == refused
    page = await api.get("/customers/C-RUN")
    (told,) = [each for each in page["changes"] if each["kind"] == "renewal_overtaken"]
    assert (told["quote_id"], told["body"]) == (second, {"renews": quote, "overtaken_by": first})


async def test_of_two_renewals_ordered_in_one_moment_one_is_refused(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    ids = [await prepared(api, quote, "renew", {}) for _ in range(2)]
    answers = await asyncio.gather(*(api.call("POST", f"/quotes/{each}/orders", json=BY_DATE) for each in ids))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await seats(api, "2028-03-01") == "10"


async def test_a_renewal_prepared_by_the_clock_is_refused_after_an_extension(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock, contracting={"method": "by_end_date"})
    clock.move_to(datetime(2027, 10, 2, 9, tzinfo=UTC))
    assert await LedgerWatch(api.desk, lead=timedelta(days=90)).prepare_renewals() == 1
    extension = await api.post(f"/contracts/{quote}/amend", body={**EXTEND, "start_date": "2027-10-02"})
    await ordered(api, extension["quote_id"])
    await api.post(f"/quotes/{quote}-R1/submit")
    await api.post(f"/quotes/{quote}-R1/accept")
    assert await api.refused("POST", f"/quotes/{quote}-R1/orders", json=BY_DATE) == (409, "already_renewed")
    assert await seats(api, "2028-03-01") == "10"


async def test_of_two_extensions_one_is_ordered(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    first, second = [await prepared(api, quote, "amend", EXTEND) for _ in range(2)]
    await api.post(f"/quotes/{first}/orders", body=BY_DATE)
    assert await api.refused("POST", f"/quotes/{second}/orders", json=BY_DATE) == (409, "already_renewed")
    assert await seats(api, "2028-03-01") == "10"


async def test_a_quote_that_names_a_stranger_in_renews_is_a_quote_like_any_other(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    made = (await api.get(f"/quotes/{quote}"))["content"]
    for name in ("nobody", f"{quote}-S"):
        document = {**made, "quote_id": f"{quote}-S", "fields": {"renews": name}}
        assert (await api.call("PUT", f"/quotes/{quote}-S", json=document)).status_code in (200, 201)
    assert len((await ordered(api, f"{quote}-S"))["orders"]) == 1
