"""A contract in test: a quote that was ordered, its amendments, and the one ledger of their customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.ledger.contract import Contract, contracts
from domain.ledger.entitlement import Scope, View, entitlements
from domain.ledger.entries import LedgerEntry
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.delta_order import order_amendment
from domain.pricing import PricedQuote, price
from domain.quote import read_quote
from domain.reading import read_model
from tests.domain.order.story import BEFORE, Story, cause, day, noon, quoted


class Agreed:
    """Plays a quote and amendments of it; the customer's ledger is that of all of them, in the order of recording."""

    def __init__(self, *lines: dict[str, Any], until: str | None = "2027-01-01", **header: Any) -> None:
        self.first = Story(quoted(*lines, **header)).split()
        self.stories = [self.first]
        self.until(until)

    def until(self, on: str | None) -> Agreed:
        for story in self.stories if on else ():
            story.until(noon(on or ""))
        return self

    @property
    def entries(self) -> list[LedgerEntry]:
        return sorted((row for story in self.stories for row in story.entries), key=lambda row: row.recorded_at)

    @property
    def agreement(self) -> Agreement:
        others = [story.priced.quote for story in self.stories[1:]]
        books = [story.book for story in self.stories]
        return Agreement.of(self.first.priced.quote, books, self.entries, others=others)

    def document(self, start: str, *lines: Mapping[str, Any], quote_id: str | None = None) -> dict[str, Any]:
        """The quote document of an amendment."""
        wish = {
            "quote_id": quote_id or f"Q-1.{len(self.stories)}",
            "contract_of": "Q-1",
            "start_date": start,
            "lines": lines,
        }
        return amend(self.agreement, read_model(Amendment, wish))

    def amend(self, start: str, *lines: Mapping[str, Any], at: datetime = BEFORE, until: str | None = None) -> Story:
        """Amend, approve and order at once; ``until`` lets time pass then."""
        return self.order(self.document(start, *lines), at, until)

    def order(self, document: dict[str, Any], at: datetime = BEFORE, until: str | None = None) -> Story:
        story = Story(price(read_quote(document)))
        keys = ("order_date", "ship_to")
        story.keep(order_amendment(story.book, story.priced, self.agreement, keys, cause(at)))
        self.stories.append(story)
        self.until(until)
        return story

    def priced(self, document: dict[str, Any]) -> PricedQuote:
        return price(read_quote(document))

    def held(
        self,
        on: str,
        product: str = "P-S",
        *,
        view: View = View.COMMITTED,
        known: datetime | None = None,
        scope: Scope | None = None,
    ) -> Decimal:
        found = entitlements(self.entries, day(on), known, view, scope=scope or Scope())
        return found.of(product)

    def contracts(self, method: str | None = None) -> tuple[Contract, ...]:
        return contracts(self.entries, method)

    def amounts(self) -> Decimal:
        """The sum of what all orders come to."""
        return sum((story.book.totals.ordered for story in self.stories), Decimal(0))
