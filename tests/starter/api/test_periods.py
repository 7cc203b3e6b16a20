"""Closing months by HTTP and by command, what is refused, what the audit says of it, and the customer by command."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from activities.store.audit import audit
from activities.store.kept_ledgers import KeptLedgers
from activities.store.work import Database
from domain.ledger.entries import EntryKind
from domain.ledger.known import known_items
from starter.clock import StoryClock
from tests.activities.test_record import tamper
from tests.starter.api.conftest import Api
from tests.starter.api.running import running

pytestmark = pytest.mark.usefixtures("working")
ROOT = Path(__file__).parents[3]
START = [sys.executable, "-c", "from starter.cli.main import main; main()"]


async def command(api: Api, address: str, *words: str, user: str = "rosa", roles: tuple[str, ...] = ()) -> Any:
    """Exit code and what was printed."""
    environment = {"COUNTERSIGN_API": address, "COUNTERSIGN_TOKEN": api.token(user, *roles), "PATH": "/usr/bin:/bin"}

    def call() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*START, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    done = await asyncio.to_thread(call)
    return done.returncode, done.stdout, done.stderr


async def in_march(api: Api, clock: StoryClock) -> str:
    """The id of a quote whose services have run for two months."""
    quote = await running(api, clock)
    clock.move_to(clock.now().replace(month=3, day=2))
    return quote


async def test_a_month_of_one_customer_is_closed_for_nobody_else(api: Api, clock: StoryClock) -> None:
    await in_march(api, clock)
    body = {"customer_id": "C-RUN", "comment": "the year's first"}
    made = await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json=body)
    assert (made.status_code, made.json()["customer_id"], made.json()["by"]) == (201, "C-RUN", "rosa")
    assert (await api.get("/periods"))["closed"] == []
    closed = (await api.get("/periods", params={"customer": "C-RUN"}))["closed"]
    assert [(each["month"], each["customer_id"]) for each in closed] == [("2027-01", "C-RUN")]
    again = await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={})
    assert again.status_code == 201, "closed for one customer, it is still open for all"


@pytest.mark.parametrize(
    ("month", "body", "refusal"),
    [
        ("2027-03", {}, (422, "in_the_future")),
        ("2027-3", {}, (422, "invalid_date")),
        ("2027-00", {}, (422, "invalid_date")),
        ("2027-01-31", {}, (422, "invalid_date")),
        ("2027-01", {"customer_id": "C-NONE"}, (404, "unknown_customer")),
        ("2027-01", {"customer": "C-RUN"}, (422, "unknown_field")),
    ],
)
async def test_a_closing_that_is_refused_closes_nothing(
    api: Api, clock: StoryClock, month: str, body: dict[str, str], refusal: tuple[int, str]
) -> None:
    await in_march(api, clock)
    assert await api.refused("POST", f"/periods/{month}/close", "rosa", "admin", json=body) == refusal
    assert (await api.get("/periods", params={"customer": "C-RUN"}))["closed"] == []


async def test_a_forged_ledger_row_is_found_by_the_audit(api: Api, clock: StoryClock, database: Database) -> None:
    quote = await in_march(api, clock)
    await api.post(f"/orders/{quote}-1/deliveries", "erp", {"line": "A", "quantity": "1", "on": "2027-01-15"})
    await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={})
    assert (await audit(database)).violations == ()
    forged = "UPDATE ledger SET body = jsonb_set(body, '{amount}', '\"9999.00\"')"
    await tamper(database, f"{forged} WHERE kind = 'scheduled' AND line_id = 'A' AND amount > 0")
    found = (await audit(database)).violations
    assert {(each.code, each.where.split()[0]) for each in found} == {("row_differs", "ledger")}


async def test_what_waited_over_a_closing_is_a_correction(api: Api, clock: StoryClock, database: Database) -> None:
    """A delivery has its moment before it waits for the order; the closing does not wait for it."""
    quote = await running(api, clock)
    clock.move_to(clock.now().replace(month=2, day=1))
    delivery = {"line": "A", "quantity": "1", "on": "2027-01-15"}
    async with database.work() as work:
        await work.orders.get(f"{quote}-1", for_update=True)
        told = asyncio.create_task(api.post(f"/orders/{quote}-1/deliveries", "erp", delivery))
        await waits_for_a_lock(database)
        clock.move_to(clock.now() + timedelta(seconds=20))
        made = await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={})
        assert made.status_code == 201, made.text
        before = (await api.get("/customers/C-RUN/revenue"))["months"]
    await told
    after = (await api.get("/customers/C-RUN/revenue"))["months"]
    assert after["2027-01"] == before["2027-01"]
    assert Decimal(after["2027-02"]) - Decimal(before["2027-02"]) == 500
    assert (await audit(database)).violations == ()


async def waits_for_a_lock(database: Database) -> None:
    """Until somebody waits for a row that another one holds."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(200):
        async with database.reading() as work:
            if (await work.connection.execute(waiting)).scalar_one():
                return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody waits")


async def test_a_closing_waits_for_what_is_being_stored(api: Api, clock: StoryClock, database: Database) -> None:
    """A row that has its place already is in the ledger or not: the closing is made when that is known."""
    quote = await in_march(api, clock)
    async with database.work() as work:
        (row, *_) = await work.ledger.entries(order=f"{quote}-1")
        again = {"entry_id": f"{row.entry_id}-again", "kind": EntryKind.USAGE, "recorded_at": clock.now()}
        await work.ledger.append([row.model_copy(update=again)])
        closing = asyncio.create_task(api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={}))
        await waits_for_a_lock(database)
    assert (await closing).status_code == 201
    async with database.reading() as work:
        (closed,) = await work.closed_periods.of(None)
        assert closed.ledger_seq == (await work.ledger.entries(customer="C-RUN"))[-1].seq


async def test_a_closing_whose_place_was_moved_is_found_by_the_audit(
    api: Api, clock: StoryClock, database: Database
) -> None:
    await in_march(api, clock)
    await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={})
    await tamper(database, "UPDATE closed_periods SET ledger_seq = ledger_seq + 1")
    (found,) = (await audit(database)).violations
    assert (found.code, found.where) == ("closing_unrecorded", "period 2027-01 of every customer")


async def test_a_closing_that_nobody_made_is_found_by_the_audit(
    api: Api, clock: StoryClock, database: Database
) -> None:
    await in_march(api, clock)
    await api.call("POST", "/periods/2027-01/close", "rosa", "admin", json={})
    await tamper(database, "UPDATE closed_periods SET month = '2027-02'")
    (found,) = (await audit(database)).violations
    assert (found.code, found.where) == ("closing_unrecorded", "period 2027-02 of every customer")


async def test_the_page_reads_the_same_rows_as_the_ledger(api: Api, clock: StoryClock, database: Database) -> None:
    quote = await in_march(api, clock)
    await api.post(f"/orders/{quote}-1/deliveries", "erp", {"line": "A", "quantity": "1"})
    await api.post(f"/orders/{quote}-1/invoices", "erp", {"line": "S", "amount": "1200.00"})
    async with database.reading() as work:
        facts = await work.customer_pages.facts("C-RUN", KeptLedgers())
        whole = await work.ledger.entries(customer="C-RUN")
    assert known_items(facts.ledger.rows) == known_items(whole)
    assert [(each.entry_id, each.recorded_at) for each in facts.ledger.rows] == [
        (each.entry_id, each.recorded_at) for each in whole
    ]


async def test_a_customer_and_its_periods_by_command(api: Api, clock: StoryClock, address: str) -> None:
    quote = await in_march(api, clock)
    code, told, _ = await command(api, address, "customer", "show", "C-RUN")
    assert code == 0
    assert told.startswith("C-RUN Runner on 2027-03-02\n")
    assert f"{quote} approved 2,231.00 USD payment_terms Net 30" in told
    assert "2027-01-01 to 2027-12-31" in told
    code, told, _ = await command(api, address, "customer", "show", "C-RUN", "--json")
    assert (code, json.loads(told)["money"][0]["contracted"]) == (0, "2231.00")
    code, _, why = await command(api, address, "customer", "show", "C-NONE")
    assert (code, "unknown_customer" in why) == (1, True)
    code, told, why = await command(api, address, "period", "close", "2027-01", roles=("admin",))
    assert (code, told) == (0, "2027-01 is closed, and all before it\n"), why
    code, _, why = await command(api, address, "period", "close", "2027-01", roles=("admin",))
    assert (code, "already_closed" in why) == (1, True)
    code, told, _ = await command(api, address, "period", "list")
    assert told.startswith("2027-01  every customer  rosa  ")
