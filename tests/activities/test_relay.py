"""The relay: at least once, and once in effect."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from activities.messages import Relay
from activities.partners.letter_press import LetterPress
from activities.partners.letter_templates import LetterTemplates
from activities.partners.mail import Mailing
from activities.partners.mail_folder import MailFolder
from activities.store.tables import outgoing
from activities.store.work import Database
from domain.approval.state import ApprovalState, Notice
from tests.activities.samples import NOON, approval, open_two, seat, vote

PEOPLE = {
    "calendars": {"tokyo": {"time_zone": "Asia/Tokyo", "hours": {"mon-fri": ["09:00-18:00"]}}},
    "users": {
        "mei": {"name": "Mei Tanaka", "mail": "mei@example.com", "calendar": "tokyo"},
        "liam": {"name": "Liam Byrne", "mail": "liam@example.com"},
        "nora": {"name": "Nora Silva"},
        "sam": {"name": "Sam\r\nBcc: all@example.com", "mail": "sam@example.com\r\nBcc: all@example.com"},
        "tom": {"name": "Tom Reed", "mail": "tom@example.com", "active": False},
    },
}


def notice(number: int, to: str = "mei", kind: str = "request") -> Notice:
    return Notice(key=f"Q-1/1/{number}", kind=kind, to=to, quote_id="Q-1", round=1, at=NOON, approvals=("manager",))


async def tell(database: Database, *notices: Notice) -> None:
    async with database.work() as work:
        await work.outgoing.put(notices)


@pytest.fixture
async def told(database: Database) -> Database:
    """A database with people, a round, and one message to mei."""
    state = await open_two(database)
    others = [seat(person) for person in ("liam", "nora", "nobody", "sam", "tom")]
    due = approval("manager", seat("mei", due=NOON + timedelta(hours=3)), *others, requested_at=NOON)
    async with database.work() as work:
        await work.rounds.save(state.model_copy(update={"approvals": (due, *state.approvals[1:])}))
        await work.directory.replace_all(PEOPLE, "pat", NOON)
    await tell(database, notice(1))
    return database


async def row(database: Database, key: str = "Q-1/1/1") -> Any:
    async with database.engine.connect() as connection:
        return (await connection.execute(select(outgoing).where(outgoing.c.key == key))).one()


async def at_once(database: Database) -> None:
    """Let all leases and pauses be over."""
    async with database.engine.begin() as connection:
        await connection.execute(update(outgoing).values(not_before=text("now() - interval '1 second'")))


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


class Broken(MailFolder):
    """Fails so many times; then it is a folder of mails."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__(folder)
        self.times = times

    async def deliver(self, mailing: Mailing) -> None:
        if self.times > 0:
            self.times -= 1
            raise ConnectionError("no route to host")
        await super().deliver(mailing)


async def test_a_letter_says_what_is_asked_and_by_when(told: Database, tmp_path: Path) -> None:
    assert await Relay(told, MailFolder(tmp_path)).drain() == 1
    (path,) = files(tmp_path)
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("Mei Tanaka <mei@example.com>", "Please decide: Q-1 Pumps")
    text, html = (mail.get_body((form,)) for form in ("plain", "html"))
    assert text is not None
    assert html is not None
    content = text.get_content()
    assert "99.30 USD" in html.get_content()
    assert "99.30 USD" in content
    assert "too much discount" in content
    assert "Tuesday, 24 November 2026, 00:00 (Asia/Tokyo)" in content
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")
    assert (await row(told)).sent_at is not None


async def test_a_crash_between_writing_and_noting_sends_once(told: Database, tmp_path: Path) -> None:
    class Crash(BaseException):
        """The process dies."""

    class Dying(MailFolder):
        async def deliver(self, mailing: Mailing) -> None:
            await super().deliver(mailing)
            raise Crash

    with pytest.raises(Crash):
        await Relay(told, Dying(tmp_path)).drain()
    (path,) = files(tmp_path)
    before = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
    assert (await row(told)).sent_at is None
    # The dead relay's lease keeps the others away for a while; then one of them takes over.
    assert await Relay(told, MailFolder(tmp_path)).drain() == 0
    await at_once(told)
    assert await Relay(told, MailFolder(tmp_path)).drain() == 1
    assert files(tmp_path) == [path]
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert (await row(told)).attempts == 2


async def test_what_fails_is_tried_again_later_and_holds_nobody_up(told: Database, tmp_path: Path) -> None:
    await tell(told, notice(2, to="liam"))
    relay = Relay(told, Broken(tmp_path, 1))
    assert await relay.drain() == 1
    failed = await row(told)
    assert (failed.sent_at, failed.attempts, failed.last_error) == (None, 1, "ConnectionError: no route to host")
    assert await relay.drain() == 0
    await at_once(told)
    assert await relay.drain() == 1
    assert (await row(told)).last_error is None


async def test_what_never_succeeds_is_given_up(told: Database, tmp_path: Path) -> None:
    relay = Relay(told, Broken(tmp_path, 99), most_attempts=3)
    for _ in range(5):
        await relay.drain()
        await at_once(told)
    given_up = await row(told)
    assert given_up.attempts == 3
    assert given_up.given_up_at is not None
    assert (given_up.reason, given_up.last_error) == ("exhausted", "ConnectionError: no route to host")


@pytest.mark.parametrize(
    ("person", "reason", "complaint"),
    [
        ("nora", "no_address", "mail address"),
        ("nobody", "no_address", "mail address"),
        ("sam", "bad_address", "mail address"),
        ("tom", "inactive", "no active user"),
    ],
)
async def test_who_has_no_address_is_given_up_at_once(
    told: Database, tmp_path: Path, person: str, reason: str, complaint: str
) -> None:
    await tell(told, notice(2, to=person))
    assert await Relay(told, MailFolder(tmp_path)).drain() == 1
    given_up = await row(told, "Q-1/1/2")
    assert given_up.attempts == 1
    assert given_up.given_up_at is not None
    assert given_up.reason == reason
    assert complaint in given_up.last_error
    assert len(files(tmp_path)) == 1


async def test_the_same_message_put_twice_is_one(told: Database, tmp_path: Path) -> None:
    await tell(told, notice(1), notice(2), notice(2))
    relay = Relay(told, MailFolder(tmp_path))
    assert await relay.drain() == 2
    await tell(told, notice(1), notice(2))
    assert await relay.drain() == 0
    assert len(files(tmp_path)) == 2


async def test_several_relays_bring_each_message_once(told: Database, tmp_path: Path) -> None:
    await tell(told, *(notice(number) for number in range(2, 41)))
    relays = [Relay(told, MailFolder(tmp_path), batch=3) for _ in range(4)]
    assert sum(await asyncio.gather(*(relay.drain() for relay in relays))) == 40
    assert len(files(tmp_path)) == 40
    async with told.engine.connect() as connection:
        assert set((await connection.execute(select(outgoing.c.attempts))).scalars()) == {1}


async def test_nothing_leaves_before_the_commit(told: Database, tmp_path: Path) -> None:
    relay = Relay(told, MailFolder(tmp_path))
    await relay.drain()
    with contextlib.suppress(RuntimeError):
        async with told.work() as work:
            await work.outgoing.put([notice(2)])
            assert await relay.drain() == 0
            raise RuntimeError
    assert await relay.drain() == 0


async def test_a_commit_wakes_the_relay_and_cancelling_ends_it(told: Database, tmp_path: Path) -> None:
    # So long a pause that only the commit can have woken it.
    running = asyncio.create_task(Relay(told, MailFolder(tmp_path), poll=timedelta(minutes=1)).run())
    await until(lambda: len(files(tmp_path)) == 1)
    await asyncio.sleep(0.2)
    await tell(told, notice(2))
    await until(lambda: len(files(tmp_path)) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_relay_survives_a_lost_connection(told: Database, tmp_path: Path) -> None:
    running = asyncio.create_task(Relay(told, MailFolder(tmp_path), poll=timedelta(milliseconds=100)).run())
    await until(lambda: len(files(tmp_path)) == 1)
    async with told.engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        await connection.execute(text(others + " AND pid <> pg_backend_pid()"))
    await tell(told, notice(2))
    await until(lambda: len(files(tmp_path)) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


# -- what is true when a letter leaves


async def change(database: Database, **changes: Any) -> None:
    """Let the approval that the letters are about be otherwise."""
    async with database.work() as work:
        state = await work.rounds.get("Q-1", 1, for_update=True)
        fresh = tuple(
            each.model_copy(update=changes) if each.approval_id == "manager" else each for each in state.approvals
        )
        await work.rounds.save(state.model_copy(update={"approvals": fresh}))


@pytest.mark.parametrize("kind", ["request", "reminder", "escalation", "delegation", "replaced"])
async def test_what_asks_for_something_settled_does_not_leave(told: Database, tmp_path: Path, kind: str) -> None:
    await tell(told, notice(2, kind=kind))
    await change(told, state=ApprovalState.APPROVED, settled_at=NOON)
    assert await Relay(told, MailFolder(tmp_path)).drain() == 0
    assert files(tmp_path) == []
    for key in ("Q-1/1/1", "Q-1/1/2"):
        gone = await row(told, key)
        assert (gone.reason, gone.sent_at, gone.attempts) == ("superseded", None, 1)
        assert gone.given_up_at is not None


async def test_what_asks_somebody_who_is_asked_no_more_does_not_leave(told: Database, tmp_path: Path) -> None:
    await change(told, seats=(seat("mei").model_copy(update={"asked": ("liam",), "holder": "liam"}),))
    await tell(told, notice(2, to="liam", kind="escalation"))
    assert await Relay(told, MailFolder(tmp_path)).drain() == 1
    assert (await row(told)).reason == "superseded"
    assert (await row(told, "Q-1/1/2")).sent_at is not None


async def test_who_has_voted_is_not_reminded_by_what_was_still_waiting(told: Database, tmp_path: Path) -> None:
    await tell(told, notice(2, kind="reminder"))
    await change(told, seats=(seat("mei", vote=vote("mei")), seat("liam")))
    await Relay(told, MailFolder(tmp_path)).drain()
    assert (await row(told, "Q-1/1/2")).reason == "superseded"


async def test_of_several_approvals_the_ones_that_still_ask_are_told(told: Database, tmp_path: Path) -> None:
    both = notice(2, to="liam").model_copy(update={"approvals": ("manager", "legal")})
    await tell(told, both)
    await change(told, state=ApprovalState.SKIPPED, settled_at=NOON)
    assert await Relay(told, MailFolder(tmp_path)).drain() == 1
    content = files(tmp_path)[0].read_text()
    assert "Asked for  legal" in content
    assert "Asked for  manager" not in content


@pytest.mark.parametrize("kind", ["approved", "rejected", "recalled", "answer"])
async def test_what_tells_of_something_settled_leaves(told: Database, tmp_path: Path, kind: str) -> None:
    await change(told, state=ApprovalState.APPROVED, settled_at=NOON)
    await tell(told, notice(2, kind=kind))
    assert await Relay(told, MailFolder(tmp_path)).drain() == 1


async def test_a_letter_tells_whom_the_reader_stands_in_for(told: Database, tmp_path: Path) -> None:
    stand_in = seat("mei", due=NOON + timedelta(hours=3)).model_copy(update={"asked": ("liam",)})
    await change(told, seats=(stand_in, seat("nora", due=NOON + timedelta(hours=1))))
    await tell(told, notice(2, to="liam", kind="delegation"))
    await Relay(told, MailFolder(tmp_path)).drain()
    (path,) = files(tmp_path)
    text = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "On behalf of Mei Tanaka" in text
    assert "Customer   Acme" in text
    # Their own limit, not that of another seat.
    assert "Due        Monday, 23 November 2026, 15:00 (UTC)" in text
    assert "Also asked Nora Silva" in text


async def test_a_question_and_its_answer_are_told_as_they_were_put(told: Database, tmp_path: Path) -> None:
    detail = {"by": "mei", "comment": "Why so much?"}
    await tell(told, notice(2, to="liam", kind="question").model_copy(update={"detail": detail}))
    await change(told, state=ApprovalState.APPROVED, settled_at=NOON)
    await Relay(told, MailFolder(tmp_path)).drain()
    content = files(tmp_path)[0].read_text()
    assert "Mei Tanaka asks you something" in content
    assert "  About      manager" in content
    assert "  > Why so much?" in content


async def test_a_broken_template_is_noted_where_the_letter_was_sent(told: Database, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "request.txt").write_text("Subject: {{ oops }}")
    relay = Relay(told, MailFolder(tmp_path / "out"), LetterPress(LetterTemplates(own)))
    assert await relay.drain() == 1
    sent = await row(told)
    assert sent.sent_at is not None
    assert "own template of request: UndefinedError" in sent.last_error
    assert len(files(tmp_path / "out")) == 1
