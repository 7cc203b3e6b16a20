"""Questions about a customer: contracts, entitlements and revenue, on any date, as known at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from activities.agreements import promises_of
from activities.store.customer_page import ChangeList
from activities.store.customers import customer_of
from activities.store.kept_ledgers import KeptLedger
from activities.store.work import Work
from domain.ledger.closing import ClosedPeriod
from domain.ledger.contract import Contract, contracts
from domain.ledger.entitlement import EVERYTHING, Entitlements, Scope, View, covers, entitlements
from domain.ledger.invoicing import Position, position, positions
from domain.ledger.known import Told, end_of_day
from domain.ledger.period import Period, read_period, within
from domain.ledger.report import ContractOf, Grouping, Outstanding, ReportRow, contract_of, grouped, outstanding
from domain.ledger.revenue import ItemSchedule, RevenueReport, remaining, report
from domain.ledger.selection import EVERYTHING as ALL_ITEMS
from domain.ledger.selection import Selection, by_currency, refuse_several
from domain.quote import Customer
from domain.reading import DATE_TEXT, in_calendar, read_date
from domain.refusal import Refusal
from starter.customer_look import CustomerLook, look
from starter.desk import Desk

NOTHING_INVOICED = Position(Decimal(0), Decimal(0), None, None)


@dataclass(frozen=True, slots=True)
class Entitled:
    """What a customer may use on ``on``, and which sites each product covers then. ``known`` none: as of now."""

    on: date
    known: datetime | None
    view: View
    entitlements: Entitlements
    covers: Mapping[str, tuple[str, ...]]
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True)
class Earned:
    """The revenue of a period, item by item and summed; ``remaining`` is contracted and not earned by its end."""

    period: Period
    known: datetime | None
    schedules: tuple[ItemSchedule, ...]
    report: RevenueReport
    remaining: Decimal
    by: Grouping | None = None
    rows: tuple[ReportRow, ...] = ()
    contract: ContractOf = field(default_factory=dict)
    positions: Mapping[str | None, Position] = field(default_factory=dict)
    position: Position = NOTHING_INVOICED


@dataclass(frozen=True, slots=True)
class Owed:
    """What is contracted and not recognised after a day, and how that stands to what was invoiced by its end."""

    known: datetime | None
    currency: str | None
    outstanding: Outstanding
    position: Position


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of a customer, and which of its months are closed."""

    customer: Customer
    kept: KeptLedger
    closed: tuple[ClosedPeriod, ...]

    @property
    def entries(self) -> Told:
        return self.kept.rows

    def revenue(self, known: datetime | None) -> tuple[ItemSchedule, ...]:
        """The schedule of every item as known at a moment (none: now)."""
        return self.kept.revenue(known, self.closed)


class CustomerDesk:
    """Reads the ledger of one customer. Every question is refused with ``unknown_customer`` of a stranger."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def contracts(
        self, customer_id: str, *, method: str | None = None, known: str | None = None
    ) -> tuple[Contract, ...]:
        """The contracts, sorted by end. Codes: ``unknown_method``, ``invalid_moment``."""
        ledger = await self._ledger(customer_id)
        return contracts(ledger.entries, method, read_known(known, ledger.customer))

    async def entitlements(
        self,
        customer_id: str,
        *,
        on: date | None = None,
        known: str | None = None,
        view: View = View.CONTRACTED,
        scope: Scope = EVERYTHING,
    ) -> Entitled:
        """What the customer may use on a local date, today when left out; of a product, site or contract alone.

        Codes: ``invalid_moment``, ``unknown_contract``.
        """
        async with self._desk.reading() as work:
            ledger = await self._ledger_of(work, customer_id)
            promised = await promises_of(work, customer_id) if view is View.UNORDERED else ()
        day = on or self._today(ledger.customer)
        moment = read_known(known, ledger.customer)
        return Entitled(
            on=day,
            known=moment,
            view=view,
            entitlements=entitlements(ledger.entries, day, moment, view, scope=scope, promises=promised),
            covers=covers(ledger.entries, day, moment, view, scope=scope),
            scope=scope,
        )

    async def revenue(
        self,
        customer_id: str,
        *,
        first: str | None = None,
        until: str | None = None,
        known: str | None = None,
        by: Grouping | None = None,
        of: Selection = ALL_ITEMS,
    ) -> Earned:
        """The revenue between months or local dates, both inclusive, and summed ``by`` something.

        Codes: those of :meth:`revenues`, ``currency_differs`` (several, and none is named).
        """
        found = await self.revenues(customer_id, first=first, until=until, known=known, by=by, of=of)
        refuse_several(each.report.currency for each in found)
        return found[0]

    async def revenues(
        self,
        customer_id: str,
        *,
        first: str | None = None,
        until: str | None = None,
        known: str | None = None,
        by: Grouping | None = None,
        of: Selection = ALL_ITEMS,
    ) -> tuple[Earned, ...]:
        """The same for each currency.

        Codes: ``invalid_date``, ``dates_out_of_order``, ``invalid_moment``, ``unknown_contract``, ``unknown_quote``.
        """
        ledger = await self._ledger(customer_id, of.quote)
        moment = read_known(known, ledger.customer)
        period = read_period(first, until)
        contract = contract_of(ledger.entries, None, moment)
        chosen = by_currency(of.of(ledger.revenue(moment), contract))
        return tuple(_earned(whole, period, moment, by, contract) for whole in chosen.values())

    async def outstanding(
        self, customer_id: str, *, on: date | None = None, known: str | None = None, of: Selection = ALL_ITEMS
    ) -> Owed:
        """What remains to be earned after a local date (today), by when.

        Codes: as :meth:`revenue`.
        """
        ledger = await self._ledger(customer_id, of.quote)
        moment = read_known(known, ledger.customer)
        chosen = by_currency(of.of(ledger.revenue(moment), contract_of(ledger.entries, None, moment)))
        refuse_several(chosen)
        ((currency, schedules),) = chosen.items()
        day = on or self._today(ledger.customer)
        return Owed(moment, currency, outstanding(schedules, day), position(schedules, day))

    async def page(self, customer_id: str) -> CustomerLook:
        """The customer in one look, today. Codes: ``unknown_customer``, ``currency_differs``."""
        async with self._desk.database.single() as work:
            facts = await work.customer_pages.facts(customer_id, self._desk.database.kept_ledgers)
        return look(facts, self._today(facts.customer))

    async def timeline(self, customer_id: str, *, cursor: str | None = None, limit: int = 50) -> ChangeList:
        """All that was recorded of the customer, the latest first. Codes: ``unknown_customer``, ``invalid_cursor``."""
        async with self._desk.reading() as work:
            await customer_of(work.connection, customer_id)
            return await work.customer_pages.timeline(customer_id, cursor=cursor, limit=limit)

    def _today(self, customer: Customer) -> date:
        return self._desk.clock.now().astimezone(ZoneInfo(customer.time_zone)).date()

    async def _ledger(self, customer_id: str, quote: str | None = None) -> Ledger:
        """The ledger; a ``quote`` that is named is the customer's. Codes: ``unknown_customer``, ``unknown_quote``."""
        async with self._desk.reading() as work:
            ledger = await self._ledger_of(work, customer_id)
            if quote is not None and (await work.quotes.get(quote)).customer_id != customer_id:
                raise Refusal("unknown_quote", f"{quote} is no quote of {customer_id}", "quote")
            return ledger

    async def _ledger_of(self, work: Work, customer_id: str) -> Ledger:
        customer = await customer_of(work.connection, customer_id)
        kept = await work.ledger.short(customer_id, self._desk.database.kept_ledgers)
        return Ledger(customer, kept, await work.closed_periods.of(customer_id))


def _earned(
    whole: tuple[ItemSchedule, ...],
    period: Period,
    known: datetime | None,
    by: Grouping | None,
    contract: ContractOf,
) -> Earned:
    """What ``whole``, schedules of one currency, comes to in a period."""
    schedules, last = within(whole, period), period.last or date.max
    each = by is not None and by is not Grouping.MONTH
    return Earned(
        period,
        known,
        schedules,
        report(schedules),
        remaining(whole, last),
        by=by,
        rows=grouped(schedules, by, contract) if by is not None else (),
        contract=contract,
        positions=positions(whole, last, by, contract) if by is not None and each else {},
        position=position(whole, last),
    )


def read_known(text: str | None, customer: Customer) -> datetime | None:
    """The moment up to which things are known: a bare date means its end at the customer. Code: ``invalid_moment``."""
    if text is None:
        return None
    if DATE_TEXT.fullmatch(text):
        return end_of_day(read_date(text, "known"), customer.time_zone)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and in_calendar(moment):
            return moment
    except ValueError:
        pass
    raise Refusal("invalid_moment", "write a date (2027-02-06) or a moment with its zone (2027-02-06T12:00Z)", "known")
