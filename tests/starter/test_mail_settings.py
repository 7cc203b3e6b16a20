"""Settings of mail: mistakes are told at the start; what is set is what letters leave by."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from activities.partners.letter_samples import sample
from activities.partners.mail import Mail, MailChain
from activities.partners.mail_folder import MailFolder
from activities.partners.smtp import SmtpMail
from starter.mail_settings import read_sender
from starter.post_office import mail_of, press_of
from starter.settings import Settings
from tests.activities.post_office import post_office

SERVER: dict[str, Any] = {"smtp_host": "mail.example.com", "mail_sender": "Quotes <quotes@example.com>"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"smtp_host": "mail.example.com"}, "mail_sender is not"),
        ({"smtp_port": 25}, "smtp_host is not"),
        ({**SERVER, "smtp_user": "cs"}, "go together"),
        ({**SERVER, "smtp_user": "cs", "smtp_password": "p", "smtp_security": "none"}, "never sent so"),
        ({**SERVER, "smtp_security": "ssl"}, "'tls', 'starttls' or 'none'"),
        ({"mail_sender": "nobody"}, "must be an address"),
        ({"mail_sender": "a@example.com\r\nBcc: b@example.com"}, "must be an address"),
        ({"url": "quotes.example.com"}, "url must begin"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings(**given)


def test_the_password_does_not_show() -> None:
    settings = Settings(**SERVER, smtp_user="cs", smtp_password=SecretStr("hunter2"))
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(vars(mail_of(settings)))


def test_letters_go_where_the_settings_say(tmp_path: Path) -> None:
    def way(**more: Any) -> type[Mail]:
        return type(mail_of(Settings(outbox_dir=tmp_path, **more)))

    assert way() is MailFolder
    assert way(**SERVER) is SmtpMail
    assert way(**SERVER, keep_outbox=True) is MailChain


def test_letters_are_written_as_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "request.txt").write_text("Subject: {{ quote.net_total }}\n\n{{ url }}")
    more: dict[str, Any] = {"mail_templates": tmp_path, "mail_locale": "de", "url": "https://q.example.com/"}
    press = press_of(Settings(mail_sender="Quotes <quotes@example.com>", **more))
    wording = press.word(sample("request"))
    assert (wording.subject, wording.text) == ("1.911.201,11 USD", "https://q.example.com\n")
    assert b"From: Quotes <quotes@example.com>" in press.write(sample("request")).content
    assert read_sender("quotes@example.com").display_name == ""


async def test_a_letter_leaves_by_the_set_server_and_is_kept(tmp_path: Path) -> None:
    async with post_office() as office:
        settings = Settings(
            smtp_host="127.0.0.1",
            smtp_port=office.port,
            smtp_security="none",
            mail_sender="quotes@example.com",
            outbox_dir=tmp_path,
            keep_outbox=True,
        )
        await mail_of(settings).deliver(press_of(settings).write(sample("approved")))
    assert office.envelopes == [("quotes@example.com", "mei@example.com")]
    assert len(list(tmp_path.glob("*.eml"))) == 1
