"""The press: makes the message that is sent (RFC 5322, text and HTML) of a letter."""

from __future__ import annotations

import hashlib
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from activities.partners.letter_samples import sample
from activities.partners.letter_templates import LetterTemplates, Wording
from activities.partners.letters import DEFAULT_LOCALE, one_line, variables
from activities.partners.mail import KINDS, Letter, Mailing, Undeliverable

SENDER = Address("countersign", "countersign", "localhost")


class LetterPress:
    """Writes letters from ``sender``. ``url`` is where people reach this installation, if anywhere.

    The same letter has the same ``Message-ID`` whenever it is written, and all letters of one round are one thread.
    """

    def __init__(
        self,
        templates: LetterTemplates | None = None,
        *,
        sender: Address = SENDER,
        url: str | None = None,
        locale: str = DEFAULT_LOCALE,
    ) -> None:
        self._templates = templates or LetterTemplates()
        self._sender = sender
        self._url = url
        self._locale = locale

    def write(self, letter: Letter) -> Mailing:
        """The letter as it is sent. Raises ``Undeliverable`` for an address that is none."""
        address = _address(letter)
        wording = self.word(letter)
        return Mailing(
            key=letter.key,
            sender=self._sender.addr_spec,
            recipient=address.addr_spec,
            content=self._message(letter, address, wording).as_bytes(policy=SMTP),
            complaint=wording.complaint,
        )

    def word(self, letter: Letter) -> Wording:
        """What the letter says, in the reader's locale or else ours."""
        given = variables(letter, url=self._url, default_locale=self._locale)
        return self._templates.word(letter.kind, letter.locale or self._locale, given)

    def complaints(self) -> list[str]:
        """What is wrong with the installation's own templates; found by filling them in."""
        samples = {
            kind: [
                variables(sample(kind, full=full), url=self._url if full else None, default_locale=self._locale)
                for full in (True, False)
            ]
            for kind in (*KINDS, "news")
        }
        return list(self._templates.complaints(samples))

    def _message(self, letter: Letter, to: Address, wording: Wording) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        thread = self._id(f"{letter.quote_id}/{letter.round}")
        headers = {
            "From": self._sender,
            "To": to,
            "Subject": wording.subject,
            "Date": format_datetime(letter.at),
            "Message-ID": self._id(letter.key),
            # Nothing has this id: it is the thread of the round, which every one of its letters answers.
            "In-Reply-To": thread,
            "References": thread,
            "List-Id": f"Quote approvals <approvals.{self._sender.domain}>",
            # Programs that answer mail by themselves leave this one alone.
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "Countersign-Kind": one_line(letter.kind),
            "Countersign-Quote": one_line(letter.quote_id),
        }
        for name, value in headers.items():
            message[name] = value
        message.set_content(wording.text, cte="quoted-printable")
        if wording.html is not None:
            message.add_alternative(wording.html, subtype="html", cte="quoted-printable")
            # Quoted-printable never writes "=_", so that no text can end its part.
            message.set_boundary(f"=_{digest(letter.key)}")
        return message

    def _id(self, name: str) -> str:
        # With the address of the installation in it: two that send for one domain do not take each other's ids.
        return f"<{digest(name if self._url is None else f'{self._url} {name}')}@{self._sender.domain}>"


def _address(letter: Letter) -> Address:
    """Whom the letter goes to. Domains outside ASCII are written as the net knows them."""
    name = "".join(each for each in letter.name if each.isprintable())
    try:
        address = Address(name, addr_spec=letter.mail)
        domain = address.domain if address.domain.isascii() else address.domain.encode("idna").decode()
        address = Address(name, address.username, domain)
    except (MessageError, ValueError, IndexError) as error:
        raise _bad_address(letter, f": {error}") from None
    if not address.domain or not address.username or not address.addr_spec.isprintable():
        raise _bad_address(letter)
    return address


def _bad_address(letter: Letter, why: str = "") -> Undeliverable:
    return Undeliverable(f"{letter.mail!r} of {letter.to} is no mail address{why}", "bad_address")


def digest(key: str) -> str:
    """A name of fixed length for a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
