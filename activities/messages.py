"""The relay: brings what waits in ``outgoing`` to the partners, at least once, and by its key once in effect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

import structlog

from activities.composition import compose
from activities.partners.letter_press import LetterPress
from activities.partners.mail import Mail, Mailing, Undeliverable, Unreachable
from activities.store.outgoing import OutgoingMessage
from activities.store.work import Database, Work

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 3600
"""Seconds."""
MOST_ATTEMPTS = 60
"""With pauses that double up to an hour: two days and a bit."""
EXHAUSTED = "exhausted"


class Relay:
    """Wakes when somebody commits a message, or after ``poll``; run one in each worker, they do not get in each
    other's way.

    A letter that fails is tried again after 2, 4, 8 … seconds (an hour at most), and given up after
    ``most_attempts``. One that can never arrive, or is no longer true, is given up at once. ``patience`` is how long a
    delivery may take: none is begun that could outlast the ``lease``, during which the letter is this relay's alone.
    """

    def __init__(
        self,
        database: Database,
        mail: Mail,
        press: LetterPress | None = None,
        *,
        poll: timedelta = timedelta(seconds=1),
        lease: timedelta = timedelta(seconds=60),
        patience: timedelta = timedelta(seconds=30),
        batch: int = 20,
        most_attempts: int = MOST_ATTEMPTS,
    ) -> None:
        if patience >= lease:
            raise ValueError("a delivery must be able to end within its lease")
        self._database = database
        self._mail = mail
        self._press = press or LetterPress()
        self._poll = poll
        self._lease = lease
        self._patience = patience
        self._batch = batch
        self._most_attempts = most_attempts

    async def run(self) -> None:
        """Bring messages until cancelled, and the one in hand then too, so that its leaving is noted."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # the database may be away for a while; the relay waits for it
                log.warning("relay_interrupted", error=repr(error))
            await asyncio.sleep(self._poll.total_seconds())

    async def _listen(self) -> None:
        async with self._database.listening() as ears:
            while not ears.deaf:
                ears.heard.clear()
                await self.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ears.heard.wait(), self._poll.total_seconds())

    async def drain(self) -> int:
        """Bring everything whose turn it is; returns how many messages left.

        Ends early when nothing can be brought at all: the others are not tried in vain, each on its own.
        """
        left = 0
        with contextlib.suppress(Unreachable):
            while batch := await self._take():
                left += await self._bring_all(batch)
        return left

    async def _take(self) -> tuple[OutgoingMessage, ...]:
        async with self._database.single() as work:
            return await work.outgoing.take(self._batch, lease=self._lease)

    async def _bring_all(self, batch: Sequence[OutgoingMessage]) -> int:
        clock = asyncio.get_running_loop().time
        latest = clock() + (self._lease - self._patience).total_seconds()
        left, waiting = 0, list(batch)
        try:
            while waiting and clock() < latest:
                left += await self._to_its_end(waiting.pop(0))
        finally:
            await self._put_back(waiting)
        return left

    async def _to_its_end(self, message: OutgoingMessage) -> bool:
        """Bring a message; also when we are cancelled meanwhile, for what has left must be noted."""
        bringing = asyncio.create_task(self._bring(message))
        try:
            return await asyncio.shield(bringing)
        except asyncio.CancelledError:
            await asyncio.wait([bringing], timeout=self._patience.total_seconds())
            raise

    async def _put_back(self, messages: Sequence[OutgoingMessage]) -> None:
        if messages:
            async with self._database.single() as work:
                await work.outgoing.put_back([message.key for message in messages])

    async def _bring(self, message: OutgoingMessage) -> bool:
        try:
            mailing = await self._written(message)
            if mailing is None:
                return False
            await self._mail.deliver(mailing)
        except Unreachable as error:
            await self._failed(message, error)
            raise
        except Undeliverable as error:
            await self._give_up(message, str(error), error.code)
            return False
        except Exception as error:  # whatever is wrong with one message must not hold up the others
            await self._failed(message, error)
            return False
        async with self._database.single() as work:
            await work.outgoing.mark_sent(message.key, mailing.complaint)
        return True

    async def _written(self, message: OutgoingMessage) -> Mailing | None:
        """The letter as it is sent; none where it is given up before it is written."""
        async with self._database.single() as work:
            try:
                letter = await compose(work, message)
            except Undeliverable as error:
                await _note_given_up(work, message, str(error), error.code)
                return None
        mailing = await asyncio.to_thread(self._press.write, letter)
        if mailing.complaint is not None:
            log.warning("template_broken", key=message.key, error=mailing.complaint)
        return mailing

    async def _failed(self, message: OutgoingMessage, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"
        if message.attempts >= self._most_attempts:
            await self._give_up(message, told, EXHAUSTED)
            return
        log.warning("message_failed", key=message.key, kind=message.kind, error=told)
        pause = timedelta(seconds=min(2 ** min(message.attempts, 20), LONGEST_PAUSE))
        async with self._database.single() as work:
            await work.outgoing.mark_failed(message.key, told, again_in=pause)

    async def _give_up(self, message: OutgoingMessage, told: str, reason: str) -> None:
        async with self._database.single() as work:
            await _note_given_up(work, message, told, reason)


async def _note_given_up(work: Work, message: OutgoingMessage, told: str, reason: str) -> None:
    log.warning("message_given_up", key=message.key, kind=message.kind, reason=reason, error=told)
    await work.outgoing.give_up(message.key, told, reason)
