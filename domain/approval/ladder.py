"""Silence: reminders, and the ladder to deputy, manager, named approver and fallback (``spec/approvals.md`` 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.approval.seats import needed_of
from domain.approval.state import Approval, ApprovalState, RoundState, Seat
from domain.approvers import find_approver
from domain.limit import Matter
from domain.people import Directory
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: whom it leads to, its number, and what they are (``deputy``, ``manager`` …)."""

    person: str
    number: int
    why: str


def deadlines(directory: Directory, approval: Approval, seat: Seat, at: datetime) -> dict[str, datetime | None]:
    """When the holder of ``seat`` is reminded and passed over, in working time of their calendar from ``at``."""
    if approval.sla is None:
        return {"remind_at": None, "escalate_at": None}
    calendar = directory.calendar_of(seat.holder, seat.calendar)
    remind, escalate = approval.sla.remind, approval.sla.escalate
    return {
        "remind_at": calendar.due(at, remind) if remind else None,
        "escalate_at": calendar.due(at, escalate) if escalate else None,
    }


def again(directory: Directory, approval: Approval, seat: Seat, at: datetime) -> datetime | None:
    """The next reminder after one at ``at``; ``None`` when one is enough."""
    if approval.sla is None or approval.sla.again is None:
        return None
    return directory.calendar_of(seat.holder, seat.calendar).due(at, approval.sla.again)


def next_rung(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> Rung | None:
    """The next rung with somebody on it.

    Passed over are empty rungs, and people who are barred, inactive, already seated, or without authority.
    """
    seated = _taken(approval)
    for number, (why, person) in enumerate(_rungs(directory, state, approval, seat), start=1):
        if number <= seat.rung or person is None or person == seat.origin or person in seated:
            continue
        if _may_take_over(directory, state, approval, person):
            return Rung(person, number, why)
    return None


def _may_take_over(directory: Directory, state: RoundState, approval: Approval, person: str) -> bool:
    """Whether ``person`` may act for another alone: active, not barred, and with authority for the amount."""
    if not directory.is_active(person) or person in state.barred:
        return False
    try:
        return matter_of(state, approval).within(directory.users[person].authority)
    except Refusal:  # a limit in a currency without a rate came later: nobody knows whether it is enough
        return False


def matter_of(state: RoundState, approval: Approval) -> Matter:
    """What a decision on ``approval`` is about."""
    return Matter(state.policy, approval.chain, state.net_total, state.currency, state.rates)


def _taken(approval: Approval) -> tuple[str, ...]:
    """Who has a seat or has voted in one: nobody fills a second."""
    return (*(each.holder for each in approval.seats), *(vote.by for vote in approval.votes))


def _rungs(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> Iterator[tuple[str, str | None]]:
    origin = directory.users.get(seat.origin)
    yield "deputy", origin.deputy if origin else None
    yield "manager", origin.manager if origin else None
    facts = _facts(state)
    for why, name in (("named", approval.sla.to if approval.sla else None), ("fallback", state.fallback)):
        persons = find_approver(directory, name, facts).persons if name else ()
        able = (each for each in persons if _may_take_over(directory, state, approval, each))
        yield why, next(able, None)


def _facts(state: RoundState) -> dict[str, str]:
    return {**state.facts, "owner": state.owner, "submitter": state.submitter}


def replacement(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> str | None:
    """Who takes the seat of a holder who is no longer active: the fallback, for a group member first a manager."""
    seated = _taken(approval)
    managers = [
        boss
        for boss in directory.managers_of(seat.holder)
        if boss not in seated and _may_take_over(directory, state, approval, boss)
    ]
    if approval.group is not None and managers:
        return managers[0]
    named = find_approver(directory, state.fallback, _facts(state)) if state.fallback else None
    persons = named.persons if named else ()
    able = [each for each in persons if each not in seated and _may_take_over(directory, state, approval, each)]
    return next(iter([*able, *managers]), None)


def may_do_without(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> bool:
    """Whether the others in the approval can decide it without ``seat``: enough of them, or one with authority."""
    others = [each for each in approval.seats if each.origin != seat.origin]
    if approval.group is None:
        return any(_may_take_over(directory, state, approval, each.holder) for each in others)
    return len(others) >= max(1, needed_of(approval.quorum, len(others), approval.needed))


def next_moment(directory: Directory, state: RoundState, after: datetime) -> datetime | None:
    """The next moment at which time alone changes the round; ``None`` when only people can."""
    if state.outcome is not None:
        return None
    moments: list[datetime] = []
    holders: list[str] = []
    for approval in state.approvals:
        for seat in approval.seats:
            if approval.state.is_open and seat.vote is None:
                holders.append(seat.holder)
                if approval.state is ApprovalState.REQUESTED:
                    moments.extend(each for each in (seat.remind_at, seat.escalate_at) if each is not None)
    change = directory.next_change(holders, after)
    return min([*moments, change] if change else moments, default=None)
