"""Changes of orders that wait for their approval: who asked for what, under which document, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.order_tables import waiting_changes
from activities.store.tables import quotes

COLUMNS = waiting_changes.c


class WaitingChange(BaseModel):
    """A change of an order that a policy wants approved; ``change_id`` is the document that is approved.

    ``state``: ``waiting``, then ``done``, or ``dropped`` with the ``code`` (``rejected``, ``recalled``, or why the
    order refused it once it was approved). ``policy`` is the name of the one that it is approved by, ``wanted`` are
    the fields of the change, without its token.
    """

    model_config = ConfigDict(frozen=True)

    change_id: str
    order_id: str
    quote_id: str
    verb: str
    by: str
    key: str
    policy: str
    wanted: dict[str, Any]
    state: str
    code: str | None
    message: str | None
    asked_at: datetime
    finished_at: datetime | None
    attempts: int


class WaitingChanges:
    """Puts down, hands out and settles waiting changes within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self,
        change_id: str,
        order_id: str,
        quote_id: str,
        verb: str,
        by: str,
        key: str,
        *,
        policy: str,
        wanted: Any,
        at: datetime,
    ) -> None:
        """Note that a change waits."""
        row: dict[str, Any] = {
            "change_id": change_id,
            "order_id": order_id,
            "quote_id": quote_id,
            "verb": verb,
            "by": by,
            "key": key,
        }
        row |= {"policy": policy, "wanted": wanted, "state": "waiting", "asked_at": at}
        await self._connection.execute(insert(waiting_changes).values(row))

    async def get(self, change_id: str) -> WaitingChange:
        """The change of that id."""
        statement = select(waiting_changes).where(COLUMNS.change_id == change_id)
        return WaitingChange(**(await self._connection.execute(statement)).mappings().one())

    async def find(self, order_id: str, key: str, *, for_update: bool = False) -> WaitingChange | None:
        """The change of that order under that key, if it ever waited."""
        statement = select(waiting_changes).where(COLUMNS.order_id == order_id, COLUMNS.key == key)
        statement = statement.with_for_update() if for_update else statement
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return None if row is None else WaitingChange(**row)

    async def of_order(self, order_id: str) -> tuple[WaitingChange, ...]:
        """The changes of an order that wait or waited, in the order in which they were asked for."""
        statement = select(waiting_changes).where(COLUMNS.order_id == order_id)
        statement = statement.order_by(COLUMNS.asked_at, COLUMNS.change_id)
        return tuple(WaitingChange(**row) for row in (await self._connection.execute(statement)).mappings())

    async def of_quotes(self, quote_ids: Sequence[str]) -> tuple[WaitingChange, ...]:
        """The changes of the orders of those quotes, in the order in which they were asked for."""
        statement = select(waiting_changes).where(COLUMNS.quote_id.in_(quote_ids))
        statement = statement.order_by(COLUMNS.asked_at, COLUMNS.change_id)
        return tuple(WaitingChange(**row) for row in (await self._connection.execute(statement)).mappings())

    async def count(self, order_id: str) -> int:
        """How many changes of the order ever waited."""
        statement = select(func.count()).select_from(waiting_changes).where(COLUMNS.order_id == order_id)
        return int((await self._connection.execute(statement)).scalar_one())

    async def take(
        self, limit: int, *, lease: timedelta, unsubmitted_for: timedelta, of_quote: str | None = None
    ) -> tuple[WaitingChange, ...]:
        """Take those whose approval is over, and those whose asker never came to submit them.

        Others do not get them before the ``lease`` is over.
        """
        over = quotes.c.state.in_(("approved", "rejected", "recalled"))
        left = (quotes.c.state == "draft") & (quotes.c.created_at < func.clock_timestamp() - unsubmitted_for)
        waiting = (
            select(COLUMNS.change_id)
            .join(quotes, quotes.c.quote_id == COLUMNS.change_id)
            .where(COLUMNS.state == "waiting", COLUMNS.not_before <= func.clock_timestamp(), or_(over, left))
            .order_by(COLUMNS.asked_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=waiting_changes)
        )
        if of_quote is not None:
            waiting = waiting.where(COLUMNS.quote_id == of_quote)
        statement = (
            update(waiting_changes)
            .where(COLUMNS.change_id.in_(waiting))
            .values(attempts=COLUMNS.attempts + 1, not_before=func.clock_timestamp() + lease)
            .returning(waiting_changes)
        )
        return tuple(WaitingChange(**row) for row in (await self._connection.execute(statement)).mappings())

    async def again(self, change_id: str, pause: timedelta) -> None:
        """Let it be taken again after ``pause``."""
        values = {"not_before": func.clock_timestamp() + pause}
        await self._connection.execute(update(waiting_changes).where(COLUMNS.change_id == change_id).values(values))

    async def finish(
        self, change_id: str, state: str, at: datetime, *, code: str | None = None, message: str | None = None
    ) -> bool:
        """Note what became of a waiting change; False when somebody else has already."""
        mine = (COLUMNS.change_id == change_id) & (COLUMNS.state == "waiting")
        values = {"state": state, "code": code, "message": message, "finished_at": at}
        return (await self._connection.execute(update(waiting_changes).where(mine).values(values))).rowcount == 1
