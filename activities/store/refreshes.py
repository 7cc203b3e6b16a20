"""Rounds that wait to look again who may act: put down with the change of the directory, taken by the worker."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete as delete_from
from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.tables import round_refreshes

# A statement has at most 32,767 parameters.
AT_A_TIME = 1000
COLUMNS = round_refreshes.c
NAME = tuple_(COLUMNS.quote_id, COLUMNS.round)


class RoundRefresh(BaseModel):
    """A round that must look at ``version`` of the directory; ``attempts`` says how often it was taken."""

    model_config = ConfigDict(frozen=True)

    quote_id: str
    round: int
    version: int
    attempts: int = 0


class RoundRefreshes:
    """Puts down, hands out and settles refreshes within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self, rounds: Iterable[tuple[str, int]], version: int, *, grace: timedelta
    ) -> tuple[RoundRefresh, ...]:
        """Let the rounds look at ``version``; nobody takes them before the ``grace`` in which the caller tries it."""
        wanted = tuple(RoundRefresh(quote_id=name, round=number, version=version) for name, number in rounds)
        for at in range(0, len(wanted), AT_A_TIME):
            not_before = {"not_before": func.clock_timestamp() + grace}
            rows = [{**each.model_dump(), **not_before} for each in wanted[at : at + AT_A_TIME]]
            statement = upsert(round_refreshes).values(rows)
            new = {name: statement.excluded[name] for name in ("version", "attempts", "not_before")}
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["quote_id", "round"], set_=new)
            )
        return wanted

    async def take(self, limit: int, *, lease: timedelta) -> tuple[RoundRefresh, ...]:
        """Take those whose turn it is; others do not get them before the ``lease`` is over."""
        waiting = (
            select(COLUMNS.quote_id, COLUMNS.round)
            .where(COLUMNS.not_before <= func.clock_timestamp())
            .order_by(COLUMNS.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("waiting")
        )
        statement = (
            update(round_refreshes)
            .where(NAME.in_(select(waiting.c.quote_id, waiting.c.round)))
            .values(attempts=COLUMNS.attempts + 1, not_before=func.clock_timestamp() + lease)
            .returning(COLUMNS.quote_id, COLUMNS.round, COLUMNS.version, COLUMNS.attempts)
        )
        return tuple(RoundRefresh(**row) for row in (await self._connection.execute(statement)).mappings())

    async def done(self, refresh: RoundRefresh) -> None:
        """Note that the round has looked at that version; a later one that came meanwhile stays."""
        mine = NAME.in_([(refresh.quote_id, refresh.round)]) & (COLUMNS.version <= refresh.version)
        await self._connection.execute(delete_from(round_refreshes).where(mine))

    async def again(self, refresh: RoundRefresh, pause: timedelta) -> None:
        """Let it be taken again after ``pause``."""
        mine = NAME.in_([(refresh.quote_id, refresh.round)]) & (COLUMNS.version == refresh.version)
        values = {"not_before": func.clock_timestamp() + pause}
        await self._connection.execute(update(round_refreshes).where(mine).values(values))

    async def waiting(self) -> int:
        """How many rounds have not looked yet."""
        return int((await self._connection.execute(select(func.count()).select_from(round_refreshes))).scalar_one())
