"""An agreement: what was ordered of a quote and of its amendments, as amendments and renewals look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import known_items
from domain.ledger.timeline import Family, families
from domain.ledger.view import View
from domain.order.book import OrderBook
from domain.order.item import Item
from domain.quote import Kind, Quote
from domain.refusal import Refusal


@dataclass(frozen=True)
class Agreement:
    """``quote`` was ordered first. ``items`` are its items and those of its amendments by id; ``families`` their lines
    of revisions as the ledger knows them, in the order in which they were begun."""

    quote: Quote
    items: Mapping[str, Item]
    families: tuple[Family, ...]

    @classmethod
    def of(
        cls, quote: Quote, books: Iterable[OrderBook], entries: Iterable[LedgerEntry], known: datetime | None = None
    ) -> Agreement:
        """The agreement of ``quote`` with the order books of it and its amendments, and their customer's ledger."""
        items = {item.item_id: item for book in books for order in book.orders for item in order.items}
        found = [item for item in known_items(entries, known) if item.item_id in items and not item.rejected]
        return cls(quote, items, families(found))

    def line_of(self, family: Family) -> str:
        """The line by which people name a family: that of its first item."""
        return family.first.plan.line_id

    def services(self) -> tuple[Family, ...]:
        """The families that run over time."""
        return tuple(family for family in self.families if family.first.plan.item_kind is not Kind.ONE_TIME)

    def named(self, line: str, ship_to: str | None = None, path: str = "line") -> tuple[Family, ...]:
        """The families of a line, at one site where that is named; or the one an item belongs to.

        Codes: ``unknown_line``, ``unknown_site``.
        """
        found = tuple(f for f in self.families if line == self.line_of(f) or any(i.item_id == line for i in f.items))
        if not found:
            lines = ", ".join(dict.fromkeys(map(self.line_of, self.families))) or "nothing"
            raise Refusal("unknown_line", f"{line} was not ordered; {self.quote.quote_id} has {lines}", path)
        there = tuple(family for family in found if ship_to in (None, family.first.plan.ship_to))
        if not there:
            sites = ", ".join(str(family.first.plan.ship_to) for family in found)
            raise Refusal("unknown_site", f"{line} is not at {ship_to}; name one of {sites}", path)
        return there

    def components(self, item_id: str) -> tuple[Item, ...]:
        """The items that are components of an item, and count."""
        return tuple(item for item in self.items.values() if item.parent_item == item_id and item.counts)


def is_running(family: Family, since: date) -> bool:
    """Whether anything of a family runs, as planned, on ``since`` or after it."""
    days = (since, *(day for day in family.days() if day > since))
    return any(left for day in days for left in family.left(day, View.COMMITTED).values())


def refuse_misfit(quote: Quote, agreement: Agreement) -> None:
    """Refuse an amendment that does not fit the contract it names.

    Codes: ``wrong_state`` (it amends another one), ``customer_differs``, ``currency_differs``, ``bundle_broken`` (a
    component is put in where its parent is taken away, or the other way round).
    """
    amended = agreement.quote
    if quote.amends != amended.quote_id:
        raise Refusal("wrong_state", f"{quote.quote_id} does not amend {amended.quote_id}", "amends")
    if quote.customer.customer_id != amended.customer.customer_id:
        message = f"{amended.quote_id} is a contract of {amended.customer.customer_id}"
        raise Refusal("customer_differs", message, "customer.customer_id")
    if quote.currency != amended.currency:
        raise Refusal("currency_differs", f"{amended.quote_id} is in {amended.currency}; amend it in that", "currency")
    for line in quote.lines:
        if line.component_of is not None and quote.line(line.component_of).takes_away is not line.takes_away:
            message = f"{line.line_id} goes the other way than {line.component_of}, whose component it is"
            raise Refusal("bundle_broken", message, f"lines.{line.line_id}.component_of")
