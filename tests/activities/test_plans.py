"""The queries behind pages use indexes, however many rows there are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from activities.store.work import Database, Work
from domain.approval.state import ApprovalState
from tests.activities.samples import NOON, approval, order_hospital, round_of, seat, store_quote

MANY = 20_000

# One quote and round are copied many times; every tenth round is open and asks mei.
COPIES = """
INSERT INTO quotes SELECT 'C-' || n, version, content_hash, state, round, title, owner, customer_id, currency,
    net_total, etag, accepted_at, created_at, updated_at
    FROM quotes, generate_series(1, {many}) n WHERE quote_id = 'Q-1';
INSERT INTO quote_versions SELECT 'C-' || n, version, content_hash, content, by, at
    FROM quote_versions, generate_series(1, {many}) n WHERE quote_id = 'Q-1';
INSERT INTO rounds SELECT 'C-' || n, round, revision, quote_version, content_hash, policy, policy_version, submitter,
    CASE WHEN n % 10 > 0 THEN 'approved' END, next_moment, opened_at, CASE WHEN n % 10 > 0 THEN opened_at END, state
    FROM rounds, generate_series(1, {many}) n WHERE quote_id = 'Q-1';
INSERT INTO approvals SELECT 'C-' || n, 'C-' || n, round, position, rule, chain, step, approver, reason,
    CASE WHEN n % 10 > 0 THEN 'approved' ELSE 'requested' END, waiting_for, requested_at, due_at, settled_at
    FROM approvals, generate_series(1, {many}) n WHERE quote_id = 'Q-1';
INSERT INTO approval_people SELECT 'C-' || n, CASE WHEN n % 10 = 0 THEN 'mei' ELSE 'p' || n % 500 END, 'C-' || n, round,
    asked, acting, CASE WHEN n % 10 > 0 THEN 'approved' ELSE 'requested' END, sort_at
    FROM approval_people, generate_series(1, {many}) n WHERE approval_id = 'manager';
INSERT INTO record SELECT n + 100000, NULL, at, recorded_at, kind, 'C-' || n % 2000, order_id, approval_id, round, rule,
    by, on_behalf_of, channel, body, content_hash, policy, policy_version, prev_hash, 'h' || n
    FROM record, generate_series(1, {many}) n WHERE seq = 1;
INSERT INTO ledger (entry_id, kind, quote_id, order_id, item_id, line_id, version, position, customer_id, currency,
    product, ship_to, quantity, amount, start_date, end_date, effective, recorded_at, body)
    SELECT entry_id || 'C' || n, kind, quote_id, order_id, item_id, line_id, version, position, 'C-' || n % 200,
    currency, product, ship_to, quantity, amount, start_date, end_date, effective, recorded_at, body
    FROM (SELECT * FROM ledger LIMIT 1), generate_series(1, {many}) n;
ANALYZE
"""

Query = Callable[[Work], Awaitable[object]]

QUERIES: dict[str, Query] = {
    "the inbox": lambda work: work.views.inbox("mei"),
    "the inbox of what was settled": lambda work: work.views.inbox("p7", state=ApprovalState.APPROVED),
    "the quote page": lambda work: work.views.quote_page("C-77"),
    "the list of rounds": lambda work: work.views.rounds("C-77"),
    "the record of a quote": lambda work: work.views.record_page("C-77"),
    "open rounds of a person": lambda work: work.rounds.involving("mei"),
    "what a replacement touches": lambda work: work.operations.rounds_of(("mei", "nobody"), ("manager", "legal")),
    "what is due": lambda work: work.views.open_rounds(due_until=NOON),
    "an approval": lambda work: work.rounds.locate("C-77"),
    "quotes of an owner": lambda work: work.views.quote_list(owner="nobody"),
    "the ledger of a customer": lambda work: work.ledger.entries(customer="C-77"),
    "a page of the ledger": lambda work: work.order_views.ledger_of_customer("C-77"),
    "the outgoing messages": lambda work: work.outgoing.take(),
}


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def scanned(plan: Any) -> Iterator[str]:
    """The tables that a plan reads from end to end."""
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from scanned(part)


@pytest.fixture
async def crowded(database: Database) -> Database:
    """A database with many approvals, record entries and ledger rows."""
    await order_hospital(database)
    async with database.work() as work:
        await store_quote(work)
        await work.rounds.open(round_of(approval("manager", seat("mei")), next_moment=NOON))
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in COPIES.format(many=MANY).split(";"):
            await connection.execute(text(statement))
    return database


async def test_pages_read_by_index(crowded: Database) -> None:
    await check_no_table_is_read_whole(crowded)
    await check_the_inbox_reads_its_own_index(crowded)


async def check_no_table_is_read_whole(crowded: Database) -> None:
    for name, query in QUERIES.items():
        with statements(crowded) as seen:
            async with crowded.work() as work:
                await query(work)
        assert seen, name
        async with crowded.engine.connect() as connection:
            for statement, parameters in seen:
                rows = await connection.exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement, parameters)
                found = rows.scalar_one()
                plan = json.loads(found) if isinstance(found, str) else found
                read = set(scanned(plan[0]["Plan"])) - {"outgoing"}
                assert read == set(), f"{name} reads all of {read}: {statement}"


async def check_the_inbox_reads_its_own_index(crowded: Database) -> None:
    with statements(crowded) as seen:
        async with crowded.reading() as work:
            page = await work.views.inbox("mei", limit=50)
    assert len(page.lines) == 50
    ((statement, parameters),) = seen
    async with crowded.engine.connect() as connection:
        plan = (await connection.exec_driver_sql("EXPLAIN " + statement, parameters)).scalars().all()
    assert any("ix_approval_people_inbox" in line for line in plan), plan
    # The index has the order of the page: nothing is sorted, so a page costs what it shows.
    assert not any("Sort" in line for line in plan), plan
