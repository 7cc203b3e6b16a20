"""Closed periods: facts that are only ever added. One row closes a month and all before it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.order_tables import closed_periods, ledger, orders
from domain.ledger.closing import ClosedPeriod, close_period


class ClosedPeriods:
    """Closes months, and reads what is closed, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, customer_id: str | None) -> tuple[ClosedPeriod, ...]:
        """The closings that count for a customer (its own, and those of every customer), as they were made.

        None: those of every customer alone.
        """
        columns = closed_periods.c
        mine: ColumnElement[bool] = columns.customer_id.is_(None)
        if customer_id is not None:
            mine = or_(mine, columns.customer_id == customer_id)
        statement = select(columns.month, columns.at, columns.by, columns.customer_id, columns.ledger_seq).where(mine)
        rows = (await self._connection.execute(statement.order_by(columns.seq))).mappings()
        return tuple(ClosedPeriod.model_validate(dict(row)) for row in rows)

    async def close(
        self, month: str, at: datetime, by: str, *, time_zone: str | None = None, customer_id: str | None = None
    ) -> ClosedPeriod:
        """Close ``month`` and all before it: of a customer in ``time_zone``, or of every customer, wherever they are.

        Codes: those of :func:`~domain.ledger.closing.close_period`.
        """
        # One after the other: each looks at what the others have closed.
        await self._connection.execute(text("LOCK TABLE closed_periods IN SHARE ROW EXCLUSIVE MODE"))
        zones = [time_zone] if time_zone is not None else await self._time_zones()
        known = await self.of(customer_id)
        made = [close_period(known, month, at, by, time_zone=zone, customer_id=customer_id) for zone in zones]
        closing = made[0].model_copy(update={"ledger_seq": await self._last_row()})
        await self._connection.execute(insert(closed_periods).values(closing.model_dump()))
        return closing

    async def _last_row(self) -> int:
        """The place of the ledger's last row, when nobody is about to add one before it; 0: it is empty.

        Places are given when rows are added, and rows may be committed in another order. The lock waits for those that
        are under way; it is given up with the savepoint, for all that is added then lies behind.
        """
        async with self._connection.begin_nested() as short:
            await self._connection.execute(text("LOCK TABLE ledger IN SHARE MODE"))
            last = (await self._connection.execute(select(func.max(ledger.c.seq)))).scalar_one()
            await short.rollback()
        return last or 0

    async def _time_zones(self) -> list[str]:
        """Where the customers are who have ordered anything; the world's own time where there are none."""
        zone = orders.c.body["time_zone"].astext
        return list((await self._connection.execute(select(zone).distinct())).scalars()) or ["UTC"]
