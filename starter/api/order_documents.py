"""Orders, contracts, entitlements and revenue as the API shows them. Money is ``{amount, currency}``, both texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.ledger.contract import Contract
from domain.ledger.report import CSV_HEADER, csv_rows
from domain.ledger.revenue import RevenueReport
from domain.money import decimal_text
from domain.order.book import OrderBook
from domain.order.event import LineBalance
from domain.order.item import Item
from domain.order.order import Order
from starter.api.documents import Json, money
from starter.csv_text import csv_lines
from starter.customer_desk import Earned, Entitled

ITEM_FACTS = {
    "item_id",
    "line_id",
    "product",
    "family",
    "kind",
    "description",
    "group",
    "quantity",
    "unit",
    "parent_item",
    "ship_to",
    "start",
    "end",
    "revenue",
    "acceptance",
    "state",
    "delivered",
    "accepted",
    "reached",
}


def order_document(order: Order) -> Json:
    """An order with its items."""
    facts = order.model_dump(mode="json", exclude={"items", "contracting_method", "contracting_setting", "currency"})
    return {
        **facts,
        "due_at": order.due.isoformat(),
        "total": money(order.total, order.currency),
        "items": [item_document(item, order.currency) for item in order.items],
    }


def item_document(item: Item, currency: str) -> Json:
    """An item; ``variance`` is what date moves added to its amount."""
    return {
        **item.model_dump(mode="json", include=ITEM_FACTS),
        "amount": money(item.amount, currency),
        "variance": money(item.variance, currency),
    }


def book_document(book: OrderBook) -> Json:
    """All orders of a quote, what is left of each line, and the totals."""
    totals = book.totals
    return {
        "quote_id": book.quote_id,
        "totals": {name: money(getattr(totals, name), book.currency) for name in type(totals).model_fields},
        "orders": [order_document(order) for order in book.orders],
        "unordered": [_left(each, book.currency) for each in book.balances if each.unordered_amount],
    }


def _left(balance: LineBalance, currency: str) -> Json:
    return {
        "line_id": balance.line_id,
        "quantity": decimal_text(balance.unordered_quantity),
        "amount": money(balance.unordered_amount, currency),
    }


def contract_document(contract: Contract) -> Json:
    """A contract; dates are local and inclusive, without end it runs on."""
    return {
        "contract_id": contract.contract_id,
        "quote_id": contract.quote_id,
        "start": contract.start.isoformat() if contract.start else None,
        "end": contract.end.isoformat() if contract.end else None,
        "lines": list(contract.lines),
        "items": list(contract.items),
        "value": money(contract.value, contract.currency),
    }


def entitled_document(customer_id: str, entitled: Entitled) -> Json:
    """What a customer may use on a date, by product and site."""
    rows = entitled.entitlements
    return {
        "customer_id": customer_id,
        "on": entitled.on.isoformat(),
        "known": entitled.known.isoformat() if entitled.known else None,
        "view": str(entitled.view),
        "product": entitled.scope.product,
        "site": entitled.scope.ship_to,
        "contract": entitled.scope.contract,
        "by_product": {product: decimal_text(quantity) for product, quantity in rows.by_product.items()},
        "rows": [
            {"product": row.product, "ship_to": row.ship_to, "quantity": decimal_text(row.quantity)}
            for row in rows.rows
        ],
        "covers": {product: list(sites) for product, sites in entitled.covers.items()},
    }


def earned_document(customer_id: str, earned: Earned) -> Json:
    """Revenue by month, year and line. All amounts are decimal texts in ``currency``."""
    period, summed = earned.period, earned.report
    return {
        "customer_id": customer_id,
        "from": period.first.isoformat() if period.first else None,
        "until": period.last.isoformat() if period.last else None,
        "known": earned.known.isoformat() if earned.known else None,
        "currency": summed.currency,
        "contracted": decimal_text(summed.contracted),
        "remaining": decimal_text(earned.remaining),
        **_sums(summed),
        "lines": {line_id: _sums(of_line) for line_id, of_line in summed.lines.items()},
    }


def _sums(summed: RevenueReport) -> dict[str, Any]:
    return {
        "total": decimal_text(summed.total),
        "months": {month: decimal_text(amount) for month, amount in summed.months.items()},
        "years": {year: decimal_text(amount) for year, amount in summed.years.items()},
    }


def earned_csv(earned: Iterable[Earned]) -> str:
    """Revenue as CSV (RFC 4180): one row for each item and month, and for each correction of a closed one.

    What people wrote is no formula; amounts, the last column but one, stay numbers.
    """
    rows = [row for each in earned for row in csv_rows(each.schedules, each.contract)[1:]]
    return csv_lines([CSV_HEADER, *rows], numbers=frozenset({CSV_HEADER.index("amount")}))
