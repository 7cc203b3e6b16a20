"""Letters handed to a real SMTP server: taken, refused, put off; and the relay's part in each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.messages import Relay
from activities.partners.letter_press import LetterPress
from activities.partners.letter_samples import sample
from activities.partners.mail import MailChain, Mailing, Undeliverable, Unreachable
from activities.partners.mail_folder import MailFolder
from activities.partners.smtp import Security, SmtpMail, TemporarilyRefused
from activities.store.work import Database
from tests.activities.post_office import PostOffice, make_certificate, post_office
from tests.activities.test_relay import at_once, notice, row, tell, told, until

MAILING = LetterPress().write(sample("request"))
__all__ = ["told"]


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as office:
        yield office


def mail(office: PostOffice, **how: object) -> SmtpMail:
    return SmtpMail(office.address(**how))


# -- the partner


async def test_a_letter_arrives_as_it_was_written(office: PostOffice) -> None:
    await mail(office).deliver(MAILING)
    assert office.envelopes == [("countersign@localhost", "mei@example.com")]
    (message,) = office.taken
    assert message["Subject"] == "Please decide: Q-1001 Pumps for St. Anna"
    assert message.get_content_type() == "multipart/alternative"
    text = message.get_body(("plain",))
    assert text is not None
    assert "Spital „St. Anna“" in text.get_content()


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_over_tls_with_a_user(tmp_path: Path, security: Security) -> None:
    certificate = make_certificate(tmp_path)
    async with post_office(security=security, certificate=certificate, user=("cs", "s3cret")) as office:
        await mail(office, user="cs", password="s3cret").deliver(MAILING)
        assert office.told == ["mei@example.com"]
        with pytest.raises(Unreachable, match="SMTPAuthenticationError"):
            await mail(office, user="cs", password="wrong").deliver(MAILING)
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await mail(office, ca_file=None).deliver(MAILING)
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await mail(office, ca_file=make_certificate(tmp_path, "elsewhere.test")).deliver(MAILING)
        assert office.told == ["mei@example.com"]


async def test_starttls_is_never_left_out(office: PostOffice) -> None:
    with pytest.raises(Unreachable, match="STARTTLS"):
        await mail(office, security=Security.STARTTLS).deliver(MAILING)
    assert office.taken == []


@pytest.mark.parametrize("answers", [{"rcpt": ["550 5.1.1 no such user"]}, {"data": ["554 5.7.1 we do not like it"]}])
async def test_what_the_server_refuses_for_good_is_undeliverable(
    office: PostOffice, answers: dict[str, list[str]]
) -> None:
    office.rcpt, office.data = answers.get("rcpt", []), answers.get("data", [])
    with pytest.raises(Undeliverable, match=r"refused by the mail server: 55\d 5\.") as refused:
        await mail(office).deliver(MAILING)
    assert refused.value.code == "refused"


@pytest.mark.parametrize("answers", [{"rcpt": ["450 4.2.1 busy"]}, {"data": ["451 4.3.0 later"]}])
async def test_what_the_server_puts_off_may_be_tried_again(office: PostOffice, answers: dict[str, list[str]]) -> None:
    office.rcpt, office.data = answers.get("rcpt", []), answers.get("data", [])
    with pytest.raises(TemporarilyRefused, match=r"45\d 4\."):
        await mail(office).deliver(MAILING)
    await mail(office).deliver(MAILING)
    assert len(office.taken) == 1


@pytest.mark.parametrize("answers", [{"mail": ["550 5.7.1 not from you"]}, {"rcpt": ["421 4.7.0 closing"]}])
async def test_what_is_wrong_for_every_letter_says_nothing_about_this_one(
    office: PostOffice, answers: dict[str, list[str]]
) -> None:
    office.rcpt, office.mail = answers.get("rcpt", []), answers.get("mail", [])
    with pytest.raises(Unreachable):
        await mail(office).deliver(MAILING)


async def test_a_silent_server_is_not_waited_for_for_ever() -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    silent = PostOffice(port=server.sockets[0].getsockname()[1])
    with pytest.raises(Unreachable, match="Timeout"):
        await mail(silent, timeout=0.2).deliver(MAILING)
    server.close()


# -- the relay


async def test_a_refused_letter_is_given_up_with_what_the_server_said(told: Database, office: PostOffice) -> None:
    office.rcpt = ["550 5.1.1 no such user"]
    await tell(told, notice(2, to="liam"))
    assert await Relay(told, mail(office)).drain() == 1
    assert office.told == ["liam@example.com"]
    refused = await row(told)
    assert (refused.reason, refused.attempts) == ("refused", 1)
    assert refused.last_error == "refused by the mail server: 550 5.1.1 no such user"
    await at_once(told)
    assert await Relay(told, mail(office)).drain() == 0


async def test_a_letter_that_was_put_off_leaves_later_and_holds_nobody_up(told: Database, office: PostOffice) -> None:
    office.data = ["451 4.3.0 later"]
    await tell(told, notice(2, to="liam"))
    relay = Relay(told, mail(office))
    assert await relay.drain() == 1
    assert (await row(told)).last_error == "TemporarilyRefused: 451 4.3.0 later"
    await at_once(told)
    assert await relay.drain() == 1
    assert office.told == ["liam@example.com", "mei@example.com"]
    assert (await row(told)).sent_at is not None


async def test_while_the_server_is_down_one_letter_is_tried_and_the_others_keep_their_turn(
    told: Database, office: PostOffice
) -> None:
    await tell(told, notice(2, to="liam"), notice(3, to="mei"))
    await office.close()
    relay = Relay(told, mail(office), batch=2)
    assert await relay.drain() == 0
    assert (await row(told)).attempts == 1
    assert "Unreachable" in (await row(told)).last_error
    assert [(await row(told, f"Q-1/1/{number}")).attempts for number in (2, 3)] == [0, 0]
    await office.open()
    await at_once(told)
    assert await relay.drain() == 3
    assert sorted(office.told) == ["liam@example.com", "mei@example.com", "mei@example.com"]


async def test_the_relay_waits_for_a_server_that_comes_back(told: Database, office: PostOffice) -> None:
    await office.close()
    running = asyncio.create_task(Relay(told, mail(office), poll=timedelta(milliseconds=50)).run())
    while (await row(told)).attempts == 0:
        await asyncio.sleep(0.02)
    await office.open()
    await until(lambda: len(office.taken) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await row(told)).sent_at is not None


class Crash(BaseException):
    """The process dies."""


class Dying(SmtpMail):
    async def deliver(self, mailing: Mailing) -> None:
        await super().deliver(mailing)
        raise Crash


async def test_a_crash_after_the_server_took_it_sends_the_same_message_again(
    told: Database, office: PostOffice
) -> None:
    """The one window that SMTP leaves open: the second one can be recognised by its id."""
    with pytest.raises(Crash):
        await Relay(told, Dying(office.address())).drain()
    assert await Relay(told, mail(office)).drain() == 0
    await at_once(told)
    assert await Relay(told, mail(office)).drain() == 1
    first, second = office.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()
    await at_once(told)
    assert await Relay(told, mail(office)).drain() == 0


async def test_a_relay_that_is_ended_notes_what_has_left(told: Database, office: PostOffice) -> None:
    await tell(told, notice(2, to="liam"))
    reached, go = asyncio.Event(), asyncio.Event()

    class Slow(SmtpMail):
        async def deliver(self, mailing: Mailing) -> None:
            await super().deliver(mailing)
            reached.set()
            await go.wait()

    draining = asyncio.create_task(Relay(told, Slow(office.address())).drain())
    await asyncio.wait_for(reached.wait(), 10)
    draining.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert (await row(told)).sent_at is not None
    # What was not begun waits for no lease.
    assert (await row(told, "Q-1/1/2")).attempts == 0
    assert await Relay(told, mail(office)).drain() == 1


async def test_a_server_that_says_nothing_after_taking_it_is_tried_again(told: Database, office: PostOffice) -> None:
    office.hang_after_data = True
    assert await Relay(told, mail(office, timeout=0.3)).drain() == 0
    office.hang_after_data = False
    await at_once(told)
    assert await Relay(told, mail(office)).drain() == 1
    assert office.taken[0]["Message-ID"] == office.taken[1]["Message-ID"]


async def test_into_the_folder_and_to_the_server(told: Database, office: PostOffice, tmp_path: Path) -> None:
    office.data = ["451 later"]
    relay = Relay(told, MailChain([MailFolder(tmp_path), mail(office)]))
    assert await relay.drain() == 0
    await at_once(told)
    assert await relay.drain() == 1
    assert len(list(tmp_path.iterdir())) == len(office.taken) == 1


async def test_no_delivery_is_begun_that_could_outlast_its_lease(told: Database, office: PostOffice) -> None:
    await tell(told, *(notice(number) for number in range(2, 6)))

    class Slow(SmtpMail):
        async def deliver(self, mailing: Mailing) -> None:
            await super().deliver(mailing)
            await asyncio.sleep(0.15)

    slow = Relay(told, Slow(office.address()), lease=timedelta(seconds=0.6), patience=timedelta(seconds=0.5))
    quick = Relay(told, mail(office), poll=timedelta(milliseconds=10))
    await asyncio.gather(slow.drain(), *(quick.drain() for _ in range(3)))
    await slow.drain()
    assert len(office.taken) == 5
    assert len({message["Message-ID"] for message in office.taken}) == 5
    with pytest.raises(ValueError, match="lease"):
        Relay(told, mail(office), lease=timedelta(seconds=5), patience=timedelta(seconds=5))
