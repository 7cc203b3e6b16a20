"""The rounds held against the record: replaying its entries must lead to what the tables hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.record_entry import RecordEntry
from activities.store.round_rows import approval_rows, decision_rows
from activities.store.rounds import RoundName
from activities.store.tables import approvals, decisions, record, rounds
from domain.approval.rebuild import differences, rebuild
from domain.approval.state import RoundEvent, RoundState

AT_A_TIME = 100
COMPARED = ("state", "requested_at", "settled_at")
DECIDED = ("approval_id", "by", "seat_of", "verdict", "at", "channel")
FIELDS = tuple(RecordEntry.model_fields)


class Unlike(NamedTuple):
    """Something that record and tables tell differently; ``code`` as in the audit."""

    code: str
    where: str
    message: str


class Retelling:
    """Reads rounds and their entries, a hundred quotes at a time."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.rounds = 0
        """How many rounds were looked at so far."""

    async def unlike(self) -> AsyncIterator[Unlike]:
        """Everything that does not agree, quote by quote."""
        after = ""
        while names := await self._quotes(after):
            after = names[-1]
            states, events = await self._states(names), await self._events(names)
            rows, votes = await self._rows(names), await self._votes(names)
            for name, state in states.items():
                self.rounds += 1
                for each in _compare(name, state, events.pop(name, []), rows.get(name, {}), votes.get(name, {})):
                    yield each
            for name in events:
                yield Unlike("round_missing", _where(name), "the record tells of it, and it is not stored")
        async for each in self._lost():
            yield each

    async def _quotes(self, after: str) -> Sequence[str]:
        columns = rounds.c
        statement = select(columns.quote_id).where(columns.quote_id > after).distinct().order_by(columns.quote_id)
        return (await self._connection.execute(statement.limit(AT_A_TIME))).scalars().all()

    async def _states(self, names: Sequence[str]) -> dict[RoundName, Any]:
        columns = rounds.c
        statement = (
            select(columns.quote_id, columns.round, columns.state)
            .where(columns.quote_id.in_(names))
            .order_by(columns.quote_id, columns.round)
        )
        return {RoundName(row[0], row[1]): row[2] for row in await self._connection.execute(statement)}

    async def _events(self, names: Sequence[str]) -> dict[RoundName, list[RoundEvent]]:
        statement = (
            select(*(record.c[name] for name in FIELDS))
            .where(record.c.quote_id.in_(names), record.c.round.is_not(None), record.c.kind != "signal_ignored")
            .order_by(record.c.seq)
        )
        found: dict[RoundName, list[RoundEvent]] = {}
        for row in (await self._connection.execute(statement)).mappings():
            entry = RecordEntry(**row)
            found.setdefault(RoundName(row["quote_id"], row["round"]), []).append(entry.round_event())
        return found

    async def _rows(self, names: Sequence[str]) -> dict[RoundName, dict[str, Any]]:
        columns = [approvals.c[name] for name in ("quote_id", "round", "approval_id", *COMPARED)]
        found: dict[RoundName, dict[str, Any]] = {}
        for row in (await self._connection.execute(select(*columns).where(approvals.c.quote_id.in_(names)))).mappings():
            found.setdefault(RoundName(row["quote_id"], row["round"]), {})[row["approval_id"]] = row
        return found

    async def _votes(self, names: Sequence[str]) -> dict[RoundName, dict[str, Any]]:
        columns = [decisions.c[name] for name in ("decision_id", *DECIDED)]
        statement = (
            select(approvals.c.quote_id, approvals.c.round, *columns)
            .join(approvals, approvals.c.approval_id == decisions.c.approval_id)
            .where(approvals.c.quote_id.in_(names))
        )
        found: dict[RoundName, dict[str, Any]] = {}
        for row in (await self._connection.execute(statement)).mappings():
            found.setdefault(RoundName(row["quote_id"], row["round"]), {})[row["decision_id"]] = row
        return found

    async def _lost(self) -> AsyncIterator[Unlike]:
        """Rounds of quotes of which no round is left at all."""
        submitted = (
            select(record.c.quote_id, record.c.round)
            .where(record.c.kind == "submitted", record.c.round.is_not(None))
            .where(~exists().where(rounds.c.quote_id == record.c.quote_id))
            .order_by(record.c.seq)
        )
        for row in await self._connection.execute(submitted):
            where = _where(RoundName(row.quote_id, row.round))
            yield Unlike("round_missing", where, "the record tells of it, and it is not stored")


def _compare(
    name: RoundName,
    document: Any,
    events: Sequence[RoundEvent],
    rows: Mapping[str, Any],
    votes: Mapping[str, Any],
) -> list[Unlike]:
    where = _where(name)
    try:
        state = RoundState.model_validate(document)
    except ValidationError as error:
        return [Unlike("unreadable", where, str(error))]
    found = [*_rows_unlike(where, approval_rows(state), rows, COMPARED)]
    found += _rows_unlike(where, decision_rows(state), votes, DECIDED)
    if not any(event.kind == "submitted" for event in events):
        return [*found, Unlike("round_unrecorded", where, "it is stored, and the record does not tell of it")]
    told = rebuild(events)
    # What an older release recorded says neither the plan nor what settled: it cannot be played again.
    unlike = differences(told, state) if told.planned else ()
    return [*found, *(Unlike("round_differs", where, each) for each in unlike)]


def _rows_unlike(
    where: str, told: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Any], columns: Sequence[str]
) -> list[Unlike]:
    missing = [Unlike("row_differs", f"{where} {name}", "the row is not there") for name in told if name not in rows]
    return missing + [
        Unlike("row_differs", f"{where} {name}", f"{column} is {rows[name][column]}, not {row[column]}")
        for name, row in told.items()
        if name in rows
        for column in columns
        if rows[name][column] != row[column]
    ]


def _where(name: RoundName) -> str:
    return f"quote {name.quote_id} round {name.round}"
