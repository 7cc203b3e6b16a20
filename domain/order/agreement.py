"""An agreement: what was ordered of a quote and of its amendments, as amendments and renewals look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem, known_items
from domain.ledger.timeline import Family, families
from domain.ledger.view import View
from domain.order.book import OrderBook
from domain.order.carried import RENEWS
from domain.order.item import Item
from domain.quote import Kind, Quote, QuoteLine
from domain.refusal import Refusal


@dataclass(frozen=True)
class Agreement:
    """``quote`` was ordered first. ``items`` are its items and those of its amendments by id; ``families`` their lines
    of revisions as the ledger knows them, in the order in which they were begun. ``ordered_lines`` are the quote lines
    of items, where they are known; ``renewed`` is what was ordered to go on after a family, by that family's root."""

    quote: Quote
    items: Mapping[str, Item]
    families: tuple[Family, ...]
    ordered_lines: Mapping[str, QuoteLine] = field(default_factory=dict)
    renewed: Mapping[str, tuple[Family, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        quote: Quote,
        books: Iterable[OrderBook],
        entries: Iterable[LedgerEntry],
        known: datetime | None = None,
        *,
        others: Iterable[Quote] = (),
    ) -> Agreement:
        """The agreement of ``quote`` with the order books of it and its amendments, and their customer's ledger.

        ``others`` are further quotes of that customer: the amendments, and what renews ``quote``.
        """
        quotes = {each.quote_id: each for each in (*others, quote)}
        placed = [(book.quote_id, item) for book in books for order in book.orders for item in order.items]
        items = {item.item_id: item for _, item in placed}
        there = [item for item in known_items(entries, known) if not item.rejected]
        own = families(item for item in there if item.item_id in items)
        lines = {item.item_id: quotes[of].by_id.get(item.line_id) for of, item in placed if of in quotes}
        agreement = cls(quote, items, own, {item_id: line for item_id, line in lines.items() if line is not None})
        renewals = {each.quote_id: each for each in quotes.values() if is_renewal_of(each, quote.quote_id)}
        return replace(agreement, renewed=agreement._renewed(renewals, there)) if renewals else agreement

    def _renewed(self, renewals: Mapping[str, Quote], there: Iterable[KnownItem]) -> dict[str, tuple[Family, ...]]:
        found: dict[str, list[Family]] = {}
        for family in families(item for item in there if {item.plan.quote_id, item.plan.contract_of} & renewals.keys()):
            plan = family.first.plan
            line = renewals[plan.quote_id].by_id.get(plan.line_id) if plan.quote_id in renewals else None
            for root in self.roots_renewed_by(line, plan.ship_to) if line is not None else ():
                found.setdefault(root, []).append(family)
        return {root: tuple(each) for root, each in found.items()}

    def roots_renewed_by(self, line: QuoteLine, ship_to: str | None) -> frozenset[str]:
        """The families that a line of a renewal goes on with.

        Renewals of earlier releases name no item: there it is the line of that name and product, at that site.
        """
        named = line.fields.get(RENEWS)
        if named is not None:
            return frozenset({self.items[named].root_item if named in self.items else named})
        names = (line.line_id, line.line_id.rpartition(".")[0])
        firsts = {family.root: family.first.plan for family in self.families}
        return frozenset(
            root
            for root, plan in firsts.items()
            if plan.line_id in names and (plan.product, plan.ship_to) == (line.product, ship_to)
        )

    def line_ordered(self, item: Item) -> QuoteLine | None:
        """The quote line that an item was ordered of; of the first of its line of revisions, where that is unknown."""
        found = self.ordered_lines.get(item.item_id) or self.ordered_lines.get(item.root_item)
        root = self.items.get(item.root_item, item)
        return found or self.quote.by_id.get(root.line_id)

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


def is_renewal_of(quote: Quote, renewed: str) -> bool:
    """Whether ``quote`` says that it renews the one of that id."""
    return quote.amends is None and quote.quote_id != renewed and quote.fields.get(RENEWS) == renewed


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
