"""Seats: who is really asked when a rule names an approver, so that nothing is ever stuck (``spec/approvals.md`` 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Literal

from domain.approval.state import Approval, Seat
from domain.approvers import Named, find_approver
from domain.limit import Limit, Matter
from domain.people import Directory
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Seating:
    """The seats of one approval and how many yes votes it needs; ``group`` when they vote as a group."""

    seats: tuple[Seat, ...]
    needed: int
    group: str | None
    quorum: str
    veto: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """What seating needs to know beside the approver: the people, who is barred, and what stands in."""

    directory: Directory
    barred: tuple[str, ...]
    fallback: str | None
    self_approval: Literal["next_manager", "fail"]
    facts: Mapping[str, Any]

    def may_sit(self, person: str) -> bool:
        """Whether ``person`` is active and not barred."""
        return self.directory.is_active(person) and person not in self.barred

    def fallbacks(self) -> tuple[str, ...]:
        """The persons of the policy's fallback who may sit."""
        if self.fallback is None:
            return ()
        named = find_approver(self.directory, self.fallback, self.facts)
        return tuple(person for person in named.persons if self.may_sit(person))


def seat(named: Named, table: Table, matter: Matter, rule: str, at: datetime) -> Seating:
    """The seats for ``named``.

    Codes: ``no_decider``, ``four_eyes`` (``self_approval: fail``), ``authority_exceeded``, ``missing_rate``.
    """
    if named.group is not None:
        persons, needed = _group_persons(named, table, rule)
        seats = [_seat(person, named, table, matter, at) for person in persons]
        if not any(matter.within(limit_of(person, named, table.directory)) for person in persons):
            above = _somebody_above(persons, f"the group {named.group}", table, matter, rule)
            seats.append(_seat(above, named, table, matter, at).model_copy(update={"required": True}))
        return Seating(tuple(seats), needed, named.group, named.quorum, named.veto)
    person = _person(named, table, rule)
    both = (person, *_with_authority(person, named, table, matter, rule))
    sitting = tuple(_seat(each, named, table, matter, at) for each in both)
    return Seating(sitting, len(sitting), None, "all" if len(sitting) > 1 else "any")


def _seat(person: str, named: Named, table: Table, matter: Matter, at: datetime) -> Seat:
    limit = limit_of(person, named, table.directory)
    handover = table.directory.stand_ins(person, matter, table.barred, at, limit=limit)
    is_named = person in named.persons
    calendar = named.calendar if is_named else None
    return Seat(
        origin=person,
        holder=person,
        named=person if is_named else "",
        asked=handover.asked,
        acting=handover.acting,
        calendar=calendar,
    )


def further_seat(approval: Approval, person: str) -> Seat:
    """A required seat of ``person`` beside those of ``approval``; its origin is no other's, whoever sat there."""
    known = {*(each.origin for each in approval.seats), *(each.seat for each in approval.questions)}
    names = (person if number == 1 else f"{person}#{number}" for number in count(1))
    return Seat(origin=next(name for name in names if name not in known), holder=person, required=True, named="")


def _person(named: Named, table: Table, rule: str) -> str:
    wanted = named.persons[0] if named.persons else None
    if wanted is not None and table.directory.is_active(wanted):
        if wanted not in table.barred:
            return wanted
        if table.self_approval == "fail":
            raise Refusal(
                "four_eyes",
                f"the rule {rule} asks {wanted}, who submitted, owns or edited the quote; let somebody else submit it",
                f"rules.{rule}",
            )
        manager = table.directory.next_manager(wanted, table.barred)
        if manager is not None:
            return manager
    instead = table.fallbacks()
    if not instead:
        raise _no_decider(rule, wanted or "nobody")
    return instead[0]


def _no_decider(rule: str, asked: str) -> Refusal:
    return Refusal(
        "no_decider",
        f"the rule {rule} asks {asked}, who cannot decide this quote, and neither can the policy's fallback;"
        " give the rule or the fallback somebody who is active and had no hand in the quote",
        f"rules.{rule}",
    )


def _group_persons(named: Named, table: Table, rule: str) -> tuple[tuple[str, ...], int]:
    sitting = [person for person in named.persons if table.may_sit(person)]
    number = int(named.quorum) if named.quorum.isdigit() else 1
    lost = [person for person in named.persons if person not in sitting]
    barred = [person for person in lost if table.directory.is_active(person)]
    if not sitting and barred and table.self_approval == "fail":
        raise Refusal(
            "four_eyes",
            f"the rule {rule} asks the group {named.group}, of which everybody who is there submitted, owns or edited"
            " the quote; let somebody else submit it",
            f"rules.{rule}",
        )
    if sitting or (barred and named.quorum.isdigit()):
        _fill_up(sitting, number, lost, table)
    else:
        # A group of which nobody remains is like a person who is not there: the fallback decides in its place.
        sitting = list(table.fallbacks()[:number])
    needed = needed_of(named.quorum, len(sitting), number)
    if not sitting or len(sitting) < needed:
        raise _no_decider(rule, f"the group {named.group}")
    return tuple(sitting), needed


def needed_of(quorum: str, sitting: int, number: int) -> int:
    """How many of those ``sitting`` must say yes; ``number`` where the quorum is no share of them."""
    if quorum == "all":
        return sitting
    return -(-sitting * int(quorum.removesuffix("%")) // 100) if quorum.endswith("%") else number


def _fill_up(sitting: list[str], needed: int, lost: Sequence[str], table: Table) -> None:
    """Next managers of those who lost their seats, then the fallback, until ``needed`` persons sit."""
    found = True
    while len(sitting) < needed and found:
        found = False
        for person in lost:
            manager = table.directory.next_manager(person, table.barred, sitting)
            if manager is not None and len(sitting) < needed:
                sitting.append(manager)
                found = True
    for person in table.fallbacks():
        if len(sitting) < needed and person not in sitting:
            sitting.append(person)


def _with_authority(person: str, named: Named, table: Table, matter: Matter, rule: str) -> tuple[str, ...]:
    """Who is asked beside ``person`` because their limit is too small: the first up the line whose is enough."""
    if matter.within(limit_of(person, named, table.directory)):
        return ()
    return (_somebody_above((person,), person, table, matter, rule),)


def _somebody_above(persons: Sequence[str], who: str, table: Table, matter: Matter, rule: str) -> str:
    above = [manager for person in persons for manager in table.directory.managers_of(person) if table.may_sit(manager)]
    for other in (*above, *table.fallbacks()):
        if other not in persons and matter.within(table.directory.users[other].authority):
            return other
    raise Refusal(
        "authority_exceeded",
        f"the rule {rule} asks {who}, whose authority is below {matter.net_total} {matter.currency},"
        " and nobody over them has enough",
        f"rules.{rule}",
    )


def limit_of(person: str, named: Named, directory: Directory) -> Limit | None:
    """The limit of ``person``: the approver entry's where it names them, else their own. ``None`` is no limit."""
    if named.authority is not None and person in named.persons:
        return named.authority
    user = directory.users.get(person)
    return user.authority if user else None
