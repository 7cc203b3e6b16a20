"""The customer in one look: terms, prices, what was delivered, what runs, what comes, changes, and money by state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from activities.store.credit_holds import CreditWord
from activities.store.customer_page import ChangeFacts, CustomerFacts, OrderFacts, QuoteFacts
from domain.ledger.asset import Asset, Subscription, assets, subscriptions
from domain.ledger.contract import Contract, contracts
from domain.ledger.invoicing import Position, position
from domain.ledger.known import KnownItem, known_items
from domain.ledger.revenue import remaining
from domain.ledger.view import View
from domain.money import total_of
from domain.order.order import OrderState
from domain.quote import Customer

AHEAD = (OrderState.DRAFT, OrderState.SCHEDULED, OrderState.ON_HOLD, OrderState.BLOCKED)
"""States of orders that are still to come."""
Price = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What arrived (was accepted, where that is required) of a line at a site, from first to last date."""

    line_id: str
    product: str
    ship_to: str | None
    ordered: Decimal
    quantity: Decimal
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Money:
    """Where the customer's money stands in one currency. All figures but ``remaining`` are as of the end of the day.

    ``ordered`` is split by the state of the orders. ``contracted`` is ``recognised`` and ``remaining``.
    """

    currency: str
    quoted: Decimal
    accepted: Decimal
    ordered: Mapping[str, Decimal]
    unordered: Decimal
    cancelled: Decimal
    returned: Decimal
    contracted: Decimal
    remaining: Decimal
    position: Position


@dataclass(frozen=True, slots=True)
class CustomerLook:
    """All that the page of a customer shows on the local date ``on``."""

    customer: Customer
    on: date
    quotes: tuple[QuoteFacts, ...]
    prices: tuple[tuple[str, str, str, Price], ...]
    """Quote, line, product and price as ordered, each once."""
    contracts: tuple[Contract, ...]
    delivered: tuple[Delivered, ...]
    assets: tuple[Asset, ...]
    running: tuple[Subscription, ...]
    starting: tuple[Subscription, ...]
    """Services that begin after the day, planned ones too."""
    orders: tuple[OrderFacts, ...]
    """Orders that are still to come."""
    money: tuple[Money, ...]
    changes: tuple[ChangeFacts, ...]
    credit_hold: CreditWord | None = None
    """Why nothing of theirs is activated at present; none: nothing stands against it."""


def look(facts: CustomerFacts, on: date) -> CustomerLook:
    """What ``facts`` show on the local date ``on``."""
    rows = facts.ledger.rows
    planned = subscriptions(rows, view=View.COMMITTED)
    return CustomerLook(
        customer=facts.customer,
        on=on,
        quotes=facts.quotes,
        prices=tuple(_prices(facts.orders)),
        contracts=contracts(rows),
        delivered=tuple(_delivered(known_items(rows), on)),
        assets=tuple(assets(rows, on)),
        running=tuple(each for each in subscriptions(rows) if each.quantity(on)),
        starting=tuple(each for each in planned if each.start > on),
        orders=tuple(order for order in facts.orders if order.state in AHEAD),
        money=tuple(_money(facts, on)),
        changes=facts.changes,
        credit_hold=facts.credit if facts.credit is not None and facts.credit.held else None,
    )


def _prices(orders: Iterable[OrderFacts]) -> Iterator[tuple[str, str, str, Price]]:
    told: set[tuple[Any, ...]] = set()
    for order in orders:
        for item in order.prices:
            price = item["price"]
            mark = (order.quote_id, item["line_id"], price["unit_price"], price["price_per"])
            if mark not in told and price.get("percent") is None and Fraction(price["unit_price"]):
                told.add(mark)
                yield order.quote_id, item["line_id"], item["product"], price


def _delivered(items: Iterable[KnownItem], on: date) -> Iterator[Delivered]:
    found: dict[tuple[str, str, str | None], list[KnownItem]] = {}
    for item in items:
        if any(day <= on for day, _ in item.received):
            found.setdefault((item.plan.line_id, item.plan.product, item.plan.ship_to), []).append(item)
    for (line_id, product, ship_to), of_line in found.items():
        receipts = [each for item in of_line for each in item.received if each[0] <= on]
        yield Delivered(
            line_id=line_id,
            product=product,
            ship_to=ship_to,
            ordered=sum((item.plan.quantity for item in of_line), Decimal(0)),
            quantity=sum((quantity for _, quantity in receipts), Decimal(0)),
            first=min(day for day, _ in receipts),
            last=max(day for day, _ in receipts),
        )


def _money(facts: CustomerFacts, on: date) -> Iterator[Money]:
    """In each currency alone: amounts in several do not add up."""
    schedules = facts.ledger.revenue(None, facts.closed, since=on)
    for currency in sorted({quote.currency for quote in facts.quotes}):
        quotes = [quote for quote in facts.quotes if quote.currency == currency]
        own = [each for each in schedules if each.plan.currency == currency]
        by_state: dict[str, list[Decimal]] = {}
        for order in facts.orders:
            if order.currency == currency:
                by_state.setdefault(str(order.state), []).append(order.total)
        yield Money(
            currency=currency,
            quoted=total_of((quote.net_total for quote in quotes), currency),
            accepted=total_of((quote.net_total for quote in quotes if quote.accepted_at), currency),
            ordered={state: total_of(totals, currency) for state, totals in by_state.items()},
            unordered=_left(quotes, currency, "unordered"),
            cancelled=_left(quotes, currency, "cancelled"),
            returned=_left(quotes, currency, "returned"),
            contracted=total_of((each.contracted for each in own), currency),
            remaining=remaining(own, on),
            position=position(own, on),
        )


def _left(quotes: Iterable[QuoteFacts], currency: str, name: str) -> Decimal:
    """What the books say; of an accepted quote that has none yet, all is unordered."""
    amounts = []
    for quote in quotes:
        if quote.totals is not None:
            amounts.append(quote.totals[name])
        elif quote.accepted_at is not None and name == "unordered":
            amounts.append(quote.net_total)
    return total_of(amounts, currency)
