"""One statement that writes orders with all their items: a round trip instead of three for each order.

Rows travel as JSON and PostgreSQL makes them rows of the table's own type again. What comes back is the ids of the
orders that were written: one that is there already, or is no longer at the version that was read, is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.jsonable import jsonable
from activities.store.order_rows import item_row, order_row
from activities.store.order_tables import order_items, orders
from domain.order.order import Order

AT_ONCE = 200
"""Orders in one statement, so that it stays well within the time that a statement has."""


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _settings(table: Table, source: str, **but: str) -> str:
    rest = [column.name for column in table.columns if not column.primary_key]
    return ", ".join(f'"{name}" = {but.get(name, f"{source}.{name}")}' for name in rest)


# That an order was sent is kept, for who changes it may not have seen that yet.
_BODY = (
    "CASE WHEN n.body ->> 'sent_at' IS NULL"
    " THEN jsonb_set(n.body, '{sent_at}', coalesce(o.body -> 'sent_at', 'null'::jsonb)) ELSE n.body END"
)
_ITEMS = (
    "gone AS (DELETE FROM order_items WHERE order_id IN (SELECT n.order_id FROM given n)"
    " AND item_id NOT IN (SELECT i.item_id FROM jsonb_populate_recordset(NULL::order_items, :items) i)),"
    f" new_items AS (INSERT INTO order_items ({_columns(order_items)})"
    f" SELECT {_columns(order_items)} FROM jsonb_populate_recordset(NULL::order_items, :items)"
    f" ON CONFLICT (item_id) DO UPDATE SET {_settings(order_items, 'excluded')})"
)
_GIVEN = "given AS (SELECT * FROM jsonb_populate_recordset(NULL::orders, :orders))"


def _statement(written: str, *more: str) -> TextClause:
    """``written`` writes the rows of ``orders`` that are ``given``, and returns the ids of those that it wrote."""
    return text(f"WITH {_GIVEN}, written AS ({written}), {_ITEMS} SELECT order_id FROM written").bindparams(
        *(bindparam(name, type_=JSONB) for name in ("orders", "items", *more))
    )


ADD = _statement(
    f"INSERT INTO orders ({_columns(orders)}) SELECT {_columns(orders)} FROM given"
    " ON CONFLICT DO NOTHING RETURNING order_id"
)
SAVE = _statement(
    f"UPDATE orders o SET {_settings(orders, 'n', body=_BODY)} FROM given n"
    " WHERE o.order_id = n.order_id AND o.version = (:read ->> n.order_id)::int RETURNING o.order_id",
    "read",
)


async def add_orders(connection: AsyncConnection, new: Sequence[Order]) -> set[str]:
    """Write orders that nobody has seen yet; the ids of those that were not there before."""
    return await _write(connection, ADD, new)


async def save_orders(connection: AsyncConnection, changed: Sequence[Order], read: Mapping[str, int]) -> set[str]:
    """Write orders over the versions that were ``read`` of them; the ids of those that were at these versions."""
    return await _write(connection, SAVE, changed, read)


async def _write(
    connection: AsyncConnection, statement: TextClause, written: Sequence[Order], read: Mapping[str, int] | None = None
) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(written), AT_ONCE):
        some = written[first : first + AT_ONCE]
        values: dict[str, Any] = {
            "orders": jsonable([order_row(order) for order in some]),
            "items": jsonable(
                [item_row(order, item, place) for order in some for place, item in enumerate(order.items)]
            ),
        }
        if read is not None:
            values["read"] = {order.order_id: read[order.order_id] for order in some}
        found.update((await connection.execute(statement, values)).scalars())
    return found
