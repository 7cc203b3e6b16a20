"""The directory as it is now: calendars, users, groups, approvers, settings, and delegations.

Documents go in and come out as plain data; ``domain.people.Directory`` reads them. One counter grows with every
change, so that whoever holds a directory can ask whether it is still the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, cast, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.directory_entry import DirectoryEntry
from activities.store.directory_pages import IN_ORDER, DirectoryPages
from activities.store.jsonable import fingerprint, jsonable, refuse_unstorable
from activities.store.tables import ENTRY_KINDS, delegations, directory_counter, directory_entries
from domain.refusal import Refusal

SECTIONS = {"calendars": "calendar", "users": "user", "groups": "group", "approvers": "approver"}
# Made once: building a statement costs as much as running it.
READ_VERSION = select(directory_counter.c.version)
READ_ENTRY = select(directory_entries).where(
    directory_entries.c.kind == bindparam("kind"), directory_entries.c.id == bindparam("name")
)
MOST_AT_ONCE = 1_000_000
"""More delegations than a directory has."""


class DirectoryStore:
    """Reads and changes the directory within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._is_changing = False

    @property
    def is_changing(self) -> bool:
        """Whether this transaction has taken the next version: nobody else sees it yet, and it may never be."""
        return self._is_changing

    async def version(self) -> int:
        """The number of changes so far; the same number means the same directory."""
        return int((await self._connection.execute(READ_VERSION)).scalar_one())

    @property
    def pages(self) -> DirectoryPages:
        """The same, to read page by page."""
        return DirectoryPages(self._connection)

    async def lock(self) -> None:
        """Change the directory alone until this transaction ends, on what is there now."""
        await self._connection.execute(select(directory_counter.c.version).with_for_update())

    async def hold(self) -> None:
        """Let nobody change the directory before this transaction ends: what is made of it is seen by who does."""
        await self._connection.execute(select(directory_counter.c.version).with_for_update(read=True))

    async def load(self) -> dict[str, Any]:
        """The whole directory as a document: calendars, users, groups, approvers by id, and delegations in force.

        Delegations that were taken back are left out; each carries its ``id``. Settings are not part of it.
        """
        columns = directory_entries.c
        found = await self._connection.execute(select(columns.kind, columns.id, columns.body).order_by(columns.id))
        by_kind: dict[str, dict[str, Any]] = {kind: {} for kind in ENTRY_KINDS}
        for kind, name, body in found:
            by_kind[kind][name] = body
        document: dict[str, Any] = {section: by_kind[kind] for section, kind in SECTIONS.items()}
        document["delegations"] = await self._delegations()
        return document

    async def _delegations(self) -> list[dict[str, Any]]:
        statement = (
            select(delegations.c.delegation_id, delegations.c.body)
            .where(delegations.c.ended_at.is_(None))
            .order_by(*IN_ORDER)
        )
        return [{**body, "id": name} for name, body in await self._connection.execute(statement)]

    async def find(self, kind: str, name: str) -> DirectoryEntry | None:
        """One entry, if it is there."""
        row = (await self._connection.execute(READ_ENTRY, {"kind": kind, "name": name})).mappings().one_or_none()
        return None if row is None else DirectoryEntry(**row)

    async def get(self, kind: str, name: str) -> DirectoryEntry:
        """One entry. Code: ``unknown_user``, ``unknown_group``, ``unknown_approver`` and so on."""
        found = await self.find(kind, name)
        if found is None:
            raise Refusal(f"unknown_{kind}", f"there is no {kind} {name} in the directory", "id")
        return found

    async def all(self, kind: str) -> dict[str, Any]:
        """All entries of one kind, as stored, by id."""
        statement = select(directory_entries.c.id, directory_entries.c.body).where(directory_entries.c.kind == kind)
        return {row.id: row.body for row in await self._connection.execute(statement)}

    async def put(self, kind: str, name: str, body: Any, by: str, *, expected_version: int | None = None) -> int:
        """Add or replace one entry; returns the directory's version after it. Code: ``stale``.

        ``expected_version`` is that of the entry the caller has seen (0: that there is none).
        """
        version = await self.next_version()
        if expected_version is not None:
            await self.refuse_stale(kind, name, expected_version)
        await self._upsert([_entry(kind, name, body, version, by)])
        return version

    async def refuse_stale(self, kind: str, name: str, expected: int) -> None:
        """Refuse (``stale``) an entry that is at another version than ``expected`` (0: that there is none)."""
        columns = directory_entries.c
        statement = select(columns.version).where(columns.kind == kind, columns.id == name)
        found = (await self._connection.execute(statement)).scalar_one_or_none() or 0
        if found != expected:
            raise Refusal("stale", f"{kind} {name} has changed: it is at {found}, you saw {expected}; read it again")

    async def remove(self, kind: str, name: str) -> int:
        """Take one entry out; returns the directory's version after it."""
        version = await self.next_version()
        columns = directory_entries.c
        await self._connection.execute(delete(directory_entries).where(columns.kind == kind, columns.id == name))
        return version

    async def replace_all(
        self, document: Mapping[str, Any], by: str, at: datetime, *, expected_version: int | None = None
    ) -> int:
        """Make the directory what ``document`` says, settings excepted; returns its version. Code: ``stale``.

        Entries that are not in the document go. So do its delegations' predecessors: they end ``at`` that moment.
        """
        version = await self.next_version()
        if expected_version is not None and version - 1 != expected_version:
            seen = f"it is at {version - 1}, you saw {expected_version}"
            raise Refusal("stale", f"the directory has changed: {seen}; read it again")
        rows = [
            _entry(kind, name, body, version, by)
            for section, kind in SECTIONS.items()
            for name, body in (document.get(section) or {}).items()
        ]
        columns = directory_entries.c
        kept = [(row["kind"], row["id"]) for row in rows]
        gone = columns.kind.in_(SECTIONS.values()) & tuple_(columns.kind, columns.id).not_in(kept)
        await self._connection.execute(delete(directory_entries).where(gone))
        await self._upsert(rows)
        given = document.get("delegations") or ()
        ids = [await self._add(body, by, at, _place(version, number)) for number, body in enumerate(given)]
        await self._set_places(version, ids)
        over = delegations.c.ended_at.is_(None) & delegations.c.delegation_id.not_in(ids)
        await self._connection.execute(update(delegations).where(over).values(ended_at=at, ended_by=by))
        return version

    async def add_delegation(
        self,
        body: Mapping[str, Any],
        by: str,
        at: datetime,
        *,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        key: str | None = None,
    ) -> str:
        """Enter a delegation (``of``, ``to``, ``from``, ``until`` …) and return its id, which is made here.

        It is made of who entered what, and of their ``key``, else the moment: entered twice so, it is one.
        Code: ``duplicate_id`` when that one has ended since.
        """
        place = _place(await self.next_version())
        content = {name: value for name, value in body.items() if name != "id"}
        name = fingerprint([jsonable(content), by, at.isoformat() if key is None else key])[:16]
        return await self._add({**content, "id": name}, by, at, place, starts_at, ends_at)

    async def _set_places(self, version: int, names: Sequence[str]) -> None:
        """Put delegations, also those that were there, in the order of ``names``."""
        if names:
            places = [{"name": name, "new": _place(version, number)} for number, name in enumerate(names)]
            statement = update(delegations).where(delegations.c.delegation_id == bindparam("name"))
            await self._connection.execute(statement.values(place=bindparam("new")), places)

    async def _add(
        self,
        body: Mapping[str, Any],
        by: str,
        at: datetime,
        place: int,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> str:
        """Add a delegation; one that is there with the same content stays. Code: ``duplicate_id``.

        A row is never taken over by another content, and one that has ended never comes back: the record names it.
        """
        raw = jsonable(body)
        refuse_unstorable(raw)
        given = raw.pop("id", None)
        name = str(given) if given else await self._free_name(raw, at)
        row = {"delegation_id": name, "of": raw["of"], "to": raw["to"], "starts_at": starts_at, "ends_at": ends_at}
        row |= {"body": raw, "entered_by": by, "entered_at": at, "ended_at": None, "ended_by": None, "place": place}
        statement = upsert(delegations).values(row).on_conflict_do_nothing().returning(delegations.c.delegation_id)
        if (await self._connection.execute(statement)).one_or_none() is None:
            known = await self._delegation(name)
            if known is None or known.ended_at is not None or known.body != raw:
                message = f"the id {name} is or was another delegation's; leave it out, and one is made"
                raise Refusal("duplicate_id", message, f"delegations.{name}.id")
        return name

    async def _free_name(self, raw: Mapping[str, Any], at: datetime) -> str:
        """A name made of the content; another one where the delegation of that name has ended."""
        name = fingerprint(raw)[:16]
        known = await self._delegation(name)
        return name if known is None or known.ended_at is None else fingerprint([raw, at.isoformat()])[:16]

    async def _delegation(self, name: str) -> Any:
        columns = delegations.c
        statement = select(columns.body, columns.ended_at).where(columns.delegation_id == name)
        return (await self._connection.execute(statement)).one_or_none()

    async def end_delegation(self, name: str, by: str, at: datetime) -> int:
        """Take a delegation back; once more changes nothing. Code: ``unknown_delegation``."""
        version = await self.next_version()
        statement = (
            update(delegations)
            .where(delegations.c.delegation_id == name, delegations.c.ended_at.is_(None))
            .values(ended_at=at, ended_by=by)
        )
        if (await self._connection.execute(statement)).rowcount == 0:
            known = select(delegations.c.delegation_id).where(delegations.c.delegation_id == name)
            if (await self._connection.execute(known)).one_or_none() is None:
                raise Refusal("unknown_delegation", f"there is no delegation {name}", "id")
        return version

    async def next_version(self) -> int:
        """Take the number of the next version, and the lock that puts changes of the directory one after the other."""
        self._is_changing = True
        statement = update(directory_counter).values(version=directory_counter.c.version + 1)
        found = await self._connection.execute(statement.returning(directory_counter.c.version))
        return int(found.scalar_one())

    async def _upsert(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        statement = upsert(directory_entries)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["kind", "id"],
            set_={column: new[column] for column in ("body", "version", "changed_by", "changed_at")},
            # An entry that stays as it was keeps its version: nobody who has seen it is out of date.
            where=cast(directory_entries.c.body, JSONB).is_distinct_from(cast(new.body, JSONB)),
        )
        await self._connection.execute(statement, rows)


def _place(version: int, number: int = 0) -> int:
    """The place of what is entered as the ``number``-th at once, when the directory becomes ``version``."""
    return version * MOST_AT_ONCE + number


def _entry(kind: str, name: str, body: Any, version: int, by: str) -> dict[str, Any]:
    raw = jsonable(body)
    refuse_unstorable([name, raw])
    return {"kind": kind, "id": name, "body": raw, "version": version, "changed_by": by}
