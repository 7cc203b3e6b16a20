"""``countersign order``: every command over a running API, with preview, version and JSON; and the page's table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.order.permission import Operation
from starter.cli.main import app
from starter.cli.order_calls import line_quantities, picks, whereto
from starter.people_desk import PeopleDesk
from tests.starter.cli.test_acts import Shell, address, house, shell
from tests.workflows.house import ADMIN, ROSA, House

__all__ = ["address", "house", "shell"]
PAGE = (Path(__file__).parents[3] / "docs/orders.md").read_text(encoding="utf-8")
DOCUMENT = {
    "quote_id": "Q-W", "title": "Wards", "owner": "rosa", "currency": "USD",
    "customer": {"customer_id": "acme", "name": "Acme"}, "start_date": "2047-01-01",
    "sites": [{"site_id": "N", "name": "North"}, {"site_id": "S", "name": "South"}],
    "lines": [
        {"line_id": "A", "product": "PUMP", "family": "Device", "kind": "one_time", "quantity": "10",
         "list_price": "33.33"},
        {"line_id": "W", "product": "SETUP", "family": "Work", "kind": "one_time", "quantity": "1",
         "list_price": "500", "revenue": "percent_complete"},
        {"line_id": "U", "product": "CALLS", "family": "Metered", "kind": "one_time", "quantity": "100",
         "list_price": "2", "revenue": "usage"},
    ],
}  # fmt: skip


async def test_every_operation_has_a_command(shell: Shell, house: House) -> None:
    await PeopleDesk(house.desk).publish(ADMIN, {"policy": "standard", "rules": []})
    await house.quotes.put(ROSA, DOCUMENT)
    await house.quotes.submit(ROSA, "Q-W")
    await house.quotes.accept(ROSA, "Q-W")

    async def order(*words: str) -> str:
        return await shell("order", *words, "--as", "rosa")

    tried = await order("preview", "Q-W", "A=4@2047-02-01/N")
    assert "Q-W-1  2047-02-01  N  scheduled  133.32 USD" in tried
    assert "Q-W-1" not in await order("list", "Q-W")
    assert await order("create", "Q-W", "A=4@2047-02-01/N") == tried
    await order("create", "Q-W", "--split-by", "order_date,family")
    assert "unordered 0.00 USD" in await order("list", "Q-W")

    assert "2047-03-01" in await order("move-date", "Q-W-1", "--to", "2047-03-01", "--preview")
    assert "Q-W-1 of 2047-02-01 to N · scheduled" in await order("show", "Q-W-1")
    assert "2047-03-01" in await order("move", "Q-W-1", "--to", "2047-03-01")
    split = await order("split", "Q-W-1", "A=1", "--to", "2047-04-01", "--name", "late", "--if-version", "2")
    assert [line for line in split.splitlines() if " · " in line] == [
        "Q-W-1 of 2047-03-01 to N · scheduled · 99.99 USD",
        "Q-W-5 of 2047-04-01 to N · scheduled · 33.33 USD",
    ]
    await order("split", "Q-W-1", "A=1", "--to", "Q-W-5")
    await order("merge", "Q-W-1", "Q-W-5")
    await order("move", "Q-W-1", "A", "--to", "2047-05-01")
    await order("rollback", "Q-W-6")
    assert "possible now: release, rollback" in await held(order)
    await order("release", "Q-W-1")
    told = json.loads(await order("cancel", "Q-W-1", "A=1", "--disposition", "cancelled", "--json"))
    assert told["total"] == {"amount": "99.99", "currency": "USD"}
    await order("activate", "Q-W-1")
    await order("acknowledge", "Q-W-1", "--document", "SO-1")
    await order("deliver", "Q-W-1", "--line", "A", "--quantity", "1")
    await order("close-short", "Q-W-1", "--disposition", "cancelled")
    assert "kind" in json.loads(await order("return", "Q-W-1", "A=1", "--preview", "--json"))
    await order("return", "Q-W-1", "A=1", "--name", "back")
    assert re.search(r"  return Q-W-\d+ · ", await order("show", "Q-W-1"))
    await order("close", "Q-W-1")

    orders = json.loads(await order("list", "Q-W", "--json"))["orders"]
    work, metered = (next(each for each in orders if each["items"][0]["line_id"] == line) for line in ("W", "U"))
    for each in (work, metered):
        await order("activate", each["order_id"])
    await order("progress", work["order_id"], "40", "--line", "W")
    await order("usage", metered["order_id"], "--line", "U", "--quantity", "3", "--amount", "5.50")
    await order("invoice", metered["order_id"], "--line", "U", "--amount", "5.50", "--document", "INV-1")
    assert (await house.kinds("Q-W"))["order_invoiced"] == 1


async def held(order: object) -> str:
    assert callable(order)
    await order("hold", "Q-W-1", "--reason", "credit")
    shown: str = await order("show", "Q-W-1")
    assert "held by rosa" in shown
    return shown


def test_lines_are_written_with_their_quantities() -> None:
    assert line_quantities(["A=1", "B"]) == {"A": "1", "B": None}
    assert picks(["A", "B=2", "C=3@2027-01-01", "D/N", "E=1.5@2027-01-01/S"]) == [
        {"line": "A"},
        {"line": "B", "quantity": "2"},
        {"line": "C", "quantity": "3", "order_date": "2027-01-01"},
        {"line": "D", "ship_to": "N"},
        {"line": "E", "quantity": "1.5", "order_date": "2027-01-01", "ship_to": "S"},
    ]
    assert whereto("2027-01-01") == {"order_date": "2027-01-01"}
    assert whereto("Q-1-2") == {"into": "Q-1-2"}


@pytest.mark.parametrize(
    "words",
    [
        ["split", "Q-1", "A"],
        ["split", "Q-1", "A="],
        ["split", "Q-1", "A=1", "A=2"],
        ["move", "Q-1"],
        ["move", "Q-1", "--to", "2027-01-01", "--name", "x"],
        ["create", "Q-1", "A=1", "--split-by", "group"],
        ["create", "Q-1", "A=1@"],
        ["cancel", "Q-1", "--disposition", "lost"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrongly_is_used_wrongly(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["order", *words, "--as", "rosa", "--api", "http://127.0.0.1:9"]).exit_code == 2


def test_the_page_lists_every_operation_with_its_ways_in() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.M)
    assert {row[0] for row in rows} == {str(each) for each in Operation}
    commands = {
        command.name or (command.callback.__name__ if command.callback else "")
        for group in app.registered_groups
        if group.name == "order" and group.typer_instance is not None
        for command in group.typer_instance.registered_commands
    }
    for name, _, path, command in rows:
        assert re.search(r"`(POST|PATCH) ", path), name
        assert command.strip("`").split()[1] in commands, command
