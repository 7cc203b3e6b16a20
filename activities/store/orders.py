"""Orders and order books: the models whole, and items and balances as rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy import ColumnElement, Text, cast, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.order_rows import balance_row, book_row
from activities.store.order_tables import order_balances, order_books, orders
from activities.store.order_writing import add_orders, save_orders
from domain.order.book import OrderBook
from domain.order.event import Change, LineBalance
from domain.order.order import Order
from domain.refusal import Refusal

SENT_AT: ColumnElement[Any] = literal_column("'{sent_at}'::text[]")
MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class OrderStore:
    """Reads and writes orders within one transaction, and remembers which versions it has read.

    What was read here is what a change was made from: a save is refused (``stale``) when somebody was faster.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._orders_read: dict[str, int] = {}
        self._books_read: dict[str, int] = {}

    async def open_book(self, book: OrderBook) -> bool:
        """Store the book of a quote of which nothing is ordered; False when there is one already."""
        row = book_row(book)
        statement = upsert(order_books).values(row).on_conflict_do_nothing().returning(order_books.c.version)
        if (await self._connection.execute(statement)).one_or_none() is None:
            return False
        self._books_read[book.quote_id] = row["version"]
        rows = [balance_row(book.quote_id, each, position) for position, each in enumerate(book.balances)]
        await self._connection.execute(upsert(order_balances), rows)
        return True

    async def find_book(self, quote_id: str, *, for_update: bool = False) -> OrderBook | None:
        """The book of a quote with all its orders, if it was opened.

        ``for_update`` holds it: who adds orders or changes balances goes one after the other, others just read.
        """
        statement = select(order_books).where(order_books.c.quote_id == quote_id)
        statement = statement.with_for_update() if for_update else statement
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            return None
        self._books_read[quote_id] = row["version"]
        found = select(order_balances.c.body).where(order_balances.c.quote_id == quote_id)
        found = found.order_by(order_balances.c.position)
        balances = [LineBalance.model_validate(each) for each in (await self._connection.execute(found)).scalars()]
        facts = {**row["facts"], "orders": await self.of_quote(quote_id), "balances": balances}
        return OrderBook.model_validate(facts)

    async def book(self, quote_id: str, *, for_update: bool = False) -> OrderBook:
        """The book of a quote. Code: ``not_ordered``."""
        found = await self.find_book(quote_id, for_update=for_update)
        if found is None:
            raise Refusal("not_ordered", f"nothing of quote {quote_id} has been ordered yet", "quote_id")
        return found

    async def of_quote(self, quote_id: str) -> tuple[Order, ...]:
        """All orders of a quote by number."""
        statement = select(orders.c.body).where(orders.c.quote_id == quote_id).order_by(orders.c.number)
        return tuple(self._read(body) for body in (await self._connection.execute(statement)).scalars())

    async def get(self, order_id: str, *, for_update: bool = False) -> Order:
        """The order of that id. Code: ``unknown_order``."""
        return await self._one(orders.c.order_id == order_id, order_id, for_update)

    async def named(self, quote_id: str, key: str, *, for_update: bool = False) -> Order:
        """The order of a quote by its key (``2027-02-15/NC``). Code: ``unknown_order``."""
        return await self._one((orders.c.quote_id == quote_id) & (orders.c.key == key), key, for_update)

    async def _one(self, which: Any, name: str, for_update: bool) -> Order:
        statement = select(orders.c.body).where(which)
        statement = statement.with_for_update() if for_update else statement
        body = (await self._connection.execute(statement)).scalar_one_or_none()
        if body is None:
            raise Refusal("unknown_order", f"there is no order {name}", "order")
        return self._read(body)

    def _read(self, body: Any) -> Order:
        order = Order.model_validate(body)
        self._orders_read[order.order_id] = order.version
        return order

    async def mark_sent(self, order_id: str, at: datetime) -> Order:
        """Note when the ERP took the order, and give it back. It is a fact and no change: the version stays, and the
        first moment too. Code: ``unknown_order``.
        """
        body = orders.c.body
        mine = (orders.c.order_id == order_id) & (body["sent_at"].astext.is_(None))
        moment = func.to_jsonb(cast(MOMENT.dump_python(at, mode="json"), Text))
        noted = update(orders).where(mine).values(body=func.jsonb_set(body, SENT_AT, moment)).returning(body)
        now = (await self._connection.execute(noted)).scalar_one_or_none()
        return self._read(now) if now is not None else await self.get(order_id)

    async def save(self, change: Change) -> None:
        """Store the orders and balances of ``change``.

        Code: ``stale`` when an order or the book is no longer what was read in this transaction. An order that was
        not read here must be new, or exactly one version behind. Balances and new orders need the book to be read
        first: without it there is nothing to compare with.
        """
        new = [order for order in change.orders if order.order_id not in self._orders_read and order.version == 1]
        known = [order for order in change.orders if order.order_id in self._orders_read or order.version != 1]
        quotes = {order.quote_id for order in change.orders}
        if change.balances or new:
            if len(quotes) != 1 or not quotes <= self._books_read.keys():
                raise RuntimeError("read the one book that this change belongs to before saving it")
            await self._advance_book(next(iter(quotes)))
        if new:
            await self._add(new)
        if known:
            await self._update(known)
        if change.balances:
            await self._save_balances(next(iter(quotes)), change.balances)

    async def _advance_book(self, quote_id: str) -> None:
        read = self._books_read[quote_id]
        mine = (order_books.c.quote_id == quote_id) & (order_books.c.version == read)
        if (await self._connection.execute(update(order_books).where(mine).values(version=read + 1))).rowcount != 1:
            raise Refusal("stale", f"the orders of quote {quote_id} have changed; read them again", "quote_id")
        self._books_read[quote_id] = read + 1

    async def _add(self, new: Sequence[Order]) -> None:
        added = await add_orders(self._connection, new)
        there = next((order.order_id for order in new if order.order_id not in added), None)
        if there is not None:
            raise Refusal("stale", f"order {there} is there already; read the orders again", "order")
        self._orders_read |= {order.order_id: order.version for order in new}

    async def _update(self, changed: Sequence[Order]) -> None:
        read = {order.order_id: self._orders_read.get(order.order_id, order.version - 1) for order in changed}
        saved = await save_orders(self._connection, changed, read)
        lost = next((order.order_id for order in changed if order.order_id not in saved), None)
        if lost is not None:
            stored = select(orders.c.version).where(orders.c.order_id == lost)
            version = (await self._connection.execute(stored)).scalar_one_or_none()
            message = f"order {lost} has changed: it is at version {version}, you saw {read[lost]}; read it again"
            raise Refusal("stale", message, "order")
        self._orders_read |= {order.order_id: order.version for order in changed}

    async def _save_balances(self, quote_id: str, balances: tuple[LineBalance, ...]) -> None:
        found = select(order_balances.c.line_id, order_balances.c.position).where(order_balances.c.quote_id == quote_id)
        places: dict[str, int] = {row.line_id: row.position for row in await self._connection.execute(found)}
        rows = [
            balance_row(quote_id, each, places.get(each.line_id, len(places) + position))
            for position, each in enumerate(balances)
        ]
        statement = upsert(order_balances)
        set_ = {column: statement.excluded[column] for column in rows[0] if column not in ("quote_id", "line_id")}
        statement = statement.on_conflict_do_update(index_elements=["quote_id", "line_id"], set_=set_)
        await self._connection.execute(statement, rows)

    async def quotes_with_books(self, after: str = "", limit: int = 500) -> tuple[str, ...]:
        """The next quotes that have a book, by id, behind ``after``."""
        statement = select(order_books.c.quote_id).where(order_books.c.quote_id > after)
        statement = statement.order_by(order_books.c.quote_id).limit(limit)
        return tuple((await self._connection.execute(statement)).scalars())

    async def count(self, quote_id: str) -> int:
        """How many orders the quote has."""
        statement = select(func.count()).where(orders.c.quote_id == quote_id)
        return int((await self._connection.execute(statement)).scalar_one())
