"""A quote in test: small documents, and a story that plays operations on its orders and keeps what they leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.ledger.entries import LedgerEntry
from domain.order.activation import acknowledge, advance, next_moment
from domain.order.book import OrderBook, open_book
from domain.order.event import Cause, Change, OrderEvent
from domain.order.invariants import violations
from domain.order.order import Order
from domain.order.reschedule import move_date
from domain.order.split import split
from domain.pricing import PricedQuote, price
from domain.quote import read_quote

ZONE = ZoneInfo("America/Chicago")
BEFORE = datetime(2026, 12, 1, 9, tzinfo=ZONE)


def day(text: str) -> date:
    return date.fromisoformat(text)


def noon(text: str) -> datetime:
    """Noon of a day where the customer is."""
    return datetime.fromisoformat(f"{text}T12:00").replace(tzinfo=ZONE)


def cause(at: datetime = BEFORE, by: str = "rosa", why: str | None = None) -> Cause:
    return Cause(at=at, by=by, why=why)


def thing(line_id: str = "A", quantity: str = "10", price: str = "100.00", **more: Any) -> dict[str, Any]:
    """A line of things sold once."""
    product = {"line_id": line_id, "product": f"P-{line_id}", "family": "Things", "kind": "one_time"}
    return {**product, "quantity": quantity, "list_price": price, **more}


def seats(line_id: str = "S", quantity: str = "10", price: str = "10.00", **more: Any) -> dict[str, Any]:
    """A subscription by the month."""
    product = {"line_id": line_id, "product": f"P-{line_id}", "family": "Software", "kind": "subscription"}
    return {**product, "quantity": quantity, "list_price": price, **more}


def percent(line_id: str = "M", of: str = "10", **more: Any) -> dict[str, Any]:
    """A percent of all other lines, unless ``more`` says of what."""
    product = {"line_id": line_id, "product": f"P-{line_id}", "family": "Care", "kind": "percent_of_total"}
    base = {} if {"of_lines", "of_families"} & more.keys() else {"of": "others"}
    return {**product, "quantity": "1", "percent": of, **base, **more}


def to(*places: tuple[str, str | None, str | None]) -> list[dict[str, str]]:
    """Deliveries of (order date, ship-to, quantity)."""
    names = ("order_date", "ship_to", "quantity")
    return [{name: value for name, value in zip(names, place, strict=True) if value} for place in places]


def quoted(*lines: dict[str, Any], **header: Any) -> PricedQuote:
    """A priced quote of ``lines`` for a customer in Chicago, starting on 2027-01-01."""
    document = {
        "quote_id": "Q-1",
        "title": "A quote",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "c-1", "name": "Customer", "time_zone": "America/Chicago"},
        "start_date": "2027-01-01",
        "lines": list(lines),
    }
    document.update(header)
    return price(read_quote({name: value for name, value in document.items() if value is not None}))


class Story:
    """Plays operations in order, keeps book, events and entries, and checks the invariants after each."""

    def __init__(self, priced: PricedQuote) -> None:
        self.priced = priced
        self.book: OrderBook = open_book(priced)
        self.entries: list[LedgerEntry] = []
        self.events: list[OrderEvent] = []

    def keep(self, change: Change) -> Change:
        self.book = self.book.applied(change)
        self.entries.extend(change.entries)
        self.events.extend(change.events)
        assert violations(self.book) == ()
        return change

    def split(self, *keys: str, at: datetime = BEFORE) -> Story:
        self.keep(split(self.book, self.priced, keys or ("order_date", "ship_to"), cause(at)))
        return self

    def move(self, name: str, to: str, at: datetime = BEFORE, cut_off: timedelta | None = None) -> Change:
        return self.keep(move_date(self.book, name, day(to), cause(at), cut_off=cut_off))

    def do(self, operation: Callable[..., Change], name: str, at: datetime, **more: Any) -> Change:
        """An operation on the one order ``name``."""
        return self.keep(operation(self.book.order(name), cause(at), **more))

    def until(self, at: datetime, acknowledged: bool = True) -> Story:
        """Lets time pass, moment by moment over all orders; the ERP accepts each order as it is activated."""
        while due := self._due(at):
            moment, order = min(due, key=lambda pair: pair[0])
            change = self.keep(advance(order, cause(max(moment, order.created_at), "clock")))
            assert change.orders, "time was said to change the order"
            if acknowledged and change.order.acknowledgement is None:
                self.keep(acknowledge(change.order, cause(max(moment, order.created_at), "erp")))
        return self

    def _due(self, at: datetime) -> list[tuple[datetime, Order]]:
        moments = ((next_moment(order), order) for order in self.book.orders)
        return [(moment, order) for moment, order in moments if moment is not None and moment <= at]

    def order(self, name: str) -> Order:
        return self.book.order(name)

    def amounts(self, line_id: str) -> list[str]:
        """The amounts of a line's items in the order of the orders, as texts."""
        items = (item for order in self.book.orders for item in order.items)
        return [str(item.amount) for item in items if item.line_id == line_id]


def keys(book: OrderBook) -> list[str]:
    return [order.key for order in book.orders]


def lines_of(order: Order) -> Sequence[str]:
    return [item.line_id for item in order.items]
