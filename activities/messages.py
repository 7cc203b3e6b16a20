"""The relay: brings what waits in ``outgoing`` to the partners, at least once, and by its key once in effect."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import structlog

from activities.partners.mail import Ask, Letter, Mail, Undeliverable
from activities.store.outgoing import OutgoingMessage
from activities.store.work import Database, Work
from domain.approval.state import Notice, RoundState

log = structlog.get_logger(__name__)


class Relay:
    """Wakes when somebody commits a message, or after ``poll``; run one in each worker, they do not get in each
    other's way.

    A letter that fails is tried again after 2, 4, 8 … seconds (an hour at most), and given up after
    ``most_attempts``. One that can never arrive is given up at once.
    """

    def __init__(
        self,
        database: Database,
        mail: Mail,
        *,
        poll: timedelta = timedelta(seconds=1),
        lease: timedelta = timedelta(seconds=60),
        batch: int = 20,
        most_attempts: int = 10,
    ) -> None:
        self._database = database
        self._mail = mail
        self._poll = poll
        self._lease = lease
        self._batch = batch
        self._most_attempts = most_attempts

    async def run(self) -> None:
        """Bring messages until cancelled; what is being brought then is brought again by the next relay."""
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
        """Bring everything whose turn it is; returns how many messages left."""
        left = 0
        while batch := await self._take():
            for message in batch:
                left += await self._bring(message)
        return left

    async def _take(self) -> tuple[OutgoingMessage, ...]:
        async with self._database.work() as work:
            return await work.outgoing.take(self._batch, lease=self._lease)

    async def _bring(self, message: OutgoingMessage) -> bool:
        try:
            async with self._database.reading() as work:
                letter = await compose(work, message)
            await self._mail.deliver(letter)
        except Exception as error:  # whatever is wrong with one message must not hold up the others
            await self._failed(message, error)
            return False
        async with self._database.work() as work:
            await work.outgoing.mark_sent(message.key)
        return True

    async def _failed(self, message: OutgoingMessage, error: Exception) -> None:
        final = isinstance(error, Undeliverable) or message.attempts >= self._most_attempts
        pause = None if final else timedelta(seconds=min(2**message.attempts, 3600))
        log.warning("message_failed", key=message.key, kind=message.kind, error=repr(error), given_up=final)
        async with self._database.work() as work:
            await work.outgoing.mark_failed(message.key, f"{type(error).__name__}: {error}", again_in=pause)


async def compose(work: Work, message: OutgoingMessage) -> Letter:
    """The letter that brings ``message``, from the round and the person as they are now."""
    notice = Notice.model_validate(message.body)
    entry = await work.directory.find("user", notice.to)
    user = {} if entry is None else entry.body
    if not user.get("mail"):
        raise Undeliverable(f"{notice.to} has no mail address in the directory")
    calendar = await work.directory.find("calendar", user.get("calendar") or "")
    state = await work.rounds.get(notice.quote_id, notice.round)
    return Letter(
        key=notice.key,
        kind=notice.kind,
        to=notice.to,
        name=user.get("name") or notice.to,
        mail=user["mail"],
        time_zone="UTC" if calendar is None else calendar.body.get("time_zone") or "UTC",
        at=notice.at,
        quote_id=notice.quote_id,
        round=notice.round,
        title=state.title,
        customer_id=state.customer_id,
        submitter=state.submitter,
        net_total=state.net_total,
        currency=state.currency,
        asks=_asks(state, notice),
        comment=state.comment,
        outcome_reason=state.outcome_reason,
    )


def _asks(state: RoundState, notice: Notice) -> tuple[Ask, ...]:
    asked = [state.approval(name) for name in notice.approvals]
    return tuple(
        Ask(
            approval_id=approval.approval_id,
            rule=approval.rule,
            approver=approval.approver,
            reason=approval.reason,
            waiting_for=approval.waiting_for,
            due_at=approval.due_at,
        )
        for approval in asked
        if approval is not None
    )
