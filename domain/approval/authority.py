"""Authority when it counts: whose yes carries a quote's amount, and who is asked where nobody's does (spec 6)."""

from __future__ import annotations

from collections.abc import Iterator

from domain.approval.state import Approval, RoundState, Seat, Verdict
from domain.approvers import find_approver
from domain.limit import Limit, Matter
from domain.people import Directory
from domain.refusal import Refusal


def matter_of(state: RoundState, approval: Approval) -> Matter:
    """What a decision on ``approval`` is about."""
    return Matter(state.policy, approval.chain, state.net_total, state.currency, state.rates)


def facts_of(state: RoundState) -> dict[str, str]:
    """By which facts of its quote the round finds whom an approver means."""
    return {**state.facts, "owner": state.owner, "submitter": state.submitter}


def limit_in(directory: Directory, approval: Approval, person: str) -> Limit | None:
    """The limit of ``person`` in ``approval``: that of its approver entry for whom it names, else their own."""
    entry = directory.approvers.get(approval.approver)
    if entry is not None and entry.authority is not None and person in _named_in(approval):
        return entry.authority
    user = directory.users.get(person)
    return user.authority if user is not None else None


def _named_in(approval: Approval) -> list[str]:
    """Whom the approver's entry named; where a round does not say, those who were asked first."""
    if any(seat.named is not None for seat in approval.seats):
        return [seat.named for seat in approval.seats if seat.named]
    ordinary = [seat.first for seat in approval.seats if not seat.required]
    return ordinary if approval.group is not None else ordinary[:1]


def has_enough(directory: Directory, state: RoundState, approval: Approval, person: str) -> bool:
    """Whether ``person`` may approve the amount; a limit in a currency without a rate is not known to be enough."""
    try:
        return matter_of(state, approval).within(limit_in(directory, approval, person))
    except Refusal:
        return False


def lacks_authority(approval: Approval) -> bool:
    """Whether enough people said yes, and none of them for this amount."""
    yes = [vote for vote in approval.votes if vote.verdict is Verdict.APPROVE]
    return not any(vote.carries for vote in yes) and not wants_votes(approval)


def wants_votes(approval: Approval) -> bool:
    """Whether more people must say yes, whatever their authority."""
    given = [seat for seat in approval.seats if seat.vote is not None and seat.vote.verdict is Verdict.APPROVE]
    required = [seat for seat in approval.seats if seat.required]
    ordinary = [seat for seat in given if not seat.required]
    return len(ordinary) < approval.needed or any(seat not in given for seat in required)


def may_carry(directory: Directory, state: RoundState, approval: Approval, seat: Seat) -> bool:
    """Whether ``seat`` brings, or has brought, a yes with authority for the amount."""
    if seat.vote is not None:
        return seat.vote.verdict is Verdict.APPROVE and seat.vote.carries
    return directory.is_active(seat.holder) and has_enough(directory, state, approval, seat.holder)


def someone_above(directory: Directory, state: RoundState, approval: Approval) -> str | None:
    """Who is asked beside those who have too little: the first up their managers with enough, else of the fallback."""
    taken = {seat.holder for seat in approval.seats} | {vote.by for vote in approval.votes} | {*state.barred}

    def able(person: str) -> bool:
        free = directory.is_active(person) and person not in taken
        return free and has_enough(directory, state, approval, person)

    return next((person for person in _above(directory, state, approval.seats) if able(person)), None)


def _above(directory: Directory, state: RoundState, seats: tuple[Seat, ...]) -> Iterator[str]:
    for seat in seats:
        yield from directory.managers_of(seat.holder)
    if state.fallback is not None:
        yield from find_approver(directory, state.fallback, facts_of(state)).persons
