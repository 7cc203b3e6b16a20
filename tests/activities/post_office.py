"""A real SMTP server on loopback, in the test's own loop, that answers as it is told to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.partners.smtp import Security, SmtpServer


@dataclass
class PostOffice:
    """Keeps what it takes. ``rcpt`` and ``data`` are answers given instead of yes, one for each letter, in order."""

    certificate: Path | None = None
    security: Security = Security.NONE
    user: tuple[str, str] | None = None
    rcpt: list[str] = field(default_factory=list)
    mail: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0
    hang_after_data: bool = False
    port: int = 0
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        context = None
        if self.security is not Security.NONE:
            assert self.certificate is not None
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)

        def serve() -> SMTP:
            self.connections += 1
            return SMTP(
                self,
                hostname="post.test",
                tls_context=context if self.security is Security.STARTTLS else None,
                require_starttls=self.security is Security.STARTTLS,
                authenticator=self._check if self.user else None,
                auth_required=self.user is not None,
                auth_require_tls=False,
                loop=asyncio.get_running_loop(),
            )

        tls = context if self.security is Security.TLS else None
        self._server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def address(self, **more: Any) -> SmtpServer:
        given = {"host": "127.0.0.1", "port": self.port, "security": self.security, "ca_file": self.certificate}
        return SmtpServer(**{**given, "timeout": 5.0, **more})

    @property
    def told(self) -> list[str]:
        """Whom the letters went to."""
        return [to for _, to in self.envelopes]

    # -- hooks of the server

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if self.mail:
            return self.mail.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if self.rcpt and (answer := self.rcpt.pop(0)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.data and (answer := self.data.pop(0)):
            return answer
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos[0]))
        if self.hang_after_data:
            await asyncio.sleep(3600)
        return "250 taken"

    def _check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.user, handled=given == self.user)


@asynccontextmanager
async def post_office(**how: Any) -> AsyncIterator[PostOffice]:
    office = PostOffice(**how)
    await office.open()
    try:
        yield office
    finally:
        await office.close()


def make_certificate(folder: Path, name: str = "127.0.0.1") -> Path:
    """A certificate that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post office")])
    alternative: x509.GeneralName = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / f"{name}.pem"
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
