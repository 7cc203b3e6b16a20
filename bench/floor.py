"""The floor: what the bare server does with a workflow of the shape of an approval and nothing of ours in it.

Two updates, two timers, three empty activities: whatever we build is slower, and this says by how much.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from statistics import fmean

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from bench.measure import Figures, percentile

CLIENTS = (1, 8, 32)
POLLERS = 20
# Bounds of one measurement, whichever comes first.
SECONDS = 8.0
RUNS = 400
# The history of every so many runs is read and counted.
SAMPLED = 20
QUEUE = "bench-floor"
SHORT = timedelta(seconds=10)


@activity.defn
async def nothing(number: int) -> int:
    """An effect without effect."""
    return number


@workflow.defn(name="BenchFloor")
class Floor:
    """Asks twice and records three times, like the smallest approval; its deadlines never come."""

    def __init__(self) -> None:
        self._decisions = 0

    @workflow.run
    async def run(self, _: int) -> int:
        """Until the second decision."""
        for wanted in (1, 2):
            await workflow.execute_activity(nothing, wanted, start_to_close_timeout=SHORT)
            # The timer of a deadline that is met: started, then cancelled by the decision.
            await workflow.wait_condition(partial(self._decided, wanted), timeout=timedelta(hours=1))
        await workflow.execute_activity(nothing, 3, start_to_close_timeout=SHORT)
        return self._decisions

    def _decided(self, wanted: int) -> bool:
        return self._decisions >= wanted

    @workflow.update
    async def decide(self, _: int) -> int:
        """One decision."""
        self._decisions += 1
        return self._decisions


@dataclass(slots=True)
class Tally:
    """What the clients of one measurement did so far."""

    deadline: float
    started: int = 0
    ended: int = 0
    events: list[int] = field(default_factory=list)

    def may_start(self) -> bool:
        """Whether another run fits into the bounds."""
        if self.started >= RUNS or time.perf_counter() > self.deadline:
            return False
        self.started += 1
        return True


@asynccontextmanager
async def worker(client: Client) -> AsyncIterator[None]:
    """The worker of this benchmark, with the pollers that the embedded server does best with."""
    pollers = PollerBehaviorSimpleMaximum(POLLERS)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Floor],
        activities=[nothing],
        workflow_task_poller_behavior=pollers,
        activity_task_poller_behavior=pollers,
    ):
        yield


async def one_run(client: Client) -> tuple[WorkflowHandle[Floor, int], list[float]]:
    """A run from its start to its end, and how many seconds each decision took."""
    waits = []
    handle = await client.start_workflow(Floor.run, 0, id=f"floor-{uuid.uuid4()}", task_queue=QUEUE)
    for number in range(2):
        asked = time.perf_counter()
        await handle.execute_update(Floor.decide, number)
        waits.append(time.perf_counter() - asked)
    await handle.result()
    return handle, waits


async def measure(client: Client, clients: int) -> Figures:
    """So many clients, each taking one run after another through its two decisions."""
    waits: list[float] = []
    begun = time.perf_counter()
    tally = Tally(deadline=begun + SECONDS)

    async def one_client() -> None:
        while tally.may_start():
            handle, waited = await one_run(client)
            waits.extend(waited)
            tally.ended += 1
            if tally.ended % SAMPLED == 1:
                tally.events.append(len((await handle.fetch_history()).events))

    await asyncio.gather(*(one_client() for _ in range(clients)))
    took = time.perf_counter() - begun
    return {
        "clients": clients,
        "runs": tally.ended,
        "seconds": round(took, 2),
        "runs_per_s": round(tally.ended / took, 1),
        "decisions_per_s": round(len(waits) / took, 1),
        "update_p50_ms": round(percentile(waits, 50) * 1000, 1),
        "update_p99_ms": round(percentile(waits, 99) * 1000, 1),
        "events_each": round(fmean(tally.events)) if tally.events else 0,
    }


async def run(client: Client) -> list[Figures]:
    """All measurements, after one run that warms client, worker and server up."""
    async with worker(client):
        await one_run(client)
        return [await measure(client, clients) for clients in CLIENTS]
