"""What must hold among the settings of mail: a mistake is told at the start, not by letters that are lost."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starter.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_mail_settings(settings: Settings) -> None:
    """Raise ValueError for settings that contradict each other or cannot be read."""
    read_sender(settings.mail_sender)
    if settings.url is not None and urlsplit(settings.url).scheme not in ("http", "https"):
        raise ValueError("url must begin with https:// or http://")
    given = settings.model_fields_set
    if settings.smtp_host is None:
        needless = sorted(name for name in given if name.startswith("smtp_") and getattr(settings, name) is not None)
        if needless:
            raise ValueError(f"{', '.join(needless)} is set but smtp_host is not: name the server")
        return
    if "mail_sender" not in given:
        raise ValueError("smtp_host is set but mail_sender is not: say from whom letters are")
    if (settings.smtp_user is None) != (settings.smtp_password is None):
        raise ValueError("smtp_user and smtp_password go together")
    if settings.smtp_user and settings.smtp_security == "none" and settings.smtp_host not in LOOPBACK:
        raise ValueError("smtp_security is none: a password is never sent so; use starttls or tls")


def read_sender(text: str) -> Address:
    """``Name <name@example.com>`` or the address alone. Raises ValueError."""
    name, spec = parseaddr(text)
    try:
        address = Address(name, addr_spec=spec)
    except (MessageError, ValueError, IndexError):
        address = Address()
    if not address.username or not address.domain or not text.isprintable() or not address.addr_spec.isascii():
        raise ValueError("mail_sender must be an address, such as Quotes <quotes@example.com>")
    return address
