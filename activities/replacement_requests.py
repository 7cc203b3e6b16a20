"""What crosses between ``ApproverReplacement`` and its activities: names, requests and answers. Loads no database."""

from __future__ import annotations

import json
from datetime import UTC
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime

from activities.requests import Message, RefusalNote
from domain.replacement import Replaced

OPEN_REPLACEMENT: Final = "open_replacement"
BEGIN_REPLACEMENT: Final = "begin_replacement"
REPLACE_IN_ROUNDS: Final = "replace_in_rounds"
FINISH_REPLACEMENT: Final = "finish_replacement"
CANCEL_REPLACEMENT: Final = "cancel_replacement"
REPLACE: Final = "replace"
CANCEL: Final = "cancel"


class OperationState(StrEnum):
    """``scheduled`` until its start, ``running`` until all is done; ``cancelled`` before it began; ``refused`` then."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def is_over(self) -> bool:
        return self in (OperationState.DONE, OperationState.CANCELLED, OperationState.REFUSED)


class ReplacementOrder(Message):
    """Replace ``old`` (as rules read names, or as ``kind`` says) by the user ``new``, ``start`` or now.

    ``token`` proves that it is from ``by``, an admin.
    """

    operation: str
    old: str
    new: str
    by: str
    kind: Replaced | None = None
    start: AwareDatetime | None = None
    comment: str | None = None
    token: str = ""

    def said(self) -> str:
        """All that is asked for, in one text: what a token for this order is bound to."""
        start = self.start.astimezone(UTC).isoformat() if self.start is not None else None
        return json.dumps([self.operation, self.kind, self.old, self.new, start, self.comment])


class OpenReplacement(Message):
    """Write an order down; the same operation twice is one."""

    order: ReplacementOrder
    at: AwareDatetime
    story: bool = False


class StepReplacement(Message):
    """Do the next part of an operation."""

    operation: str
    at: AwareDatetime


class CancelReplacement(Message):
    """Call off an operation that has not begun; ``token`` proves that it is from ``by``, an admin."""

    operation: str
    by: str
    token: str
    at: AwareDatetime


class ReplacementStanding(Message):
    """How far an operation is: of ``total`` rounds it has looked at ``done``. ``refusal`` says why it was refused."""

    operation: str
    state: OperationState
    kind: Replaced
    old: str
    new: str
    by: str
    starts_at: AwareDatetime
    total: int = 0
    done: int = 0
    refusal: RefusalNote | None = None


class ReplacementMoved(Message):
    """The operation after an activity, or why that was refused."""

    standing: ReplacementStanding | None = None
    refused: RefusalNote | None = None
