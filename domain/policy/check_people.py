"""People: names that lead to nobody, groups that cannot decide, and who could only ever be the owner of a quote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.approvers import find_approver, veto_holders
from domain.people import MOST_HOPS, Directory
from domain.policy.document import ApproverName, FieldApprover, ManagerApprover, Policy, RulePart
from domain.policy.finding import Document, Finding, error, warning
from domain.policy.places import Places
from domain.policy.vocabulary import HEADER_FACTS, Sort
from domain.roster import Approver, UserGroup

BARRED = ("owner", "submitter")
"""The fields that name who never decides (four eyes)."""


class PeopleCheck:
    """Goes through the people whom one policy names, in one directory, at a moment."""

    def __init__(self, policy: Policy, directory: Directory, places: Places, at: datetime) -> None:
        self._policy = policy
        self._directory = directory
        self._places = places
        self._at = at
        self._lines = _Lines.of(directory)

    def findings(self) -> Iterator[Finding]:
        for rule in self._policy.rules:
            yield from self._approver(rule)
            if rule.sla is not None and rule.sla.to is not None:
                yield from self._known(rule.sla.to, f"{self._places.of(rule)}.sla.to")
        yield from self._fallback()
        for at, watcher in enumerate(self._policy.watchers):
            yield from self._known(watcher, f"watchers.{at}")
        for name in self._named():
            yield from self._entry(name)
        yield from self._users()
        yield from self._delegations()

    # -- what the policy says

    def _approver(self, rule: RulePart) -> Iterator[Finding]:
        path = f"{self._places.of(rule)}.approver"
        approver = rule.approver
        if isinstance(approver, str):
            yield from self._known(approver, path)
        elif isinstance(approver, FieldApprover):
            yield from self._field(approver.field, f"{path}.field")
        else:
            yield from self._manager(approver, f"{path}.manager_of")

    def _known(self, name: str, path: str) -> Iterator[Finding]:
        if not self._directory.knows_approver(name):
            message = f"{name} is no approver, group or user of the directory; add it there"
            yield error("unknown_approver", path, message)
        elif name not in self._directory.approvers and name not in self._directory.groups:
            yield from self._person(name, path)

    def _person(self, user: str, path: str, document: Document = "policy") -> Iterator[Finding]:
        if user not in self._directory.users:
            yield warning("unknown_person", path, f"{user} is no user of the directory", document)
        elif not self._directory.is_active(user):
            yield warning("inactive_person", path, f"{user} is no longer active; who stands in is asked", document)

    def _field(self, field: str, path: str, document: Document = "policy") -> Iterator[Finding]:
        if field in BARRED:
            told = "is refused" if self._policy.self_approval == "fail" else "goes to the next manager"
            message = f"the {field} never decides their own quote, so that every one {told}; write manager_of: {field}"
            yield warning("always_barred", path, message, document)
        elif field in self._policy.variables:
            yield error("unknown_field", path, f"{field} is a variable; a user is named by a field", document)
        elif field in HEADER_FACTS and HEADER_FACTS[field].sort is not Sort.TEXT:
            yield error("type_mismatch", path, f"{field} is a {HEADER_FACTS[field].sort} and names nobody", document)

    def _manager(self, approver: ManagerApprover, path: str) -> Iterator[Finding]:
        of = approver.manager_of
        if of not in self._directory.users and of not in BARRED:
            yield from self._field(of, path)
        fixed = of in self._directory.users and of not in HEADER_FACTS
        longest = self._lines.over.get(of, 0) if fixed else self._lines.longest
        if longest < approver.level:
            message = f"nobody has a manager {approver.level} levels up; the longest line has {longest}"
            yield warning("no_manager", path, message)

    def _fallback(self) -> Iterator[Finding]:
        name = self._policy.fallback
        if name is None:
            yield warning("no_fallback", "policy", "there is no fallback; name who decides when a rule has nobody")
            return
        yield from self._known(name, "fallback")
        entry = self._directory.approvers.get(name)
        if self._directory.knows_approver(name) and (entry is None or entry.field is None):
            persons = find_approver(self._directory, name, {}).persons
            depends = entry is not None and entry.manager_of is not None
            if not depends and not any(self._directory.is_active(person) for person in persons):
                yield error("inactive_fallback", "fallback", f"nobody of {name} is active; the fallback must be")

    # -- what the directory says of those

    def _named(self) -> Iterator[str]:
        """The ids that the policy names, each once."""
        names = [rule.approver for rule in self._policy.rules if isinstance(rule.approver, str)]
        names += [rule.sla.to for rule in self._policy.rules if rule.sla is not None and rule.sla.to is not None]
        names += [self._policy.fallback] if self._policy.fallback is not None else []
        yield from dict.fromkeys(names)

    def _entry(self, name: str) -> Iterator[Finding]:
        entry = self._directory.approvers.get(name)
        group = name if entry is None else entry.group
        if entry is not None:
            yield from self._of_entry(entry, f"approvers.{name}")
        if group is not None and group in self._directory.groups:
            yield from self._group(group, self._directory.groups[group])

    def _of_entry(self, entry: Approver, path: str) -> Iterator[Finding]:
        if entry.user is not None:
            yield from self._person(entry.user, f"{path}.user", "directory")
        elif entry.group is not None:
            if entry.group not in self._directory.groups:
                yield error("unknown_approver", f"{path}.group", f"{entry.group} is no group", "directory")
        elif entry.field is not None:
            yield from self._field(entry.field, f"{path}.field", "directory")
        elif entry.manager_of is None:
            yield error("unknown_approver", path, "it names nobody; give user, group, field or manager_of", "directory")
        if entry.sla is not None and entry.sla.to is not None and not self._directory.knows_approver(entry.sla.to):
            yield error("unknown_approver", f"{path}.sla.to", f"{entry.sla.to} is nobody we know", "directory")

    def _group(self, name: str, group: UserGroup) -> Iterator[Finding]:
        path = f"groups.{name}"
        for at, member in enumerate(group.members):
            yield from self._person(member, f"{path}.members.{at}", "directory")
        active = [member for member in dict.fromkeys(group.members) if self._directory.is_active(member)]
        if group.quorum.isdigit() and int(group.quorum) > len(active):
            message = (
                f"{name} needs {group.quorum} votes and has {len(active)} active members;"
                " managers and the fallback fill up"
            )
            yield warning("quorum_too_large", f"{path}.quorum", message, "directory")
        for at, holder in enumerate(group.veto):
            if not self._directory.knows_approver(holder):
                yield warning("unknown_person", f"{path}.veto.{at}", f"{holder} is nobody we know", "directory")
            elif not self._may_sit(holder, active):
                message = f"{holder} is never asked in {name}, so that their veto never counts; add them to its members"
                yield warning("idle_veto", f"{path}.veto.{at}", message, "directory")

    def _may_sit(self, holder: str, members: Sequence[str]) -> bool:
        """Whether somebody whom a veto of ``holder`` can mean sits among ``members``, or acts for one of them."""
        entry = self._directory.approvers.get(holder)
        if entry is not None and entry.field is not None:
            return True
        if entry is not None and entry.manager_of is not None:
            fixed = entry.manager_of in self._directory.users and entry.manager_of not in BARRED
            users = (entry.manager_of,) if fixed else tuple(self._directory.users)
            named = [find_approver(self._directory, holder, {entry.manager_of: user}).persons for user in users]
            persons = {person for each in named for person in each}
        else:
            persons = set(veto_holders(self._directory, holder, {}))
        acting = self._directory.givers(persons) if persons else frozenset()
        return any(member in persons or member in acting for member in members)

    def _users(self) -> Iterator[Finding]:
        for name, user in self._directory.users.items():
            for role, other in (("manager", user.manager), ("deputy", user.deputy)):
                if user.active and other is not None and other not in self._directory.users:
                    message = f"{other} is no user of the directory; who stands further up is asked"
                    yield warning("unknown_person", f"users.{name}.{role}", message, "directory")
        for circle in self._lines.circles:
            names = f"{' → '.join(circle[:5])}{' → …' if len(circle) > 5 else ''}"
            message = f"{names} → {circle[0]} manage each other; nobody is over them"
            yield warning("manager_loop", f"users.{circle[0]}.manager", message, "directory")

    def _delegations(self) -> Iterator[Finding]:
        directory = self._directory
        hands = {each.of: each.to for each in directory.delegations if self._is_still_on(each.of, each.to)}
        for at, delegation in enumerate(directory.delegations):
            _, end = directory.window(delegation)
            if end is not None and end <= self._at:
                continue
            path = f"delegations.{delegation.id or at}"
            if delegation.of not in directory.users:
                yield warning("unknown_person", f"{path}.of", f"{delegation.of} is no user", "directory")
            members = directory.groups[delegation.to].members if delegation.to in directory.groups else (delegation.to,)
            if not any(directory.is_active(member) for member in members):
                message = f"{delegation.to} is nobody who is active; what waits for {delegation.of} stays there"
                yield warning("idle_delegation", f"{path}.to", message, "directory")
            elif _hops(delegation.of, hands) > MOST_HOPS:
                message = f"from {delegation.of} on, requests are handed over more than {MOST_HOPS} times; no further"
                yield warning("long_delegation", f"{path}.to", message, "directory")

    def _is_still_on(self, of: str, to: str) -> bool:
        return of in self._directory.users and to in self._directory.users


@dataclass(slots=True)
class _Lines:
    """How many managers stand over everybody, and who manage each other in a circle."""

    over: dict[str, int] = field(default_factory=dict)
    longest: int = 0
    circles: list[tuple[str, ...]] = field(default_factory=list)

    @classmethod
    def of(cls, directory: Directory) -> _Lines:
        lines = cls()
        for name in directory.users:
            walk: dict[str, int] = {}
            here: str | None = name
            while here is not None and here in directory.users and here not in lines.over and here not in walk:
                walk[here] = len(walk)
                here = directory.users[here].manager
            way = list(walk)
            if here in walk:
                circle = tuple(way[walk[here] :])
                lines.circles.append(circle)
                lines.over |= dict.fromkeys(circle, len(circle) - 1)
                way = way[: walk[here]]
            for each in reversed(way):
                manager = directory.users[each].manager
                lines.over[each] = 0 if manager is None else 1 + lines.over.get(manager, 0)
        lines.longest = max(lines.over.values(), default=0)
        return lines


def _hops(start: str, hands: Mapping[str, str]) -> int:
    """How often a request for ``start`` is handed on."""
    seen, here = {start}, start
    while here in hands and hands[here] not in seen:
        here = hands[here]
        seen.add(here)
    return len(seen) - 1


def is_open(approver: ApproverName, directory: Directory) -> bool:
    """Whether whom ``approver`` means depends on a custom field, so that it may be anybody."""
    if isinstance(approver, FieldApprover):
        return approver.field not in BARRED
    if isinstance(approver, ManagerApprover):
        return approver.manager_of not in (*BARRED, *directory.users)
    entry = directory.approvers.get(approver)
    if entry is None or (entry.field is None and entry.manager_of is None):
        return False
    return (entry.field or entry.manager_of) not in (*BARRED, *directory.users)
