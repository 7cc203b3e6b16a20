"""Books what time alone brings to the ledger, the later periods of what runs without end, and prepares renewals."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from activities.store.customers import customer_of
from domain.ledger.later_period import due_periods
from domain.refusal import Refusal
from starter.contract_desk import ContractDesk
from starter.desk import Desk

log = structlog.get_logger(__name__)


class LedgerWatch:
    """Looks every ``poll``. Several may run: a row counts once, by its id, and a contract is renewed once for its end.

    ``lead``: how long before a contract's end its renewal is prepared; none: not by itself.
    """

    def __init__(self, desk: Desk, *, lead: timedelta | None = None, poll: timedelta = timedelta(minutes=10)) -> None:
        self._desk = desk
        self._contracts = ContractDesk(desk)
        self._lead = lead
        self._poll = poll

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.book_periods()
                await self.prepare_renewals()
            except Exception as error:  # the database may be away for a while
                log.warning("ledger_watch_interrupted", error=repr(error))
            await asyncio.sleep(self._poll.total_seconds())

    async def book_periods(self) -> int:
        """Add the rows of all periods that have begun where the customer is; how many."""
        async with self._desk.reading() as work:
            names = await work.customer_pages.with_endless()
        booked = 0
        for name in names:
            async with self._desk.database.work() as work:
                customer = await customer_of(work.connection, name)
                now = self._desk.clock.now()
                entries = await work.ledger.entries(customer=name)
                rows = due_periods(entries, now.astimezone(ZoneInfo(customer.time_zone)).date(), now)
                await work.ledger.append(rows)
                booked += len(rows)
        return booked

    async def prepare_renewals(self) -> int:
        """Prepare the renewals that are due; how many. What cannot be prepared is told to the log and tried again."""
        if self._lead is None:
            return 0
        made, after = 0, ""
        while True:
            async with self._desk.reading() as work:
                names = await work.customer_pages.with_orders(after)
            if not names:
                return made
            for name in names:
                try:
                    made += len(await self._contracts.prepare_due(name, self._lead))
                except Refusal as refusal:
                    log.warning("renewal_not_prepared", customer_id=name, error=str(refusal))
            after = names[-1]
