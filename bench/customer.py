"""A large customer: the page in one look, revenue and entitlements over 2,000 ledger rows, over HTTP.

The customer has some quotes of three years each, and half of that time is over: split by date and place, a date moved,
delivered in parts and accepted, used, invoiced, changed by amendments, with services without end, and with every month
that is over closed. It is made by the operations themselves and stored as they store it. Then the API's application
answers; figures are of whole requests, and ``cpu_ms`` is the processor time of this process for one of them, which says
more than the clock does when others are at work on the machine. ``cold`` is the first look after something was added.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client

from activities.store.kept_ledgers import KeptLedgers
from activities.store.work import Database, Work
from activities.tokens import Identity, Tokens
from bench.measure import Figures, percentile
from domain.approval.plan import Submission, make_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import RoundState
from domain.ledger.entries import LedgerEntry
from domain.ledger.later_period import due_periods
from domain.order.activation import acknowledge, advance
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.book import OrderBook, open_book
from domain.order.event import Cause, Change
from domain.order.fulfilment import accept_item, deliver, reach
from domain.order.order import Order
from domain.order.placing import place
from domain.order.recording import invoice, usage
from domain.order.reschedule import move_date
from domain.people import read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from domain.term import add_months
from starter.api.app import create_api
from starter.clock import StoryClock
from starter.desk import Desk
from starter.embedded import migrated
from starter.heap import settle_heap
from starter.people_desk import PeopleDesk
from starter.postgres_server import THROWAWAY, postgres_server

ROWS = 2_000
CALLS = 15
"""Of each kind of question, when the ledger was read before: somebody looks at a customer from all sides."""
COLD_CALLS = 3
"""Of each, when nothing is kept of the ledger: the first look after something was added."""
FIRST, NOW = datetime(2027, 1, 4, 15, tzinfo=UTC), datetime(2028, 6, 15, 15, tzinfo=UTC)
SITES = ("ATL", "BOS", "CHI")
ADMIN, ROSA = Identity("setup", frozenset({"admin"})), Identity("rosa")
CUSTOMER = "C-BIG"
PEOPLE = {"users": {name: {"name": name} for name in ("rosa", "mei", "erp")}}
POLICY: dict[str, Any] = {
    "policy": "standard",
    "version": 1,
    "fallback": "mei",
    "rules": [{"id": "never", "approver": "mei", "when": ["net_total < 0"], "chain": "sales"}],
    "chains": {"sales": {}},
}
ASKED = {
    "page": f"/customers/{CUSTOMER}",
    "revenue": f"/customers/{CUSTOMER}/revenue",
    "by_contract": f"/customers/{CUSTOMER}/revenue?by=contract",
    "csv": f"/customers/{CUSTOMER}/revenue?format=csv",
    "remaining": f"/customers/{CUSTOMER}/revenue/remaining",
    "contracts": f"/customers/{CUSTOMER}/contracts",
    "entitlements": f"/customers/{CUSTOMER}/entitlements?on=2028-01-31",
    "unordered": f"/customers/{CUSTOMER}/entitlements?on=2028-01-31&view=unordered&known=2027-06-30",
    "timeline": f"/customers/{CUSTOMER}/timeline",
}


async def run() -> tuple[list[Figures], Mapping[str, float]]:
    """Seed and measure: a line for each kind of question, and the figures for the results file; about a minute."""
    async with stored_customer() as (desk, rows):
        token = desk.tokens.access("rosa", datetime.now(UTC), timedelta(hours=1), frozenset())
        transport = httpx2.ASGITransport(app=create_api(desk))
        headers = {"Authorization": f"Bearer {token}"}
        settle_heap()
        async with httpx2.AsyncClient(transport=transport, base_url="http://bench/api/v1", headers=headers) as http:
            kept = {name: await _spent(http, path, desk.database) for name, path in ASKED.items()}
            cold = {name: await _spent(http, path, desk.database, cold=True) for name, path in ASKED.items()}
    figures: dict[str, float] = {"customer.rows": rows}
    line: Figures = {"rows": rows, "page_p50": kept["page"].p50_ms, "page_p99": kept["page"].p99_ms}
    for name in ASKED:
        figures |= {f"customer.{name}_{figure}": value for figure, value in kept[name].told().items()}
        figures |= {f"customer.{name}_cold_{figure}": value for figure, value in cold[name].told().items()}
        line |= {f"{name}_cpu": kept[name].cpu_best_ms, f"{name}_cold_cpu": cold[name].cpu_best_ms}
    return [line], figures


@dataclass(frozen=True, slots=True)
class Spent:
    """How long one kind of request took, and how much of the processor: the best of all, and half of them."""

    p50_ms: float
    p99_ms: float
    cpu_ms: float
    cpu_best_ms: float

    def told(self) -> dict[str, float]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


async def _spent(http: httpx2.AsyncClient, path: str, database: Database, *, cold: bool = False) -> Spent:
    """``cold``: nothing is kept of the ledger at any call. Raises RuntimeError when the answer is no answer."""
    times: list[float] = []
    processor: list[float] = []
    for _ in range(1 + (COLD_CALLS if cold else CALLS)):
        if cold:
            database.kept_ledgers = KeptLedgers()
        began, worked = time.perf_counter(), time.process_time()
        answer = await http.get(path)
        times.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
    p50, p99 = (round(percentile(times[1:], percent) * 1000, 2) for percent in (50, 99))
    worked_ms = round(percentile(processor[1:], 50) * 1000, 2)
    return Spent(p50, p99, worked_ms, round(min(processor[1:]) * 1000, 2))


@asynccontextmanager
async def stored_customer() -> AsyncIterator[tuple[Desk, int]]:
    """A desk on a database with the customer, on the day that is today there; and how many ledger rows it has."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-bench-"))
    try:
        place_of = {"folder": folder / "data", "log": folder / "postgres.log"}
        async with postgres_server(**place_of, options=THROWAWAY, say=lambda _: None) as server:
            await server.create_database("customer")
            await migrated(server.url("customer"))
            database = Database(server.url("customer"))
            # Nothing that is asked here needs the Temporal server.
            client = await Client.connect("127.0.0.1:1", lazy=True)
            desk = Desk(client, database, Tokens(b"a key for the bench that is long enough"), clock=StoryClock(NOW))
            await PeopleDesk(desk).load_directory(ADMIN, PEOPLE)
            try:
                yield desk, await seed(database)
            finally:
                await database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def seed(database: Database, rows: int = ROWS) -> int:
    """Store a customer with at least so many ledger rows; how many they are."""
    life = Life()
    number = 0
    while len(life.entries) + len(life.periods()) < rows:
        number += 1
        life.sell(f"Q-{number:02}", add_months(FIRST.date(), number % 3))
    async with database.work() as work:
        await work.policies.publish("standard", json.dumps(POLICY), POLICY, "rosa", FIRST)
    for _, store in sorted(_steps(life), key=lambda step: step[0]):
        async with database.work() as work:
            await store(work)
    async with database.work() as work:
        await work.ledger.append(life.periods())
    async with database.reading() as work:
        return len(await work.ledger.entries(customer=CUSTOMER))


def _steps(life: Life) -> Iterator[tuple[datetime, Callable[[Work], Awaitable[Any]]]]:
    """All that is stored, with its moment: what a closing knows goes by the order in which it is stored."""
    for sold in life.sold:
        yield sold.at, partial(_open, sold)
        for change in sold.changes:
            yield change.events[0].at, partial(_change, sold.quote_id, change)
    for month in closed_months():
        at = datetime.combine(add_months(date.fromisoformat(f"{month}-03"), 1), FIRST.timetz())
        yield at, partial(_close, month, at)


async def _open(sold: Sold, work: Work) -> None:
    await work.quotes.put(sold.document, "rosa", sold.at)
    await work.rounds.open(_agreed(sold))
    await work.quotes.set_state(sold.quote_id, "approved", sold.at, round=1)
    await work.quotes.accept(sold.quote_id, sold.at)
    await work.orders.open_book(sold.opened)


async def _change(quote_id: str, change: Change, work: Work) -> None:
    await work.orders.book(quote_id, for_update=True)
    await work.save_change(change)


async def _close(month: str, at: datetime, work: Work) -> None:
    await work.closed_periods.close(month, at, "rosa", time_zone="UTC", customer_id=CUSTOMER)


def _agreed(sold: Sold) -> RoundState:
    """A round in which nobody had to be asked."""
    submission = Submission(
        price(read_quote(sold.document)), compile_policy(read_policy(POLICY)), read_directory(PEOPLE), "rosa", sold.at
    )
    moving = ApprovalRound(make_plan(submission), read_directory(PEOPLE))
    moving.open(sold.at)
    return moving.state


def closed_months() -> Iterator[str]:
    """Every month that was over by now, each closed on the third of the next."""
    day = FIRST.date().replace(day=1)
    while add_months(day, 1) <= NOW.date():
        yield day.isoformat()[:7]
        day = add_months(day, 1)


@dataclass(slots=True)
class Sold:
    """A quote that was ordered, and all that happened to its orders, in order."""

    document: dict[str, Any]
    at: datetime
    opened: OrderBook
    book: OrderBook
    changes: list[Change] = field(default_factory=list)

    @property
    def quote_id(self) -> str:
        return self.book.quote_id

    def apply(self, change: Change) -> None:
        if change.orders:
            self.book = self.book.applied(change)
            self.changes.append(change)


@dataclass(slots=True)
class Life:
    """What is sold to the customer and comes of it, on the pure core."""

    sold: list[Sold] = field(default_factory=list)

    @property
    def entries(self) -> list[LedgerEntry]:
        """All that the ledger would have by now, in the order in which it was recorded."""
        told = [entry for each in self.sold for change in each.changes for entry in change.entries]
        return sorted(told, key=lambda entry: entry.recorded_at)

    def periods(self) -> tuple[LedgerEntry, ...]:
        """The later periods of what runs without end."""
        return due_periods(self.entries, NOW.date(), NOW)

    def sell(self, quote_id: str, start: date) -> None:
        """A quote of three years at three places, a year and a half of its life, and three amendments."""
        sold = self._order(document(quote_id, start), _moment(start) - timedelta(days=3), "order_date", "ship_to")
        second = sold.book.orders[-1]
        to = second.order_date + timedelta(days=9)
        sold.apply(move_date(sold.book, second.order_id, to, _cause(sold.at)))
        self._activated(sold)
        for order in sold.book.orders:
            _fulfil(sold, order)
        for number, (months, change) in enumerate(((4, "5"), (8, "-3"), (13, "2")), start=1):
            self._amend(sold, f"{quote_id}-A{number}", add_months(start, months), change)

    def _order(self, content: dict[str, Any], at: datetime, *keys: str, agreement: Agreement | None = None) -> Sold:
        priced = price(read_quote(content))
        book = open_book(priced)
        sold = Sold(content, at, book, book)
        self.sold.append(sold)
        sold.apply(place(book, priced, keys, None, agreement, _cause(at)))
        return sold

    def _amend(self, origin: Sold, quote_id: str, start: date, change: str) -> None:
        books = [each.book for each in self.sold if each.quote_id.startswith(origin.quote_id)]
        agreement = Agreement.of(read_quote(origin.document), books, self.entries)
        lines = [{"line": "SEAT", "ship_to": site, "quantity_change": change} for site in SITES]
        wish = {"quote_id": quote_id, "contract_of": origin.quote_id, "start_date": start.isoformat(), "lines": lines}
        content = amend(agreement, read_model(Amendment, wish))
        sold = self._order(content, _moment(start) - timedelta(days=2), "ship_to", agreement=agreement)
        self._activated(sold)

    def _activated(self, sold: Sold) -> None:
        for order in sold.book.orders:
            due = max(order.due, sold.at)
            sold.apply(advance(order, _cause(due, "clock")))
            sold.apply(acknowledge(sold.book.order(order.order_id), _cause(due + timedelta(minutes=1), "erp")))


def _fulfil(sold: Sold, order: Order) -> None:
    """Things come in three parts and are accepted, work goes on, use is told and services are invoiced each month."""
    name = order.order_id

    def told(change: Any, days: int, **facts: Any) -> None:
        at = _moment(order.order_date + timedelta(days=days))
        sold.apply(change(sold.book.order(name), _cause(at, "erp"), **facts))

    for number, quantity in enumerate(("4", "4", "2"), start=1):
        told(deliver, 20 * number, line="RACK", quantity=Decimal(quantity))
        told(accept_item, 20 * number + 5, line="RACK", quantity=Decimal(quantity))
    told(deliver, 15, line="PUMP")
    for number, milestone in enumerate(("designed", "built"), start=1):
        told(reach, 60 * number, line="SETUP", milestone=milestone)
    for month in range(1, 15):
        told(usage, 30 * month, line="DATA", quantity=Decimal(40), amount=Decimal("36.40"))
        told(invoice, 30 * month + 1, line="SEAT", amount=Decimal("310.00"))


def document(quote_id: str, start: date) -> dict[str, Any]:
    """Racks, pumps, work, seats, data by use, hosting without end and support as a percent, at three places."""
    days = [
        {"order_date": (start + timedelta(days=14 * at)).isoformat(), "ship_to": site} for at, site in enumerate(SITES)
    ]

    def line(name: str, kind: str, quantity: int, net_price: str, **more: Any) -> dict[str, Any]:
        deliveries = [{**each, "quantity": str(quantity)} for each in days]
        facts = {"line_id": name, "product": name, "family": "Things", "kind": kind, "net_price": net_price}
        return {**facts, "quantity": str(quantity * len(days)), "deliveries": deliveries, **more}

    stones = [{"name": "designed", "percent": "40"}, {"name": "built", "percent": "60"}]
    return {
        "quote_id": quote_id,
        "title": "Three years",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": CUSTOMER, "name": "Big", "time_zone": "UTC"},
        "start_date": start.isoformat(),
        "sites": [{"site_id": site, "name": site} for site in SITES],
        "terms": {"payment_terms": "Net 45"},
        "lines": [
            line("RACK", "one_time", 10, "1210.55", asset="per_unit", acceptance="required"),
            line("PUMP", "one_time", 3, "333.33", asset="per_line"),
            line("SETUP", "one_time", 1, "9000.00", revenue="on_milestone", milestones=stones),
            line("SEAT", "subscription", 25, "12.40", term_months=36),
            line("DATA", "one_time", 1, "900.00", revenue="usage"),
            line("HOST", "evergreen", 2, "310.00"),
            {
                "line_id": "CARE",
                "product": "CARE",
                "family": "Services",
                "kind": "percent_of_total",
                "quantity": "1",
                "percent": "12",
                "of_lines": ["RACK", "PUMP", "SEAT"],
            },
        ],
    }


def _moment(day: date) -> datetime:
    return datetime.combine(day, FIRST.timetz())


def _cause(at: datetime, by: str = "rosa") -> Cause:
    return Cause(at=at, by=by)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run()), indent=1))
