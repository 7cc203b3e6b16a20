"""Whose requests a change of the directory can reach: only those rounds need to look again who may act."""

from __future__ import annotations

from collections.abc import Iterable

from domain.people import Directory


def reached(before: Directory, after: Directory, section: str, name: str) -> frozenset[str]:
    """The people whose waiting requests may be handed to somebody else by the new entry ``name`` of ``section``.

    A user reaches their own requests and those of who hands over to them; a group those of who hands over to it (who
    decides as a group is settled when a round is planned); a calendar those of its people whose delegations are
    written in its zone. Deadlines that are set stay, and approver entries are read when a round is planned.
    """
    if section == "users":
        return after.givers([name]) | {name}
    if section == "groups":
        return before.givers([name]) | after.givers([name])
    if section == "calendars":
        moved = frozenset(_moved(before, after, name))
        return moved | after.givers(moved)
    return frozenset()


def _moved(before: Directory, after: Directory, calendar: str) -> Iterable[str]:
    """The people of ``calendar`` who have a delegation that begins or ends at another moment now."""
    for delegation in after.delegations:
        giver = after.users.get(delegation.of)
        if giver is not None and giver.calendar == calendar and before.window(delegation) != after.window(delegation):
            yield delegation.of


def inactive(directory: Directory) -> tuple[str, ...]:
    """Who has left: if something still waits for them, a new entry may bring whoever decides in their place."""
    return tuple(name for name, user in directory.users.items() if not user.active)
