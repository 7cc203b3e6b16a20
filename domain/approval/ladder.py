"""Silence: reminders, and the ladder to deputy, manager, named approver and fallback (``spec/approvals.md`` 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.approval.authority import has_enough, may_carry
from domain.approval.seats import needed_of
from domain.approval.state import Approval, ApprovalState, RoundState, Seat, TimeLeft, Verdict
from domain.approvers import find_approver
from domain.people import Directory


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


def stopped(directory: Directory, seat: Seat, at: datetime) -> dict[str, Any]:
    """What changes in ``seat`` when its clock stops: its deadlines go, the working time before them is kept."""
    calendar = directory.calendar_of(seat.holder, seat.calendar)

    def left(until: datetime | None) -> timedelta | None:
        return None if until is None else calendar.working_time(at, until)

    kept = TimeLeft(remind=left(seat.remind_at), escalate=left(seat.escalate_at))
    return {"stopped_at": at, "left": kept, "remind_at": None, "escalate_at": None}


def resumed(directory: Directory, seat: Seat, at: datetime) -> dict[str, Any]:
    """What changes in ``seat`` when its clock goes on: deadlines are as far away as they were when it stopped."""
    return {"stopped_at": None, "clock_from": at, "reminded_at": None, **_over(directory, seat, at)}


def recomputed(directory: Directory, approval: Approval, seat: Seat) -> dict[str, Any]:
    """The deadlines of ``seat`` on the calendar as it is now, from when its clock began; nothing while it stands."""
    if seat.clock_from is None or seat.stopped_at is not None:
        return {}
    if seat.left is not None:
        new = _over(directory, seat, seat.clock_from)
    else:
        new = dict(deadlines(directory, approval, seat, seat.clock_from))
    if seat.reminded_at is not None:
        new["remind_at"] = again(directory, approval, seat, seat.reminded_at)
    # A rung or reminder that is no longer to come (the ladder has ended) does not come back.
    return {name: moment for name, moment in new.items() if getattr(seat, name) is not None}


def _over(directory: Directory, seat: Seat, at: datetime) -> dict[str, Any]:
    calendar, left = directory.calendar_of(seat.holder, seat.calendar), seat.left or TimeLeft()
    return {
        "remind_at": None if left.remind is None else calendar.due_after(at, left.remind),
        "escalate_at": None if left.escalate is None else calendar.due_after(at, left.escalate),
    }


def again(directory: Directory, approval: Approval, seat: Seat, at: datetime) -> datetime | None:
    """The next reminder after one at ``at``; ``None`` when one is enough."""
    if approval.sla is None or approval.sla.again is None:
        return None
    return directory.calendar_of(seat.holder, seat.calendar).due(at, approval.sla.again)


def next_rung(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> Rung | None:
    """The next rung with somebody on it.

    Passed over are empty rungs, and people who are barred, inactive, already seated, without authority, or who were
    silent in this approval before, also as somebody's delegate: those in ``seat`` now are.
    """
    seated, whose = (*_taken(approval), *silent_with(approval, seat)), seat.ladder_of or seat.first
    for number, (why, person) in enumerate(_rungs(directory, state, approval, seat), start=1):
        if number <= seat.rung or person is None or person == whose or person in seated:
            continue
        if _may_take_over(directory, state, approval, seat, person):
            return Rung(person, number, why)
    return None


def silent_with(approval: Approval, seat: Seat) -> tuple[str, ...]:
    """Who has been silent in ``approval`` once the people in ``seat`` are passed over."""
    return tuple(dict.fromkeys((*approval.passed_over, seat.holder, *seat.acting)))


def _may_take_over(directory: Directory, state: RoundState, approval: Approval, seat: Seat, person: str) -> bool:
    """Whether ``person`` may have ``seat``: active, not barred, and with authority unless others have it."""
    if not directory.is_active(person) or person in state.barred:
        return False
    others = [each for each in approval.seats if each.origin != seat.origin]
    carried = any(may_carry(directory, state, approval, each) for each in others)
    return carried or has_enough(directory, state, approval, person)


def _taken(approval: Approval) -> tuple[str, ...]:
    """Who has a seat or has voted in one: nobody fills a second."""
    return (*(each.holder for each in approval.seats), *(vote.by for vote in approval.votes))


def _rungs(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> Iterator[tuple[str, str | None]]:
    origin = directory.users.get(seat.ladder_of or seat.first)
    yield "deputy", origin.deputy if origin else None
    yield "manager", origin.manager if origin else None
    facts = _facts(state)
    for why, name in (("named", approval.sla.to if approval.sla else None), ("fallback", state.fallback)):
        persons = find_approver(directory, name, facts).persons if name else ()
        free = (each for each in persons if each not in silent_with(approval, seat))
        yield why, next((each for each in free if _may_take_over(directory, state, approval, seat, each)), None)


def _facts(state: RoundState) -> dict[str, str]:
    return {**state.facts, "owner": state.owner, "submitter": state.submitter}


def replacement(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> str | None:
    """Who takes the seat of a holder who is no longer active: the fallback, for a group member first a manager.

    Whoever was silent in this approval only where there is nobody else.
    """
    seated = _taken(approval)

    def able(persons: Iterable[str]) -> list[str]:
        free = (each for each in persons if each not in seated)
        return [each for each in free if _may_take_over(directory, state, approval, seat, each)]

    managers = able(directory.managers_of(seat.holder))
    named = find_approver(directory, state.fallback, _facts(state)) if state.fallback else None
    last = able(named.persons if named else ())
    line = [*managers, *last] if approval.group is not None else [*last, *managers]
    return min(line, key=lambda each: each in approval.passed_over, default=None)


def without(directory: Directory, approval: Approval, seat: Seat) -> Approval:
    """``approval`` when ``seat`` is given up, as a new round would seat it: shares are of those who remain.

    Where nobody remains of the approver itself, those who sit beside them for their authority decide.
    """
    others = [each for each in approval.seats if each.origin != seat.origin]
    ordinary = [each for each in others if not each.required]
    if not any(each.vote is not None or directory.is_active(each.holder) for each in ordinary):
        others, ordinary = [each for each in others if each.required], []
    needed = needed_of(approval.quorum, len(ordinary), approval.needed) if ordinary else 0
    return approval.model_copy(update={"seats": tuple(others), "needed": needed})


def may_do_without(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> bool:
    """Whether the others in the approval can still approve it without ``seat``: enough of them, one with authority."""
    left = without(directory, approval, seat)
    carried = any(may_carry(directory, state, approval, each) for each in left.seats)
    return carried and not seat.required and may_reach(directory, state, left)


def may_reach(directory: Directory, state: RoundState, approval: Approval) -> bool:
    """Whether enough people in ``approval`` have said yes or still may, whatever their authority."""
    hopeful = [each for each in approval.seats if _may_say_yes(directory, state, each)]
    ordinary = sum(not each.required for each in hopeful)
    return ordinary >= approval.needed and all(each in hopeful for each in approval.seats if each.required)


def _may_say_yes(directory: Directory, state: RoundState, seat: Seat) -> bool:
    if seat.vote is not None:
        return seat.vote.verdict is Verdict.APPROVE
    return directory.is_active(seat.holder) and seat.holder not in state.barred


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
