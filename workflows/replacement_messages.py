"""What crosses the wire to and from ``ApproverReplacement``: one model in, one model out."""

from __future__ import annotations

from pydantic import AwareDatetime

from activities.replacement_requests import ReplacementOrder, ReplacementStanding
from activities.requests import Message


class ReplacementStart(Message):
    """Start of ``ApproverReplacement``; its token proves who asks for it.

    ``at`` is the business time of the start; only a worker that was built for stories heeds it.
    """

    order: ReplacementOrder
    at: AwareDatetime | None = None
    resumed: bool = False
    clock_offset_us: int | None = None


class CancelOperation(Message):
    """Call an operation off before it begins. ``token`` proves that it is from ``by``."""

    by: str
    token: str
    at: AwareDatetime | None = None


class ReplacementAnswer(Message):
    """The operation after a message was carried out, and as it ended."""

    standing: ReplacementStanding
