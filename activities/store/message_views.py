"""What is read about messages: the list of them, why one did not leave, and what a letter says besides its round."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.cursor import fetch_page, make_cursor, read_cursor, read_number
from activities.store.tables import directory_entries, outgoing, quote_versions, quotes, rounds
from domain.refusal import Refusal

SUPERSEDED = "superseded"


class MessageState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


class MessageLine(BaseModel):
    """A message as operators see it. ``reason`` is the code of why it was given up, ``error`` what went wrong last."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    to: str
    quote_id: str
    round: int
    state: MessageState
    attempts: int
    reason: str | None
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    given_up_at: datetime | None
    next_try_at: datetime | None


class MessagePage(BaseModel):
    model_config = ConfigDict(frozen=True)

    messages: tuple[MessageLine, ...]
    next: str | None


class MessageViews:
    """Answers questions about messages, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(
        self,
        state: MessageState | None = None,
        *,
        failed: bool = False,
        to: str | None = None,
        quote_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """Messages, the newest first. ``failed``: those that should have left and have not, for whatever went wrong."""
        columns = outgoing.c
        statement = select(outgoing).order_by(columns.position.desc())
        for condition in _conditions(state, failed):
            statement = statement.where(condition)
        if to is not None:
            statement = statement.where(columns.recipient == to)
        if quote_id is not None:
            statement = statement.where(columns.body["quote_id"].astext == quote_id)
        if cursor is not None:
            statement = statement.where(columns.position < read_number(read_cursor(cursor, 1)[0]))
        rows, more = await fetch_page(self._connection, statement, limit)
        following = make_cursor(str(rows[-1]["position"])) if more else None
        return MessagePage(messages=tuple(map(_line, rows)), next=following)

    async def line(self, key: str) -> MessageLine:
        """One message. Code: ``unknown_message``."""
        row = (await self._connection.execute(select(outgoing).where(outgoing.c.key == key))).mappings().one_or_none()
        if row is None:
            raise Refusal("unknown_message", f"there is no message {key}", "key")
        return _line(row)

    async def about(self, quote_id: str, round: int) -> tuple[str | None, bool]:
        """What the customer of a round is called, in the content that the round is about; and whether that is no quote,
        but a change of an order.
        """
        name = quote_versions.c.content[("customer", "name")].astext
        statement = (
            select(name, quotes.c.kind == "change")
            .join(quotes, quotes.c.quote_id == quote_versions.c.quote_id)
            .join(
                rounds,
                (rounds.c.quote_id == quote_versions.c.quote_id) & (rounds.c.quote_version == quote_versions.c.version),
            )
            .where(rounds.c.quote_id == quote_id, rounds.c.round == round)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return (None, False) if row is None else (row[0], bool(row[1]))

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """What users are called; who has no name is left out."""
        columns = directory_entries.c
        name = columns.body["name"].astext
        statement = select(columns.id, name).where(columns.kind == "user", columns.id.in_(sorted(set(people))))
        return {person: found for person, found in await self._connection.execute(statement) if found}


def _conditions(state: MessageState | None, failed: bool) -> list[ColumnElement[bool]]:
    columns = outgoing.c
    found: list[ColumnElement[bool]] = []
    if state is MessageState.SENT:
        found.append(columns.sent_at.is_not(None))
    elif state is not None:
        given_up = columns.given_up_at.is_not(None) if state is MessageState.GIVEN_UP else columns.given_up_at.is_(None)
        found += [columns.sent_at.is_(None), given_up]
    if failed:
        wanted = columns.reason.is_distinct_from(SUPERSEDED)
        found += [columns.sent_at.is_(None), columns.last_error.is_not(None), wanted]
    return found


def _line(row: RowMapping) -> MessageLine:
    given = dict(row)
    state = MessageState.WAITING
    if given["sent_at"] is not None:
        state = MessageState.SENT
    elif given["given_up_at"] is not None:
        state = MessageState.GIVEN_UP
    body = given["body"]
    return MessageLine(
        **{name: given[name] for name in ("key", "kind", "attempts", "reason", "created_at", "sent_at", "given_up_at")},
        to=given["recipient"],
        quote_id=body["quote_id"],
        round=body["round"],
        state=state,
        error=given["last_error"],
        next_try_at=given["not_before"] if state is MessageState.WAITING else None,
    )
