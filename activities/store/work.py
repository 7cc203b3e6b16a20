"""The unit of work: one database, one transaction at a time, and in it one repository for each aggregate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from activities.store.closed_periods import ClosedPeriods
from activities.store.credit_holds import CreditHolds
from activities.store.customer_page import CustomerPages
from activities.store.directory import DirectoryStore
from activities.store.erp_messages import ErpMessages
from activities.store.idempotency import IdempotencyKeys
from activities.store.jsonable import compact
from activities.store.kept_ledgers import KeptLedgers
from activities.store.ledger import LedgerStore
from activities.store.liveness import watch
from activities.store.message_views import MessageViews
from activities.store.operations import Operations
from activities.store.order_looks import OrderLooks
from activities.store.order_views import OrderViews
from activities.store.orders import OrderStore
from activities.store.outgoing import CHANNEL, Outgoing
from activities.store.policies import PolicyStore
from activities.store.quotes import QuoteStore
from activities.store.record import Record
from activities.store.record_entry import RecordEntry
from activities.store.record_heads import RecordHeads
from activities.store.refreshes import RoundRefreshes
from activities.store.rounds import RoundStore
from activities.store.views import Views
from activities.store.waiting_changes import WaitingChanges
from domain.order.event import Change

DRIVER = "postgresql+asyncpg"


def asyncpg_address(url: str) -> str:
    """``url`` for SQLAlchemy with asyncpg, whichever PostgreSQL scheme it was written with; passwords are kept."""
    return make_url(url).set(drivername=DRIVER).render_as_string(hide_password=False)


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Work:
    """One transaction. Nothing is seen by others before its end, and nothing stays when it fails.

    Record entries are gathered and written last: the chain has one end, and whoever adds to it holds it until commit.
    """

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime] = _wall_clock) -> None:
        self.connection = connection
        self._clock = clock

    @cached_property
    def quotes(self) -> QuoteStore:
        return QuoteStore(self.connection)

    @cached_property
    def policies(self) -> PolicyStore:
        return PolicyStore(self.connection)

    @cached_property
    def directory(self) -> DirectoryStore:
        return DirectoryStore(self.connection)

    @cached_property
    def rounds(self) -> RoundStore:
        return RoundStore(self.connection)

    @cached_property
    def orders(self) -> OrderStore:
        return OrderStore(self.connection)

    @cached_property
    def ledger(self) -> LedgerStore:
        return LedgerStore(self.connection)

    @cached_property
    def credit_holds(self) -> CreditHolds:
        return CreditHolds(self.connection)

    @cached_property
    def customer_pages(self) -> CustomerPages:
        return CustomerPages(self.connection)

    @cached_property
    def closed_periods(self) -> ClosedPeriods:
        return ClosedPeriods(self.connection)

    @cached_property
    def record(self) -> Record:
        return Record(self.connection, self._clock)

    @cached_property
    def heads(self) -> RecordHeads:
        return RecordHeads(self.connection)

    @cached_property
    def outgoing(self) -> Outgoing:
        return Outgoing(self.connection)

    @cached_property
    def refreshes(self) -> RoundRefreshes:
        return RoundRefreshes(self.connection)

    @cached_property
    def operations(self) -> Operations:
        return Operations(self.connection, self.directory)

    @cached_property
    def order_looks(self) -> OrderLooks:
        return OrderLooks(self.connection)

    @cached_property
    def waiting_changes(self) -> WaitingChanges:
        return WaitingChanges(self.connection)

    @cached_property
    def erp(self) -> ErpMessages:
        return ErpMessages(self.connection)

    @cached_property
    def idempotency(self) -> IdempotencyKeys:
        return IdempotencyKeys(self.connection)

    @cached_property
    def views(self) -> Views:
        return Views(self.connection)

    @cached_property
    def message_views(self) -> MessageViews:
        return MessageViews(self.connection)

    @cached_property
    def order_views(self) -> OrderViews:
        return OrderViews(self.connection)

    async def save_change(self, change: Change) -> None:
        """Store everything a change of orders leaves behind: orders, balances, ledger entries, and the record."""
        await self.orders.save(change)
        await self.ledger.append(change.entries)
        await self.record.append([RecordEntry.of_order(event) for event in change.events])

    @property
    def adds_to_record(self) -> bool:
        """Whether it will hold the end of the record until its commit."""
        return "record" in self.__dict__ and self.record.has_news

    async def finish(self) -> None:
        """What is done last before the commit: add to the record."""
        if "record" in self.__dict__:
            await self.record.write()


@dataclass
class Ears:
    """``heard`` is set by every commit with outgoing messages; once ``deaf``, the connection is lost: listen anew."""

    heard: asyncio.Event = field(default_factory=asyncio.Event)
    deaf: bool = False


class Database:
    """A PostgreSQL database and its pool of connections; made once per process, closed at its end.

    ``clock`` gives the moment at which something is written (wall clock); when things happened is said by the caller.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout: float = 5.0,
        clock: Callable[[], datetime] = _wall_clock,
    ) -> None:
        milliseconds = str(round(statement_timeout * 1000))
        self._clock = clock
        self._end_of_record = asyncio.Lock()
        self.kept_ledgers = KeptLedgers()
        self.engine: AsyncEngine = create_async_engine(
            asyncpg_address(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_recycle=1800,
            json_serializer=compact,
            connect_args={
                "timeout": 10,
                "server_settings": {
                    "application_name": "countersign",
                    "timezone": "UTC",
                    # Plans here are short; compiling one costs more than running it.
                    "jit": "off",
                    "statement_timeout": milliseconds,
                    "lock_timeout": milliseconds,
                    "idle_in_transaction_session_timeout": "60000",
                },
            },
        )
        watch(self.engine.sync_engine)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction that writes; it commits at the end of the block and only there."""
        async with AsyncExitStack() as after_commit, self.engine.connect() as connection, connection.begin():
            work = Work(connection, self._clock)
            yield work
            if work.adds_to_record:
                # Here, and not for the row: a wait in the database ends by its time limit when many come at once.
                await after_commit.enter_async_context(self._end_of_record)
            await work.finish()

    @asynccontextmanager
    async def single(self) -> AsyncIterator[Work]:
        """For single statements, each of which is a transaction by itself: a third of the round trips. No record."""
        async with self.engine.connect() as connection:
            yield Work(await connection.execution_options(isolation_level="AUTOCOMMIT"), self._clock)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Work]:
        """One moment of the database, read as often as one likes; PostgreSQL refuses to write in it."""
        async with self.engine.connect() as connection:
            still = await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with still.begin():
                yield Work(still, self._clock)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Ears]:
        """Hears when somebody commits an outgoing message."""
        ears = Ears()
        async with self.engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection

            def hear(*_: object) -> None:
                ears.heard.set()

            def lose(*_: object) -> None:
                ears.deaf = True
                ears.heard.set()

            raw.add_termination_listener(lose)
            await raw.add_listener(CHANNEL, hear)
            try:
                yield ears
            finally:
                raw.remove_termination_listener(lose)
                if not raw.is_closed():
                    await raw.remove_listener(CHANNEL, hear)

    async def ready(self) -> bool:
        """Whether the database answers."""
        async with self.engine.connect() as connection:
            return bool((await connection.execute(text("SELECT 1"))).scalar_one())

    async def close(self) -> None:
        """Close all connections; the object is not used afterwards."""
        await self.engine.dispose()
