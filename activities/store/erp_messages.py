"""What the ERP is told about orders, and what became of it: one row for each order, version and kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.jsonable import jsonable
from activities.store.order_tables import erp_messages
from domain.refusal import Refusal


class ErpState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WORK_LIST = "work_list"
    """Not taken by the ERP for a reason that waiting does not mend: somebody must look at it."""
    DONE_BY_HAND = "done_by_hand"


class ErpMessage(BaseModel):
    """One message; ``key`` is ``order:version:kind`` and stable over retries. ``answer`` is what the ERP said."""

    model_config = ConfigDict(frozen=True)

    key: str
    order_id: str
    version: int
    kind: str
    payload: dict[str, Any]
    state: ErpState
    created_at: datetime
    attempts: int
    last_error: str | None
    sent_at: datetime | None
    document: str | None
    answer: dict[str, Any] | None
    answered_at: datetime | None


def erp_key(order_id: str, version: int, kind: str) -> str:
    """The name of a message to the ERP, the same at every retry."""
    return f"{order_id}:{version}:{kind}"


class ErpMessages:
    """Keeps messages to the ERP within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, order_id: str, version: int, kind: str, payload: Mapping[str, Any]) -> ErpMessage:
        """Note what is to be sent; the same again gives what there is. Another payload under the key is a bug."""
        key, body = erp_key(order_id, version, kind), jsonable(payload)
        row = {"key": key, "order_id": order_id, "version": version, "kind": kind, "payload": body}
        row |= {"state": ErpState.WAITING}
        noted = upsert(erp_messages).values(row).on_conflict_do_nothing(index_elements=["key"]).returning(erp_messages)
        new = (await self._connection.execute(noted)).mappings().one_or_none()
        stored = await self.get(key) if new is None else ErpMessage(**new)
        if stored.payload != body:
            raise ValueError(f"{key} was noted with another payload")
        return stored

    async def find(self, key: str) -> ErpMessage | None:
        """The message of that key, if there is one."""
        statement = select(erp_messages).where(erp_messages.c.key == key)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return None if row is None else ErpMessage(**row)

    async def get(self, key: str) -> ErpMessage:
        """The message of that key. Code: ``unknown_message``."""
        found = await self.find(key)
        if found is None:
            raise Refusal("unknown_message", f"there is no ERP message {key}", "key")
        return found

    async def mark_sent(self, key: str, at: datetime, *, document: str | None = None) -> None:
        """Note that the ERP has it; an answer that was faster stays."""
        columns = erp_messages.c
        open_ = columns.state.in_((ErpState.WAITING, ErpState.WORK_LIST))
        values = {"state": ErpState.SENT, "sent_at": at, "attempts": columns.attempts + 1, "last_error": None}
        if document is not None:
            values["document"] = document
        await self._connection.execute(update(erp_messages).where(columns.key == key, open_).values(values))

    async def mark_failed(self, key: str, error: str, *, work_list: bool = False) -> None:
        """Note a failed attempt; ``work_list`` when it is no use to try again unchanged."""
        columns = erp_messages.c
        values: dict[str, Any] = {"attempts": columns.attempts + 1, "last_error": error}
        if work_list:
            values["state"] = ErpState.WORK_LIST
        open_ = columns.state.in_((ErpState.WAITING, ErpState.WORK_LIST))
        await self._connection.execute(update(erp_messages).where(columns.key == key, open_).values(values))

    async def answer(
        self, key: str, *, accepted: bool, at: datetime, answer: Mapping[str, Any], document: str | None = None
    ) -> bool:
        """Note the ERP's business answer; False when it was answered before (the first answer stays)."""
        columns = erp_messages.c
        values = {
            "state": ErpState.ACCEPTED if accepted else ErpState.REJECTED,
            "answer": jsonable(answer),
            "answered_at": at,
            "document": document,
        }
        mine = (columns.key == key) & columns.answered_at.is_(None)
        found = await self._connection.execute(update(erp_messages).where(mine).values(values))
        return found.rowcount == 1

    async def done_by_hand(self, key: str, by: str, at: datetime) -> None:
        """Note that somebody told the ERP in another way. Code: ``wrong_state`` unless it is on the work list."""
        columns = erp_messages.c
        values = {"state": ErpState.DONE_BY_HAND, "answer": {"by": by}, "answered_at": at}
        mine = (columns.key == key) & (columns.state == ErpState.WORK_LIST)
        if (await self._connection.execute(update(erp_messages).where(mine).values(values))).rowcount != 1:
            raise Refusal("wrong_state", f"{key} is not on the work list", "key")

    async def of_order(self, order_id: str) -> tuple[ErpMessage, ...]:
        """All messages about an order, by version."""
        columns = erp_messages.c
        statement = select(erp_messages).where(columns.order_id == order_id).order_by(columns.version, columns.kind)
        return tuple(ErpMessage(**row) for row in (await self._connection.execute(statement)).mappings())

    async def in_state(self, state: ErpState, *, limit: int = 200) -> tuple[ErpMessage, ...]:
        """Messages in that state, the oldest first."""
        columns = erp_messages.c
        statement = select(erp_messages).where(columns.state == state).order_by(columns.created_at, columns.key)
        return tuple(ErpMessage(**row) for row in (await self._connection.execute(statement.limit(limit))).mappings())
