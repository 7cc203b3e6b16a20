"""What a customer holds and what covers it, and the service-level clocks of their quotes and orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from activities.store.customers import customer_of
from activities.store.quotes import StoredQuote
from activities.store.work import Work
from domain.calendar import ROUND_THE_CLOCK, WorkingCalendar
from domain.ledger.asset import Asset, assets
from domain.ledger.contract import contract_items
from domain.ledger.coverage import Coverage, coverage
from domain.ledger.entitlement import EVERYTHING, Scope
from domain.ledger.entries import LedgerEntry
from domain.ledger.view import View
from domain.order.order import Order, OrderState
from domain.quote import Customer, Quote
from domain.reading import read_date
from domain.refusal import Refusal
from domain.service_level import Clock, LevelState, Reading, order_clocks, quote_clock
from starter.customer_desk import read_known
from starter.desk import Desk

PROMISED = "promised_date"
"""The field of a quote line that says by when its things are promised."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held on ``on``, as known at a moment (none: now), and which services cover it."""

    customer_id: str
    on: date
    known: datetime | None
    assets: tuple[Asset, ...] = ()
    coverage: tuple[Coverage, ...] = ()


@dataclass(frozen=True, slots=True)
class Clocks:
    """Clocks as read at ``at``, those that need attention first: by state, then by target."""

    at: datetime
    readings: tuple[tuple[str, str | None, Reading], ...]
    """Quote, order (none: the clock is the quote's), and the clock."""


class HoldingDesk:
    """Questions about assets, coverage and service levels; nothing is written."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._levels = desk.service_levels

    async def assets(
        self,
        customer_id: str,
        *,
        on: date | None = None,
        known: str | None = None,
        scope: Scope = EVERYTHING,
        order_id: str | None = None,
    ) -> Held:
        """The assets that a customer holds on a local date (today), of one product, site, contract or order.

        Codes: ``unknown_customer``, ``invalid_moment``, ``unknown_contract``.
        """
        held, entries = await self._ledger(customer_id, on, known)
        chosen = _in_scope(entries, scope, held.known)
        found = (asset for asset in assets(entries, held.on, held.known) if chosen(asset))
        own = (
            asset for asset in found if order_id is None or any(each.order_id == order_id for each in asset.movements)
        )
        return Held(held.customer_id, held.on, held.known, assets=tuple(own))

    async def assets_of_order(self, order_id: str, *, on: date | None = None, known: str | None = None) -> Held:
        """The assets that came by an order, or went back by it in part, as held on a day. Code: ``unknown_order``."""
        async with self._desk.reading() as work:
            customer_id = (await work.orders.get(order_id)).customer_id
        return await self.assets(customer_id, on=on, known=known, order_id=order_id)

    async def coverage(
        self,
        customer_id: str,
        *,
        on: date | None = None,
        known: str | None = None,
        view: View = View.CONTRACTED,
        scope: Scope = EVERYTHING,
    ) -> Held:
        """Which services cover which assets on a local date (today); ``scope`` is of the services.

        Codes: ``unknown_customer``, ``invalid_moment``, ``unknown_contract``.
        """
        held, entries = await self._ledger(customer_id, on, known)
        chosen = _in_scope(entries, scope, held.known)
        rows = coverage(entries, held.on, held.known, view) if view is not View.UNORDERED else ()
        return Held(held.customer_id, held.on, held.known, coverage=tuple(row for row in rows if chosen(row)))

    async def clocks(self, customer_id: str, *, state: LevelState | None = None) -> Clocks:
        """The clocks of all accepted quotes of a customer and of their orders, in that ``state`` (none: in any).

        Codes: ``unknown_customer``, ``unknown_calendar``.
        """
        async with self._desk.reading() as work:
            await customer_of(work.connection, customer_id)
            calendar = await self._calendar(work)
            found = [
                each
                for stored in await work.quotes.of_customer(customer_id)
                for each in await self._of_quote(work, stored, calendar)
            ]
        return self._sorted([each for each in found if state in (None, each[2].state)])

    async def clocks_of_order(self, order_id: str) -> Clocks:
        """The clocks of an order. Codes: ``unknown_order``, ``unknown_calendar``."""
        async with self._desk.reading() as work:
            order = await work.orders.get(order_id)
            stored = await work.quotes.get(order.quote_id)
            quote = (await work.quotes.content(order.quote_id, stored.version)).quote
            found = list(self._of_order(order, quote, await self._calendar(work)))
        return self._sorted(found)

    async def _of_quote(
        self, work: Work, stored: StoredQuote, calendar: WorkingCalendar
    ) -> list[tuple[str, str | None, Reading]]:
        if stored.accepted_at is None:
            return []
        orders, now = await work.orders.of_quote(stored.quote_id), self._desk.clock.now()
        quote = (await work.quotes.content(stored.quote_id, stored.version)).quote
        found: list[tuple[str, str | None, Reading]] = [
            (stored.quote_id, None, quote_clock(stored.quote_id, stored.accepted_at, orders, target, calendar, now))
            for target in self._levels.targets
            if target.clock is Clock.QUOTE_TO_ORDER
        ]
        return found + [each for order in orders for each in self._of_order(order, quote, calendar)]

    def _of_order(
        self, order: Order, quote: Quote, calendar: WorkingCalendar
    ) -> Iterator[tuple[str, str | None, Reading]]:
        if order.state is OrderState.CANCELLED:
            return
        now, promised = self._desk.clock.now(), _promised(order, quote)
        for reading in order_clocks(order, self._levels.targets, now, calendar=calendar, promised=promised):
            yield order.quote_id, order.order_id, reading

    def _sorted(self, found: list[tuple[str, str | None, Reading]]) -> Clocks:
        urgency = (LevelState.BREACHED, LevelState.JEOPARDY, LevelState.RUNNING, LevelState.MISSED, LevelState.MET)
        ordered = sorted(found, key=lambda each: (urgency.index(each[2].state), each[2].target, each[2].subject))
        return Clocks(self._desk.clock.now(), tuple(ordered))

    async def _calendar(self, work: Work) -> WorkingCalendar:
        named = self._levels.calendar
        if not isinstance(named, str):
            return named or ROUND_THE_CLOCK
        calendars = (await self._desk.knowledge.directory(work)).calendars
        if named not in calendars:
            raise Refusal("unknown_calendar", f"{named} is no calendar of the directory", "calendar")
        return calendars[named]

    async def _ledger(
        self, customer_id: str, on: date | None, known: str | None
    ) -> tuple[Held, tuple[LedgerEntry, ...]]:
        async with self._desk.reading() as work:
            customer = await customer_of(work.connection, customer_id)
            entries = await work.ledger.entries(customer=customer_id)
        return Held(customer_id, on or self._today(customer), read_known(known, customer)), entries

    def _today(self, customer: Customer) -> date:
        return self._desk.clock.now().astimezone(ZoneInfo(customer.time_zone)).date()


def _in_scope(entries: tuple[LedgerEntry, ...], scope: Scope, known: datetime | None) -> _Chosen:
    items = contract_items(entries, scope.contract, known) if scope.contract is not None else None
    return _Chosen(scope, items)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Whether something is of the product, site and contract that is asked about."""

    scope: Scope
    items: frozenset[str] | None

    def __call__(self, found: Asset | Coverage) -> bool:
        item = found.root if isinstance(found, Asset) else found.item_id
        return self.scope.fits(found.product, found.ship_to) and (self.items is None or item in self.items)


def _promised(order: Order, quote: Quote) -> Mapping[str, date]:
    """By when the lines of the quote promise the items of an order; what is no date promises nothing."""
    found: dict[str, date] = {}
    for item in order.items:
        line = quote.by_id.get(item.line_id)
        text = line.fields.get(PROMISED) if line is not None else None
        if text:
            try:
                found[item.item_id] = read_date(text)
            except Refusal:
                continue
    return found
