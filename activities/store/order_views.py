"""What the pages of orders and customers show, read straight from the tables and paged by key."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.cursor import fetch_page, make_cursor, read_cursor, read_number
from activities.store.erp_messages import ErpMessage, ErpMessages
from activities.store.order_tables import ledger, orders
from activities.store.orders import OrderStore
from activities.store.waiting_changes import WaitingChange, WaitingChanges
from domain.ledger.entries import LedgerEntry
from domain.order.order import Order, OrderKind, OrderState
from domain.refusal import Refusal


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderLine(View):
    """One order in a list. ``order_date`` is local to the customer and begins at ``due_at``."""

    order_id: str
    quote_id: str
    number: int
    key: str
    customer_id: str
    version: int
    state: OrderState
    order_date: date
    due_at: datetime
    ship_to: str | None
    currency: str
    total: Decimal
    activated_at: datetime | None


class OrderLink(View):
    """A supplement, a return or an amendment of an order."""

    order_id: str
    kind: str
    state: OrderState


class OrderPage(View):
    """An order with what the ERP was told about it, the orders that revise it, and those that it superseded."""

    order: Order
    superseded: tuple[Order, ...] = ()
    erp: tuple[ErpMessage, ...]
    revised_by: tuple[OrderLink, ...] = ()
    changes: tuple[WaitingChange, ...] = ()


class OrderList(View):
    orders: tuple[OrderLine, ...]
    next: str | None
    """The cursor of the next page; none on the last one."""


class LedgerPage(View):
    entries: tuple[LedgerEntry, ...]
    next: str | None


class OrderViews:
    """Answers what pages about orders ask, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def order_page(self, order_id: str) -> OrderPage:
        """All that an order's page shows. Code: ``unknown_order``."""
        chain = [await OrderStore(self._connection).get(order_id)]
        while chain[-1].kind is OrderKind.SUPPLEMENT and chain[-1].revises_order is not None:
            chain.append(await OrderStore(self._connection).get(chain[-1].revises_order))
        order, superseded = chain[0], tuple(chain[1:])
        told = await ErpMessages(self._connection).of_order(order_id)
        changes = await WaitingChanges(self._connection).of_order(order_id)
        revising = await self._revising(order)
        return OrderPage(order=order, superseded=superseded, erp=told, revised_by=revising, changes=changes)

    async def _revising(self, order: Order) -> tuple[OrderLink, ...]:
        columns = orders.c
        mine = (columns.quote_id == order.quote_id) & (columns.body["revises_order"].astext == order.order_id)
        kind = columns.body["kind"].astext.label("kind")
        found = select(columns.order_id, kind, columns.state).where(mine).order_by(columns.number)
        rows = (await self._connection.execute(found)).mappings()
        return tuple(OrderLink.model_validate(dict(row)) for row in rows)

    async def orders_of_quote(self, quote_id: str, *, cursor: str | None = None, limit: int = 200) -> OrderList:
        """The orders of a quote by number."""
        statement = _lines().where(orders.c.quote_id == quote_id).order_by(orders.c.number)
        if cursor is not None:
            statement = statement.where(orders.c.number > read_number(read_cursor(cursor, 1)[0]))
        rows, following = await fetch_page(self._connection, statement, limit)
        return _list(rows, make_cursor(str(rows[-1]["number"])) if following else None)

    async def orders_of_customer(self, customer_id: str, *, cursor: str | None = None, limit: int = 50) -> OrderList:
        """The orders of a customer by date."""
        columns = orders.c
        statement = _lines().where(columns.customer_id == customer_id).order_by(columns.order_date, columns.order_id)
        if cursor is not None:
            day, last = read_cursor(cursor, 2)
            statement = statement.where(tuple_(columns.order_date, columns.order_id) > (_day(day), last))
        rows, following = await fetch_page(self._connection, statement, limit)
        after = make_cursor(rows[-1]["order_date"].isoformat(), rows[-1]["order_id"]) if following else None
        return _list(rows, after)

    async def due_orders(self, until: datetime, *, limit: int = 500) -> tuple[OrderLine, ...]:
        """Orders not activated yet whose date begins at or before ``until``, the earliest first."""
        columns = orders.c
        waiting = columns.state.in_((OrderState.DRAFT, OrderState.SCHEDULED))
        statement = _lines().where(waiting, columns.due_at <= until).order_by(columns.due_at, columns.order_id)
        return _list((await self._connection.execute(statement.limit(limit))).mappings().all(), None).orders

    async def ledger_of_customer(self, customer_id: str, *, cursor: str | None = None, limit: int = 200) -> LedgerPage:
        """The ledger entries of a customer in the order they were added."""
        statement = select(ledger.c.seq, ledger.c.body).where(ledger.c.customer_id == customer_id)
        statement = statement.order_by(ledger.c.seq)
        if cursor is not None:
            statement = statement.where(ledger.c.seq > read_number(read_cursor(cursor, 1)[0]))
        rows, following = await fetch_page(self._connection, statement, limit)
        entries = tuple(LedgerEntry.model_validate({**row["body"], "seq": row["seq"]}) for row in rows)
        return LedgerPage(entries=entries, next=make_cursor(str(rows[-1]["seq"])) if following else None)


def _lines() -> Select[Any]:
    return select(*(orders.c[column] for column in OrderLine.model_fields))


def _list(rows: Any, after: str | None) -> OrderList:
    return OrderList(orders=tuple(OrderLine(**row) for row in rows), next=after)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(
            "invalid_cursor", "this cursor was not given out here; start again without one", "cursor"
        ) from None
