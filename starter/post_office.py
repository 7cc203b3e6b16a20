"""How letters are written and brought here, as the settings say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from activities.messages import Relay
from activities.partners.letter_press import LetterPress
from activities.partners.letter_templates import LetterTemplates
from activities.partners.mail import Mail, MailChain
from activities.partners.mail_folder import MailFolder
from activities.partners.smtp import PORTS, Security, SmtpMail, SmtpServer
from starter.mail_settings import read_sender

if TYPE_CHECKING:
    from activities.store.work import Database
    from starter.settings import Settings

log = structlog.get_logger(__name__)

SHORTEST_LEASE = timedelta(seconds=60)


def press_of(settings: Settings) -> LetterPress:
    """What writes letters."""
    return LetterPress(
        LetterTemplates(settings.mail_templates),
        sender=read_sender(settings.mail_sender),
        url=settings.url.rstrip("/") if settings.url else None,
        locale=settings.mail_locale,
    )


def mail_of(settings: Settings) -> Mail:
    """What brings letters: the mail server where there is one, else the outbox folder, or both."""
    folder = MailFolder(settings.outbox_dir)
    if settings.smtp_host is None:
        return folder
    security = Security(settings.smtp_security)
    password = settings.smtp_password
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port or PORTS[security],
        security=security,
        user=settings.smtp_user,
        password=password.get_secret_value() if password is not None else None,
        ca_file=settings.smtp_ca_file,
        timeout=settings.smtp_timeout,
    )
    smtp = SmtpMail(server)
    return MailChain([folder, smtp]) if settings.keep_outbox else smtp


def relay_of(settings: Settings, database: Database) -> Relay:
    """The relay of a worker. What is wrong with the installation's own templates is logged; letters leave anyway."""
    press = press_of(settings)
    for complaint in press.complaints():
        log.warning("template_broken", error=complaint)
    patience = timedelta(seconds=settings.smtp_timeout)
    return Relay(database, mail_of(settings), press, patience=patience, lease=max(SHORTEST_LEASE, 2 * patience))
