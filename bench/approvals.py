"""Approvals: whole rounds with database, record and messages beside the floor, on the same server, in turns.

A quote is submitted and approved in two steps, each with a deadline, by several clients at once, through the same desk
that the API uses; the worker is the one of an installation, with its relay, and letters become files. Beside it runs
``bench.floor``: a bare workflow with as many decisions, timers and activities, and nothing of ours in it. The two take
turns of a few seconds each, so that both see the same machine; what counts is their ratio.

``python -m bench.approvals --processor`` measures only what processor time a quote takes, and the floor's run: that is
the same on a machine that others use, too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr
from temporalio.client import Client

from activities.store.work import Database
from activities.tokens import Identity, Tokens
from bench import floor
from bench.actions import actions
from bench.measure import Figures, percentile
from bench.processor import Spent
from domain.approval.state import RoundState, Verdict
from starter.desk import Desk
from starter.embedded import migrated
from starter.people_desk import PeopleDesk
from starter.postgres_server import postgres_server
from starter.quote_desk import QuoteDesk
from starter.settings import Settings
from worker import POLLERS, at_work
from workflows.names import quote_approval_id

CLIENTS = (1, 8, 32)
TURNS = 3
SECONDS = 5.0
# Quotes that are handed in before a turn: more than can be approved in it.
QUOTES = 200
PATIENCE = 60.0
# Clients, turns of each kind, and runs in a turn, where processor time is what counts.
BESIDE, SPELLS, RUNS = 8, 3, 80
ADMIN, ROSA, MEI, DAVID, INES = (
    Identity(name, frozenset({"admin"})) for name in ("root", "rosa", "mei", "dave", "ines")
)
DIRECTORY: dict[str, Any] = {
    "calendars": {"office": {"time_zone": "America/Chicago", "hours": {"mon-fri": ["09:00-12:00", "13:00-17:00"]}}},
    "users": {
        name: {"name": name.title(), "mail": f"{name}@example.com", "calendar": "office", "manager": "ines"}
        for name in ("root", "rosa", "mei", "dave")
    }
    | {"ines": {"name": "Ines", "mail": "ines@example.com", "calendar": "office"}},
}
POLICY: dict[str, Any] = {
    "policy": "standard",
    "fallback": "ines",
    "variables": {"max_discount": {"max": "lines.discount_percent"}},
    "chains": {"sales": {}},
    "rules": [
        {
            "id": name,
            "chain": "sales",
            "step": step,
            "approver": who,
            "when": when,
            "smart": True,
            "reason": f"the {name} wants to see it",
            "sla": {"remind": "8h", "escalate": "2d"},
        }
        for step, (name, who, when) in enumerate(
            (
                ("manager", "mei", ["net_total > 10"]),
                ("director", "dave", ["max_discount > 10"]),
                ("officer", "ines", ["max_discount > 30"]),
            ),
            start=1,
        )
    ],
}


def document(quote_id: str, discount: int = 15) -> dict[str, Any]:
    """Ten lines; up to a discount of 30 % two steps approve it, beyond three."""
    line = {"product": "PUMP", "family": "Pumps", "kind": "one_time", "quantity": "3", "list_price": "33.10"}
    return {
        "quote_id": quote_id,
        "title": "Pumps",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "acme", "name": "Acme"},
        "lines": [{**line, "line_id": f"L{number}", "discount_percent": str(discount)} for number in range(10)],
    }


@dataclass(slots=True)
class Series:
    """What one kind of run did in all its turns at one number of clients."""

    runs: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Runs per second."""
        return self.runs / self.seconds


class Firm:
    """An installation at work: a desk like the API's, and the worker."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.quotes = desk, QuoteDesk(desk)

    @classmethod
    @asynccontextmanager
    async def open(cls, client: Client, settings: Settings) -> AsyncIterator[Firm]:
        """With its people and its policy."""
        assert settings.database is not None
        database = Database(settings.database.get_secret_value(), pool_size=POLLERS)
        async with at_work(settings, client):
            desk = Desk(client, database, Tokens(settings.signing_key()), settings.task_queue)
            people = PeopleDesk(desk)
            await people.load_directory(ADMIN, DIRECTORY)
            await people.publish(ADMIN, POLICY)
            yield cls(desk)
        await database.close()

    async def hand_in(self, discount: int = 15) -> str:
        """A quote that may be submitted."""
        quote_id = f"B-{uuid.uuid4().hex[:12]}"
        await self.quotes.put(ROSA, document(quote_id, discount))
        return quote_id

    async def approve(self, quote_id: str, waits: list[float]) -> RoundState:
        """From submit to approved; how long each decision took goes into ``waits``."""
        state = await self.quotes.submit(ROSA, quote_id)
        approvers = {"manager": MEI, "director": DAVID, "officer": INES}
        for approval in state.approvals:
            asked = time.perf_counter()
            state = await self.quotes.decide(approvers[approval.rule], approval.approval_id, Verdict.APPROVE)
            waits.append(time.perf_counter() - asked)
        assert state.outcome == "approved", state
        # The floor waits for its run's end too: both stop at the same point.
        await self.desk.client.get_workflow_handle(quote_approval_id(state.quote_id, state.round)).result()
        return state

    async def turn(self, clients: int, series: Series) -> None:
        """So many clients approve quotes for some seconds."""
        waiting = [await self.hand_in() for _ in range(QUOTES)]
        begun = time.perf_counter()

        async def one_client() -> None:
            while waiting and time.perf_counter() < begun + SECONDS:
                await self.approve(waiting.pop(), series.waits)
                series.runs += 1

        await asyncio.gather(*(one_client() for _ in range(clients)))
        series.seconds += time.perf_counter() - begun
        await self.quiet()

    async def quiet(self) -> None:
        """Until every letter has left."""
        until = time.perf_counter() + PATIENCE
        while time.perf_counter() < until:
            async with self.desk.reading() as work:
                if not await work.outgoing.waiting():
                    return
            await asyncio.sleep(0.05)
        raise TimeoutError("letters are still waiting")

    async def cost(self, discount: int) -> tuple[int, Counter[str]]:
        """History events and actions of a quote that is approved."""
        state = await self.approve(await self.hand_in(discount), [])
        run = self.desk.client.get_workflow_handle(quote_approval_id(state.quote_id, state.round))
        history = await run.fetch_history()
        return len(history.events), actions(history)


async def floor_turn(client: Client, clients: int, series: Series) -> None:
    """The same for bare workflows."""
    begun = time.perf_counter()

    async def one_client() -> None:
        while time.perf_counter() < begun + SECONDS:
            series.waits += (await floor.one_run(client))[1]
            series.runs += 1

    await asyncio.gather(*(one_client() for _ in range(clients)))
    series.seconds += time.perf_counter() - begun


async def measure(client: Client, firm: Firm, clients: int) -> Figures:
    """Turns of the floor and of ours, one after the other."""
    bare, ours = Series(), Series()
    begun = os.getloadavg()[0]
    for _ in range(TURNS):
        await floor_turn(client, clients, bare)
        await firm.turn(clients, ours)
    return {
        "clients": clients,
        "quotes_per_s": round(ours.rate, 1),
        "floor_per_s": round(bare.rate, 1),
        "vs_floor": round(ours.rate / bare.rate, 2),
        "decision_p50_ms": round(percentile(ours.waits, 50) * 1000, 1),
        "decision_p99_ms": round(percentile(ours.waits, 99) * 1000, 1),
        "update_p50_ms": round(percentile(bare.waits, 50) * 1000, 1),
        "update_p99_ms": round(percentile(bare.waits, 99) * 1000, 1),
        "load_before": round(begun, 1),
    }


async def _beside(jobs: list[Callable[[], Awaitable[object]]]) -> None:
    """All jobs, by so many clients at once."""

    async def one_client() -> None:
        while jobs:
            await jobs.pop()()

    await asyncio.gather(*(one_client() for _ in range(BESIDE)))


async def processor(client: Client, firm: Firm) -> dict[str, dict[str, float]]:
    """Milliseconds of processor time for a quote, letters included, and for a run of the floor; by who spends them."""
    ours, bare = Spent(0, 0, 0), Spent(0, 0, 0)
    for _ in range(SPELLS):
        begun = Spent.so_far()
        await _beside([partial(floor.one_run, client) for _ in range(RUNS)])
        bare = Spent.so_far().since(begun.since(bare))
        waiting = [await firm.hand_in() for _ in range(RUNS)]
        begun = Spent.so_far()
        await _beside([partial(firm.approve, quote_id, []) for quote_id in waiting])
        await firm.quiet()
        ours = Spent.so_far().since(begun.since(ours))
    return {"floor": bare.each(SPELLS * RUNS), "ours": ours.each(SPELLS * RUNS)}


@asynccontextmanager
async def warm(client: Client, folder: Path) -> AsyncIterator[Firm]:
    """An installation beside the floor, each with a few runs behind it."""
    # At this pace many a letter is no longer true when its turn comes, and each says so.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    # As an installation has it: a workflow's module is loaded for every run of it, and compiled only once.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(folder / "bytecode")
    async with postgres_server(folder / "approvals", log=folder / "approvals.log", say=lambda _: None) as server:
        await server.create_database("approvals")
        await migrated(server.url("approvals"))
        settings = Settings(
            state_dir=folder / "firm", database=SecretStr(server.url("approvals")), task_queue="bench-approvals"
        )
        async with floor.worker(client), Firm.open(client, settings) as firm:
            for _ in range(3):
                await firm.approve(await firm.hand_in(), [])
                await floor.one_run(client)
            yield firm


async def run(client: Client, folder: Path) -> tuple[list[Figures], Mapping[str, Any]]:
    """A line for each number of clients, and the figures for the results file; about three minutes."""
    async with warm(client, folder) as firm:
        lines = [await measure(client, firm, clients) for clients in CLIENTS]
        spent = await processor(client, firm)
        two_steps, three_steps = await firm.cost(15), await firm.cost(35)
        async with firm.desk.reading() as work:
            assert not await work.record.verify()
    return lines, {**figures(lines, two_steps, three_steps), **processor_figures(spent)}


def processor_figures(spent: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The same for processor time: the floor's over ours, and both in milliseconds."""
    ratio = round(spent["floor"]["all"] / spent["ours"]["all"], 2)
    return {"approvals.cpu_vs_floor": ratio, "approvals.cpu_ms": spent}


def figures(lines: Sequence[Figures], two: tuple[int, Counter[str]], three: tuple[int, Counter[str]]) -> dict[str, Any]:
    """What is compared from release to release."""
    return {
        "approvals.vs_floor": lines[-1]["vs_floor"],
        "approvals.decision_p99_ms": lines[-1]["decision_p99_ms"],
        "approvals.events": two[0],
        "approvals.events_per_further_decision": three[0] - two[0],
        "approvals.actions": two[1].total(),
        "approvals.actions_by_kind": dict(two[1]),
        "approvals.actions_per_further_decision": three[1].total() - two[1].total(),
    }


async def main() -> None:
    """This benchmark alone."""
    from starter.connection import connect
    from starter.embedded import embedded_stack

    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        settings = Settings(state_dir=Path(folder), temporal=None, temporal_namespace="default", database=None)
        async with embedded_stack(settings, ui=False, database=False, temporal_port=0, say=print) as stack:
            client = await connect(settings, stack.temporal_address)
            if "--processor" in sys.argv[1:]:
                async with warm(client, Path(folder)) as firm:
                    print(json.dumps(processor_figures(await processor(client, firm)), indent=1))
                return
            lines, found = await run(client, Path(folder))
    print(json.dumps({"approvals": lines, **found}, indent=1))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
