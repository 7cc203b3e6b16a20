"""Orders whose runs must look again, because another order's change touched or made them: a work list in the tables.

What is noted commits with the change itself, so no process that ends between the two loses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.order_tables import order_looks
from domain.order.order import Order

COLUMNS = order_looks.c


class OrderLook(BaseModel):
    """An order whose run must look at ``version`` of it; ``attempts`` says how often it was taken."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    version: int
    attempts: int = 0


class OrderLooks:
    """Puts down, hands out and settles looks within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, orders: Iterable[Order]) -> None:
        """Let the runs of ``orders`` look at them as they are now; an order without a run gets one."""
        rows = [{"order_id": order.order_id, "version": order.version, "attempts": 0} for order in orders]
        if rows:
            statement = upsert(order_looks)
            same = {name: statement.excluded[name] for name in ("version", "attempts")}
            new = {**same, "not_before": func.clock_timestamp()}
            await self._connection.execute(statement.on_conflict_do_update(index_elements=["order_id"], set_=new), rows)

    async def take(self, limit: int, *, lease: timedelta, of_quote: str | None = None) -> tuple[OrderLook, ...]:
        """Take those whose turn it is (of one quote); others do not get them before the ``lease`` is over."""
        waiting = select(COLUMNS.order_id).where(COLUMNS.not_before <= func.clock_timestamp())
        if of_quote is not None:
            waiting = waiting.where(COLUMNS.order_id.startswith(f"{of_quote}-", autoescape=True))
        waiting = waiting.order_by(COLUMNS.not_before).limit(limit).with_for_update(skip_locked=True)
        statement = (
            update(order_looks)
            .where(COLUMNS.order_id.in_(waiting))
            .values(attempts=COLUMNS.attempts + 1, not_before=func.clock_timestamp() + lease)
            .returning(COLUMNS.order_id, COLUMNS.version, COLUMNS.attempts)
        )
        return tuple(OrderLook(**row) for row in (await self._connection.execute(statement)).mappings())

    async def done(self, look: OrderLook) -> None:
        """Note that the run has looked at that version; a later one that came meanwhile stays."""
        mine = (COLUMNS.order_id == look.order_id) & (COLUMNS.version <= look.version)
        await self._connection.execute(delete(order_looks).where(mine))

    async def again(self, look: OrderLook, pause: timedelta) -> None:
        """Let it be taken again after ``pause``."""
        mine = (COLUMNS.order_id == look.order_id) & (COLUMNS.version == look.version)
        values = {"not_before": func.clock_timestamp() + pause}
        await self._connection.execute(update(order_looks).where(mine).values(values))

    async def waiting(self) -> int:
        """How many runs have not looked yet."""
        return int((await self._connection.execute(select(func.count()).select_from(order_looks))).scalar_one())
