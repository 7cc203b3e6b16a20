"""Orders: how long it takes to split a quote into many orders with a run each, and what that costs their parent."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from temporalio.client import Client

from activities.partners.file_erp import FileErp
from activities.store.work import Database
from activities.tokens import Identity, Tokens
from bench.measure import Figures
from bench.replacement import ADMIN, DIRECTORY
from domain.approval.state import Verdict
from starter.desk import Desk
from starter.embedded import migrated
from starter.order_desk import OrderDesk
from starter.people_desk import PeopleDesk
from starter.postgres_server import postgres_server
from starter.quote_desk import QuoteDesk
from worker import build_worker
from workflows.names import fulfilment_id

SIZES = (10, 100, 1_000)
POLICY: dict[str, Any] = {
    "policy": "standard",
    "fallback": "ceo",
    "chains": {"sales": {}},
    "rules": [{"id": "manager", "chain": "sales", "step": 1, "approver": "manager"}],
}
ROSA, MEI = Identity("rosa"), Identity("mei")
FAR = "2099-01-15"


def document(quote_id: str, orders: int) -> dict[str, Any]:
    """One line that goes to so many places, on a date that does not come."""
    deliveries = [{"order_date": FAR, "ship_to": f"S{number}", "quantity": "1"} for number in range(orders)]
    line = {"line_id": "L1", "product": "PUMP", "family": "Pumps", "kind": "one_time", "list_price": "33.10"}
    return {
        "quote_id": quote_id,
        "title": "Pumps",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "acme", "name": "Acme"},
        "lines": [{**line, "quantity": str(orders), "deliveries": deliveries}],
    }


async def measure(client: Client, url: str, orders: int, folder: Path) -> Figures:
    """Split one quote, then cancel all, so that every order has ended; what the fulfilment's history came to."""
    database = Database(url, pool_size=20)
    desk = Desk(client, database, Tokens(b"a key for the bench that is long enough"), f"bench-{uuid.uuid4().hex[:8]}")
    people, quotes, fulfilments = PeopleDesk(desk), QuoteDesk(desk), OrderDesk(desk)
    await people.load_directory(ADMIN, DIRECTORY)
    await people.publish(ADMIN, POLICY)
    erp, quote_id = FileErp(folder / "orders", folder / "answers"), f"B-{uuid.uuid4().hex[:12]}"
    async with build_worker(client, database, desk.tokens, erp, task_queue=desk.task_queue):
        await quotes.put(ROSA, document(quote_id, orders))
        state = await quotes.submit(ROSA, quote_id)
        await quotes.decide(MEI, state.approvals[0].approval_id, Verdict.APPROVE)
        await quotes.accept(ROSA, quote_id)
        began = time.perf_counter()
        book = await fulfilments.create(ROSA, quote_id, ["order_date", "ship_to"])
        split = time.perf_counter() - began
        assert len(book.orders) == orders, len(book.orders)
        began = time.perf_counter()
        await fulfilments.cancel_all(ROSA, quote_id)
        run = client.get_workflow_handle(fulfilment_id(quote_id))
        ended = (await run.result())["ended"]
        cancelled = time.perf_counter() - began
    assert len(ended) == orders, len(ended)
    lengths = [each.history_length async for each in client.list_workflows(f"WorkflowId = '{run.id}'")]
    await database.close()
    return {
        "orders": orders,
        "split_s": round(split, 2),
        "orders_per_s": round(orders / split, 1),
        "cancel_all_s": round(cancelled, 2),
        "parent_events": sum(lengths),
        "longest_run": max(lengths),
        "events_per_child": round(sum(lengths) / orders, 2),
    }


async def run(client: Client, folder: Path) -> tuple[list[Figures], Figures]:
    """All sizes, each in a database of its own, and the figures that are watched."""
    lines: list[Figures] = []
    async with postgres_server(folder / "fulfilments", log=folder / "fulfilments.log", say=lambda _: None) as server:
        for orders in SIZES:
            await server.create_database(f"orders_{orders}")
            await migrated(server.url(f"orders_{orders}"))
            lines.append(await measure(client, server.url(f"orders_{orders}"), orders, folder))
    last = lines[-1]
    return lines, {
        "orders.split_1000_s": last["split_s"],
        "orders.parent_events_per_child": last["events_per_child"],
    }
