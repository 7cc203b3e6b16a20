"""The file ERP and the letters."""

from __future__ import annotations

import json
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from activities.partners.erp import Acknowledgement, ErpConflict, ErpOrder
from activities.partners.erp_document import erp_document
from activities.partners.file_erp import FileErp
from activities.partners.folder import file_name
from activities.partners.letters import OPENINGS, SUBJECTS, body, subject
from activities.partners.mail import Ask, Letter, Undeliverable
from activities.partners.mail_folder import MailFolder
from domain.order.book import open_book
from domain.order.event import Cause
from domain.order.split import split
from domain.pricing import price
from domain.quote import read_quote
from tests.activities.samples import NOON, hospital


@pytest.fixture(scope="module")
def documents() -> tuple[ErpOrder, ...]:
    """The documents of the hospital's orders."""
    priced = price(read_quote(hospital()))
    change = split(open_book(priced), priced, ["order_date", "ship_to"], Cause(at=NOON, by="rosa"))
    return tuple(erp_document(order, priced.quote) for order in change.orders)


@pytest.fixture
def erp(tmp_path: Path) -> FileErp:
    return FileErp(tmp_path / "orders", tmp_path / "acknowledgements")


def answer(key: str, **more: object) -> Acknowledgement:
    return Acknowledgement.model_validate({"key": key, "outcome": "accepted", "at": NOON, **more})


def test_the_receiver_can_check_every_amount(documents: tuple[ErpOrder, ...]) -> None:
    for document in documents:
        for item in document.items:
            assert item.price * item.quantity + item.adjustment == item.amount
        assert document.totals.amount == sum(item.amount for item in document.items)
        assert document.totals.adjustment == sum(item.adjustment for item in document.items)
        assert document.totals.items == len(document.items)
    assert str(sum(document.totals.amount for document in documents)) == "1911201.11"
    assert any(item.adjustment for document in documents for item in document.items)


def test_a_document_reads_back_as_it_was(documents: tuple[ErpOrder, ...]) -> None:
    for document in documents:
        assert ErpOrder.model_validate_json(document.model_dump_json()) == document


async def test_a_document_is_written_once(erp: FileErp, documents: tuple[ErpOrder, ...], tmp_path: Path) -> None:
    assert await erp.look_up(documents[0].key) is None
    await erp.send(documents[0])
    (path,) = (tmp_path / "orders").iterdir()
    before = (path.stat().st_ino, path.stat().st_mtime_ns)
    assert (await erp.send(documents[0])).key == documents[0].key
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    assert await erp.look_up(documents[0].key) == documents[0]
    changed = documents[0].model_copy(update={"items": documents[0].items[:1]})
    with pytest.raises(ErpConflict):
        await erp.send(changed)
    assert [each.name for each in (tmp_path / "orders").iterdir()] == [path.name]


async def test_an_acknowledgement_stays_until_it_is_taken(erp: FileErp, tmp_path: Path) -> None:
    assert (await erp.read_status()).received == ()
    given = answer("Q-1-1:2:create", document="SO-77", lines=[{"item_id": "a", "outcome": "accepted"}])
    await erp.acknowledge(given)
    for _ in range(2):
        ((received,), aside) = ((status := await erp.read_status()).received, status.put_aside)
        assert (received.acknowledgement, aside) == (given, {})
    assert (given.order_id, given.version, given.accepted) == ("Q-1-1", 2, True)
    await erp.taken(received.slip)
    await erp.taken(received.slip)
    assert (await erp.read_status()).received == ()
    assert (tmp_path / "acknowledgements" / "done" / received.slip).exists()


MALFORMED = {
    "no json": ("{", "JSON"),
    "no object": ("[]", "must be"),
    "deep": ("[" * 100_000, "JSON"),
    "unknown field": ('{"key": "Q-1-1:1:create", "outcome": "accepted", "at": "2026-11-23T12:00Z", "x": 1}', "x"),
    "no zone": ('{"key": "Q-1-1:1:create", "outcome": "accepted", "at": "2026-11-23T12:00"}', "at"),
    "bad key": ('{"key": "Q-1-1", "outcome": "accepted", "at": "2026-11-23T12:00Z"}', "key"),
    "no reason": ('{"key": "Q-1-1:1:create", "outcome": "rejected", "at": "2026-11-23T12:00Z"}', "needs a reason"),
    "bad bytes": ("\udcff", "JSON"),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_acknowledgement_is_put_aside(erp: FileErp, tmp_path: Path, name: str) -> None:
    content, complaint = MALFORMED[name]
    inbox = tmp_path / "acknowledgements"
    inbox.mkdir()
    (inbox / "a.json").write_bytes(content.encode(errors="surrogateescape"))
    await erp.acknowledge(answer("Q-1-2:1:create"))
    status = await erp.read_status()
    assert [each.acknowledgement.key for each in status.received] == ["Q-1-2:1:create"]
    assert complaint in status.put_aside["a.json"]
    assert (inbox / "rejected" / "a.json").exists()
    assert complaint in (inbox / "rejected" / "a.json.reason.txt").read_text(encoding="utf-8")
    assert (await erp.read_status()).put_aside == {}


async def test_a_second_malformed_file_of_a_name_keeps_the_first(erp: FileErp, tmp_path: Path) -> None:
    inbox = tmp_path / "acknowledgements"
    for _ in range(2):
        inbox.mkdir(exist_ok=True)
        (inbox / "a.json").write_text("{")
        await erp.read_status()
    assert sorted(each.name for each in (inbox / "rejected").glob("*.json")) == ["a.2.json", "a.json"]


async def test_files_that_are_being_written_are_left_alone(erp: FileErp, tmp_path: Path) -> None:
    inbox = tmp_path / "acknowledgements"
    inbox.mkdir()
    (inbox / ".a.json").write_text("{")
    assert await erp.read_status() == (await erp.read_status())
    assert (inbox / ".a.json").exists()


def test_names_of_files_never_leave_their_folder_or_meet() -> None:
    names = {file_name(key, ".json") for key in ("../../etc/passwd", "a:b", "a_b", "a/b", ".", "", "x" * 300)}
    assert len(names) == 7
    assert all(Path(name).name == name and not name.startswith(".") and len(name) < 120 for name in names)
    assert json.dumps(sorted(names))


def letter(**more: object) -> Letter:
    given: dict[str, object] = {"key": "Q-1/1/1", "kind": "request", "to": "mei", "name": "Mei", "at": NOON}
    given |= {"mail": "mei@example.com", "quote_id": "Q-1", "round": 1, "title": "Pumps", "customer_id": "acme"}
    given |= {"submitter": "rosa", "net_total": "1911201.11", "currency": "USD", "comment": "please\nsoon"}
    ask = Ask(approval_id="a", rule="discount", approver="legal", waiting_for=("mei", "liam"), due_at=NOON)
    return Letter.model_validate(given | {"asks": (ask,), "outcome_reason": "too cheap", **more})


@pytest.mark.parametrize("kind", SUBJECTS)
def test_every_kind_of_letter_says_what_it_is_about(kind: str) -> None:
    text = body(letter(kind=kind))
    assert subject(letter(kind=kind)).endswith("Q-1 Pumps")
    assert OPENINGS[kind].format(submitter="rosa") in text
    assert "1,911,201.11 USD" in text
    asks = kind in ("request", "reminder", "escalation", "delegation")
    assert ("Also asked liam" in text, "> soon" in text) == (asks, asks)
    assert ("> too cheap" in text) == (kind in ("rejected", "recalled"))


async def test_a_title_cannot_add_a_header(tmp_path: Path) -> None:
    folder, evil = MailFolder(tmp_path), letter(title="Pumps\r\nBcc: all@example.com", name="Mei\r\nBcc: x@y.z")
    await folder.deliver(evil)
    mail = message_from_bytes(folder.path(evil).read_bytes(), policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Please decide: Q-1 Pumps Bcc: all@example.com"


async def test_names_of_the_world_survive(tmp_path: Path) -> None:
    folder, sent = MailFolder(tmp_path), letter(name="Zoë 田中", title="Spital „St. Anna“ " + "lang " * 60)
    await folder.deliver(sent)
    mail = message_from_bytes(folder.path(sent).read_bytes(), policy=policy.default)
    assert mail["To"].addresses[0].display_name == "Zoë 田中"
    assert "„St. Anna“" in mail["Subject"]
    assert max(len(line) for line in folder.path(sent).read_bytes().splitlines()) < 999


@pytest.mark.parametrize("address", ["", "mei", "@", "a b@example.com", "mei@example.com, all@example.com", "<x>"])
async def test_what_is_no_address_is_undeliverable(tmp_path: Path, address: str) -> None:
    with pytest.raises(Undeliverable):
        await MailFolder(tmp_path).deliver(letter(mail=address))
    assert list(tmp_path.iterdir()) == []


async def test_the_date_of_a_letter_is_the_moment_of_its_cause(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path)
    await folder.deliver(letter(at=NOON + timedelta(days=30)))
    mail = message_from_bytes(folder.path(letter()).read_bytes(), policy=policy.default)
    assert mail["Date"] == "Wed, 23 Dec 2026 12:00:00 +0000"
