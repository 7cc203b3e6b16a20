"""Replacement: what changes among people when somebody takes another's place for good (``spec/approvals.md`` 6).

A name is replaced as rules read it: an approver, then a group, then a user. Whoever takes the place is a user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.delegation import Delegation
from domain.people import EARLIEST, Directory
from domain.refusal import Refusal
from domain.roster import Approver, User, UserGroup


class Replaced(StrEnum):
    """What kind of name is replaced."""

    APPROVER = "approver"
    GROUP = "group"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Replacement:
    """``new``, a user, takes the place of ``old``.

    ``approvers`` are the names by which open approvals may ask ``old``; ``persons`` whose open approvals must be
    looked at: ``old`` itself, and whoever hands over to it.
    """

    kind: Replaced
    old: str
    new: str
    approvers: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Touch:
    """One field of one directory entry, before and after; ``why`` says what is not plain (``already_there`` …)."""

    section: str
    entry: str
    field: str
    before: Any
    after: Any
    why: str | None = None

    @property
    def is_left(self) -> bool:
        """Whether it was looked at and left as it is, for the reason in ``why``."""
        return bool(self.before == self.after)


@dataclass(frozen=True, slots=True)
class Succession:
    """The directory after a replacement, and every field that was touched or left alone on the way."""

    replacement: Replacement
    directory: Directory
    touches: tuple[Touch, ...]
    ended: tuple[Delegation, ...]
    entered: Mapping[str, Delegation]
    """Delegations that take the place of others, by the id of the one before."""


def find_replacement(directory: Directory, old: str, new: str, kind: Replaced | None = None) -> Replacement:
    """Who is to be replaced by whom. Codes: ``unknown_approver``, ``unknown_user``, ``same_person``."""
    found = kind or _kind_of(directory, old)
    known = {Replaced.APPROVER: directory.approvers, Replaced.GROUP: directory.groups, Replaced.USER: directory.users}
    if found is None or old not in known[found]:
        what = "user" if kind is Replaced.USER else "approver"
        raise Refusal(f"unknown_{what}", f"{old} is no {kind or 'approver, group or user'} of the directory", "id")
    if not directory.is_active(new):
        raise Refusal("unknown_user", f"{new} is no active user of the directory; name one who is", "by_whom")
    entry = directory.approvers.get(old) if found is Replaced.APPROVER else None
    if new in (old, entry.user if entry else None):
        raise Refusal("same_person", f"{old} is {new} already; name somebody else", "by_whom")
    return Replacement(found, old, new)


def _kind_of(directory: Directory, name: str) -> Replaced | None:
    if name in directory.approvers:
        return Replaced.APPROVER
    if name in directory.groups:
        return Replaced.GROUP
    return Replaced.USER if name in directory.users else None


def succeed(directory: Directory, replacement: Replacement, at: datetime) -> Succession:
    """The directory in which ``new`` stands wherever ``old`` stood, from ``at`` on."""
    change = _Change(directory, replacement, at)
    users = {name: change.user(name, entry) for name, entry in directory.users.items()}
    groups = {name: change.group(name, entry) for name, entry in directory.groups.items()}
    approvers = change.approvers()
    fresh = Directory(calendars=directory.calendars, users=users, groups=groups, approvers=approvers)
    fresh, ended, entered = change.delegations(change.without_circle(fresh))
    handing = {each.of for each in (*ended, *entered.values())}
    persons = {replacement.old, *handing} if replacement.kind is Replaced.USER else handing
    whole = Replacement(
        replacement.kind, replacement.old, replacement.new, change.names_in_approvals(), tuple(sorted(persons))
    )
    return Succession(whole, fresh, tuple(change.touches), ended, entered)


class _Change:
    """Goes through the entries of a directory and keeps what it touches."""

    def __init__(self, directory: Directory, replacement: Replacement, at: datetime) -> None:
        self.directory, self.at = directory, at
        self.kind, self.old, self.new = replacement.kind, replacement.old, replacement.new
        self.touches: list[Touch] = []

    def _touch(self, section: str, entry: str, field: str, before: Any, after: Any, why: str | None = None) -> None:
        self.touches.append(Touch(section, entry, field, before, after, why))

    def user(self, name: str, entry: User) -> User:
        """``entry`` with the successor as manager and deputy; nobody is their own, and who leaves keeps theirs."""
        if self.kind is not Replaced.USER or name == self.old:
            return entry
        changes: dict[str, Any] = {}
        for field in ("manager", "deputy"):
            if getattr(entry, field) != self.old:
                continue
            after: str | None = self.new
            if name == self.new:
                # Who takes a place reports to whom the place reports.
                above = self.directory.users[self.old].manager if field == "manager" else None
                after = above if above != name else None
            changes[field] = after
            self._touch("users", name, field, self.old, after, "own_line" if name == self.new else None)
        return entry.model_copy(update=changes) if changes else entry

    def without_circle(self, directory: Directory) -> Directory:
        """``directory`` where the successor's line does not lead back to them: they report as the replaced did."""
        own = directory.users[self.new]
        boss = directory.users.get(own.manager) if own.manager else None
        if self.kind is not Replaced.USER or boss is None or own.manager is None:
            return directory
        if self.new not in (boss.manager, *directory.managers_of(own.manager)):
            return directory
        above = self.directory.users[self.old].manager
        candidate = None if above is None or self.new in (above, *directory.managers_of(above)) else above
        self._touch("users", self.new, "manager", own.manager, candidate, "own_line")
        users = {**directory.users, self.new: own.model_copy(update={"manager": candidate})}
        return directory.model_copy(update={"users": users})

    def group(self, name: str, entry: UserGroup) -> UserGroup:
        """``entry`` with the successor as member and holder of a veto; nobody is a member twice."""
        changes: dict[str, Any] = {}
        # Members are users; a veto may name a role, which goes on to mean the successor by itself.
        fields = {Replaced.USER: ("members", "veto"), Replaced.GROUP: ("veto",), Replaced.APPROVER: ()}[self.kind]
        for field in fields:
            before: tuple[str, ...] = getattr(entry, field)
            if self.old in before:
                after = tuple(dict.fromkeys(self.new if each == self.old else each for each in before))
                changes[field] = after
                why = "already_there" if self.new in before else None
                self._touch("groups", name, field, list(before), list(after), why)
        return entry.model_copy(update=changes) if changes else entry

    def approvers(self) -> dict[str, Approver]:
        """The approver entries, and one for a user or group that policies may name directly."""
        found = {name: self._approver(name, entry) for name, entry in self.directory.approvers.items()}
        if self.kind is not Replaced.APPROVER and self.old not in found:
            found[self.old] = Approver(user=self.new)
            self._touch("approvers", self.old, "user", None, self.new, "named_by_policies")
        return found

    def _approver(self, name: str, entry: Approver) -> Approver:
        changes: dict[str, Any] = {}
        if self._means_old(name, entry):
            told = {field: getattr(entry, field) for field in ("user", "group", "field", "manager_of")}
            field, before = next(((key, value) for key, value in told.items() if value is not None), ("user", None))
            changes |= {"group": None, "field": None, "manager_of": None, "level": 1, "user": self.new}
            self._touch("approvers", name, field if field == "user" else f"{field} → user", before, self.new)
        if entry.sla is not None and entry.sla.to == self.old and self.kind is not Replaced.APPROVER:
            changes["sla"] = entry.sla.model_copy(update={"to": self.new})
            self._touch("approvers", name, "sla.to", self.old, self.new)
        return entry.model_copy(update=changes) if changes else entry

    def _means_old(self, name: str, entry: Approver) -> bool:
        if self.kind is Replaced.APPROVER:
            return name == self.old
        return (entry.user if self.kind is Replaced.USER else entry.group) == self.old

    def names_in_approvals(self) -> tuple[str, ...]:
        """The approver names of open approvals that may be touched, beside those by person."""
        if self.kind is Replaced.USER:
            return ()
        names = {self.old}
        names |= {name for name, entry in self.directory.approvers.items() if self._means_old(name, entry)}
        vetoed = {name for name, group in self.directory.groups.items() if self.old in group.veto}
        names |= vetoed | {name for name, entry in self.directory.approvers.items() if entry.group in vetoed}
        return tuple(sorted(names))

    def delegations(self, fresh: Directory) -> tuple[Directory, tuple[Delegation, ...], dict[str, Delegation]]:
        """``fresh`` with those delegations handed on that are not over, what ended, and what was entered instead.

        One that would lead back to its giver ends. What the replaced person hands over themselves is theirs and stays.
        """
        kept: list[Delegation] = []
        ended: list[Delegation] = []
        entered: dict[str, Delegation] = {}
        for each in self.directory.delegations:
            name = each.id or f"{each.of}-{each.to}"
            if self.kind is Replaced.USER and each.of == self.old and not self._is_over(each):
                self._touch("delegations", name, "of", each.of, each.of, "own_delegation")
            if each.to != self.old or self.kind is Replaced.APPROVER or self._is_over(each):
                kept.append(each)
                continue
            moved = each.model_copy(update={"to": self.new})
            if self._leads_back(fresh, moved):
                ended.append(each)
                self._touch("delegations", name, "to", each.to, None, "delegation_loop")
            else:
                kept.append(moved)
                entered[name] = moved
                self._touch("delegations", name, "to", each.to, self.new)
        return fresh.model_copy(update={"delegations": tuple(kept)}), tuple(ended), entered

    def _is_over(self, delegation: Delegation) -> bool:
        end = self.directory.window(delegation)[1]
        return end is not None and end <= self.at

    def _leads_back(self, fresh: Directory, moved: Delegation) -> bool:
        others = tuple(self._handed_on())
        start, end = self.directory.window(moved)
        return fresh.model_copy(update={"delegations": others}).leads_back(moved, start or EARLIEST, end)

    def _handed_on(self) -> Iterator[Delegation]:
        """All delegations as they would stand with the successor in them."""
        for each in self.directory.delegations:
            if each.to == self.old and self.kind is not Replaced.APPROVER:
                if each.of != self.new:
                    yield each.model_copy(update={"to": self.new})
            else:
                yield each
