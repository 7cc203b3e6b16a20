"""Pages of the directory, and delegations with what became of them; for reading."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.cursor import fetch_page, make_cursor, read_cursor, read_moment, read_number
from activities.store.directory_entry import DirectoryEntry
from activities.store.tables import delegations, directory_entries
from domain.refusal import Refusal


class EntryPage(BaseModel):
    """Entries of one kind by id; ``next`` is the cursor of the page behind."""

    model_config = ConfigDict(frozen=True)

    entries: tuple[DirectoryEntry, ...]
    next: str | None = None


class StoredDelegation(BaseModel):
    """A delegation as it was entered (``body``), and who took it back when."""

    model_config = ConfigDict(frozen=True)

    delegation_id: str
    of: str
    to: str
    body: dict[str, Any]
    entered_by: str
    entered_at: datetime
    ended_at: datetime | None
    ended_by: str | None


class DelegationPage(BaseModel):
    """Delegations, the one entered last first; ``next`` is the cursor of the page behind."""

    model_config = ConfigDict(frozen=True)

    delegations: tuple[StoredDelegation, ...]
    next: str | None = None


LAST = 10**17
# Without a place are those that the release before entered during a roll-out: after all that have one.
IN_ORDER = (func.coalesce(delegations.c.place, LAST), delegations.c.entered_at, delegations.c.delegation_id)
COLUMNS = [delegations.c[name] for name in StoredDelegation.model_fields]


class DirectoryPages:
    """Reads the directory within one transaction, page by page."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def entries(self, kind: str, *, cursor: str | None = None, limit: int = 50) -> EntryPage:
        """A page of the entries of one kind. Code: ``invalid_cursor``."""
        columns = directory_entries.c
        statement = select(directory_entries).where(columns.kind == kind).order_by(columns.id)
        if cursor is not None:
            statement = statement.where(columns.id > read_cursor(cursor, 1)[0])
        rows, following = await fetch_page(self._connection, statement, limit)
        found = tuple(DirectoryEntry(**row) for row in rows)
        return EntryPage(entries=found, next=make_cursor(found[-1].id) if following else None)

    async def delegations(
        self,
        *,
        of: str | None = None,
        to: str | None = None,
        taken_back: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> DelegationPage:
        """A page of delegations, of or to somebody, also those that were ``taken_back``. Code: ``invalid_cursor``."""
        columns = delegations.c
        statement = select(*COLUMNS, IN_ORDER[0].label("place")).order_by(*(each.desc() for each in IN_ORDER))
        for column, wanted in ((columns.of, of), (columns.to, to)):
            if wanted is not None:
                statement = statement.where(column == wanted)
        if not taken_back:
            statement = statement.where(columns.ended_at.is_(None))
        if cursor is not None:
            place, moment, name = read_cursor(cursor, 3)
            before = tuple_(literal(read_number(place)), literal(read_moment(moment)), literal(name))
            statement = statement.where(tuple_(*IN_ORDER) < before)
        rows, following = await fetch_page(self._connection, statement, limit)
        found = tuple(StoredDelegation(**{name: row[name] for name in StoredDelegation.model_fields}) for row in rows)
        last = found[-1] if following else None
        return DelegationPage(
            delegations=found,
            next=make_cursor(str(rows[-1]["place"]), last.entered_at.isoformat(), last.delegation_id) if last else None,
        )

    async def delegation(self, name: str) -> StoredDelegation:
        """One delegation, also one that was taken back. Code: ``unknown_delegation``."""
        statement = select(*COLUMNS).where(delegations.c.delegation_id == name)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise Refusal("unknown_delegation", f"there is no delegation {name}", "id")
        return StoredDelegation(**row)
