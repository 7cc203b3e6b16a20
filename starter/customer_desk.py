"""Questions about a customer: contracts, entitlements and revenue, on any date, as known at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from activities.store.customers import customer_of
from domain.ledger.contract import Contract, contracts
from domain.ledger.entitlement import Entitlements, View, covers, entitlements
from domain.ledger.entries import LedgerEntry
from domain.ledger.known import end_of_day
from domain.ledger.period import Period, read_period, within
from domain.ledger.revenue import ItemSchedule, RevenueReport, remaining, report, revenue
from domain.quote import Customer
from domain.reading import DATE_TEXT, read_date
from domain.refusal import Refusal
from starter.desk import Desk


@dataclass(frozen=True, slots=True)
class Entitled:
    """What a customer may use on ``on``, and which sites each product covers then. ``known`` none: as of now."""

    on: date
    known: datetime | None
    view: View
    entitlements: Entitlements
    covers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Earned:
    """The revenue of a period, item by item and summed; ``remaining`` is contracted and not earned by its end."""

    period: Period
    known: datetime | None
    schedules: tuple[ItemSchedule, ...]
    report: RevenueReport
    remaining: Decimal


class CustomerDesk:
    """Reads the ledger of one customer. Every question is refused with ``unknown_customer`` of a stranger."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def contracts(
        self, customer_id: str, *, method: str | None = None, known: str | None = None
    ) -> tuple[Contract, ...]:
        """The contracts, sorted by end. Codes: ``unknown_method``, ``invalid_moment``."""
        customer, entries = await self._ledger(customer_id)
        return contracts(entries, method, read_known(known, customer))

    async def entitlements(
        self,
        customer_id: str,
        *,
        on: date | None = None,
        known: str | None = None,
        view: View = View.CONTRACTED,
    ) -> Entitled:
        """What the customer may use on a local date, today when left out.

        Codes: ``invalid_moment``, ``not_built_yet``.
        """
        customer, entries = await self._ledger(customer_id)
        day = on or self._desk.clock.now().astimezone(ZoneInfo(customer.time_zone)).date()
        moment = read_known(known, customer)
        return Entitled(
            on=day,
            known=moment,
            view=view,
            entitlements=entitlements(entries, day, moment, view),
            covers=covers(entries, day, moment, view),
        )

    async def revenue(
        self, customer_id: str, *, first: str | None = None, until: str | None = None, known: str | None = None
    ) -> Earned:
        """The revenue between months or local dates, both inclusive.

        Codes: ``invalid_date``, ``dates_out_of_order``, ``invalid_moment``, ``currency_differs``, ``not_built_yet``.
        """
        customer, entries = await self._ledger(customer_id)
        moment = read_known(known, customer)
        period = read_period(first, until)
        whole = revenue(entries, moment)
        schedules = within(whole, period)
        return Earned(period, moment, schedules, report(schedules), remaining(whole, period.last or date.max))

    async def _ledger(self, customer_id: str) -> tuple[Customer, tuple[LedgerEntry, ...]]:
        async with self._desk.reading() as work:
            customer = await customer_of(work.connection, customer_id)
            return customer, await work.ledger.entries(customer=customer_id)


def read_known(text: str | None, customer: Customer) -> datetime | None:
    """The moment up to which things are known: a bare date means its end at the customer. Code: ``invalid_moment``."""
    if text is None:
        return None
    if DATE_TEXT.fullmatch(text):
        return end_of_day(read_date(text, "known"), customer.time_zone)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    except ValueError:
        pass
    raise Refusal("invalid_moment", "write a date (2027-02-06) or a moment with its zone (2027-02-06T12:00Z)", "known")
