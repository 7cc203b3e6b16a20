"""Mail as we see it: a letter about one round, the written mailing that it becomes, and whatever brings that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from domain.money import ExactDecimal

ASKING = ("request", "reminder", "escalation", "delegation", "replaced")
"""Kinds of letters that ask for a decision: they are only true as long as it is asked for."""
KINDS = (*ASKING, "question", "answer", "approved", "rejected", "recalled", "change_dropped")


class Ask(BaseModel):
    """One approval that a letter is about: why it is asked for, of whom, since when and until when.

    ``on_behalf_of`` is whom the reader acts for, when it is not themselves; ``due_at`` is the reader's own limit.
    """

    model_config = ConfigDict(frozen=True)

    approval_id: str
    rule: str
    approver: str
    reason: str | None = None
    on_behalf_of: str | None = None
    since: datetime | None = None
    due_at: datetime | None = None
    waiting_for: tuple[str, ...] = ()


class Note(BaseModel):
    """What somebody said or did that a letter tells: a question, an answer, a replacement (``instead_of`` whom)."""

    model_config = ConfigDict(frozen=True)

    by: str | None = None
    comment: str | None = None
    rule: str | None = None
    instead_of: str | None = None


class Letter(BaseModel):
    """All that a message to one person says; ``key`` is unique for ever. Moments are shown in ``time_zone``.

    ``is_change``: it is about a change of an order, no quote. People are user ids; ``names`` has what to call them.
    ``locale`` is the reader's, as the directory writes it.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    to: str
    name: str
    mail: str
    time_zone: str = "UTC"
    locale: str | None = None
    at: datetime
    quote_id: str
    round: int
    title: str
    customer_id: str
    customer_name: str | None = None
    is_change: bool = False
    submitter: str
    net_total: ExactDecimal
    currency: str
    asks: tuple[Ask, ...] = ()
    comment: str | None = None
    outcome_reason: str | None = None
    note: Note = Note()
    names: Mapping[str, str] = Field(default_factory=dict)

    def name_of(self, person: str) -> str:
        """What that person is called; an unknown one by their id."""
        return self.names.get(person) or person


@dataclass(frozen=True, slots=True)
class Mailing:
    """A letter as it is sent: an RFC 5322 message from one address to another.

    ``complaint``: what was wrong with the installation's own template, so that ours was taken.
    """

    key: str
    sender: str
    recipient: str
    content: bytes
    complaint: str | None = None


class Undeliverable(Exception):
    """This letter cannot be brought, and trying again will not change that. ``code`` says why, for programs.

    Codes: ``no_address``, ``bad_address``, ``inactive``, ``superseded``, ``refused`` (by the mail server).
    """

    def __init__(self, message: str, code: str = "undeliverable") -> None:
        super().__init__(message)
        self.code = code


class Unreachable(ConnectionError):
    """Nothing can be brought at the moment, neither this letter nor another: try again later."""


class Mail(Protocol):
    """Brings mailings."""

    async def deliver(self, mailing: Mailing) -> None:
        """Bring a mailing.

        Raises :class:`Undeliverable` when there is no use in trying again, :class:`Unreachable` when it is no use to
        try any other now; anything else is about this one, for now.
        """
        ...


class MailChain:
    """Brings every mailing by several ways, in their order; the repeatable ones come first."""

    def __init__(self, ways: Sequence[Mail]) -> None:
        self._ways = tuple(ways)

    async def deliver(self, mailing: Mailing) -> None:
        for way in self._ways:
            await way.deliver(mailing)
