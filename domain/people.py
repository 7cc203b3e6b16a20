"""The directory: who there is, who leads whom, and who may act for whom at a moment (``spec/approvals.md`` 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from domain.delegation import Delegation, Handover
from domain.limit import Limit, Matter
from domain.reading import read_model
from domain.refusal import Problem, Refusal
from domain.roster import Roster

MOST_HOPS = 5
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Request:
    """What is handed over: about which matter, away from whom, when, and with whose limit."""

    matter: Matter
    barred: tuple[str, ...]
    at: datetime
    limit: Limit | None

    def may_carry(self, authority: Limit | None) -> bool:
        """Whether somebody with ``authority`` carries no less than is needed, or than the person they act for does."""
        return self.matter.within(authority) or not self.matter.within(self.limit)


class Directory(Roster):
    """Everybody and everything that has to do with people, at one moment."""

    delegations: tuple[Delegation, ...] = ()

    @cached_property
    def _delegations_of(self) -> Mapping[str, tuple[Delegation, ...]]:
        found: dict[str, list[Delegation]] = {}
        for delegation in self.delegations:
            found.setdefault(delegation.of, []).append(delegation)
        return {of: tuple(each) for of, each in found.items()}

    def window(self, delegation: Delegation) -> tuple[datetime | None, datetime | None]:
        """From (inclusive) and until (exclusive) as aware moments."""
        zone = self.calendar_of(delegation.of).zone
        return _aware(delegation.from_, zone), _aware(delegation.until, zone)

    def in_force(self, delegation: Delegation, matter: Matter, at: datetime) -> bool:
        """Whether ``delegation`` covers ``matter`` at the moment ``at``."""
        start, end = self.window(delegation)
        scope = delegation.scope
        return (
            (start is None or start <= at)
            and (end is None or at < end)
            and (not scope.policies or matter.policy in scope.policies)
            and (not scope.chains or matter.chain in scope.chains)
            and matter.within(delegation.largest)
        )

    def stand_ins(
        self, user: str, matter: Matter, barred: Sequence[str], at: datetime, *, limit: Limit | None = None
    ) -> Handover:
        """Who is asked in place of ``user`` at ``at``, and who may act: delegates, and all who delegated.

        The chain is followed up to 5 hops, by each member of a group on their own. Who is barred, inactive, or has not
        the authority that ``user`` has is passed over, the request stays with the last person before them. Where that
        of ``user`` is too small, somebody who has enough sits beside them: then any delegate may act. ``limit`` is the
        authority of ``user`` where an approver entry says another than their own. Code: ``missing_rate``.
        """
        own = self.users[user].authority if user in self.users else None
        asked, acting = self._handed_on((user,), {user}, _Request(matter, tuple(barred), at, limit or own))
        return Handover(tuple(dict.fromkeys(asked)), tuple(dict.fromkeys((*asked, *acting))))

    def _handed_on(self, chain: tuple[str, ...], seen: set[str], request: _Request) -> tuple[list[str], list[str]]:
        """Who is asked and who may act for the last of ``chain``, delegates first; nobody is looked at twice."""
        here = chain[-1]
        able = self._delegates(chain, request) if len(chain) <= MOST_HOPS else ()
        asked: list[str] = []
        acting: list[str] = []
        for delegate in able:
            if delegate not in seen:
                seen.add(delegate)
                found = self._handed_on((*chain, delegate), seen, request)
                asked.extend(found[0])
                acting.extend(found[1])
        return asked if able else [here], [*acting, here]

    def _delegates(self, chain: tuple[str, ...], request: _Request) -> tuple[str, ...]:
        """To whom the last of ``chain`` hands over by the delegation entered last of those that reach somebody."""
        for delegation in reversed(self._delegations_of.get(chain[-1], ())):
            if not self.in_force(delegation, request.matter, request.at):
                continue
            able = tuple(
                each
                for each in self.members(delegation.to)
                if self.is_active(each)
                and each not in chain
                and each not in request.barred
                and request.may_carry(self.users[each].authority)
            )
            if able:
                return able
        return ()

    def next_change(self, users: Sequence[str], after: datetime) -> datetime | None:
        """The next moment after ``after`` at which a delegation of one of ``users``, or of theirs, begins or ends."""
        waiting, seen = list(users), set(users)
        moments: list[datetime] = []
        while waiting:
            for delegation in self._delegations_of.get(waiting.pop(), ()):
                moments.extend(moment for moment in self.window(delegation) if moment is not None and moment > after)
                new = [each for each in self.members(delegation.to) if each not in seen]
                seen.update(new)
                waiting.extend(new)
        return min(moments, default=None)

    def with_delegation(self, delegation: Delegation, at: datetime) -> Directory:
        """The directory with ``delegation`` entered at ``at``.

        Codes: ``unknown_user``, ``delegation_loop``, ``dates_out_of_order``, ``in_the_past`` (only an end in the past
        is; a start in the past means now).
        """
        self._check_delegation(delegation, at)
        return self._with(delegations=(*self.delegations, delegation))

    def without_delegations(self, of: str) -> Directory:
        """The directory in which ``of`` hands over to nobody. Code: ``unknown_user``."""
        if of not in self.users:
            raise Refusal("unknown_user", f"{of} is not in the directory", "of")
        left = tuple(each for each in self.delegations if each.of != of)
        return self._with(delegations=left)

    def deactivated(self, user: str) -> Directory:
        """The directory in which ``user`` is no longer active. Code: ``unknown_user``."""
        if user not in self.users:
            raise Refusal("unknown_user", f"{user} is not in the directory", "user")
        gone = self.users[user].model_copy(update={"active": False})
        return self._with(users={**self.users, user: gone})

    def with_entry(self, section: str, name: str, data: Any) -> Directory:
        """The directory in which ``name`` of ``section`` (``users``, ``groups``, ``approvers``, ``calendars``) is
        ``data``. Codes: those of :func:`read_directory`, as far as this entry is what is wrong.
        """
        entry = getattr(read_model(Directory, {section: {name: data}}), section)[name]
        changed = self._with(**{section: {**getattr(self, section), name: entry}})
        known = set(_problems(self))
        problems = [each for each in _problems(changed) if each not in known]
        if problems:
            raise Refusal.of(problems)
        return changed

    def givers(self, names: Iterable[str]) -> frozenset[str]:
        """Who hands over, ever and directly or through others, to one of ``names`` (users or groups)."""
        groups_of: dict[str, list[str]] = {}
        for group, entry in self.groups.items():
            for member in entry.members:
                groups_of.setdefault(member, []).append(group)
        given_to: dict[str, list[str]] = {}
        for delegation in self.delegations:
            given_to.setdefault(delegation.to, []).append(delegation.of)
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            here = waiting.pop()
            new = {of for target in (here, *groups_of.get(here, ())) for of in given_to.get(target, ())} - found
            found |= new
            waiting.extend(new)
        return frozenset(found)

    def _with(self, **changes: Any) -> Directory:
        """A copy with ``changes``; what was worked out from the old content is not copied with it."""
        fresh = self.model_copy(update=changes)
        fresh.__dict__.pop("_delegations_of", None)
        return fresh

    def _check_delegation(self, delegation: Delegation, at: datetime) -> None:
        if delegation.of not in self.users:
            raise Refusal("unknown_user", f"{delegation.of} is not in the directory", "of")
        if delegation.to not in self.users and delegation.to not in self.groups:
            raise Refusal("unknown_user", f"{delegation.to} is no user or group of the directory", "to")
        start, end = self.window(delegation)
        if end is not None and end <= at:
            raise Refusal("in_the_past", f"the delegation would have ended at {end.isoformat()}", "until")
        if start is not None and end is not None and end <= start:
            raise Refusal("dates_out_of_order", "until lies before from", "until")
        if self.leads_back(delegation, start or at, end):
            raise Refusal("delegation_loop", f"{delegation.to} already hands over to {delegation.of}", "to")

    def leads_back(self, delegation: Delegation, start: datetime, end: datetime | None) -> bool:
        """Whether those to whom ``delegation`` hands over hand over to its giver between ``start`` and ``end``.

        Who hands over to a group they belong to is passed over in it: that is no loop.
        """
        others = [each for each in self.members(delegation.to) if each != delegation.of]
        return delegation.of == delegation.to or delegation.of in self._reached_from(others, start, end)

    def _reached_from(self, users: Sequence[str], start: datetime, end: datetime | None) -> set[str]:
        """``users`` and everybody to whom they hand over, directly or not, at some moment from ``start`` to ``end``."""
        reached, waiting = set(users), list(users)
        while waiting:
            for delegation in self._delegations_of.get(waiting.pop(), ()):
                begins, ends = self.window(delegation)
                apart = (ends is not None and ends <= start) or (
                    end is not None and begins is not None and begins >= end
                )
                if not apart:
                    new = [each for each in self.members(delegation.to) if each not in reached]
                    reached.update(new)
                    waiting.extend(new)
        return reached


def _aware(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone)


def read_directory(data: Any) -> Directory:
    """The directory in ``data`` (a decoded document), or a :class:`Refusal` that names every problem by its path.

    People who are named and not there are no error here: who is missing is passed over when somebody is asked.
    """
    directory = read_model(Directory, data)
    problems = list(_problems(directory))
    if problems:
        raise Refusal.of(problems)
    return directory


def _problems(directory: Directory) -> Iterator[Problem]:
    for kind, entries in (("users", directory.users), ("approvers", directory.approvers)):
        for name, entry in entries.items():
            if entry.calendar is not None and entry.calendar not in directory.calendars:
                yield Problem("unknown_calendar", f"{entry.calendar} is no calendar", f"{kind}.{name}.calendar")
    for name, approver in directory.approvers.items():
        chosen = (approver.user, approver.group, approver.field, approver.manager_of)
        if sum(each is not None for each in chosen) > 1:
            path = f"approvers.{name}"
            yield Problem("conflicting_fields", "give one of user, group, field, manager_of", path)
    for at, delegation in enumerate(directory.delegations):
        path = f"delegations.{delegation.id or at}"
        start, end = directory.window(delegation)
        if start is not None and end is not None and end <= start:
            yield Problem("dates_out_of_order", "until lies before from", f"{path}.until")
        if directory.leads_back(delegation, start or EARLIEST, end):
            message = f"{delegation.to} hands over to {delegation.of}, directly or through others"
            yield Problem("delegation_loop", message, f"{path}.to")
