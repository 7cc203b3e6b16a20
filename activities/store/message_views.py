"""What is read about messages: the list of them, why one did not leave, and what a letter says besides its round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Boolean, ColumnElement, RowMapping, Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.cursor import fetch_page, make_cursor, read_cursor, read_number
from activities.store.tables import outgoing
from domain.approval.state import RoundState
from domain.refusal import Refusal

SUPERSEDED = "superseded"
# Everybody who has a part in the round may be named in a letter about it.
READ_FACTS = (
    text("""
SELECT r.state, v.content #>> '{customer,name}' AS customer_name, q.kind = 'change' AS is_change, u.body AS reader,
    c.body ->> 'time_zone' AS time_zone,
    (SELECT json_object_agg(e.id, e.body ->> 'name') FROM directory_entries e
     WHERE e.kind = 'user' AND e.body ->> 'name' <> '' AND e.id IN (
        SELECT p.person FROM approvals a JOIN approval_people p ON p.approval_id = a.approval_id
        WHERE a.quote_id = r.quote_id AND a.round = r.round
        UNION ALL SELECT r.submitter UNION ALL SELECT unnest(:people))) AS names
FROM rounds r
JOIN quotes q ON q.quote_id = r.quote_id
JOIN quote_versions v ON v.quote_id = r.quote_id AND v.version = r.quote_version
LEFT JOIN directory_entries u ON u.kind = 'user' AND u.id = :reader
LEFT JOIN directory_entries c ON c.kind = 'calendar' AND c.id = u.body ->> 'calendar'
WHERE r.quote_id = :quote_id AND r.round = :round
""")
    .bindparams(bindparam("people", type_=ARRAY(Text)))
    .columns(state=JSON, customer_name=Text, is_change=Boolean, reader=JSON, time_zone=Text, names=JSON)
)


class LetterFacts(NamedTuple):
    """What a letter about a round says: the round, what the customer is called in the content that it is about, whether
    that is no quote but a change of an order, the reader's entry in the directory (empty without one) and time zone,
    and what the people of the round are called (who has no name is left out).
    """

    state: RoundState
    customer_name: str | None
    is_change: bool
    user: Mapping[str, Any]
    time_zone: str
    names: Mapping[str, str]


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

    async def facts(self, quote_id: str, round: int, reader: str, people: Sequence[str]) -> LetterFacts:
        """What a letter about that round to ``reader`` says, read in one statement; ``people`` are named in it besides
        those of the round. Code: ``unknown_round``.
        """
        given = {"quote_id": quote_id, "round": round, "reader": reader, "people": people}
        row = (await self._connection.execute(READ_FACTS, given)).one_or_none()
        if row is None:
            raise Refusal("unknown_round", f"quote {quote_id} has no round {round}", "round")
        state, customer_name, is_change, user, time_zone, names = row
        return LetterFacts(
            RoundState.model_validate(state), customer_name, is_change, user or {}, time_zone or "UTC", names or {}
        )


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
