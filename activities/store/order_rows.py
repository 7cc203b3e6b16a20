"""The rows that orders, items, balances, books and ledger entries come to."""

from __future__ import annotations

from typing import Any

from domain.ledger.entries import LedgerEntry
from domain.order.book import OrderBook
from domain.order.event import LineBalance
from domain.order.item import Item
from domain.order.order import Order

BALANCE_FIGURES = (
    "quoted_quantity",
    "quoted_amount",
    "unordered_quantity",
    "unordered_amount",
    "cancelled_quantity",
    "cancelled_amount",
    "returned_quantity",
    "returned_amount",
    "variance",
)


def book_row(book: OrderBook) -> dict[str, Any]:
    """The row of ``order_books`` for a book that is opened."""
    return {
        "quote_id": book.quote_id,
        "version": 1,
        "currency": book.currency,
        "quote_total": book.quote_total,
        "facts": book.model_dump(mode="json", exclude={"orders", "balances"}),
    }


def balance_row(quote_id: str, balance: LineBalance, position: int) -> dict[str, Any]:
    """The row of ``order_balances``."""
    figures = {figure: getattr(balance, figure) for figure in BALANCE_FIGURES}
    row = {"quote_id": quote_id, "line_id": balance.line_id, "position": position, **figures}
    return row | {"body": balance.model_dump(mode="json")}


def order_row(order: Order) -> dict[str, Any]:
    """The row of ``orders``."""
    return {
        "order_id": order.order_id,
        "quote_id": order.quote_id,
        "number": order.number,
        "key": order.key,
        "customer_id": order.customer_id,
        "version": order.version,
        "state": order.state,
        "order_date": order.order_date,
        "due_at": order.due,
        "ship_to": order.ship_to,
        "currency": order.currency,
        "total": order.total,
        "created_at": order.created_at,
        "activated_at": order.activated_at,
        "body": order.model_dump(mode="json"),
    }


def item_row(order: Order, item: Item, position: int) -> dict[str, Any]:
    """The row of ``order_items``."""
    return {
        "item_id": item.item_id,
        "order_id": order.order_id,
        "quote_id": order.quote_id,
        "line_id": item.line_id,
        "key": item.key,
        "version": item.version,
        "position": position,
        "state": item.state,
        "product": item.product,
        "root_item": item.root_item,
        "parent_item": item.parent_item,
        "revises": item.revises,
        "quantity": item.quantity,
        "amount": item.amount,
        "quote_amount": item.quote_amount,
        "ship_to": item.ship_to,
        "start_date": item.start,
        "end_date": item.end,
    }


def ledger_row(entry: LedgerEntry) -> dict[str, Any]:
    """The row of ``ledger``."""
    return {
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "quote_id": entry.quote_id,
        "order_id": entry.order_id,
        "item_id": entry.item_id,
        "line_id": entry.line_id,
        "version": entry.version,
        "position": entry.position,
        "customer_id": entry.customer_id,
        "currency": entry.currency,
        "product": entry.product,
        "ship_to": entry.ship_to,
        "quantity": entry.quantity,
        "amount": entry.amount,
        "start_date": entry.start,
        "end_date": entry.end,
        "effective": entry.effective,
        "recorded_at": entry.recorded_at,
        "body": entry.model_dump(mode="json"),
    }
