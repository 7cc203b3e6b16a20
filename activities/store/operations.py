"""Operations: what was asked for, how far it is, and what became of every round it had to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import distinct, func, literal, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.directory import DirectoryStore
from activities.store.operation_tables import operation_rounds, operations
from activities.store.refreshes import RoundRefreshes
from activities.store.rounds import OPEN, RoundName
from activities.store.tables import approval_people, approvals, delegations
from domain.refusal import Refusal

ROUNDS = operation_rounds.c
WAITING = "waiting"
# Whoever moves a round on holds its row before they read the directory.
ON_THEIR_WAY = text(
    "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'rounds'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode IN ('RowShareLock', 'RowExclusiveLock') AND pid <> pg_backend_pid()"
)
UNFINISHED = ("scheduled", "running")


class StoredOperation(BaseModel):
    """An operation: ``wanted`` is what was asked for, ``directory`` the entries that were touched."""

    model_config = ConfigDict(frozen=True)

    operation_id: str
    kind: str
    state: str
    subject: str
    by: str
    asked_at: datetime
    starts_at: datetime
    began_at: datetime | None
    finished_at: datetime | None
    total: int
    done: int
    wanted: dict[str, Any]
    directory: list[dict[str, Any]]
    refusal: dict[str, Any] | None


class OperationRound(BaseModel):
    """One round of an operation and what became of its approvals."""

    model_config = ConfigDict(frozen=True)

    quote_id: str
    round: int
    position: int
    state: str
    found: list[dict[str, Any]]


class Operations:
    """Reads and writes operations within one transaction."""

    def __init__(self, connection: AsyncConnection, directory: DirectoryStore) -> None:
        self._connection = connection
        self._directory = directory

    async def add(self, row: dict[str, Any]) -> bool:
        """Write a new operation down; False when one of that id is there."""
        statement = upsert(operations).values({"directory": [], **row}).on_conflict_do_nothing()
        done = await self._connection.execute(statement.returning(operations.c.operation_id))
        return done.one_or_none() is not None

    async def get(self, operation: str, *, for_update: bool = False) -> StoredOperation:
        """That operation. Code: ``unknown_operation``."""
        found = await self.find(operation, for_update=for_update)
        if found is None:
            raise Refusal("unknown_operation", f"there is no operation {operation}", "id")
        return found

    async def find(self, operation: str, *, for_update: bool = False) -> StoredOperation | None:
        """That operation, if it is there; ``for_update`` holds it until the transaction ends."""
        statement = select(operations).where(operations.c.operation_id == operation)
        statement = statement.with_for_update() if for_update else statement
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return None if row is None else StoredOperation(**row)

    async def overdue(self, kind: str, until: datetime, *, limit: int) -> tuple[str, ...]:
        """Operations of a kind that are not over and should have begun before ``until``, the earliest first."""
        columns = operations.c
        statement = (
            select(columns.operation_id)
            .where(columns.kind == kind, columns.state.in_(UNFINISHED), columns.starts_at < until)
            .order_by(columns.starts_at)
            .limit(limit)
        )
        return tuple((await self._connection.execute(statement)).scalars())

    async def change(self, operation: str, **values: Any) -> None:
        """Set columns of an operation."""
        mine = operations.c.operation_id == operation
        await self._connection.execute(update(operations).where(mine).values(values))

    async def keep_place(self, before: str, after: str) -> None:
        """Let one delegation take another's place in the order of entering, which says whose delegate is asked."""
        columns = delegations.c
        place = select(columns.place).where(columns.delegation_id == before).scalar_subquery()
        await self._connection.execute(update(delegations).where(columns.delegation_id == after).values(place=place))

    # -- rounds

    async def note_rounds(self, operation: str, persons: Sequence[str], approvers: Sequence[str]) -> int:
        """Put down every open round that involves those; how many were not on the list yet."""
        people, asked = approval_people.c, approvals.c
        by_person = select(people.quote_id, people.round).where(people.person.in_(persons), people.state.in_(OPEN))
        by_name = select(asked.quote_id, asked.round).where(asked.approver.in_(approvers), asked.state.in_(OPEN))
        found = by_person.union(by_name).subquery("found")
        known = select(func.coalesce(func.max(ROUNDS.position), 0)).where(ROUNDS.operation_id == operation)
        number = func.row_number().over(order_by=(found.c.quote_id, found.c.round)) + known.scalar_subquery()
        fixed = (literal(WAITING), literal([], ROUNDS.found.type))
        rows = select(literal(operation), found.c.quote_id, found.c.round, number, *fixed)
        names = ["operation_id", "quote_id", "round", "position", "state", "found"]
        statement = upsert(operation_rounds).from_select(names, rows).on_conflict_do_nothing()
        new = (await self._connection.execute(statement)).rowcount
        mine = operations.c.operation_id == operation
        await self._connection.execute(update(operations).where(mine).values(total=operations.c.total + new))
        return int(new)

    async def on_their_way(self) -> frozenset[str]:
        """The other transactions that hold rounds at this moment, by names that no later one bears."""
        return frozenset((await self._connection.execute(ON_THEIR_WAY)).scalars())

    async def rounds_of(self, persons: Sequence[str], approvers: Sequence[str]) -> tuple[RoundName, ...]:
        """Every open round that involves those, as :meth:`note_rounds` finds them."""
        people, asked = approval_people.c, approvals.c
        by_person = select(people.quote_id, people.round).where(people.person.in_(persons), people.state.in_(OPEN))
        by_name = select(asked.quote_id, asked.round).where(asked.approver.in_(approvers), asked.state.in_(OPEN))
        found = by_person.union(by_name).order_by("quote_id", "round")
        return tuple(RoundName(*row) for row in await self._connection.execute(found))

    async def waiting(self, operation: str, limit: int) -> tuple[RoundName, ...]:
        """The next rounds to look at; those that failed come last."""
        statement = (
            select(ROUNDS.quote_id, ROUNDS.round)
            .where(ROUNDS.operation_id == operation, ROUNDS.state == WAITING)
            .order_by(ROUNDS.attempts, ROUNDS.position)
            .limit(limit)
        )
        return tuple(RoundName(*row) for row in await self._connection.execute(statement))

    async def is_waiting(self, operation: str, name: RoundName) -> bool:
        """Whether that round was not looked at yet; holds it until the transaction ends."""
        statement = select(ROUNDS.state).where(_mine(operation, name)).with_for_update()
        return bool((await self._connection.execute(statement)).scalar_one() == WAITING)

    async def settle(self, operation: str, name: RoundName, state: str, found: list[dict[str, Any]]) -> None:
        """Note what became of a round, and count it; its run must hear of it where something was moved."""
        values = {"state": state, "found": found, "to_refresh": state in ("replaced", "unchanged")}
        await self._connection.execute(update(operation_rounds).where(_mine(operation, name)).values(values))
        mine = operations.c.operation_id == operation
        await self._connection.execute(update(operations).where(mine).values(done=operations.c.done + 1))

    async def failed(self, operation: str, name: RoundName) -> None:
        """Let the others come before a round that could not be looked at."""
        statement = update(operation_rounds).where(_mine(operation, name)).values(attempts=ROUNDS.attempts + 1)
        await self._connection.execute(statement)

    async def hand_to_refreshes(self, operation: str) -> int:
        """Let the runs of all rounds that were changed look again; how many."""
        mine = (ROUNDS.operation_id == operation) & ROUNDS.to_refresh
        statement = update(operation_rounds).where(mine).values(to_refresh=False)
        found = (await self._connection.execute(statement.returning(ROUNDS.quote_id, ROUNDS.round))).all()
        if found:
            # A number of its own: a run answers the same number twice with what it saw the first time.
            version = await self._directory.next_version()
            names = [(row.quote_id, row.round) for row in found]
            await RoundRefreshes(self._connection).put(names, version, grace=timedelta())
        return len(found)

    async def counts(self, operation: str) -> dict[str, int]:
        """How many rounds of the operation came to what."""
        statement = select(ROUNDS.state, func.count()).where(ROUNDS.operation_id == operation).group_by(ROUNDS.state)
        return {state: int(count) for state, count in await self._connection.execute(statement)}

    async def approvals_of(self, operation: str) -> dict[str, int]:
        """How many approvals came to what."""
        each = func.jsonb_array_elements(ROUNDS.found).table_valued("value").render_derived()
        outcome = each.c.value.op("->>")("outcome")
        statement = (
            select(outcome, func.count(distinct(each.c.value.op("->>")("approval_id"))))
            .select_from(operation_rounds.join(each, literal(True)))
            .where(ROUNDS.operation_id == operation)
            .group_by(outcome)
        )
        return {name: int(count) for name, count in await self._connection.execute(statement)}

    async def page(self, operation: str, *, after: int = 0, limit: int = 100) -> tuple[OperationRound, ...]:
        """Rounds of an operation in their order, those behind position ``after``."""
        columns = [ROUNDS[name] for name in OperationRound.model_fields]
        statement = (
            select(*columns)
            .where(ROUNDS.operation_id == operation, ROUNDS.position > after)
            .order_by(ROUNDS.position)
            .limit(limit)
        )
        return tuple(OperationRound(**row) for row in (await self._connection.execute(statement)).mappings())


def _mine(operation: str, name: RoundName) -> Any:
    return tuple_(ROUNDS.operation_id, ROUNDS.quote_id, ROUNDS.round) == tuple_(
        literal(operation), literal(name.quote_id), literal(name.round)
    )
