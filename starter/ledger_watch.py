"""Books what time alone brings to the ledger, the later periods of what runs without end, and prepares renewals."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from activities.store.customers import customer_of, hold_ledger
from domain.ledger.later_period import due_periods
from starter.background import Background, code_of
from starter.desk import Desk
from starter.due_renewals import DueRenewals

log = structlog.get_logger(__name__)


class LedgerWatch:
    """Looks every ``poll``. Several may run: who books for a customer holds their ledger, and a renewal is one for its
    end. What goes wrong with one customer is told to the log and does not stop the others.

    ``lead``: how long before a contract's end its renewal is prepared; none: not by itself.
    """

    def __init__(self, desk: Desk, *, lead: timedelta | None = None, poll: timedelta = timedelta(minutes=10)) -> None:
        self._desk = desk
        self._renewals = DueRenewals(desk, lead) if lead is not None else None
        self._poll = poll

    async def run(self) -> None:
        """Look until cancelled."""
        await Background("ledger_watch", self.look, self._poll).run()

    async def look(self) -> None:
        """Book the periods and prepare the renewals that are due."""
        await self.book_periods()
        await self.prepare_renewals()

    async def book_periods(self) -> int:
        """Add the rows of all periods that have begun where the customer is; how many."""
        async with self._desk.reading() as work:
            names = await work.customer_pages.with_endless()
        booked = 0
        for name in names:
            try:
                booked += await self._book(name)
            except Exception as error:  # whatever is wrong with one customer must not hold up the others
                log.warning("periods_not_booked", customer_id=name, code=code_of(error), error=repr(error))
        return booked

    async def _book(self, customer_id: str) -> int:
        async with self._desk.database.work() as work:
            await hold_ledger(work.connection, customer_id)
            customer = await customer_of(work.connection, customer_id)
            now = self._desk.clock.now()
            entries = await work.ledger.entries(customer=customer_id)
            rows = due_periods(entries, now.astimezone(ZoneInfo(customer.time_zone)).date(), now)
            await work.ledger.append(rows)
            return len(rows)

    async def prepare_renewals(self) -> int:
        """Prepare the renewals that are due; how many. What cannot be prepared is told, and tried again."""
        if self._renewals is None:
            return 0
        made, after = 0, ""
        while True:
            async with self._desk.reading() as work:
                names = await work.customer_pages.with_orders(after)
            if not names:
                return made
            for name in names:
                try:
                    made += len(await self._renewals.prepare(name))
                except Exception as error:  # the same here
                    log.warning("renewals_not_prepared", customer_id=name, code=code_of(error), error=repr(error))
            after = names[-1]
