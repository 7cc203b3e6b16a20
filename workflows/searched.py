"""What operators search rounds by: said at a run's start, and again only when it is no longer true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from domain.approval.state import ApprovalState, RoundState
from workflows.names import DUE_AT, QUOTE_STATE, WAITING_FOR, searchable

NEAR = timedelta(minutes=1)
"""A deadline this near to the one that is shown is not shown anew: who starts a run foresees its deadlines, almost."""


class Searched(NamedTuple):
    """A round as it is found: its state, who is waited for, and its next moment."""

    state: str
    waiting_for: Sequence[str]
    due_at: datetime | None

    @classmethod
    def of(cls, state: RoundState) -> Self:
        """That of a round."""
        requested = [each for each in state.approvals if each.state is ApprovalState.REQUESTED]
        waiting = list(dict.fromkeys(person for each in requested for person in each.waiting_for))
        return cls(str(state.outcome or "pending"), searchable(waiting), state.next_moment)

    @classmethod
    def shown(cls, attributes: TypedSearchAttributes) -> Self:
        """What the attributes of a run say now."""
        return cls(attributes.get(QUOTE_STATE) or "", list(attributes.get(WAITING_FOR) or ()), attributes.get(DUE_AT))

    def is_like(self, other: Self) -> bool:
        """Whether nobody who searches would notice a difference."""
        return self[:2] == other[:2] and _is_near(self.due_at, other.due_at)

    def updates(
        self,
    ) -> list[SearchAttributeUpdate[str] | SearchAttributeUpdate[Sequence[str]] | SearchAttributeUpdate[datetime]]:
        """What makes a run show this."""
        due = DUE_AT.value_set(self.due_at) if self.due_at else DUE_AT.value_unset()
        return [QUOTE_STATE.value_set(self.state), WAITING_FOR.value_set(self.waiting_for), due]

    def pairs(
        self,
    ) -> list[SearchAttributePair[str] | SearchAttributePair[Sequence[str]] | SearchAttributePair[datetime]]:
        """What a run is started with to show this; what is empty is left out."""
        waiting = [SearchAttributePair(WAITING_FOR, self.waiting_for)] if self.waiting_for else []
        due = [SearchAttributePair(DUE_AT, self.due_at)] if self.due_at else []
        return [SearchAttributePair(QUOTE_STATE, self.state), *waiting, *due]


def _is_near(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < NEAR
