"""Verbs on single entries of the directory and on single delegations; what waits and is touched looks again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from activities.store.directory import SECTIONS
from activities.store.directory_entry import DirectoryEntry
from activities.store.directory_pages import StoredDelegation
from activities.store.jsonable import jsonable
from activities.store.work import Work
from activities.tokens import Identity
from domain.people import Directory
from domain.reach import inactive, reached
from domain.refusal import Problem, Refusal
from starter.change_of_people import PATIENCE, ChangeOfPeople
from starter.desk import Desk

CONTACT = frozenset({"name", "mail"})
"""Fields of a person that the record, which never forgets, names without their values."""


@dataclass(frozen=True, slots=True)
class Put:
    """The entry as it is now, and whether it is new."""

    entry: DirectoryEntry
    is_new: bool


class DirectoryDesk:
    """Verbs on entries and delegations."""

    def __init__(self, desk: Desk, *, patience: timedelta = PATIENCE) -> None:
        self._desk = desk
        self._change = ChangeOfPeople(desk, patience=patience)

    async def put(
        self,
        who: Identity,
        section: str,
        name: str,
        document: Mapping[str, Any],
        *,
        expected_version: int | None = None,
    ) -> Put:
        """Add or replace the entry ``name`` of ``section`` (``users`` …); the same content again changes nothing.

        Codes: ``stale`` (it is not at ``expected_version`` any more; 0: there is one already), those of
        ``read_directory``, with paths inside the entry.
        """
        kind = SECTIONS[section]
        async with self._desk.database.work() as work:
            await work.directory.lock()
            if expected_version is not None:
                await work.directory.refuse_stale(kind, name, expected_version)
            known = await work.directory.find(kind, name)
            before = await self._desk.knowledge.directory(work)
            after = _with_entry(before, section, name, document)
            if known is not None and known.body == jsonable(document):
                return Put(known, is_new=False)
            version = await work.directory.put(kind, name, document, who.user)
            entry = await work.directory.get(kind, name)
            changes = _changes(known.body if known is not None else {}, entry.body)
            body = {kind: name, "version": version, "changes": changes}
            await work.record.append([self._change.entry(f"{kind}_changed", who, body)])
            wanted = await self._change.noted(work, await _rounds(work, before, after, section, name))
        await self._change.bring(wanted)
        return Put(entry, is_new=known is None)

    async def end_delegation(self, who: Identity, name: str) -> StoredDelegation:
        """Take one delegation back; the requests return to who gave it. Once more changes nothing.

        Codes: ``unknown_delegation``, ``unknown_user`` (who acts has left), ``admin_only`` (it is another's).
        """
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            await work.directory.lock()
            found = await work.directory.pages.delegation(name)
            if not who.is_admin:
                await self._desk.check_user(work, who)
                if found.of != who.user:
                    raise Refusal("admin_only", f"{name} is a delegation of {found.of}: they or an admin end it")
            if found.ended_at is not None:
                return found
            await work.directory.end_delegation(name, who.user, at)
            body = {"delegation": name, "of": found.of, "to": found.to}
            await work.record.append([self._change.entry("delegation_ended", who, body)])
            wanted = await self._change.noted(work, await work.rounds.involving_any([found.of]))
            found = await work.directory.pages.delegation(name)
        await self._change.bring(wanted)
        return found


def _with_entry(before: Directory, section: str, name: str, document: Mapping[str, Any]) -> Directory:
    try:
        return before.with_entry(section, name, document)
    except Refusal as refusal:
        own = f"{section}.{name}"
        raise Refusal.of(
            [
                Problem(each.code, each.message, each.path.removeprefix(own).removeprefix("."))
                for each in refusal.problems
            ]
        ) from None


def _changes(before: Any, after: Any) -> dict[str, Any]:
    """Field by field what an entry said and says; of contact data only that they changed."""
    return {
        field: {} if field in CONTACT else {"from": before.get(field), "to": after.get(field)}
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    }


async def _rounds(
    work: Work, before: Directory, after: Directory, section: str, name: str
) -> tuple[tuple[str, int], ...]:
    persons = set(reached(before, after, section, name))
    if section != "calendars":
        persons.update(inactive(after))
    return await work.rounds.involving_any(sorted(persons))
