"""How long a plan would take: the waits of its approvers, as recorded so far, along its lanes and steps.

An approval takes as long as the slowest of the quickest who suffice for its quorum; a step as long as its slowest
approval; a lane its steps one after the other; the round until its last lane. One yes of a person settles what else
asks them alone, here as in a round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.approval.outline import Ask, Outline


@dataclass(frozen=True, slots=True)
class Waits:
    """The median time in seconds from being asked to voting: of each person, and of everybody together.

    Somebody without a recorded wait is taken for one of average patience.
    """

    by_person: Mapping[str, float]
    overall: float

    def of(self, person: str) -> float:
        """The wait to expect of ``person``."""
        return self.by_person.get(person, self.overall)


@dataclass(slots=True)
class _Running:
    """A round that plays itself: what is settled, and when what was requested will be."""

    open: list[Ask]
    due: dict[str, float] = field(default_factory=dict)


def waiting_time(outline: Outline, waits: Waits) -> float:
    """Seconds from submit to the last approval, if everybody says yes after their usual wait."""
    round_, now = _Running(list(outline.open)), 0.0
    while round_.open:
        for ask in _next_steps(outline, round_.open):
            if ask.rule not in round_.due:
                round_.due[ask.rule] = now + _patience(ask, waits)
        settled = min((ask for ask in round_.open if ask.rule in round_.due), key=lambda ask: round_.due[ask.rule])
        now = round_.due[settled.rule]
        person = settled.alone
        round_.open = [
            ask for ask in round_.open if ask is not settled and (person is None or ask.alone != person or ask.explicit)
        ]
    return now


def _next_steps(outline: Outline, waiting: list[Ask]) -> list[Ask]:
    """What is requested while these are open: the lowest open step of every lane whose predecessors are done."""
    steps: dict[str, int] = {}
    for ask in waiting:
        steps[ask.chain] = min(ask.step, steps.get(ask.chain, ask.step))
    ready = {lane.name for lane in outline.lanes if not any(other in steps for other in lane.after)}
    return [ask for ask in waiting if ask.chain in ready and ask.step == steps[ask.chain]]


def _patience(ask: Ask, waits: Waits) -> float:
    """How long until enough of the seats said yes; a seat with several who may fill it waits for the quickest."""
    seats = sorted(min((waits.of(person) for person in place.asked), default=waits.overall) for place in ask.places)
    return seats[ask.needed - 1] if seats else 0.0
