"""Renewals that come due: each contract whose terms end within the lead time gets the quote of its renewal, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from activities.store.customers import customer_of
from activities.store.quotes import StoredQuote
from activities.store.record_entry import RecordEntry
from activities.tokens import Identity
from domain.ledger.contract import Contract, contracts
from domain.order.renewal import renewals_due
from domain.refusal import Refusal
from starter.contract_desk import ContractDesk, renewal_claim
from starter.desk import Desk

log = structlog.get_logger(__name__)

CLOCK = "clock"
"""Who prepares what nobody asked for, in the record."""
NOTHING_TO_DO = frozenset({"already_prepared", "already_renewed", "not_running"})
"""Somebody else was faster; or all of the contract was ended before its end."""


class DueRenewals:
    """Prepares renewals ``lead`` before the end. The quote is a draft of the owner of what it renews.

    Several may run: what makes a renewal the one for its end is claimed with the quote, in one transaction. What
    cannot be prepared is told to the log at each look, and to the record (and so to the customer's page) once for each
    code; it is tried again until it can be, or its end has passed.
    """

    def __init__(self, desk: Desk, lead: timedelta) -> None:
        self._desk = desk
        self._contracts = ContractDesk(desk)
        self._lead = lead

    async def prepare(self, customer_id: str, wish: Mapping[str, Any] | None = None) -> tuple[StoredQuote, ...]:
        """Prepare the renewals of a customer that are due and that nobody has prepared. Code: ``unknown_customer``."""
        made: list[StoredQuote] = []
        for contract, owner in await self._due(customer_id):
            # The key is the contract's end: whoever prepares the same at this moment prepares the same quote.
            key = f"due/{contract.contract_id}/{contract.term_end}"
            told: dict[str, Any] = {"key": key, "prepared_by": CLOCK}
            try:
                made.append(await self._contracts.renew(Identity(owner), contract.contract_id, wish or {}, **told))
            except Refusal as refusal:
                if refusal.code not in NOTHING_TO_DO:
                    await self._tell(contract, refusal)
        return tuple(made)

    async def _due(self, customer_id: str) -> list[tuple[Contract, str]]:
        """The contracts that are due and have no renewal for their end, each with who owns its quote."""
        async with self._desk.reading() as work:
            customer = await customer_of(work.connection, customer_id)
            entries = await work.ledger.entries(customer=customer_id)
            today = self._desk.clock.now().astimezone(ZoneInfo(customer.time_zone)).date()
            return [
                (each, (await work.quotes.get(each.quote_id)).owner)
                for each in renewals_due(contracts(entries), today, self._lead)
                if not await work.idempotency.is_claimed(renewal_claim(each))
            ]

    async def _tell(self, contract: Contract, refusal: Refusal) -> None:
        log.warning(
            "renewal_not_prepared",
            customer_id=contract.customer_id,
            contract=contract.contract_id,
            code=refusal.code,
            why=str(refusal),
        )
        facts = {"contract": contract.contract_id, "ends": str(contract.term_end)}
        entry = RecordEntry(
            kind="renewal_not_prepared",
            at=self._desk.clock.now(),
            key=f"{renewal_claim(contract)}/{refusal.code}",
            quote_id=contract.quote_id,
            by=CLOCK,
            body={**facts, "code": refusal.code, "why": str(refusal)},
        )
        async with self._desk.database.work() as work:
            await work.record.append([entry])
