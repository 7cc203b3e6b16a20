"""Renewals: a quote that is prepared from what runs, to begin when that ends (``spec/orders.md`` 3, at its end)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field

from domain.ledger.contract import Contract
from domain.ledger.view import View
from domain.money import decimal_text, round_money
from domain.order.agreement import Agreement
from domain.order.carried import RENEWS, carried, written_price
from domain.order.item import Item
from domain.order.renewed import runs_between
from domain.quote import Document, Identifier, Kind, PricePer, QuoteNumber, Text
from domain.refusal import Refusal
from domain.term import ONE_DAY, end_of_term, months_of_price


class RenewalPrice(StrEnum):
    """``same``: what is paid now. ``list``: the list price. ``uplift``: what is paid now, and some percent more."""

    SAME = "same"
    LIST = "list"
    UPLIFT = "uplift"


class CoTermination(StrEnum):
    LATEST = "latest"
    EARLIEST = "earliest"


class Renewal(Document):
    """What to renew, at which price and for how long.

    All lines end together: ``term_months`` after the latest (or earliest) end of what runs. ``list_prices`` are
    today's, by product; without one the list price of the quote holds. ``uplift_percent`` may be negative.
    """

    quote_id: Identifier
    contract_of: Identifier
    price: RenewalPrice = RenewalPrice.SAME
    uplift_percent: QuoteNumber | None = None
    co_termination: CoTermination = CoTermination.LATEST
    term_months: Annotated[int, Field(strict=True, ge=1, le=1200)] = 12
    list_prices: Mapping[str, QuoteNumber] = Field(default_factory=dict)
    title: Text | None = None
    owner: Identifier | None = None


@dataclass(frozen=True, slots=True)
class _Running:
    """A quantity of an item that runs to its last day."""

    item: Item
    quantity: Decimal
    end: date


def renew(agreement: Agreement, wish: Renewal, today: date | None = None) -> dict[str, Any]:
    """The quote document of a renewal, as :func:`~domain.quote.read_quote` reads it; nothing is written.

    Each service begins on the day after it ends now, so that nothing is left out and nothing is paid twice; what runs
    beyond the common end is left as it is, and so is what has no end. What ended before ``today`` has lapsed and is
    left out, unless all has: then what ended last goes on. Quantities are those of the last day. A
    percent-of-total line goes on at what it costs now, by its months.

    What an ordered renewal goes on with already is left out.

    Codes: ``not_running`` (nothing that ends), ``already_renewed`` (all of it is), ``missing_field`` (no list price, no
    uplift_percent), ``conflicting_fields`` (an uplift_percent with another price), ``invalid_date`` (beyond the year
    9999).
    """
    _check(wish)
    ending = _not_lapsed(_ending(agreement), today)
    if not ending:
        raise Refusal("not_running", f"nothing of {wish.contract_of} runs to an end", "contract_of")
    running = [each for each in ending if not _goes_on(agreement, each)]
    if not running:
        message = f"all of {wish.contract_of} that ends was renewed already; renew the renewal"
        raise Refusal("already_renewed", message, "contract_of")
    choose = max if wish.co_termination is CoTermination.LATEST else min
    first, common = _whole_term(choose(each.end for each in running), wish.term_months)
    renewed = [each for each in running if each.end < common]
    lines = _Lines(agreement, wish, first, common)
    quote = agreement.quote.model_dump(mode="json", exclude_none=True, exclude={"lines", "accepted_on", "amends"})
    own = {
        "quote_id": wish.quote_id,
        "title": wish.title or f"Renewal of {agreement.quote.title}",
        "owner": wish.owner or agreement.quote.owner,
        "start_date": (min(each.end for each in renewed) + ONE_DAY).isoformat(),
        "fields": {**agreement.quote.fields, RENEWS: agreement.quote.quote_id},
        "lines": lines.documents(renewed),
    }
    return {**quote, **own}


def _whole_term(end: date, months: int) -> tuple[date, date]:
    """The first and the last day of the term that follows ``end``. Code: ``invalid_date``."""
    try:
        return end + ONE_DAY, end_of_term(end + ONE_DAY, months)
    except (ValueError, OverflowError):
        message = f"{months} months from {end} lead beyond the year 9999; choose a shorter term"
        raise Refusal("invalid_date", message, "term_months") from None


def renewals_due(contracts: Iterable[Contract], on: date, lead: timedelta) -> tuple[Contract, ...]:
    """The contracts whose renewal is to be prepared by ``on``: the end of their terms lies within ``lead``, not behind.

    What runs without end is never renewed, and does not keep the rest of its contract from it.
    """
    return tuple(each for each in contracts if _is_due(each.term_end, on, lead))


def _is_due(end: date | None, on: date, lead: timedelta) -> bool:
    # Counted from today, for an end may lie before the first day of the calendar and a lead is as long as one likes.
    return end is not None and on <= end and end - on <= lead


def _check(wish: Renewal) -> None:
    if wish.price is RenewalPrice.UPLIFT and wish.uplift_percent is None:
        raise Refusal("missing_field", "say by how many percent the price goes up", "uplift_percent")
    if wish.price is not RenewalPrice.UPLIFT and wish.uplift_percent is not None:
        raise Refusal("conflicting_fields", "an uplift_percent goes with the price uplift", "uplift_percent")


def _ending(agreement: Agreement) -> list[_Running]:
    """What runs on the last day of each service that has one."""
    found: list[_Running] = []
    for family in agreement.services():
        end = family.last_day()
        if end is not None:
            left = family.left(end, View.COMMITTED)
            found.extend(
                _Running(agreement.items[item_id], quantity, end) for item_id, quantity in left.items() if quantity
            )
    return sorted(found, key=lambda each: _depth(agreement, each.item))


def _not_lapsed(ending: list[_Running], today: date | None) -> list[_Running]:
    """What did not end before ``today``; where all did, what ended last."""
    if today is None or not ending:
        return ending
    since = min(today, max(each.end for each in ending))
    return [each for each in ending if each.end >= since]


def _goes_on(agreement: Agreement, running: _Running) -> bool:
    """Whether a renewal that was ordered runs on the day after."""
    if running.end == date.max:
        return False
    families = agreement.renewed.get(running.item.root_item, ())
    return any(runs_between(family, running.end + ONE_DAY, running.end + ONE_DAY) for family in families)


def _depth(agreement: Agreement, item: Item) -> int:
    """How deep in a bundle an item is, so that parents come before their components."""
    depth = 0
    while item.parent_item is not None and item.parent_item in agreement.items:
        item, depth = agreement.items[item.parent_item], depth + 1
    return depth


@dataclass(slots=True)
class _Lines:
    """Writes the lines of a renewal that all end on ``common``; those that begin on ``first`` last the whole term."""

    agreement: Agreement
    wish: Renewal
    first: date
    common: date

    def documents(self, renewed: Iterable[_Running]) -> list[dict[str, Any]]:
        made: dict[str, str] = {}
        documents: list[dict[str, Any]] = []
        for each in renewed:
            item, names = each.item, {document["line_id"] for document in documents}
            root = self.agreement.items.get(item.root_item, item)
            name = root.line_id
            number = 1
            while (line_id := name if number == 1 else f"{name}.{number}") in names:
                number += 1
            made[item.item_id] = line_id
            documents.append(self._document(each, line_id, made.get(item.parent_item or "")))
        return documents

    def _document(self, each: _Running, line_id: str, parent: str | None) -> dict[str, Any]:
        item, start = each.item, each.end + ONE_DAY
        facts = carried(item, self.agreement.line_ordered(item), Kind.SUBSCRIPTION, self._term(item, start))
        document: dict[str, Any] = {
            "line_id": line_id,
            **facts,
            "kind": Kind.SUBSCRIPTION.value,
            "quantity": decimal_text(each.quantity),
            "start_date": start.isoformat(),
            "end_date": self.common.isoformat(),
            "component_of": parent,
            "fields": {**facts.get("fields", {}), RENEWS: item.item_id},
            **self._price(each, start),
        }
        if parent is None:
            place = {"order_date": start.isoformat(), "ship_to": item.ship_to, "quantity": document["quantity"]}
            document["deliveries"] = [{name: value for name, value in place.items() if value is not None}]
        return {name: value for name, value in document.items() if value is not None}

    def _price(self, each: _Running, start: date) -> dict[str, str]:
        item = each.item
        if self.wish.price is RenewalPrice.LIST and not item.is_share:
            return {"list_price": decimal_text(self._list_price(item))}
        raised = 1 + Fraction(self.wish.uplift_percent or 0) / 100
        if _once(item):
            part = Fraction(each.quantity) / Fraction(item.quantity)
            return self._total(Fraction(item.amount) * part * raised * self._term(item, start))
        price = item.price.unit_price * raised
        months, written = self._months(item, start), written_price(price)
        if written is not None and months == months_of_price(start, self.common, item.price.proration):
            return {"net_price": written}
        periods = months / 12 if item.price.price_per is PricePer.YEAR else months
        return self._total(price * Fraction(each.quantity) * periods)

    def _total(self, amount: Fraction) -> dict[str, str]:
        return {"net_total": decimal_text(round_money(amount, self.agreement.quote.currency))}

    def _term(self, item: Item, start: date) -> Fraction:
        """How long the line runs, over how long its item did."""
        if item.start is None or item.end is None:
            return Fraction(1)
        now = months_of_price(item.start, item.end, item.price.proration)
        return months_of_price(start, self.common, item.price.proration) / now

    def _months(self, item: Item, start: date) -> Fraction:
        """How long the line costs: exactly its months where the term before was given in months and it lasts a whole
        term, whatever parts of months its dates cover."""
        if item.price.term_months is not None and start == self.first:
            return Fraction(self.wish.term_months)
        return months_of_price(start, self.common, item.price.proration)

    def _list_price(self, item: Item) -> Decimal:
        given = self.wish.list_prices.get(item.product)
        root = self.agreement.items.get(item.root_item, item)
        lines = (self.agreement.line_ordered(item), self.agreement.line_ordered(root))
        quoted = (line.list_price for line in lines if line is not None and line.list_price is not None)
        listed = given if given is not None else next(quoted, None)
        if listed is None:
            message = f"{item.product} has no list price in the quote; give it"
            raise Refusal("missing_field", message, f"list_prices.{item.product}")
        return listed


def _once(item: Item) -> bool:
    """Whether the price is for the whole term, so that another term costs by its months."""
    return item.is_share or item.price.price_per is PricePer.ONCE
