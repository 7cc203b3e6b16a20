"""Burst: orders due in the same second while the Temporal server is down; how soon after its return all are activated.

`python -m bench.burst [ORDERS]` measures in the world's own time: the customer lives in a time zone, made for this
process alone, in which the order's day begins in a minute or two. Server, database, worker and desk are the real ones.
"""

import asyncio
import json
import struct
import sys
import tempfile
import time
import uuid
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import case, func, select

from activities.partners.file_erp import FileErp
from activities.store import order_tables, tables
from activities.store.work import Database
from activities.tokens import Tokens
from bench.measure import Figures
from bench.orders import MEI, POLICY, ROSA
from bench.orders import document as far_document
from bench.replacement import ADMIN, DIRECTORY
from domain.approval.state import Verdict
from starter.connection import connect
from starter.desk import Desk
from starter.embedded import migrated
from starter.order_desk import OrderDesk
from starter.people_desk import PeopleDesk
from starter.postgres_server import postgres_server
from starter.quote_desk import QuoteDesk
from starter.settings import Settings
from starter.temporal_server import temporal_server
from worker import build_worker
from workflows.burst import LONGEST

ORDERS = 1_000
ZONE = "Bench/Due"
AHEAD = 15.0
EACH = 0.09
"""Seconds, and seconds for each order, that it takes at most to make the orders and to stop the server before."""


def zone_file(offset: timedelta) -> bytes:
    """A zone (RFC 9636) that is always so much ahead of UTC."""
    seconds, name = round(offset.total_seconds()), b"DUE\0"
    counts = (0, 0, 0, 0, 1, len(name))
    block = struct.pack(">4sc15x6l", b"TZif", b"2", *counts) + struct.pack(">lbb", seconds, 0, 0) + name
    hours, rest = divmod(abs(seconds), 3600)
    sign = "-" if seconds >= 0 else ""
    return block + block + f"\n<DUE>{sign}{hours}:{rest // 60:02}:{rest % 60:02}\n".encode()


def day_that_begins_at(moment: datetime, folder: Path) -> date:
    """Make the zone in which a day begins at ``moment``; that day."""
    day = moment.date() + timedelta(days=1)
    path = folder / ZONE
    path.parent.mkdir(parents=True)
    path.write_bytes(zone_file(datetime.combine(day, clock_time(), UTC) - moment))
    zoneinfo.reset_tzpath([str(folder)])
    return day


def document(quote_id: str, orders: int, day: date) -> dict[str, Any]:
    """One line that goes to so many places on that day."""
    content = far_document(quote_id, orders)
    for delivery in content["lines"][0]["deliveries"]:
        delivery["order_date"] = str(day)
    content["customer"]["time_zone"] = ZONE
    return content


class Burst:
    """One database and one file of the server, which is stopped and started again between two visits."""

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        self._settings = Settings(state_dir=folder, temporal=None, temporal_namespace="default", database=url)
        log, quiet = folder / "temporal.log", partial(temporal_server, ui_port=None, port=0, say=lambda _: None)
        self._serving = partial(quiet, folder / "temporal.db", log=log)
        self._erp = FileErp(folder / "orders", folder / "answers")
        self._queue = f"bench-{uuid.uuid4().hex[:8]}"

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """The desk while server and worker are up."""
        database = Database(self._url, pool_size=20)
        try:
            async with self._serving() as server:
                client = await connect(self._settings, server.address)
                desk = Desk(client, database, Tokens(b"a key for the bench that is long enough"), self._queue)
                async with build_worker(client, database, desk.tokens, self._erp, task_queue=self._queue):
                    yield desk
        finally:
            await database.close()


async def order_all(desk: Desk, orders: int, day: date) -> str:
    """The quote, approved, accepted and ordered."""
    people, quotes = PeopleDesk(desk), QuoteDesk(desk)
    await people.load_directory(ADMIN, DIRECTORY)
    await people.publish(ADMIN, POLICY)
    quote_id = f"B-{uuid.uuid4().hex[:12]}"
    await quotes.put(ROSA, document(quote_id, orders, day))
    state = await quotes.submit(ROSA, quote_id)
    await quotes.decide(MEI, state.approvals[0].approval_id, Verdict.APPROVE)
    await quotes.accept(ROSA, quote_id)
    book = await OrderDesk(desk).create(ROSA, quote_id, ["order_date", "ship_to"])
    assert len(book.orders) == orders, len(book.orders)
    return quote_id


async def counted(desk: Desk, quote_id: str) -> Figures:
    """How many orders are activated, how many of them before their moment, and how many activations there were."""
    orders, record = order_tables.orders.c, tables.record.c
    mine = (orders.quote_id == quote_id) & orders.activated_at.is_not(None)
    early = func.coalesce(func.sum(case((orders.activated_at < orders.due_at, 1), else_=0)), 0)
    told = select(func.count()).where(record.quote_id == quote_id, record.kind == "order_activated")
    async with desk.reading() as work:
        activated, early_ones = (await work.connection.execute(select(func.count(), early).where(mine))).one()
        activations = (await work.connection.execute(told)).scalar_one()
    return {"activated": int(activated), "early": int(early_ones), "activations": int(activations)}


async def measure(orders: int, folder: Path) -> Figures:
    """All of it, once."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AHEAD + EACH * orders)
    day = day_that_begins_at(due, folder / "zones")
    async with postgres_server(folder / "burst", log=folder / "burst.log", say=lambda _: None) as server:
        await server.create_database("burst")
        await migrated(server.url("burst"))
        burst = Burst(folder, server.url("burst"))
        async with burst.desk() as desk:
            quote_id = await order_all(desk, orders, day)
            before = await counted(desk, quote_id)
        left = (due - datetime.now(UTC)).total_seconds()
        assert left > 0, f"the orders were made {-left:.0f} s too late: give them longer"
        assert before["activated"] == 0, before
        await asyncio.sleep(left + LONGEST.total_seconds() + 1)
        async with burst.desk() as desk:
            back = time.perf_counter()
            while (now := await counted(desk, quote_id))["activated"] < orders:
                await asyncio.sleep(0.25)
            took = time.perf_counter() - back
            # Whatever would be done twice is done by then: the ERP has been told of all.
            await settled(folder / "orders", orders)
            now = await counted(desk, quote_id)
    return {"orders": orders, "seconds": round(took, 1), "orders_per_s": round(orders / took, 1), **now}


async def settled(sent: Path, orders: int) -> None:
    """Wait until the ERP has a document of each order."""
    while sum(1 for _ in _documents(sent)) < orders:
        await asyncio.sleep(0.25)


def _documents(sent: Path) -> Iterator[Path]:
    return (path for path in sent.glob("*.json") if not path.name.startswith("."))


async def run(orders: int = ORDERS) -> tuple[list[Figures], Figures]:
    """Measured in a process of its own, where the zone is; and the figure that is watched."""
    command = (sys.executable, "-m", "bench.burst", str(orders))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"bench.burst ended with {process.returncode}")
    line: Figures = json.loads(said.splitlines()[-1])
    if (line["activations"], line["early"]) != (orders, 0):
        raise RuntimeError(f"each order once, and none early: {line}")
    return [line], {f"orders.burst_{orders}_s": line["seconds"]}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="countersign-burst-") as place:
        asked = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
        print(json.dumps(asyncio.run(measure(asked, Path(place)))))
