"""Reads at size: the inbox and the quote page with 100,000 approvals in the tables, and analytics over all of them.

A small round is copied 50,000 times in a database of its own: two approvals each, every tenth round open, five hundred
approvers. Then the views answer as they answer the API, with a person or a quote drawn each time; the figures are of
the whole call, from asking for a connection to the last model.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from activities.store.analytics import Analytics, Chosen
from activities.store.record_entry import RecordEntry
from activities.store.work import Database, Work
from bench.measure import Figures, percentile
from domain.analytics import By, waits
from domain.approval.plan import Submission, make_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import Decision, RoundState, Verdict
from domain.calendar import ROUND_THE_CLOCK, WorkingCalendar
from domain.people import read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.pricing import price
from domain.quote import read_quote
from starter.embedded import migrated
from starter.postgres_server import THROWAWAY, postgres_server

ROUNDS = 50_000
CALLS = 2_000
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
OFFICE = {"time_zone": "America/Chicago", "hours": {"mon-fri": ["09:00-12:00", "13:00-17:00"]}}
PEOPLE = {
    "calendars": {"office": OFFICE},
    "users": {name: {"name": name.title(), "calendar": "office"} for name in ("rosa", "mei", "david")},
}
POLICY = {
    "policy": "standard",
    "version": 1,
    "fallback": "david",
    "rules": [
        {"id": "manager", "approver": "mei", "when": ["net_total > 10"], "reason": "Large", "chain": "commercial"},
        {"id": "director", "approver": "david", "when": ["net_total > 20"], "chain": "commercial", "step": 2},
    ],
    "chains": {"commercial": {}},
}
LINE = {
    "line_id": "L1",
    "product": "PUMP",
    "family": "Pumps",
    "kind": "one_time",
    "quantity": "3",
    "list_price": "33.10",
}
QUOTE = {
    "quote_id": "OPEN",
    "title": "Pumps",
    "owner": "rosa",
    "currency": "USD",
    "customer": {"customer_id": "acme", "name": "Acme"},
    "lines": [LINE],
}

# Every tenth copy is of the open round, the others of the decided one; people and days are spread.
FROM = "generate_series(1, {rounds}) n JOIN {table} t ON t.quote_id = CASE WHEN n % 10 = 0 THEN 'OPEN' ELSE 'DONE' END"
WHO = "'p' || (n * 7 + {salt}) % 500"
DAYS = "make_interval(days => -(n % 700))"
COPIES = {
    "quotes": {"quote_id": "'C-' || n", "customer_id": "'c-' || n % 5000"},
    "quote_versions": {"quote_id": "'C-' || n"},
    "rounds": {"quote_id": "'C-' || n", "opened_at": f"opened_at + {DAYS}"},
    "approvals": {
        "quote_id": "'C-' || n",
        "approval_id": "'C-' || n || '.1.' || rule",
        "requested_at": f"requested_at + {DAYS}",
        "settled_at": f"settled_at + {DAYS}",
    },
    "approval_people": {
        "quote_id": "'C-' || n",
        "approval_id": "'C-' || n || '.1.' || split_part(approval_id, '.', 3)",
        "person": WHO.format(salt="length(person)"),
        "sort_at": "sort_at - make_interval(secs => n)",
    },
}


async def run() -> tuple[list[Figures], Mapping[str, float]]:
    """Seed, check the plans, and measure: the lines, and the figures for the results file; about a minute."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-bench-"))
    try:
        place = {"folder": folder / "data", "log": folder / "postgres.log"}
        async with postgres_server(**place, options=THROWAWAY, say=lambda _: None) as server:
            await server.create_database("reads")
            await migrated(server.url("reads"))
            database = Database(server.url("reads"))
            try:
                approvals = await seed(database)
                found = await measured(database, approvals)
            finally:
                await database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    line: Figures = {"approvals": found[0].approvals}
    for each in found:
        line |= {f"{each.name}_p50": each.p50_ms, f"{each.name}_p99": each.p99_ms}
    return [line], {f"reads.{each.name}_p99_ms": each.p99_ms for each in found}


@dataclass(frozen=True, slots=True)
class Spent:
    """How long so many calls of one kind of read took."""

    name: str
    approvals: int
    calls: int
    p50_ms: float
    p99_ms: float


async def seed(database: Database, rounds: int = ROUNDS) -> int:
    """One open and one decided round as they really are, copied; how many approvals there are then."""
    async with database.work() as work:
        await work.policies.publish("standard", json.dumps(POLICY), POLICY, "pat", NINE)
    for name in ("OPEN", "DONE"):
        await _store(database, {**QUOTE, "quote_id": name}, decided=name == "DONE")
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        for table, changed in COPIES.items():
            listed = await connection.execute(
                text(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = :t ORDER BY ordinal_position"
                ),
                {"t": table},
            )
            names = [row[0] for row in listed]
            values = ", ".join(changed.get(name, f't."{name}"') for name in names)
            source = FROM.format(rounds=rounds, table=table)
            quoted = ", ".join(f'"{name}"' for name in names)
            await connection.execute(text(f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {source}"))
        await connection.execute(text(DECISIONS.format(rounds=rounds)))
        found = await connection.execute(text("SELECT count(*) FROM approvals"))
        count = int(found.scalar_one())
    async with database.engine.connect() as connection:
        still = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await still.execute(text("SET statement_timeout = 0"))
        await still.execute(text("VACUUM ANALYZE"))
    return count


# Answers after one to sixty hours.
DECISIONS = """
INSERT INTO decisions (decision_id, approval_id, by, turn, seat_of, verdict, at, channel, content_hash, policy,
    policy_version)
SELECT 'd-' || a.approval_id, a.approval_id, 'p' || abs(hashtext(a.quote_id)) % 500, 1, 'p1', 'approve',
    a.requested_at + make_interval(hours => 1 + abs(hashtext(a.approval_id)) % 60), 'api', 'h', 'standard', 1
FROM approvals a WHERE a.state = 'approved' AND a.quote_id LIKE 'C-%' AND {rounds} > 0
"""


async def _store(database: Database, content: dict[str, object], *, decided: bool) -> None:
    directory = read_directory(PEOPLE)
    submission = Submission(price(read_quote(content)), compile_policy(read_policy(POLICY)), directory, "rosa", NINE)
    moving = ApprovalRound(make_plan(submission), directory)
    moving.open(NINE)
    if decided:
        for number, (rule, by) in enumerate((("manager", "mei"), ("director", "david")), start=1):
            name = f"{content['quote_id']}.1.{rule}"
            given = Decision(decision_id=f"{name}.d", approval=name, verdict=Verdict.APPROVE, by=by)
            moving.decide(given, NINE + timedelta(hours=number))
    state: RoundState = moving.state
    async with database.work() as work:
        await work.quotes.put(content, "rosa", NINE)
        await work.rounds.open(state)
        await work.quotes.set_state(state.quote_id, "approved" if decided else "pending", NINE, round=1)
        await work.record.append([RecordEntry.of_round(event, state) for event in moving.events])


async def measured(database: Database, approvals: int) -> list[Spent]:
    """What each kind of read took. Raises RuntimeError when a plan reads a table from end to end."""
    dice = random.Random(7)

    def somebody() -> str:
        return f"p{dice.randrange(500)}"

    def some_quote() -> str:
        return f"C-{dice.randint(1, ROUNDS)}"

    reads: dict[str, Callable[[Work], Awaitable[object]]] = {
        "inbox": lambda work: work.views.inbox(somebody(), limit=50),
        "quote_page": lambda work: work.views.quote_page(some_quote()),
    }
    found = []
    for name, read in reads.items():
        await check_plans(database, name, read)
        spent = [await _timed(database, read) for _ in range(CALLS)][CALLS // 10 :]
        found.append(_spent(name, approvals, spent))
    spent = [await _timed(database, _analyse) for _ in range(3)]
    return [*found, _spent("analytics", approvals, spent)]


async def check_plans(database: Database, name: str, read: Callable[[Work], Awaitable[object]]) -> None:
    """Refuse (RuntimeError) a read that goes through a whole table: its figures would only be those of today's size."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        async with database.reading() as work:
            await read(work)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    async with database.engine.connect() as connection:
        for statement, parameters in seen:
            plan = (await connection.exec_driver_sql("EXPLAIN " + statement, parameters)).scalars().all()
            whole = [line for line in plan if "Seq Scan" in line]
            if whole:
                raise RuntimeError(f"{name} reads a whole table: {whole[0].strip()}: {statement}")


async def _timed(database: Database, read: Callable[[Work], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    async with database.reading() as work:
        await read(work)
    return time.perf_counter() - begun


async def _analyse(work: Work) -> None:
    directory = read_directory(PEOPLE)
    found = await Analytics(work.connection).gather(Chosen(), directory)
    calendars: dict[str | None, WorkingCalendar] = {None: ROUND_THE_CLOCK, "office": directory.calendars["office"]}
    waits(found.answers, found.silences, By.APPROVER, calendars)


def _spent(name: str, approvals: int, spent: list[float]) -> Spent:
    p50, p99 = (round(percentile(spent, percent) * 1000, 2) for percent in (50, 99))
    return Spent(name, approvals, len(spent), p50, p99)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run()), indent=1))
