"""Signs the head of the record, every so many entries and every so often, and keeps it in the table and in the file.

It never signs over a break: where the chain no longer holds the last signed head, a new signature would only make the
tampering look sound.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from activities.head_file import HeadFile
from activities.head_keys import HeadKey, SignedHead
from activities.store.record import CHAIN
from activities.store.work import Database, Work
from domain.refusal import Refusal

log = structlog.get_logger(__name__)

EVERY = 100
"""Entries after which a new head is signed at once."""
PAUSE = timedelta(minutes=10)
"""Time after which one is signed for however few entries."""
POLL = timedelta(seconds=15)


class RecordSigner:
    """One or several per installation: who signs holds a lock, and heads are numbered without gaps."""

    def __init__(
        self,
        database: Database,
        key: HeadKey,
        file: HeadFile,
        *,
        every: int = EVERY,
        pause: timedelta = PAUSE,
        poll: timedelta = POLL,
    ) -> None:
        self._database = database
        self._key = key
        self._file = file
        self._every = every
        self._pause = pause
        self._poll = poll

    async def run(self) -> None:
        """Sign what is due until cancelled."""
        while True:
            try:
                await self.sign()
            except Refusal as refusal:
                log.error("record_not_signed", code=refusal.code, why=str(refusal))
            except Exception as error:  # the database or the folder may be away for a while
                log.warning("record_signer_interrupted", error=repr(error))
            await asyncio.sleep(self._poll.total_seconds())

    async def sign(self, *, at_once: bool = False) -> SignedHead | None:
        """Sign the head if it is due, or ``at_once`` if there is anything new; ``None`` when there was nothing to do.

        Code: ``record_broken`` when the chain, the table or the file does not hold what was signed last.
        """
        async with self._database.work() as work:
            await work.heads.hold()
            last = await work.heads.newest()
            filed = self._file.newest()
            seq, hash_ = await work.heads.now()
            await _refuse_broken(work, last, filed, seq)
            signed = None
            if self._is_due(last, seq, at_once=at_once):
                number = last.number + 1 if last else 1
                signed = self._key.sign(chain=CHAIN, number=number, seq=seq, hash=hash_, at=datetime.now(UTC))
                await work.heads.add(signed)
        if last is not None and filed is None:
            log.warning("heads_file_missing", path=str(self._file.path))
        await self._fill(filed.number if filed else 0)
        return signed

    def _is_due(self, last: SignedHead | None, seq: int, *, at_once: bool) -> bool:
        new = seq - (last.seq if last else 0)
        if new <= 0:
            return False
        return at_once or new >= self._every or last is None or datetime.now(UTC) - last.at >= self._pause

    async def _fill(self, number: int) -> None:
        """Bring into the file what the table has more: also what another signer, or one that died, left out."""
        async with self._database.reading() as work:
            missing = await work.heads.behind(number)
        await asyncio.to_thread(self._file.append, missing)


async def _refuse_broken(work: Work, last: SignedHead | None, filed: SignedHead | None, seq: int) -> None:
    if filed is not None and (last is None or filed.number > last.number):
        raise _broken(f"head {filed.number} is in the file and not in the table")
    if last is None:
        return
    there = (await work.heads.hashes([last.seq])).get(last.seq)
    if last.seq > seq or there != last.hash:
        raise _broken(f"entry {last.seq} is not the one of head {last.number}")


def _broken(why: str) -> Refusal:
    return Refusal("record_broken", f"{why}: nothing is signed over it; run countersign record verify")
