"""A mail partner that writes each letter as a file (RFC 5322) into the outbox folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from activities.partners.folder import write_once
from activities.partners.letter_press import digest
from activities.partners.mail import Mailing


class MailFolder:
    """Writes ``.eml`` files; the name is made from the letter's key, so the same letter is the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, mailing: Mailing) -> None:
        """Write the letter, unless it is there."""
        await asyncio.to_thread(write_once, self.path(mailing.key), mailing.content)

    def path(self, key: str) -> Path:
        """The file that the letter of that key is, or will be."""
        return self._folder / f"{digest(key)}.eml"
