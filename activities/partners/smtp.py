"""A mail partner that hands letters to an SMTP server, one connection each."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from activities.partners.mail import Mailing, Undeliverable, Unreachable

CLOSING = 421
"""What a server says, at any point, before it hangs up."""
FAREWELL = 2.0


class Security(StrEnum):
    """How the connection is kept private: from the start, by STARTTLS (which must succeed), or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in. ``timeout`` (seconds) is for one letter as a whole; ``ca_file`` has the certificates to
    trust instead of the system's."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout: float = 30.0


class TemporarilyRefused(Exception):
    """The server does not take this letter now."""


class SmtpMail:
    """Hands letters to one server, which has them when it says so and not before.

    What the server says of the letter or its reader for good (5xx) is ``Undeliverable``. What is wrong with the
    connection, the sign-in or the sender is wrong for every letter: ``Unreachable``, and mended by somebody.
    """

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._trusted = None if server.security is Security.NONE else ssl.create_default_context(cafile=server.ca_file)

    async def deliver(self, mailing: Mailing) -> None:
        """Hand a letter in. Raises ``Undeliverable`` (code ``refused``), ``Unreachable``, ``TemporarilyRefused``."""
        client = self._client(mailing.sender.rpartition("@")[2])
        try:
            async with asyncio.timeout(self._server.timeout):
                await client.connect()
                await self._hand_in(client, mailing)
        except (SMTPException, OSError, TimeoutError) as error:
            where = f"{self._server.host}:{self._server.port}"
            raise Unreachable(f"{where}: {type(error).__name__}: {error}") from error
        finally:
            # The letter is handed in or it is not; how the server takes our leave changes nothing about that.
            await _leave(client)

    def _client(self, name: str) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=name,
            timeout=server.timeout,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            tls_context=self._trusted,
        )

    async def _hand_in(self, client: SMTP, mailing: Mailing) -> None:
        try:
            await client.sendmail(mailing.sender, [mailing.recipient], mailing.content)
        except SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0]) from error
        except SMTPDataError as error:
            raise _refused(error) from error
        except ValueError as error:
            raise Undeliverable(f"{mailing.recipient!r} is no mail address: {error}", "bad_address") from error


def _refused(answer: SMTPResponseException) -> Exception:
    said = f"{answer.code} {' '.join(answer.message.split())}"[:500]
    if answer.code == CLOSING:
        return Unreachable(f"the mail server hangs up: {said}")
    if answer.code >= 500:
        return Undeliverable(f"refused by the mail server: {said}", "refused")
    return TemporarilyRefused(said)


async def _leave(client: SMTP) -> None:
    if client.is_connected:
        with contextlib.suppress(SMTPException, OSError, TimeoutError):
            await client.quit(timeout=FAREWELL)
    client.close()
