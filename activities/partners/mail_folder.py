"""A mail partner that writes each letter as a file (RFC 5322) into the outbox folder."""

from __future__ import annotations

import asyncio
import hashlib
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from activities.partners.folder import write_once
from activities.partners.letters import body, subject
from activities.partners.mail import Letter, Undeliverable

SENDER = Address("countersign", "countersign", "localhost")


class MailFolder:
    """Writes ``.eml`` files; the name is made from the letter's key, so the same letter is the same file."""

    def __init__(self, folder: Path, *, sender: Address = SENDER) -> None:
        self._folder = folder
        self._sender = sender

    async def deliver(self, letter: Letter) -> None:
        """Write the letter, unless it is there. Raises ``Undeliverable`` for an address that is none."""
        await asyncio.to_thread(write_once, self.path(letter), self._message(letter).as_bytes(policy=SMTP))

    def path(self, letter: Letter) -> Path:
        """The file that the letter is, or will be."""
        return self._folder / f"{_digest(letter.key)}.eml"

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _address(letter)
        message["Subject"] = subject(letter)
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = f"<{_digest(letter.key)}@{self._sender.domain}>"
        # Programs that answer mail by themselves leave this one alone.
        message["Auto-Submitted"] = "auto-generated"
        message["Countersign-Kind"] = letter.kind
        message["Countersign-Quote"] = letter.quote_id
        message.set_content(body(letter), cte="quoted-printable")
        return message


def _address(letter: Letter) -> Address:
    name = "".join(each for each in letter.name if each.isprintable())
    try:
        address = Address(name, addr_spec=letter.mail)
    except (MessageError, ValueError, IndexError) as error:
        raise Undeliverable(f"{letter.mail!r} of {letter.to} is no mail address: {error}") from None
    if not address.domain or not address.addr_spec.isprintable():
        raise Undeliverable(f"{letter.mail!r} of {letter.to} is no mail address")
    return address


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]
