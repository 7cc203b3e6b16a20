"""A plan in outline: whom a round asks, where in its path, and what they decide together; nothing else of it.

Two plans with the same outline ask the same people in the same order. Outlines are what replays compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from domain.approval.plan import Submission
from domain.approval.preview import preview_plan
from domain.approval.seats import Seating
from domain.approval.state import Approval, Lane, RoundState
from domain.refusal import Problem, Refusal


@dataclass(frozen=True, slots=True)
class Place:
    """A seat: whose it is, who is asked to fill it, and who may."""

    origin: str
    asked: tuple[str, ...]
    acting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One approval of a plan; ``carried`` is the earlier approval that makes this one ``skipped``."""

    rule: str
    chain: str
    step: int
    approver: str
    places: tuple[Place, ...]
    needed: int
    group: str | None
    quorum: str
    veto: tuple[str, ...]
    explicit: bool
    carried: str | None = None

    @property
    def persons(self) -> tuple[str, ...]:
        """Who is asked once its step has come; nobody when it is carried over."""
        if self.carried is not None:
            return ()
        if len(self.places) == 1:
            return self.places[0].asked
        return tuple(dict.fromkeys(person for place in self.places for person in place.asked))

    @property
    def alone(self) -> str | None:
        """The person whom this approval asks alone: one yes of theirs settles every other that does so too."""
        return self.places[0].origin if self.group is None and len(self.places) == 1 else None

    @property
    def votes(self) -> str:
        """How many must say yes, for people: ``2 of 3``."""
        return f"{self.needed} of {len(self.places)}" + (f", veto {', '.join(self.veto)}" if self.veto else "")


@dataclass(frozen=True)
class Outline:
    """A plan in outline, or the ``problems`` (code and path) with which its submit is refused."""

    lanes: tuple[Lane, ...] = ()
    asks: tuple[Ask, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()

    @cached_property
    def open(self) -> tuple[Ask, ...]:
        """What really asks somebody: all but the approvals that are carried over."""
        return tuple(ask for ask in self.asks if ask.carried is None)


def outline_of(state: RoundState) -> Outline:
    """The outline of a round as it was planned."""
    return Outline(state.lanes, tuple(_ask_of(approval) for approval in state.approvals))


def refused(problems: tuple[Problem, ...]) -> Outline:
    """The outline of a submit that is refused: without messages, which name amounts and people of one quote."""
    return Outline(problems=tuple((problem.code, problem.path) for problem in problems))


def live_outline(submission: Submission) -> Outline:
    """The outline of what a submit would open, planned by the code that plans submits."""
    try:
        return outline_of(preview_plan(submission))
    except Refusal as refusal:
        return refused(refusal.problems)


def places_of(seating: Seating) -> tuple[Place, ...]:
    """The seats of an approval before anybody was asked."""
    return tuple(Place(seat.origin, seat.asked, seat.acting) for seat in seating.seats)


def _ask_of(approval: Approval) -> Ask:
    return Ask(
        approval.rule,
        approval.chain,
        approval.step,
        approval.approver,
        tuple(Place(seat.origin, seat.asked, seat.acting) for seat in approval.seats),
        approval.needed,
        approval.group,
        approval.quorum,
        approval.veto,
        approval.explicit,
        approval.basis.approval_id if approval.basis is not None else None,
    )
