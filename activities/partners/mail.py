"""Mail as we see it: a letter about one round, and whatever brings it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from domain.money import ExactDecimal


class Ask(BaseModel):
    """One approval that a letter is about: why it is asked for, of whom, and by when."""

    model_config = ConfigDict(frozen=True)

    approval_id: str
    rule: str
    approver: str
    reason: str | None = None
    waiting_for: tuple[str, ...] = ()
    due_at: datetime | None = None


class Letter(BaseModel):
    """All that a message to one person says; ``key`` is unique for ever. Moments are shown in ``time_zone``."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    to: str
    name: str
    mail: str
    time_zone: str = "UTC"
    at: datetime
    quote_id: str
    round: int
    title: str
    customer_id: str
    submitter: str
    net_total: ExactDecimal
    currency: str
    asks: tuple[Ask, ...] = ()
    comment: str | None = None
    outcome_reason: str | None = None


class Undeliverable(Exception):
    """This letter cannot be brought, and trying again will not change that."""


class Mail(Protocol):
    """Brings letters. The same letter again arrives once."""

    async def deliver(self, letter: Letter) -> None:
        """Bring a letter. Raises :class:`Undeliverable` when there is no use in trying again."""
        ...
