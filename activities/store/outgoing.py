"""Messages that wait to leave: put down with what caused them, taken by the relay, each sent once in effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Integer, Interval, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from activities.store.jsonable import jsonable
from activities.store.tables import outgoing
from domain.approval.state import Notice
from domain.refusal import Refusal

CHANNEL = "countersign_outgoing"
"""On which a trigger of the table tells, at each commit, that there is something to send."""
PUT = upsert(outgoing).on_conflict_do_nothing()


class OutgoingMessage(BaseModel):
    """A message to ``recipient`` (a user id). ``key`` is unique for ever; ``attempts`` says how often it was taken."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    recipient: str
    body: Mapping[str, Any]
    attempts: int = 0

    @classmethod
    def of(cls, notice: Notice) -> OutgoingMessage:
        """The message that brings ``notice``."""
        return cls(key=notice.key, kind=notice.kind, recipient=notice.to, body=notice.model_dump(mode="json"))


def rows_of(messages: Iterable[OutgoingMessage | Notice]) -> list[dict[str, Any]]:
    """What is written of messages, in order."""
    return [
        {"key": each.key, "kind": each.kind, "recipient": each.recipient, "body": jsonable(each.body)}
        for each in (OutgoingMessage.of(each) if isinstance(each, Notice) else each for each in messages)
    ]


def _take() -> ReturningUpdate[Any]:
    waiting = (
        select(outgoing.c.key)
        .where(
            outgoing.c.sent_at.is_(None),
            outgoing.c.given_up_at.is_(None),
            outgoing.c.not_before <= func.clock_timestamp(),
        )
        .order_by(outgoing.c.not_before, outgoing.c.position)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    turn = func.clock_timestamp() + bindparam("lease", type_=Interval)
    return (
        update(outgoing)
        .where(outgoing.c.key.in_(select(waiting.c.key)))
        .values(attempts=outgoing.c.attempts + 1, not_before=turn)
        .returning(outgoing.c.position, *(outgoing.c[column] for column in OutgoingMessage.model_fields))
    )


TAKE = _take()


class Outgoing:
    """Puts down, hands out and settles outgoing messages within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, messages: Iterable[OutgoingMessage | Notice]) -> None:
        """Put messages down, in order; one whose key is there already is left as it is."""
        rows = rows_of(messages)
        if rows:
            await self._connection.execute(PUT, rows)

    async def of_quote(self, quote_id: str) -> tuple[OutgoingMessage, ...]:
        """All messages about a quote, sent or waiting, in the order of writing."""
        columns = [outgoing.c[name] for name in OutgoingMessage.model_fields]
        statement = select(*columns).where(outgoing.c.body["quote_id"].astext == quote_id).order_by(outgoing.c.position)
        return tuple(OutgoingMessage(**row) for row in (await self._connection.execute(statement)).mappings())

    async def take(self, limit: int = 20, *, lease: timedelta = timedelta(seconds=60)) -> tuple[OutgoingMessage, ...]:
        """Take the messages whose turn it is; others do not get them before the ``lease`` is over.

        A taker that dies leaves them to be taken again then.
        """
        found = await self._connection.execute(TAKE, {"most": limit, "lease": lease})
        rows = sorted(found.mappings(), key=lambda row: int(row["position"]))
        return tuple(OutgoingMessage(**{key: row[key] for key in OutgoingMessage.model_fields}) for row in rows)

    async def put_back(self, keys: Sequence[str]) -> None:
        """Give back messages that were taken and not tried: their turn is now, and it was no attempt."""
        if keys:
            await self._settle(
                outgoing.c.key.in_(keys), attempts=outgoing.c.attempts - 1, not_before=func.clock_timestamp()
            )

    async def mark_sent(self, key: str, remark: str | None = None) -> None:
        """Note that the message has left; ``remark`` is what went otherwise than it should have."""
        await self._settle(outgoing.c.key == key, sent_at=func.clock_timestamp(), last_error=remark)

    async def mark_failed(self, key: str, error: str, *, again_in: timedelta) -> None:
        """Note that the message did not leave; it is tried ``again_in`` so long."""
        await self._settle(outgoing.c.key == key, not_before=func.clock_timestamp() + again_in, last_error=error)

    async def give_up(self, key: str, error: str, reason: str) -> None:
        """Note that the message will not leave; ``reason`` is a code, ``error`` tells it."""
        await self._settle(outgoing.c.key == key, given_up_at=func.clock_timestamp(), reason=reason, last_error=error)

    async def _settle(self, which: ColumnElement[bool], **values: Any) -> None:
        mine = which & outgoing.c.sent_at.is_(None) & outgoing.c.given_up_at.is_(None)
        await self._connection.execute(update(outgoing).where(mine).values(values))

    async def get(self, key: str, *, for_update: bool = False) -> OutgoingMessage:
        """That message, sent or not; ``for_update`` holds it until the transaction ends. Code: ``unknown_message``."""
        columns = [outgoing.c[name] for name in OutgoingMessage.model_fields]
        statement = select(*columns).where(outgoing.c.key == key)
        statement = statement.with_for_update() if for_update else statement
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise Refusal("unknown_message", f"there is no message {key}", "key")
        return OutgoingMessage(**row)

    async def send_again(self, key: str) -> None:
        """Let the message leave (once more): as if it had just been put down."""
        fresh = {"attempts": 0, "last_error": None, "reason": None, "sent_at": None, "given_up_at": None}
        statement = update(outgoing).where(outgoing.c.key == key)
        await self._connection.execute(statement.values(fresh | {"not_before": func.clock_timestamp()}))

    async def waiting(self) -> int:
        """How many messages have neither left nor been given up."""
        statement = select(func.count()).where(outgoing.c.sent_at.is_(None), outgoing.c.given_up_at.is_(None))
        return int((await self._connection.execute(statement)).scalar_one())
