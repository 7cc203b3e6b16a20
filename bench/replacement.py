"""Replacement: how long it takes to put a successor in every pending approval, and whether the rate stays flat.

Rounds are seeded through the store, each with a step that asks the replaced and one that asks others; beside them lie
as many that the replacement has nothing to do with. Their runs are absent: what a run does with a refresh is measured
elsewhere.
"""

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client

from activities.partners.file_erp import FileErp
from activities.store.work import Database
from activities.tokens import Identity, Tokens
from bench.measure import Figures
from domain.approval.plan import Submission, make_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import RoundState
from domain.people import read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.pricing import price
from domain.quote import read_quote
from starter.desk import Desk
from starter.embedded import migrated
from starter.people_desk import PeopleDesk
from starter.postgres_server import postgres_server
from starter.replacement_desk import ReplacementDesk
from worker import build_worker

PENDING = (100, 1_000, 10_000)
TOGETHER = 200
ADMIN = Identity("root", frozenset({"admin"}))
DIRECTORY: dict[str, Any] = {
    "users": {name: {"name": name.title()} for name in ("root", "rosa", "mei", "david", "farid", "ines", "liam")},
    "approvers": {"manager": {"user": "mei"}, "director": {"user": "david"}, "ceo": {"user": "ines"}},
}
POLICY: dict[str, Any] = {
    "policy": "standard",
    "fallback": "ceo",
    "chains": {"sales": {}},
    "rules": [
        {"id": "director", "chain": "sales", "step": 1, "approver": "director", "sla": {"remind": "4h"}},
        {"id": "ceo", "chain": "sales", "step": 2, "approver": "ceo"},
    ],
}
OTHERS: dict[str, Any] = {
    **POLICY,
    "policy": "others",
    "rules": [{"id": "manager", "chain": "sales", "step": 1, "approver": "manager"}],
}


def document(quote_id: str) -> dict[str, Any]:
    """One line, one amount."""
    line = {"line_id": "L1", "product": "PUMP", "family": "Pumps", "kind": "one_time", "quantity": "3"}
    return {
        "quote_id": quote_id,
        "title": "Pumps",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "acme", "name": "Acme"},
        "lines": [{**line, "list_price": "33.10"}],
    }


def opened(policy: dict[str, Any]) -> RoundState:
    """A round that was just opened."""
    compiled = compile_policy(read_policy(policy).model_copy(update={"version": 1}))
    directory = read_directory(DIRECTORY)
    priced = price(read_quote(document("Q")))
    moving = ApprovalRound(make_plan(Submission(priced, compiled, directory, "rosa", datetime.now(UTC))), directory)
    moving.open(datetime.now(UTC))
    return moving.state


def named(state: RoundState, quote_id: str) -> RoundState:
    """The same round of another quote."""
    quote = read_quote(document(quote_id))
    approvals = tuple(each.model_copy(update={"approval_id": f"{quote_id}.1.{each.rule}"}) for each in state.approvals)
    return state.model_copy(update={"quote_id": quote_id, "content_hash": quote.content_hash, "approvals": approvals})


async def seed(database: Database, state: RoundState, count: int) -> None:
    """Put so many open rounds down."""
    for begin in range(0, count, TOGETHER):
        async with database.work() as work:
            for _ in range(begin, min(begin + TOGETHER, count)):
                quote_id = f"B-{uuid.uuid4().hex[:12]}"
                await work.quotes.put(document(quote_id), "rosa", state.opened_at)
                await work.rounds.open(named(state, quote_id))
                await work.quotes.set_state(quote_id, "pending", state.opened_at, round=1)


async def measure(client: Client, url: str, pending: int, folder: Path) -> Figures:
    """Replace the director in so many pending approvals, beside as many of others."""
    database = Database(url, pool_size=20)
    tokens = Tokens(b"a key for the bench that is long enough")
    desk = Desk(client, database, tokens, f"bench-{uuid.uuid4().hex[:8]}")
    people = PeopleDesk(desk)
    await people.load_directory(ADMIN, DIRECTORY)
    for policy in (POLICY, OTHERS):
        await people.publish(ADMIN, policy)
    await seed(database, opened(POLICY), pending)
    await seed(database, opened(OTHERS), pending)
    replacements = ReplacementDesk(desk)
    erp = FileErp(folder / "orders", folder / "answers")
    async with build_worker(client, database, tokens, erp, task_queue=desk.task_queue):
        began = time.perf_counter()
        operation = await replacements.replace(ADMIN, "director", "farid")
        done = await replacements.finished(operation.operation_id)
        took = time.perf_counter() - began
    shown = await replacements.operation(operation.operation_id)
    assert done.state == "done", done
    assert shown.rounds == {"replaced": pending}, shown.rounds
    handle = client.get_workflow_handle(f"replace/{operation.operation_id}")
    events = len((await handle.fetch_history()).events)
    await database.close()
    return {
        "pending": pending,
        "seconds": round(took, 2),
        "approvals_per_s": round(pending / took, 1),
        "ms_each": round(took / pending * 1000, 2),
        "events": events,
    }


async def run(client: Client, folder: Path) -> list[Figures]:
    """All sizes, each in a database of its own."""
    lines: list[Figures] = []
    log = folder / "replacement.log"
    async with postgres_server(folder / "replacement", log=log, say=lambda _: None) as server:
        for pending in PENDING:
            await server.create_database(f"pending_{pending}")
            await migrated(server.url(f"pending_{pending}"))
            lines.append(await measure(client, server.url(f"pending_{pending}"), pending, folder))
    return lines
