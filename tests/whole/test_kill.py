"""Workers die: between two decisions, while nobody looks, and in the middle of an activation. Nothing is lost or done
twice. Everything here is real: embedded servers, the worker as a process, its folders, and SIGKILL."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email import message_from_bytes
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select
from temporalio.api.enums.v1 import PendingActivityState

from activities.partners.erp import Acknowledgement, ErpOrder
from activities.partners.file_erp import FileErp
from activities.store.audit import audit
from activities.store.tables import decisions
from activities.store.work import Database
from domain.approval.state import RoundState, Verdict
from domain.order.order import Order, OrderState
from starter.child_process import ChildProcess
from starter.connection import connect
from starter.embedded import Stack, embedded_stack
from starter.settings import Settings
from starter.worker_process import worker_process
from tests.workflows.house import (
    DAVID,
    KEY,
    MEI,
    NORA,
    ROSA,
    FrailDatabase,
    House,
    ListErp,
    ShiftedClock,
    approval_of,
    change_message,
    decide_message,
    refusal_code,
    until,
)

# What a dead worker had in its hands is given to another one after ten seconds, letters after a minute.
PATIENCE = 80.0
pytestmark = [pytest.mark.xdist_group("kill"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[tuple[Settings, Stack]]:
    """An embedded stack of its own, and the settings of the workers on it."""
    # Not under pytest's own folder: under root PostgreSQL runs as another user, who may not pass that one.
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory(prefix="countersign-test-") as folder:
        environment.setenv("COUNTERSIGN_KEY", KEY)
        settings = Settings(state_dir=Path(folder) / "state", database=None, temporal=None)
        async with embedded_stack(settings, ui=False, temporal_port=0, say=lambda _: None) as running:
            yield settings, running


@pytest.fixture
async def house(place: tuple[Settings, Stack]) -> AsyncIterator[House]:
    settings, running = place
    client = await connect(settings, running.temporal_address)
    desk, unused = Database(running.database_url), FrailDatabase(running.database_url)
    house = House(client, desk, unused, settings.task_queue, ListErp(), ShiftedClock())
    await house.furnish()
    yield house
    await unused.close()
    await desk.close()


class Workers:
    """Starts workers as processes, and kills them by the pids of those it started."""

    def __init__(self, settings: Settings, stack: Stack) -> None:
        self._place = settings, stack
        self._cleanup = AsyncExitStack()
        self._process: ChildProcess | None = None

    async def start(self) -> None:
        self._process = await self._cleanup.enter_async_context(worker_process(*self._place))

    async def kill(self) -> None:
        """At once, with whatever it has in its hands."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        process = self._process

        async def gone() -> bool:
            return process.exited

        await until(gone)
        await self._cleanup.aclose()

    async def end(self) -> None:
        await self._cleanup.aclose()


@pytest.fixture
async def workers(place: tuple[Settings, Stack]) -> AsyncIterator[Workers]:
    workers = Workers(*place)
    await workers.start()
    yield workers
    await workers.end()


async def test_a_round_outlives_workers_that_are_killed_between_its_decisions(
    house: House, workers: Workers, place: tuple[Settings, Stack]
) -> None:
    state = await house.submitted()
    await _letters(state, place[0], 3)
    await house.quotes.decide(NORA, approval_of(state, "terms"), Verdict.APPROVE)
    await workers.kill()
    # Nobody works now. What is sent meanwhile is not lost, whichever door it took.
    run = house.run_of(state)
    asking = asyncio.create_task(house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE, key="mei-1"))
    await run.signal("decision", decide_message(state, "manager", DAVID))
    await workers.start()
    assert (await asking).approvals[0].state == "approved"
    again = decide_message(state, "manager", MEI, key="mei-1")
    assert await refusal_code(run.execute_update("decide", again)) == "done"
    await _letters(state, place[0], 4)
    await workers.kill()
    await workers.start()
    await house.quotes.decide(DAVID, approval_of(state, "director"), Verdict.APPROVE)
    assert (await run.result())["outcome"] == "approved"
    kinds = await house.kinds(state.quote_id)
    assert kinds == {
        "created": 1, "submitted": 1, "requested": 3, "signal_ignored": 1, "approved": 3, "quote_approved": 1,
    }  # fmt: skip
    assert await _decisions(house, state) == 3
    asked = Counter({("request", who): 1 for who in ("mei", "liam", "nora", "david")})
    assert await _letters(state, place[0], 5) == asked + Counter({("approved", "rosa"): 1})


async def test_an_order_is_activated_sent_and_booked_once_though_workers_die_doing_it(
    house: House, workers: Workers, place: tuple[Settings, Stack]
) -> None:
    first, second = await house.ordered(3, 5)
    erp = FileErp(place[0].erp_outbox_dir, place[0].erp_inbox_dir)

    # Killed in the middle: the activation has begun, and waits for the row that we hold.
    async with house.database.work() as work:
        await work.orders.get(first.order_id, for_update=True)
        asking = asyncio.create_task(house.orders.change(ROSA, first.order_id, "activate", key="go-1"))
        await until(lambda: _is_at_work(house, first))
        await workers.kill()
    # Killed right behind the commit: whether the server has heard of it is left to chance.
    await workers.start()
    assert (await asking).state is OrderState.ACTIVATED
    await until(partial(house.standing, first), lambda standing: standing.sent)
    change = change_message(second, "activate", ROSA, key="go-2")
    sending = asyncio.create_task(house.order_run(second).execute_update("activate", change))
    await until(lambda: house.order(second), lambda order: order.state is OrderState.ACTIVATED, patience=PATIENCE)
    await workers.kill()
    await workers.start()
    await sending

    for order in (first, second):
        sent: ErpOrder = await until(partial(_sent, house, erp, order), patience=PATIENCE)
        await erp.acknowledge(Acknowledgement(key=sent.key, outcome="accepted", at=datetime.now(UTC), document="E"))
        await until(partial(house.order, order), lambda stored: stored.acknowledged, patience=PATIENCE)
        await house.orders.change(ROSA, order.order_id, "deliver")
        assert (await house.order_run(order).result())["standing"]["state"] == "fulfilled"

    kinds = await house.kinds(first.quote_id)
    once = ("ordered", "activated", "sent", "acknowledged", "delivered", "fulfilled")
    assert {kind: kinds[f"order_{kind}"] for kind in once} == dict.fromkeys(once, 2)
    async with house.desk.reading() as work:
        entries = await work.ledger.entries(quote=first.quote_id)
        told = [await work.erp.of_order(order.order_id) for order in (first, second)]
    booked = Counter((entry.order_id, str(entry.kind)) for entry in entries)
    assert set(booked) >= {(first.order_id, kind) for kind in ("scheduled", "activated", "delivered")}
    assert set(booked.values()) == {1}
    assert [[message.state for message in messages] for messages in told] == [["accepted"], ["accepted"]]
    assert len(list(place[0].erp_outbox_dir.glob("*.json"))) == 2
    report = await audit(house.database)
    assert (report.orders, report.violations) == (2, ())


async def _is_at_work(house: House, order: Order) -> bool:
    """Whether a worker has begun the order's activity."""
    pending = (await house.order_run(order).describe()).raw_description.pending_activities
    return any(each.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED for each in pending)


async def _sent(house: House, erp: FileErp, order: Order) -> ErpOrder | None:
    """The document about the order that is in the ERP's folder."""
    for message in await house.erp_messages(order):
        return await erp.look_up(message.key)
    return None


async def _decisions(house: House, state: RoundState) -> int:
    ids = [each.approval_id for each in state.approvals]
    async with house.desk.reading() as work:
        count = select(func.count()).select_from(decisions).where(decisions.c.approval_id.in_(ids))
        return int((await work.connection.execute(count)).scalar_one())


async def _letters(state: RoundState, settings: Settings, count: int) -> Counter[tuple[str, str]]:
    """Who got which letter how often, once there are that many."""

    async def letters() -> Counter[tuple[str, str]]:
        found = [message_from_bytes(path.read_bytes()) for path in settings.outbox_dir.glob("*.eml")]
        mine = [letter for letter in found if letter["Countersign-Quote"] == state.quote_id]
        return Counter((letter["Countersign-Kind"], letter["To"].split("<")[-1].split("@")[0]) for letter in mine)

    seen: Counter[tuple[str, str]] = await until(letters, lambda seen: seen.total() >= count, patience=PATIENCE)
    return seen
