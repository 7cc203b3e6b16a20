"""Whom a rule's approver means, for one quote (``spec/approvals.md`` 2 and 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from domain.calendar import Sla
from domain.limit import Limit
from domain.people import Directory
from domain.policy.document import ApproverName, FieldApprover, ManagerApprover, Policy
from domain.refusal import Problem, Refusal
from domain.roster import Approver


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a rule's approver means: persons in seat order, and what the approver entry says of them.

    ``group`` is set when they decide as a group, with its quorum and vetoes. No persons: a blank field, a manager
    who is not there, an empty group.
    """

    persons: tuple[str, ...]
    group: str | None = None
    quorum: str = "any"
    veto: tuple[str, ...] = ()
    authority: Limit | None = None
    sla: Sla | None = None
    calendar: str | None = None
    kind: Literal["user", "group", "field", "manager"] = "user"


def name_of(approver: ApproverName) -> str:
    """``approver`` of a rule as one word, for lists and messages."""
    if isinstance(approver, str):
        return approver
    if isinstance(approver, FieldApprover):
        return f"field {approver.field}"
    return f"manager of {approver.manager_of}" + (f" (level {approver.level})" if approver.level > 1 else "")


def fact_of(directory: Directory, approver: ApproverName) -> str | None:
    """The fact of a quote that says whom ``approver`` means; nothing where the quote has no say in it."""
    entry = directory.approvers.get(approver) if isinstance(approver, str) else approver
    field = entry.field if isinstance(entry, Approver | FieldApprover) else None
    of = entry.manager_of if isinstance(entry, Approver | ManagerApprover) else None
    return field or of


def find_approver(directory: Directory, approver: ApproverName, facts: Mapping[str, Any]) -> Named:
    """Whom ``approver`` means for a quote with ``facts``. An id resolves as approver, then group, then user."""
    if isinstance(approver, FieldApprover):
        return Named(_present(facts.get(approver.field)), kind="field")
    if isinstance(approver, ManagerApprover):
        return Named(_manager(directory, approver.manager_of, approver.level, facts), kind="manager")
    entry = directory.approvers.get(approver)
    if entry is None:
        return _group(directory, approver, facts) if approver in directory.groups else Named((approver,))
    return replace(_named(directory, entry, facts), authority=entry.authority, sla=entry.sla, calendar=entry.calendar)


def _named(directory: Directory, entry: Approver, facts: Mapping[str, Any]) -> Named:
    if entry.group is not None:
        return _group(directory, entry.group, facts)
    if entry.field is not None:
        return Named(_present(facts.get(entry.field)), kind="field")
    if entry.manager_of is not None:
        return Named(_manager(directory, entry.manager_of, entry.level, facts), kind="manager")
    return Named(_present(entry.user))


def _group(directory: Directory, name: str, facts: Mapping[str, Any]) -> Named:
    group = directory.groups.get(name)
    if group is None:
        return Named((), name, kind="group")
    veto = tuple(dict.fromkeys(person for each in group.veto for person in veto_holders(directory, each, facts)))
    return Named(tuple(dict.fromkeys(group.members)), name, group.quorum, veto, kind="group")


def veto_holders(directory: Directory, name: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The persons whom a veto names: a role is an approver entry or a group, anything else a user.

    A role that the quote decides (a field, somebody's manager) means whom it means for this one.
    """
    entry = directory.approvers.get(name)
    group = directory.groups.get(entry.group if entry is not None and entry.group is not None else name)
    if entry is not None and entry.group is None:
        return _named(directory, entry, facts).persons
    return group.members if group is not None else (name,)


def fields_of_vetoes(directory: Directory, groups: Iterable[str]) -> tuple[str, ...]:
    """The facts of a quote that say who holds a veto in one of ``groups``."""
    named = [holder for name in groups if name in directory.groups for holder in directory.groups[name].veto]
    entries = [directory.approvers[name] for name in dict.fromkeys(named) if name in directory.approvers]
    return tuple(field for entry in entries for field in (entry.field, entry.manager_of) if field is not None)


def _present(value: Any) -> tuple[str, ...]:
    text = str(value).strip() if value is not None else ""
    return (text,) if text else ()


def _manager(directory: Directory, of: str, level: int, facts: Mapping[str, Any]) -> tuple[str, ...]:
    user = facts.get(of) or (of if of in directory.users else None)
    line = list(directory.managers_of(str(user))) if user else []
    return (line[level - 1],) if len(line) >= level else ()


def check_approvers(policy: Policy, directory: Directory) -> None:
    """Refuse (``unknown_approver``) a policy that names an approver the directory does not know."""
    named: list[tuple[str, str]] = [
        (f"rules.{rule.id}.approver", rule.approver) for rule in policy.rules if isinstance(rule.approver, str)
    ]
    named += [(f"rules.{rule.id}.sla.to", rule.sla.to) for rule in policy.rules if rule.sla and rule.sla.to]
    if policy.fallback is not None:
        named.append(("fallback", policy.fallback))
    named += [("watchers", watcher) for watcher in policy.watchers]
    problems = [
        Problem("unknown_approver", f"{name} is no approver, group or user of the directory; add it there", path)
        for path, name in named
        if not directory.knows_approver(name)
    ]
    if problems:
        raise Refusal.of(problems)
