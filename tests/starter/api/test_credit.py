"""Credit holds and missing data: an order that comes due is blocked and says why, and goes on when that is over."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.partners.file_erp import FileErp
from starter.clock import StoryClock
from starter.credit_watch import CreditWatch
from starter.desk import Desk
from starter.order_refresher import OrderRefresher
from tests.starter.api.conftest import BEGIN, Api
from tests.starter.api.running import contract_document, ordered
from worker import build_worker
from workflows.names import order_run_id

DAY = timedelta(days=1)
HOLD = {"reason": "invoices overdue since August"}
BLOCKED = "credit block: invoices overdue since August"


@pytest.fixture
async def working(desk: Desk, tmp_path: Path) -> AsyncIterator[None]:
    """A worker for whom orders stand fast a day ahead, and need a PO number and somebody to bill."""
    erp = FileErp(tmp_path / "erp", tmp_path / "answers")
    rules: dict[str, Any] = {"cut_off": desk.cut_off, "required": desk.required}
    async with build_worker(
        desk.client, desk.database, desk.tokens, erp, task_queue=desk.task_queue, stories=True, **rules
    ):
        yield


@pytest.fixture
def desk(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    return replace(desk, **getattr(request, "param", {}))


async def planned(api: Api, customer: str | None = None, **changes: Any) -> str:
    """The id of an order for 2027-01-01."""
    quote = f"Q-{uuid.uuid4().hex[:8]}"
    if customer is not None:
        changes["customer"] = {"customer_id": customer, "name": customer, "time_zone": "UTC"}
    document = contract_document(quote, **changes)
    assert (await api.call("PUT", f"/quotes/{quote}", json=document)).status_code == 201
    (order,) = (await ordered(api, quote))["orders"]
    found: str = order["order_id"]
    return found


async def state(api: Api, order: str) -> str:
    found: str = (await api.get(f"/orders/{order}"))["state"]
    return found


async def brought(temporal: WorkflowEnvironment, api: Api, order: str) -> str:
    """Where the order stands once the first of January has come to its run."""
    handle = api.desk.client.get_workflow_handle(order_run_id(order))
    await temporal.fast_forward(handle, datetime(2027, 1, 1, 9, tzinfo=UTC) - BEGIN)
    return await settled(api, order, "scheduled")


async def settled(api: Api, order: str, first: str) -> str:
    """The state of an order that is not ``first`` any more."""
    async with asyncio.timeout(20):
        while (found := await state(api, order)) == first:
            await asyncio.sleep(0.05)
    return found


@pytest.mark.usefixtures("working")
async def test_an_order_that_comes_due_on_hold_is_blocked_and_goes_on_by_itself_when_it_is_lifted(
    temporal: WorkflowEnvironment, api: Api
) -> None:
    order, other = await planned(api), await planned(api, "C-OTHER")
    held = await api.call("POST", "/customers/C-RUN/credit-hold", "boss", "admin", json=HOLD)
    assert held.status_code == 200, held.text
    assert await brought(temporal, api, order) == "blocked"
    assert await brought(temporal, api, other) == "activated"

    page = await api.get(f"/orders/{order}")
    assert page["block"]["reasons"] == [BLOCKED]
    assert {"activate", "release", "cancel"} <= {*page["allowed"]}
    assert (await api.get("/customers/C-RUN"))["credit_hold"]["reason"] == HOLD["reason"]
    assert [each["customer_id"] for each in (await api.get("/credit-holds"))["held"]] == ["C-RUN"]
    # As long as the hold lasts nobody gets past it.
    assert (await api.post(f"/orders/{order}/activate"))["state"] == "blocked"
    assert await CreditWatch(api.desk).look() == 0
    await api.post(f"/orders/{order}/release")
    assert await settled(api, order, "scheduled") == "blocked"

    lifted = await api.call("POST", "/customers/C-RUN/credit-hold/lift", "erp", json={"reason": "paid"})
    assert lifted.json()["held"] is False
    assert await state(api, order) == "blocked"
    # The process that lifted it may be gone: the tables say what is to be done, and several may do it.
    assert sum(await asyncio.gather(*(CreditWatch(api.desk).look() for _ in range(3)))) == 1
    await OrderRefresher(api.desk).drain()
    assert await settled(api, order, "scheduled") == "activated"
    assert (await api.get("/customers/C-RUN"))["credit_hold"] is None
    entries = (await api.get(f"/quotes/{order.rpartition('-')[0]}/record", params={"limit": 200}))["entries"]
    (freed,) = [each for each in entries if each["kind"] == "order_released" and each["by"] == "clock"]
    assert freed["body"]["why"] == "credit hold lifted by erp: paid"
    told = (await api.get("/customers/C-RUN/credit-hold"))["history"]
    assert [(each["held"], each["by"], each["reason"]) for each in told] == [
        (False, "erp", "paid"),
        (True, "boss", HOLD["reason"]),
    ]


@pytest.mark.usefixtures("working")
async def test_an_order_that_is_tried_early_waits_for_its_date_when_the_hold_is_lifted(api: Api) -> None:
    order = await planned(api)
    await api.call("POST", "/customers/C-RUN/credit-hold", "erp", json=HOLD)
    shown = await api.post(f"/orders/{order}/activate", params={"preview": "true"})
    assert (shown["state"], await state(api, order)) == ("blocked", "scheduled")
    assert (await api.post(f"/orders/{order}/activate"))["state"] == "blocked"
    await api.call("POST", "/customers/C-RUN/credit-hold/lift", "erp", json={"reason": "paid"})
    assert await CreditWatch(api.desk).look() == 1
    await OrderRefresher(api.desk).drain()
    assert await state(api, order) == "scheduled"


@pytest.mark.usefixtures("working")
async def test_an_order_that_is_held_while_it_is_blocked_stays_held_when_the_hold_on_credit_is_lifted(api: Api) -> None:
    order = await planned(api)
    await api.call("POST", "/customers/C-RUN/credit-hold", "erp", json=HOLD)
    assert (await api.post(f"/orders/{order}/activate"))["state"] == "blocked"
    assert (await api.post(f"/orders/{order}/hold", body={"reason": "recall"}))["state"] == "on_hold"
    await api.call("POST", "/customers/C-RUN/credit-hold/lift", "erp", json={"reason": "paid"})
    assert await CreditWatch(api.desk).look() == 1
    page = await api.get(f"/orders/{order}")
    assert (page["state"], page["hold"]["why"], page["block"]) == ("on_hold", "recall", None)
    assert (await api.post(f"/orders/{order}/release"))["state"] == "scheduled"


async def test_who_may_say_who_gets_credit(api: Api, quote: str) -> None:
    path = "/customers/st-anne/credit-hold"
    assert await api.refused("POST", path, json=HOLD) == (403, "admin_only")
    assert await api.refused("POST", path, "boss", "admin", json={}) == (422, "missing_field")
    assert (await api.refused("POST", path, "boss", "admin", json={"reason": " "}))[0] == 422
    nobody = "/customers/NOBODY/credit-hold"
    assert await api.refused("POST", nobody, "boss", "admin", json=HOLD) == (404, "unknown_customer")
    assert await api.refused("POST", f"{nobody}/lift", "boss", "admin", json=HOLD) == (409, "not_on_credit_hold")
    # The program that knows of credit may hold a customer before the first quote.
    for _ in range(2):
        assert (await api.call("POST", nobody, "erp", json=HOLD)).json()["held"] is True
    assert len((await api.get(nobody))["history"]) == 1
    assert await api.refused("POST", f"{nobody}/lift", json=HOLD) == (403, "admin_only")


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("desk", [{"required": ("fields.po_number", "bill_to")}], indirect=True)
async def test_without_its_data_an_order_is_blocked_until_somebody_releases_it(
    temporal: WorkflowEnvironment, api: Api
) -> None:
    whole = await planned(api, fields={"po_number": "PO-7"}, bill_to="Runner Inc.")
    order = await planned(api, fields={"po_number": " "})
    assert await brought(temporal, api, whole) == "activated"
    assert await brought(temporal, api, order) == "blocked"
    assert (await api.get(f"/orders/{order}"))["block"]["reasons"] == [
        "data missing: the quote has no fields.po_number",
        "data missing: the order has no bill_to",
    ]
    assert (await api.post(f"/orders/{order}/activate"))["state"] == "blocked"
    await api.post(f"/orders/{order}/release", body={"comment": "they pay by card"})
    assert await settled(api, order, "scheduled") == "activated"


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("desk", [{"cut_off": 3 * DAY}], indirect=True)
async def test_after_the_cut_off_an_order_stands_fast(api: Api, clock: StoryClock) -> None:
    order = await planned(api)
    clock.move_to(datetime(2026, 12, 28, 23, 59, tzinfo=UTC))
    assert (await api.call("PATCH", f"/orders/{order}", json={"order_date": "2027-01-02"})).status_code == 200
    clock.move_to(datetime(2026, 12, 30, tzinfo=UTC))
    moved, split = {"order_date": "2027-01-05"}, {"lines": {"A": "1"}, "order_date": "2027-02-01"}
    assert await api.refused("PATCH", f"/orders/{order}", json=moved) == (409, "after_cut_off")
    assert await api.refused("POST", f"/orders/{order}/split", json=split) == (409, "after_cut_off")
