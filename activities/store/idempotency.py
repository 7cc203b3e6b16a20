"""Idempotency keys: a request that is repeated under its key gets the first answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.jsonable import jsonable
from activities.store.tables import idempotency_keys
from domain.refusal import Refusal

OURS = ""
"""The actor of keys that are claimed by activities."""


class KeptAnswer(BaseModel):
    """What was answered the first time."""

    model_config = ConfigDict(frozen=True)

    status: int
    response: Any


class IdempotencyKeys:
    """Keeps keys and answers within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(
        self,
        actor: str,
        key: str,
        *,
        method: str,
        path: str,
        request_hash: str,
        abandoned_after: timedelta = timedelta(minutes=1),
    ) -> KeptAnswer | None:
        """The answer given to this request before, or None: then do it, and ``finish``.

        A request that was begun and not finished within ``abandoned_after`` may be begun again.
        Codes: ``idempotency_key_reused`` for another request, ``in_progress`` while the first is worked on.
        """
        row = {"actor": actor, "key": key, "method": method, "path": path, "request_hash": request_hash}
        statement = upsert(idempotency_keys).values(row).on_conflict_do_nothing().returning(idempotency_keys.c.key)
        if (await self._connection.execute(statement)).one_or_none() is not None:
            return None
        mine = (idempotency_keys.c.actor == actor) & (idempotency_keys.c.key == key)
        age = (func.clock_timestamp() - idempotency_keys.c.created_at).label("age")
        held = select(idempotency_keys, age).where(mine).with_for_update()
        found = (await self._connection.execute(held)).mappings().one()
        if any(found[column] != row[column] for column in ("method", "path", "request_hash")):
            raise Refusal("idempotency_key_reused", f"key {key} was used for another request; take a new one")
        if found["status"] is not None:
            return KeptAnswer(status=found["status"], response=found["response"])
        if found["age"] < abandoned_after:
            raise Refusal("in_progress", f"the request with key {key} is being worked on; ask again in a moment")
        again = update(idempotency_keys).where(mine).values(created_at=func.clock_timestamp())
        await self._connection.execute(again)
        return None

    async def finish(self, actor: str, key: str, *, status: int, response: Any) -> None:
        """Keep the answer."""
        mine = (idempotency_keys.c.actor == actor) & (idempotency_keys.c.key == key)
        values = {"status": status, "response": jsonable(response)}
        await self._connection.execute(update(idempotency_keys).where(mine).values(values))

    async def forget(self, actor: str, key: str) -> None:
        """Let the request be made again: it came to no answer that should be repeated."""
        mine = (idempotency_keys.c.actor == actor) & (idempotency_keys.c.key == key)
        await self._connection.execute(delete(idempotency_keys).where(mine, idempotency_keys.c.status.is_(None)))

    async def claim(self, key: str) -> bool:
        """True the first time ``key`` is claimed, and only if this transaction commits: for effects of activities."""
        row = {"actor": OURS, "key": key, "method": "", "path": "", "request_hash": "", "status": 0}
        statement = upsert(idempotency_keys).values(row).on_conflict_do_nothing().returning(idempotency_keys.c.key)
        return (await self._connection.execute(statement)).one_or_none() is not None

    async def is_claimed(self, key: str) -> bool:
        """Whether ``key`` was claimed by a transaction that committed."""
        found = select(idempotency_keys.c.key).where(idempotency_keys.c.actor == OURS, idempotency_keys.c.key == key)
        return (await self._connection.execute(found)).one_or_none() is not None

    async def keep(self, key: str, answer: Any) -> None:
        """Keep what came of an effect that this transaction claimed."""
        mine = (idempotency_keys.c.actor == OURS) & (idempotency_keys.c.key == key)
        await self._connection.execute(update(idempotency_keys).where(mine).values(response=jsonable(answer)))

    async def kept(self, key: str) -> Any:
        """What came of an effect that was claimed."""
        found = select(idempotency_keys.c.response)
        found = found.where(idempotency_keys.c.actor == OURS, idempotency_keys.c.key == key)
        return (await self._connection.execute(found)).scalar_one_or_none()

    async def forget_before(self, age: timedelta, *, limit: int = 1000) -> int:
        """Drop answers to requests that are older than ``age``, up to ``limit``; claims stay. Returns how many."""
        old = (idempotency_keys.c.created_at < func.clock_timestamp() - age) & (idempotency_keys.c.actor != OURS)
        names = tuple_(idempotency_keys.c.actor, idempotency_keys.c.key)
        # Those that somebody asks for at this moment are left to the next time.
        some = (
            select(idempotency_keys.c.actor, idempotency_keys.c.key)
            .where(old)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = delete(idempotency_keys).where(names.in_(some))
        return (await self._connection.execute(statement)).rowcount
