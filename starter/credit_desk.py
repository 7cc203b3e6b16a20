"""Credit holds of customers: put on and lifted by admins and by the program that knows of credit."""

from __future__ import annotations

from activities.store.credit_holds import CreditWord
from activities.store.customers import customer_of
from activities.store.record_entry import RecordEntry
from activities.store.work import Work
from activities.tokens import Identity
from domain.refusal import Refusal
from starter.desk import Desk


class CreditDesk:
    """While a customer is on hold, their orders that come due are blocked; lifted, they are tried again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def hold(self, who: Identity, customer_id: str, reason: str) -> CreditWord:
        """Put a customer on credit hold. The same reason again changes nothing.

        A service may hold a customer of whom no quote is known yet. Codes: ``admin_only``, ``reason_missing``,
        ``unknown_customer``.
        """
        async with self._desk.database.work() as work:
            await self._check(work, who, reason)
            if not who.is_service:
                await customer_of(work.connection, customer_id)
            at = self._desk.clock.now()
            if await work.credit_holds.hold(customer_id, reason, who.user, at):
                await self._record(work, "credit_held", who, customer_id, reason)
            return await self._last(work, customer_id)

    async def lift(self, who: Identity, customer_id: str, reason: str) -> CreditWord:
        """End a customer's credit hold; the orders it blocked are tried again by the watch.

        Codes: ``admin_only``, ``reason_missing``, ``not_on_credit_hold``.
        """
        async with self._desk.database.work() as work:
            await self._check(work, who, reason)
            await work.credit_holds.lift(customer_id, reason, who.user, self._desk.clock.now())
            await self._record(work, "credit_lifted", who, customer_id, reason)
            return await self._last(work, customer_id)

    async def history(self, customer_id: str) -> tuple[CreditWord, ...]:
        """All that was said of a customer's credit, the latest first; nothing where nobody said anything."""
        async with self._desk.reading() as work:
            return await work.credit_holds.history(customer_id)

    async def held(self, after: str = "", limit: int = 100) -> tuple[CreditWord, ...]:
        """The next customers on hold, by id."""
        async with self._desk.reading() as work:
            return await work.credit_holds.held(after, limit)

    async def _check(self, work: Work, who: Identity, reason: str) -> None:
        if not (who.is_admin or who.is_service):
            raise Refusal("admin_only", "only an admin or a service says who gets credit", "by")
        await self._desk.refuse_leaver(who)
        if not reason.strip():
            raise Refusal("reason_missing", "say why", "reason")

    async def _record(self, work: Work, kind: str, who: Identity, customer_id: str, reason: str) -> None:
        told = {"customer_id": customer_id, "reason": reason}
        await work.record.append([RecordEntry(kind=kind, at=self._desk.clock.now(), by=who.user, body=told)])

    async def _last(self, work: Work, customer_id: str) -> CreditWord:
        word = await work.credit_holds.last(customer_id)
        assert word is not None, "it was just said"
        return word
