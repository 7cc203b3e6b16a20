"""The desk: typed verbs over Temporal and the store, the same for API, command line, mail and console.

Every verb says who acts by an :class:`~activities.tokens.Identity`, which a door has made from a token. A refused verb
raises :class:`~domain.refusal.Refusal` and changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client

from activities.approvals import ApprovalActivities
from activities.fulfilment_cancelling import FulfilmentCancelling
from activities.knowledge import Knowledge
from activities.orders import OrderActivities
from activities.store.work import Database, Work
from activities.tokens import Bounds, Identity, Tokens, Words
from domain.refusal import Refusal
from domain.service_level import ServiceLevels
from starter.clock import Clock
from workflows.names import TASK_QUEUE

LIFE_OF_ACTS: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Desk:
    """What every verb needs: the server, the database, the signing key, and the clock."""

    client: Client
    database: Database
    tokens: Tokens
    task_queue: str = TASK_QUEUE
    policy: str = "standard"
    cut_off: timedelta | None = field(default=None, kw_only=True)
    required: tuple[str, ...] = field(default=(), kw_only=True)
    change_policy: str | None = field(default=None, kw_only=True)
    service_levels: ServiceLevels = field(default_factory=ServiceLevels, kw_only=True)
    clock: Clock = field(default_factory=Clock)
    knowledge: Knowledge = field(default_factory=Knowledge)

    def act(self, who: Identity, subject: str, verb: str, key: str, words: Words, channel: str | None = None) -> str:
        """An act of ``who`` for the next hour: until then a worker should have heard of it."""
        # Tokens live in the time of the world, also where business time is a story's.
        bounds = Bounds(until=datetime.now(UTC) + LIFE_OF_ACTS, channel=channel, words=words)
        return self.tokens.act(who, subject, verb, key, bounds)

    @property
    def rounds(self) -> ApprovalActivities:
        """The activities on rounds, for what is done after a round's run has ended."""
        return ApprovalActivities(self.database, self.tokens, self.knowledge)

    @property
    def order_changes(self) -> OrderActivities:
        """The activities on orders, for what is done after an order's run has ended."""
        return OrderActivities(
            self.database,
            self.tokens,
            self.knowledge,
            stories=True,
            cut_off=self.cut_off,
            required=self.required,
            change_policy=self.change_policy,
        )

    @property
    def cancelling(self) -> FulfilmentCancelling:
        """What cancels whole fulfilments."""
        return FulfilmentCancelling(self.database, self.tokens, self.knowledge, change_policy=self.change_policy)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Work]:
        """One moment of the database to read from."""
        async with self.database.reading() as work:
            yield work

    async def refuse_leaver(self, who: Identity) -> None:
        """Refuse (``unknown_user``) somebody who is in the directory and has left, whatever their token says.

        Who is not in it and has a role, is an operator or a program by that token; the verbs of people ask for more.
        """
        async with self.database.single() as work:
            directory = await self.knowledge.known_directory(work)
        if directory is None:
            async with self.reading() as work:
                directory = await self.knowledge.directory(work)
        if who.user in directory.users and not who.is_service and not directory.is_active(who.user):
            raise Refusal("unknown_user", f"{who.user} has left and may do nothing here any more", "by")

    async def check_user(self, work: Work, who: Identity, *, services: bool = False) -> None:
        """Refuse (``unknown_user``) somebody who is no active user; ``services`` (the ERP) where they may come in."""
        await self.knowledge.check_user(work, who, services=services)
