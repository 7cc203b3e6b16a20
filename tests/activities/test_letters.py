"""Letters: what they say, in whose words and zone, and that nothing in them can do harm."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import pytest

from activities.partners.letter_press import LetterPress
from activities.partners.letter_samples import sample
from activities.partners.letter_templates import LetterTemplates
from activities.partners.mail import ASKING, KINDS, Ask, Letter, Note, Undeliverable
from activities.partners.mail_folder import MailFolder
from tests.activities.samples import NOON

PRESS = LetterPress()
OPENINGS = {
    "request": ("Please decide", "Rosa Lind asks for your decision"),
    "reminder": ("Reminder, please decide", "still waits for your decision"),
    "escalation": ("Handed over to you, please decide", "Nobody has decided on this quote in time"),
    "delegation": ("Delegated to you, please decide", "You stand in for a colleague"),
    "replaced": ("Taken over by you, please decide", "taken the place of David Osei"),
    "question": ("Question", "David Osei asks you something"),
    "answer": ("Answer", "David Osei has answered"),
    "approved": ("Approved", "This quote is approved"),
    "rejected": ("Rejected", "This quote is rejected"),
    "recalled": ("Recalled", "This quote was taken back"),
    "change_dropped": ("Not carried out", "This change was approved, but it is not carried out"),
}


def letter(**more: object) -> Letter:
    given: dict[str, object] = {"key": "Q-1/1/1", "kind": "request", "to": "mei", "name": "Mei", "at": NOON}
    given |= {"mail": "mei@example.com", "quote_id": "Q-1", "round": 1, "title": "Pumps", "customer_id": "acme"}
    given |= {"submitter": "rosa", "net_total": "1911201.11", "currency": "USD", "comment": "please\nsoon"}
    given |= {"names": {"rosa": "Rosa Lind", "liam": "Liam Byrne", "david": "David Osei"}}
    ask = Ask(approval_id="a", rule="discount", approver="legal", waiting_for=("mei", "liam"), due_at=NOON)
    note = Note(by="david", comment="why so\ncheap?", instead_of="david")
    return Letter.model_validate(given | {"asks": (ask,), "outcome_reason": "too cheap", "note": note, **more})


def mail(given: Letter, press: LetterPress = PRESS) -> EmailMessage:
    """The letter as its reader's program understands it."""
    found = message_from_bytes(press.write(given).content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def part(message: EmailMessage, form: str) -> str:
    found = message.get_body((form,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["plain", "html"])
def test_every_kind_of_letter_says_what_it_is_about(kind: str, form: str) -> None:
    message = mail(letter(kind=kind))
    subject, opening = OPENINGS[kind]
    assert message["Subject"] == f"{subject}: Q-1 Pumps"
    text = part(message, form)
    assert opening in text
    assert "1,911,201.11 USD" in text
    asks = kind in ASKING
    assert ("Liam Byrne" in text, "soon" in text, "approve a" in text) == (asks, asks, asks)
    assert ("too cheap" in text) == (kind in ("rejected", "recalled"))
    assert ("cheap?" in text) == (asks or kind in ("question", "answer", "change_dropped"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("request", "decision on this change"),
        ("approved", "It is carried out now."),
        ("rejected", "order stays as it is"),
    ],
)
@pytest.mark.parametrize("form", ["plain", "html"])
def test_a_change_of_an_order_is_not_called_a_quote(kind: str, said: str, form: str) -> None:
    text = part(mail(letter(kind=kind, is_change=True)), form)
    assert said in text
    assert "Change" in text
    assert not {"Quote", "quote"} & set(re.findall(r"\w+", re.sub(r"<[^>]*>", "", text)))


def test_a_kind_without_a_template_still_arrives() -> None:
    assert "There is news" in part(mail(letter(kind="something_new")), "plain")


def test_a_letter_says_for_whom_since_when_and_until_when_in_the_readers_zone() -> None:
    ask = Ask(
        approval_id="a", rule="r", approver="x", on_behalf_of="david", since=NOON, due_at=NOON + timedelta(days=1)
    )
    text = part(mail(letter(asks=(ask,), time_zone="America/New_York")), "plain")
    assert "On behalf of David Osei" in text
    assert "Since      Monday, 23 November 2026, 07:00 (America/New_York)" in text
    assert "Due        Tuesday, 24 November 2026, 07:00 (America/New_York)" in text


@pytest.mark.parametrize(
    ("locale", "amount", "due"),
    [
        ("de-DE", "1.911.201,11 USD", "Montag, 23. November 2026"),
        ("en_US", "1,911,201.11 USD", "Monday, November 23, 2026"),
        ("de_CH", "1’911’201.11 USD", "Montag, 23. November 2026"),
        ("no such locale", "1,911,201.11 USD", "Monday, 23 November 2026"),
        (None, "1,911,201.11 USD", "Monday, 23 November 2026"),
    ],
)
def test_amounts_and_dates_are_written_as_the_reader_does(locale: str | None, amount: str, due: str) -> None:
    text = part(mail(letter(locale=locale)), "plain")
    assert amount in text
    assert due in text


@pytest.mark.parametrize(
    ("amount", "currency", "told"), [("5000", "JPY", "5,000 JPY"), ("7", "EUR", "7.00 EUR"), ("0.125", "EUR", "0.125")]
)
def test_amounts_have_their_currencys_digits_and_are_never_rounded(amount: str, currency: str, told: str) -> None:
    assert told in part(mail(letter(net_total=Decimal(amount), currency=currency)), "plain")


def test_all_letters_of_a_round_are_one_thread_and_each_has_an_id_for_ever() -> None:
    first, second, other = letter(), letter(key="Q-1/1/2", kind="reminder"), letter(key="Q-1/2/1", round=2)
    assert PRESS.write(first) == PRESS.write(first)
    ids = {mail(each)["Message-ID"] for each in (first, second, other)}
    assert len(ids) == 3
    assert mail(first)["References"] == mail(first)["In-Reply-To"] == mail(second)["References"]
    assert mail(other)["References"] != mail(first)["References"]
    elsewhere = LetterPress(url="https://staging.example.com")
    assert mail(first, elsewhere)["Message-ID"] not in ids


def test_letters_say_that_nobody_wrote_them() -> None:
    message = mail(letter(), LetterPress(sender=Address("Angebote & Freigaben", "quotes", "example.com")))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "Quote approvals <approvals.example.com>"
    assert message["From"].addresses[0].display_name == "Angebote & Freigaben"
    assert str(message["Message-ID"]).endswith("@example.com>")


def test_the_address_of_the_installation_is_where_commands_go() -> None:
    text = part(mail(letter(), LetterPress(url="https://quotes.example.com")), "plain")
    assert "countersign approval approve a --api https://quotes.example.com\n" in text


def test_nothing_that_people_write_becomes_a_header_or_markup() -> None:
    evil = 'Pumps\r\nBcc: all@example.com\r\n\r\n<script>alert("1")</script>'
    ask = Ask(approval_id="a", rule="r", approver="x", reason=evil)
    message = mail(letter(title=evil, name="Mei\r\nBcc: x@y.z", comment=evil, asks=(ask,), note=Note(comment=evil)))
    assert message["Bcc"] is None
    assert message["Subject"].strip().startswith("Please decide: Q-1 Pumps Bcc: all@example.com")
    assert "<script" not in part(message, "html")
    assert "&lt;script&gt;" in part(message, "html")


def test_no_text_can_end_its_part() -> None:
    boundary = mail(letter()).get_boundary()
    message = mail(letter(comment=f"--{boundary}\nContent-Type: text/html\n\nboo"))
    assert [each.get_content_type() for each in message.iter_parts()] == ["text/plain", "text/html"]


def test_names_of_the_world_survive() -> None:
    given = letter(name="Zoë 田中", title="Spital „St. Anna“ " + "lang " * 60)
    assert mail(given)["To"].addresses[0].display_name == "Zoë 田中"
    assert "„St. Anna“" in mail(given)["Subject"]
    assert max(len(line) for line in PRESS.write(given).content.splitlines()) < 999


def test_addresses_of_the_world_are_written_as_the_net_knows_them() -> None:
    assert PRESS.write(letter(mail="mei@bücher.example")).recipient == "mei@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "address", ["", "mei", "@", "a b@example.com", "mei@example.com, all@example.com", "<x>", "zoë@example.com"]
)
def test_what_is_no_address_is_undeliverable(address: str) -> None:
    with pytest.raises(Undeliverable) as refused:
        PRESS.write(letter(mail=address))
    assert refused.value.code == "bad_address"


def test_the_date_of_a_letter_is_the_moment_of_its_cause() -> None:
    assert mail(letter(at=NOON + timedelta(days=30)))["Date"] == "Wed, 23 Dec 2026 12:00:00 +0000"


async def test_the_same_letter_is_the_same_file(tmp_path: Path) -> None:
    folder, mailing = MailFolder(tmp_path), PRESS.write(letter())
    await folder.deliver(mailing)
    await folder.deliver(PRESS.write(letter(title="changed since")))
    assert list(tmp_path.iterdir()) == [folder.path(mailing.key)]
    assert folder.path(mailing.key).read_bytes() == mailing.content


# -- templates of an installation


def own(folder: Path, **files: str) -> LetterPress:
    """A press with these own templates; ``__`` stands for a dot."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return LetterPress(LetterTemplates(folder))


def test_the_nearest_own_template_is_taken(tmp_path: Path) -> None:
    texts = {"request__txt": "plain", "request__de__txt": "deutsch", "request__de_AT__txt": "österreichisch"}
    press = own(tmp_path, **{name: f"Subject: {word}\n\n{{{{ quote.id }}}}" for name, word in texts.items()})
    told = {locale: press.word(letter(locale=locale)).subject for locale in ("de-AT", "de-CH", "fr", None)}
    assert told == {"de-AT": "österreichisch", "de-CH": "deutsch", "fr": "plain", None: "plain"}
    assert press.word(letter(kind="approved")).subject == "Approved: Q-1 Pumps"
    assert press.complaints() == []


def test_an_own_text_without_own_html_is_sent_alone(tmp_path: Path) -> None:
    message = mail(letter(locale="de"), own(tmp_path, request__de__txt="Subject: Bitte\n\n{{ quote.net_total }}"))
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == "1.911.201,11 USD"


def test_an_own_letterhead_is_round_all_letters(tmp_path: Path) -> None:
    press = own(
        tmp_path, layout__html="<h1>Acme</h1>{% block opening %}{% endblock %}{% block details %}{% endblock %}"
    )
    assert "<h1>Acme</h1>" in part(mail(letter(kind="approved"), press), "html")
    assert "<h1>Acme</h1>" in part(mail(letter(), press), "html")
    assert press.complaints() == []


BROKEN = {
    "syntax": "Subject: x\n\n{% if %}",
    "unknown name": "Subject: x\n\n{{ qoute.id }}",
    "unknown field": "Subject: x\n\n{{ quote.prize }}",
    "no subject": "{{ quote.id }}",
    "blank subject": "Subject: \n\nHello",
    "missing piece": '{% extends "nothing.txt" %}',
    "way out": 'Subject: {{ "".__class__.__mro__ }}\n\nx',
    "other files": 'Subject: x\n\n{% include "../../secret.txt" %}',
    "fails": "Subject: x\n\n{{ 1 // 0 }}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_own_template_never_loses_a_letter(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "own" / "templates"
    folder.mkdir(parents=True)
    press = own(folder, request__txt=BROKEN[name])
    mailing = press.write(letter())
    assert mailing.content == PRESS.write(letter()).content
    assert mailing.complaint is not None
    assert "request" in mailing.complaint
    assert len(press.complaints()) == 1
    assert press.complaints()[0].startswith("request.txt: ")
    assert press.write(letter(kind="approved")).complaint is None


def test_a_template_that_cannot_even_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "request.txt").write_bytes(b"Subject: \xff\n\n")
    press = LetterPress(LetterTemplates(tmp_path))
    assert press.write(letter()).complaint is not None
    assert len(press.complaints()) == 1


def test_a_template_that_stands_only_a_full_letter_is_told(tmp_path: Path) -> None:
    press = own(tmp_path, request__txt="Subject: x\n\n{{ asks[0].on_behalf_of.name }}")
    assert len(press.complaints()) == 1


def test_files_that_would_never_be_used_are_told(tmp_path: Path) -> None:
    names = ("reqest.txt", "request.md", "request.deutsch.txt", "approved.fr.html", "request.de.old.txt")
    press = own(tmp_path, **{name.replace(".", "__"): "Subject: x\n\nx" for name in names}, _note__html="x")
    assert sorted(told.partition(":")[0] for told in press.complaints()) == sorted(names)
    missing = LetterPress(LetterTemplates(tmp_path / "missing"))
    assert "is no folder" in missing.complaints()[0]
    assert missing.write(letter()).complaint is None


def test_a_broken_letterhead_is_told_for_the_letters_it_is_round(tmp_path: Path) -> None:
    press = own(tmp_path, layout__txt="Subject: x\n\n{{ oops }}")
    assert {told.partition(":")[0] for told in press.complaints()} == {*KINDS, "news"}
    assert press.write(letter()).content == PRESS.write(letter()).content


def test_own_templates_are_taken_up_when_they_change(tmp_path: Path) -> None:
    press = own(tmp_path, request__txt="Subject: {{ oops }}")
    assert press.word(letter()).complaint is not None
    own(tmp_path, request__txt="Subject: mended\n\nHello {{ to.name }}")
    assert (press.word(letter()).subject, press.word(letter()).complaint) == ("mended", None)


@pytest.mark.parametrize("kind", [*KINDS, "news"])
@pytest.mark.parametrize("full", [True, False])
def test_our_own_templates_stand_every_letter(kind: str, full: bool) -> None:
    assert "None" not in PRESS.word(sample(kind, full=full)).text
