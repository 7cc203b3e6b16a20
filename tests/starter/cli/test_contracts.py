"""``countersign contract``, credit holds, and whole fulfilments: commands over a running API, and their refusals."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.refusal import Refusal
from starter.cli.contract import changed_lines
from starter.cli.main import app
from starter.people_desk import PeopleDesk
from tests.starter.cli.test_acts import Shell, address, house
from tests.workflows.house import ADMIN, ROSA, House

__all__ = ["address", "house"]
SEATS = {
    "line_id": "S", "product": "SEAT", "family": "Software", "kind": "subscription", "quantity": "10",
    "list_price": "10.00", "start_date": "2047-01-01", "term_months": 12,
}  # fmt: skip
CALLS = {
    "line_id": "U", "product": "CALLS", "family": "Metered", "kind": "one_time", "quantity": "100", "list_price": "2",
    "revenue": "usage",
}  # fmt: skip
PUMP = {"line_id": "A", "product": "PUMP", "family": "Device", "kind": "one_time", "quantity": "1", "list_price": "9"}
DOCUMENT: dict[str, Any] = {
    "quote_id": "Q-C", "title": "Seats", "owner": "rosa", "currency": "USD",
    "customer": {"customer_id": "acme", "name": "Acme"}, "start_date": "2047-01-01", "lines": [SEATS, CALLS, PUMP],
}  # fmt: skip


class Named(Shell):
    """Commands on one quote, which is called Q-C here and has an id of its own on the server that tests share."""

    def __init__(self, address: str, state: Path) -> None:
        super().__init__(address, state)
        self.quote = f"Q{uuid.uuid4().hex[:10]}"

    async def __call__(self, *words: str, exit_code: int = 0) -> str:
        own = (word.replace("Q-C", self.quote) for word in words)
        return (await super().__call__(*own, exit_code=exit_code)).replace(self.quote, "Q-C")

    async def refused(self, *words: str) -> str:
        """The code with which a command is refused; what people read of it is told by the program around."""
        own = [word.replace("Q-C", self.quote) for word in words]
        done = await asyncio.to_thread(CliRunner().invoke, app, own, env=self.environment)
        assert isinstance(done.exception, Refusal), done.output
        return done.exception.code


@pytest.fixture
def shell(address: str, tmp_path: Path) -> Named:
    return Named(address, tmp_path)


@pytest.fixture
async def orders(house: House, shell: Named) -> dict[str, str]:
    """The order of each line of a quote that is ordered for a day far ahead."""
    await PeopleDesk(house.desk).publish(ADMIN, {"policy": "standard", "rules": []})
    await house.quotes.put(ROSA, {**DOCUMENT, "quote_id": shell.quote})
    await house.quotes.submit(ROSA, shell.quote)
    await house.quotes.accept(ROSA, shell.quote)
    book = await house.orders.create(ROSA, shell.quote, ["order_date", "family"])
    return {order.items[0].line_id: order.order_id.replace(shell.quote, "Q-C") for order in book.orders}


async def test_a_contract_is_shown_amended_and_renewed(shell: Shell, orders: dict[str, str]) -> None:
    async def contract(*words: str) -> str:
        return await shell("contract", *words, "--as", "rosa")

    assert (await contract("show", "Q-C")).split() == [
        "Q-C", "2047-01-01", "2047-12-31", "1,409.00", "USD", "S", "U", "A",
    ]  # fmt: skip
    more = await contract("amend", "Q-C", "S=+5", "--start", "2047-07-01", "--unit-price", "S=9.00")
    assert more.splitlines() == ["Q-C-A1 amends Q-C · draft · 270.00 USD", "  S SEAT 5 2047-07-01 to 2047-12-31"]
    told = json.loads(await contract("amend", "Q-C", "--end", "S=2047-06-30", "--start", "2047-07-01", "--json"))
    assert (told["quote_id"], told["net_total"]["amount"]) == ("Q-C-A2", "-600.00")
    words = ("--price", "uplift", "--uplift", "5", "--months", "6", "--quote-id", "Q-NEXT", "--title", "Next")
    renewed = await contract("renew", "Q-C", *words)
    assert renewed.splitlines() == ["Q-NEXT renews Q-C · draft · 630.00 USD", "  S SEAT 10 2048-01-01 to 2048-06-30"]
    listed = json.loads(await contract("renew", "Q-C", "--price", "list", "--list-price", "SEAT=11", "--json"))
    assert (listed["quote_id"], listed["net_total"]["amount"]) == ("Q-C-R1", "1320.00")


REFUSED = (
    (["contract", "renew", "Q-C", "--price", "uplift"], "missing_field"),
    (["contract", "renew", "Q-C", "--quote-id", "Q-C"], "key_taken"),
    (["contract", "amend", "Q-C", "X=1", "--start", "2047-07-01"], "unknown_line"),
    (["contract", "amend", "Q-C", "A=1", "--start", "2047-07-01"], "not_running"),
    (["contract", "show", "Q-C/2050-01-01"], "unknown_contract"),
    (["order", "cancel-all", "Q-NONE"], "not_ordered"),
    (["customer", "lift-credit-hold", "acme", "--reason", "paid"], "not_on_credit_hold"),
    (["customer", "credit-hold", "nobody", "--reason", "late"], "unknown_customer"),
)


async def test_what_is_refused_says_its_code(shell: Named, orders: dict[str, str]) -> None:
    for words, code in REFUSED:
        assert (words, await shell.refused(*words, "--as", "rosa")) == (words, code)


async def test_usage_is_refused_before_its_order_is_active_and_of_what_is_not_metered(
    shell: Named, orders: dict[str, str]
) -> None:
    async def usage(order: str, *words: str) -> str:
        return await shell.refused("order", "usage", order, *words, "--as", "rosa")

    assert await usage(orders["U"], "--line", "U", "--quantity", "3") == "wrong_state"
    for order in (orders["U"], orders["A"]):
        await shell("order", "activate", order, "--as", "rosa")
    assert await usage(orders["A"], "--line", "A", "--quantity", "3") == "no_usage"
    assert await usage(orders["U"], "--line", "X", "--quantity", "3") == "unknown_line"
    assert await usage(orders["U"], "--line", "U", "--quantity", "3", "--on", "2047-01-01") == "in_the_future"
    assert await usage(orders["U"], "--line", "U", "--quantity", "three") == "invalid_number"


async def test_a_whole_fulfilment_is_previewed_and_cancelled(shell: Named, orders: dict[str, str]) -> None:
    async def cancel_all(*words: str) -> str:
        return await shell("order", "cancel-all", "Q-C", *words, "--as", "rosa")

    await shell("order", "hold", orders["A"], "--reason", "who knows", "--as", "rosa")
    groups = f"cancelled: {', '.join(sorted(orders.values()))}\nwithdrawn: none\nkept: none"
    assert await cancel_all("--preview") == groups
    assert "on_hold" in await shell("order", "list", "Q-C", "--as", "rosa")
    assert await cancel_all("--disposition", "cancelled", "--comment", "they left") == groups
    assert "unordered 0.00 USD" in await shell("order", "list", "Q-C", "--as", "rosa")
    assert await shell.refused("order", "cancel-all", "Q-C", "--as", "rosa") == "nothing_open"


async def test_a_customer_is_put_on_credit_hold_and_off_it(shell: Shell, orders: dict[str, str]) -> None:
    async def customer(*words: str) -> str:
        return await shell("customer", *words, "--as", "rosa")

    held = await customer("credit-hold", "acme", "--reason", "invoices overdue")
    assert held.startswith("acme on credit hold since ")
    assert held.endswith(" by rosa: invoices overdue")
    assert await customer("credit-holds") == held
    assert "credit hold by rosa: invoices overdue" in await customer("show", "acme")
    assert "blocked: credit block: invoices overdue" in await activated(shell, orders["A"])
    lifted = json.loads(await customer("lift-credit-hold", "acme", "--reason", "paid", "--service", "--json"))
    assert (lifted["held"], lifted["reason"]) == (False, "paid")
    assert await customer("credit-holds") == ""


async def activated(shell: Shell, order: str) -> str:
    await shell("order", "activate", order, "--as", "rosa")
    return await shell("order", "show", order, "--as", "rosa")


@pytest.mark.parametrize(
    "words",
    [
        ["contract", "amend", "Q-C", "--start", "2047-07-01"],
        ["contract", "amend", "Q-C", "S", "--start", "2047-07-01"],
        ["contract", "amend", "Q-C", "S=1", "S=2", "--start", "2047-07-01"],
        ["contract", "renew", "Q-C", "--price", "cheap"],
        ["contract", "renew", "Q-C", "--months", "0"],
        ["order", "cancel-all", "Q-C", "--disposition", "lost"],
        ["customer", "credit-hold", "acme"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrongly_is_used_wrongly(words: list[str]) -> None:
    assert CliRunner().invoke(app, [*words, "--as", "rosa", "--api", "http://127.0.0.1:9"]).exit_code == 2


def test_changes_of_a_line_are_told_together_and_sites_apart() -> None:
    assert changed_lines(["S=+5", "S@N=-2"], ["S=9.00"], ["T=2047-06-30"]) == [
        {"line": "S", "quantity_change": "5", "unit_price": "9.00"},
        {"line": "S", "ship_to": "N", "quantity_change": "-2"},
        {"line": "T", "end_date": "2047-06-30"},
    ]
