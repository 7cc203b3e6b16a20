"""Rounds of approval: the state whole, and the approvals, people and decisions in it as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, delete, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.jsonable import jsonable
from activities.store.outgoing import rows_of
from activities.store.round_rows import approval_rows, decision_rows, people_rows, round_row, withdrawal_rows
from activities.store.round_writing import OPEN_ROUND, SAVE_ROUND, parameters
from activities.store.tables import (
    approval_people,
    approvals,
    decisions,
    directory_counter,
    outgoing,
    quotes,
    rounds,
    withdrawals,
)
from domain.approval.state import ApprovalState, Notice, RoundState
from domain.refusal import Refusal

Rows = Sequence[dict[str, Any]]
OPEN = (ApprovalState.ASSIGNED, ApprovalState.REQUESTED)


READ_ROUND = select(rounds.c.state, rounds.c.revision).where(
    rounds.c.quote_id == bindparam("name"), rounds.c.round == bindparam("number")
)
HOLD_ROUND = READ_ROUND.with_for_update()
READ_ROUND_OF = (
    select(rounds.c.state)
    .join(approvals, (rounds.c.quote_id == approvals.c.quote_id) & (rounds.c.round == approvals.c.round))
    .where(approvals.c.approval_id == bindparam("approval"))
)
READ_ROUND_AND_VERSION = READ_ROUND_OF.add_columns(
    select(directory_counter.c.version).scalar_subquery().label("version")
)
ADD_WITHDRAWALS = upsert(withdrawals).on_conflict_do_nothing()


class RoundName(NamedTuple):
    """Which round of which quote."""

    quote_id: str
    round: int


class OverdueRound(NamedTuple):
    """An open round and the moment that has passed."""

    next_moment: datetime
    quote_id: str
    round: int


class RoundStore:
    """Reads and writes rounds within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        # What this transaction holds, as it is in the tables: a save writes only what differs from it.
        self._held: dict[RoundName, tuple[RoundState, int]] = {}

    async def open(
        self,
        state: RoundState,
        *,
        revision: int = 0,
        version: int | None = None,
        notices: Sequence[Notice] = (),
        moved: Rows = (),
    ) -> bool:
        """Store a new round; False when that round is stored already (a repeated activity).

        ``version`` is that of the quote, for a transaction that holds it and has seen that no round of it is open or
        has this number. ``notices`` are put down with it, and what the quote becomes (``QuoteStore.moved``) is written.
        Codes: ``unknown_quote``, ``already_pending`` when another round of the quote is open.
        """
        if version is None and (version := await self._room_for(state)) is None:
            return False
        row = {**round_row(state, revision), "quote_version": version}
        await self._write(OPEN_ROUND, row, None, state, {quotes.name: moved, outgoing.name: rows_of(notices)})
        self._held[RoundName(state.quote_id, state.round)] = (state, revision)
        return True

    async def _room_for(self, state: RoundState) -> int | None:
        """The version of the quote, held for a new round of it; nothing where that round is stored already."""
        # The quote is the lock: of two who submit at once the second sees the first one's round.
        held = select(quotes.c.version).where(quotes.c.quote_id == state.quote_id).with_for_update()
        version: int | None = (await self._connection.execute(held)).scalar_one_or_none()
        if version is None:
            raise Refusal("unknown_quote", f"there is no quote {state.quote_id}", "quote_id")
        columns = rounds.c
        statement = select(columns.round).where(
            columns.quote_id == state.quote_id, or_(columns.round == state.round, columns.outcome.is_(None))
        )
        found = set((await self._connection.execute(statement)).scalars())
        if state.round in found:
            return None
        if found and state.outcome is None:
            raise Refusal("already_pending", f"round {max(found)} of quote {state.quote_id} is open", "quote_id")
        return version

    def hold(self, state: RoundState, revision: int) -> None:
        """Know a round that another statement of this transaction has read and holds."""
        self._held[RoundName(state.quote_id, state.round)] = (state, revision)

    async def find(self, quote_id: str, round: int, *, for_update: bool = False) -> RoundState | None:
        """That round, if it is there; ``for_update`` holds it until the transaction ends."""
        found = await self._read(RoundName(quote_id, round), for_update=for_update)
        return None if found is None else found[0]

    async def get(self, quote_id: str, round: int, *, for_update: bool = False) -> RoundState:
        """That round. Code: ``unknown_round``."""
        found = await self.find(quote_id, round, for_update=for_update)
        if found is None:
            raise Refusal("unknown_round", f"quote {quote_id} has no round {round}", "round")
        return found

    async def overdue(
        self, until: datetime, *, after: OverdueRound | None = None, limit: int = 500
    ) -> tuple[OverdueRound, ...]:
        """Open rounds whose next moment was before ``until``, the longest overdue first; those behind ``after``."""
        columns = rounds.c
        place = tuple_(columns.next_moment, columns.quote_id)
        statement = select(columns.next_moment, columns.quote_id, columns.round).where(
            columns.outcome.is_(None), columns.next_moment < until
        )
        if after is not None:
            statement = statement.where(place > tuple_(literal(after.next_moment), literal(after.quote_id)))
        statement = statement.order_by(columns.next_moment, columns.quote_id).limit(limit)
        return tuple(OverdueRound(*row) for row in await self._connection.execute(statement))

    async def _read(self, name: RoundName, *, for_update: bool) -> tuple[RoundState, int] | None:
        statement = HOLD_ROUND if for_update else READ_ROUND
        row = (await self._connection.execute(statement, {"name": name.quote_id, "number": name.round})).one_or_none()
        if row is None:
            return None
        found = (RoundState.model_validate(row.state), int(row.revision))
        if for_update:
            self._held[name] = found
        return found

    async def save(
        self,
        state: RoundState,
        *,
        revision: int | None = None,
        notices: Sequence[Notice] = (),
        moved: Rows = (),
    ) -> bool:
        """Store what became of a round, and the decisions that are new in it; ``notices`` and ``moved`` as in ``open``.

        A decision that is there already is left as it is. With a ``revision`` (a number that grows with every save of
        the round), a state that is not newer than the stored one is passed over, and False is returned: an attempt
        that was given up on may still arrive, later than its successor. Code: ``unknown_round``.
        """
        name = RoundName(state.quote_id, state.round)
        held = self._held.get(name) or await self._read(name, for_update=True)
        if held is None:
            raise Refusal("unknown_round", f"quote {state.quote_id} has no round {state.round}", "round")
        before, stored = held
        if revision is not None and revision <= stored:
            return False
        if revision is None and state == before and not notices and not moved:
            return True
        now = stored + 1 if revision is None else revision
        more = {quotes.name: moved, outgoing.name: rows_of(notices)}
        await self._write(SAVE_ROUND, round_row(state, now), before, state, more)
        self._held[name] = (state, now)
        return True

    async def _write(
        self,
        statement: TextClause,
        row: dict[str, Any],
        before: RoundState | None,
        state: RoundState,
        more: Mapping[str, Rows],
    ) -> None:
        """Codes: ``idempotency_key_reused`` and ``approval_id_taken``, where an id names something in another round."""
        people, now = people_rows(before) if before else {}, people_rows(state)
        gone = [key for key in people if key not in now]
        if gone:
            key = tuple_(approval_people.c.approval_id, approval_people.c.person)
            await self._connection.execute(delete(approval_people).where(key.in_(gone)))
        rows = {
            **more,
            approvals.name: _changed(approval_rows(before) if before else {}, approval_rows(state)),
            approval_people.name: _changed(people, now),
            decisions.name: _new(decision_rows(before) if before else {}, decision_rows(state)),
        }
        try:
            written = await self._connection.execute(statement, jsonable(parameters(row, rows)))
        except IntegrityError as error:
            if "pk_decisions" not in str(error.orig):
                raise
            message = "that id already names a decision on another approval; take a new id"
            raise Refusal("idempotency_key_reused", message, "decision_id") from error
        if written.scalar_one() != len(rows[approvals.name]):
            message = f"another round has an approval of an id of round {state.round} of {state.quote_id}"
            raise Refusal("approval_id_taken", f"{message}; give the quote or the rule another id", "quote_id")
        withdrawn = _new(withdrawal_rows(before) if before else {}, withdrawal_rows(state))
        if withdrawn:
            await self._connection.execute(ADD_WITHDRAWALS, withdrawn)

    async def of_approval(self, approval_id: str) -> RoundState:
        """The round that the approval of that id belongs to. Code: ``unknown_approval``."""
        found = (await self._connection.execute(READ_ROUND_OF, {"approval": approval_id})).scalar_one_or_none()
        if found is None:
            raise _unknown_approval(approval_id)
        return RoundState.model_validate(found)

    async def of_approval_with_directory(self, approval_id: str) -> tuple[RoundState, int]:
        """The same, and which version of the directory is the newest. Code: ``unknown_approval``."""
        row = (await self._connection.execute(READ_ROUND_AND_VERSION, {"approval": approval_id})).one_or_none()
        if row is None:
            raise _unknown_approval(approval_id)
        return RoundState.model_validate(row.state), int(row.version)

    async def all(self, quote_id: str) -> tuple[RoundState, ...]:
        """All rounds of the quote, the first one first."""
        statement = select(rounds.c.state).where(rounds.c.quote_id == quote_id).order_by(rounds.c.round)
        return tuple(RoundState.model_validate(each) for each in (await self._connection.execute(statement)).scalars())

    async def latest(self, quote_id: str, number: int) -> RoundState:
        """The quote's latest round, of that number. Code: ``round_closed`` for a quote that was never submitted."""
        if not number:
            raise Refusal("round_closed", f"quote {quote_id} was never submitted", "quote_id")
        return await self.get(quote_id, number)

    async def locate(self, approval_id: str) -> RoundName:
        """The round that the approval is in. Code: ``unknown_approval``."""
        columns = approvals.c
        statement = select(columns.quote_id, columns.round).where(columns.approval_id == approval_id)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise _unknown_approval(approval_id)
        return RoundName(row.quote_id, row.round)

    async def involving(
        self, person: str, *, after: RoundName | None = None, limit: int = 500
    ) -> tuple[RoundName, ...]:
        """Open rounds in which an open approval asks ``person``, lets them act, or has a seat of theirs; by name."""
        columns = approval_people.c
        statement = (
            select(columns.quote_id, columns.round)
            .where(columns.person == person, columns.state.in_(OPEN))
            .distinct()
            .order_by(columns.quote_id, columns.round)
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(tuple_(columns.quote_id, columns.round) > after)
        return tuple(RoundName(*row) for row in await self._connection.execute(statement))

    async def involving_any(self, persons: Sequence[str]) -> tuple[RoundName, ...]:
        """Open rounds in which an open approval involves one of ``persons``; by name."""
        columns = approval_people.c
        found: set[RoundName] = set()
        for start in range(0, len(persons), 1000):  # a statement has at most 32,767 parameters
            some = columns.person.in_(persons[start : start + 1000])
            statement = select(columns.quote_id, columns.round).where(some, columns.state.in_(OPEN)).distinct()
            found.update(RoundName(*row) for row in await self._connection.execute(statement))
        return tuple(sorted(found))


def _unknown_approval(approval_id: str) -> Refusal:
    return Refusal("unknown_approval", f"there is no approval {approval_id}", "approval")


def _changed(before: Mapping[Any, dict[str, Any]], after: Mapping[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for name, row in after.items() if before.get(name) != row]


def _new(before: Mapping[Any, dict[str, Any]], after: Mapping[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for name, row in after.items() if name not in before]
