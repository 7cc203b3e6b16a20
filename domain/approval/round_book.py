"""What a round on its way keeps: its state, what is to be recorded, and what is to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.approval import ladder
from domain.approval.state import Approval, ApprovalState, Notice, RoundEvent, RoundState, Seat
from domain.people import Directory
from domain.refusal import Refusal


@dataclass(slots=True)
class Mail:
    """What one person will be told at the end of a verb."""

    about: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)


class RoundBook:
    """The state of one round, and the events and messages of the verb that moves it on (one verb for each object)."""

    def __init__(self, state: RoundState, directory: Directory) -> None:
        self.state = state
        self.directory = directory
        self.events: list[RoundEvent] = []
        self._mail: dict[tuple[str, str], Mail] = {}
        self._notices: list[Notice] = []

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The messages of this verb, one for each person and kind."""
        return tuple(self._notices)

    def _approval(self, approval_id: str) -> Approval:
        return next(each for each in self.state.approvals if each.approval_id == approval_id)

    def _requested(self) -> Sequence[Approval]:
        return [each for each in self.state.approvals if each.state is ApprovalState.REQUESTED]

    def _replace(self, approval: Approval, **changes: Any) -> Approval:
        fresh = approval.model_copy(update=changes)
        approvals = tuple(fresh if each.approval_id == approval.approval_id else each for each in self.state.approvals)
        self.state = self.state.model_copy(update={"approvals": approvals})
        return fresh

    def _reseat(self, approval: Approval, seat: Seat, **changes: Any) -> Approval:
        return self._put_seat(approval, seat.model_copy(update=changes))

    def _put_seat(self, approval: Approval, fresh: Seat) -> Approval:
        """The approval with ``fresh`` in the place it has by its origin."""
        current = self._approval(approval.approval_id)
        seats = tuple(fresh if each.origin == fresh.origin else each for each in current.seats)
        return self._replace(current, seats=seats)

    def _votes_given(self) -> int:
        return sum(len(each.votes) + len(each.withdrawn) for each in self.state.approvals)

    def _record(self, kind: str, at: datetime, approval: Approval | None = None, **more: Any) -> None:
        named = {"rule": approval.rule, "approval_id": approval.approval_id} if approval else {}
        self.events.append(RoundEvent(kind=kind, at=at, **named, **more))

    def _tell(self, kind: str, people: Iterable[str], approval: Approval | None = None, **detail: Any) -> None:
        for person in dict.fromkeys(people):
            if not self.directory.is_active(person):  # nobody who left is bothered
                continue
            mail = self._mail.setdefault((kind, person), Mail())
            if approval is not None and approval.approval_id not in mail.about:
                mail.about.append(approval.approval_id)
            mail.detail.update({name: value for name, value in detail.items() if value is not None})

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """A refused verb leaves everything as it was."""
        before = self.state, list(self.events), dict(self._mail)
        try:
            yield
        except Refusal:
            self.state, self.events, self._mail = before
            raise

    def _finish(self, at: datetime) -> None:
        """Number the messages of this moment, and work out when time alone changes something next."""
        sent = self.state.messages_sent
        for (kind, person), mail in self._mail.items():
            sent += 1
            self._notices.append(
                Notice(
                    key=f"{self.state.quote_id}/{self.state.round}/{sent}",
                    kind=kind,
                    to=person,
                    quote_id=self.state.quote_id,
                    round=self.state.round,
                    at=at,
                    approvals=tuple(mail.about),
                    detail=mail.detail,
                )
            )
        self._mail.clear()
        moved_at = self.state.not_before(self.events[-1].at) if self.events else self.state.moved_at
        next_moment = ladder.next_moment(self.directory, self.state, at)
        update = {"messages_sent": sent, "next_moment": next_moment, "moved_at": moved_at}
        self.state = self.state.model_copy(update=update)


def seat_of(approval: Approval, origin: str) -> Seat:
    return next(each for each in approval.seats if each.origin == origin)
