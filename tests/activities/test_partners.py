"""The file ERP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from activities.partners.erp import Acknowledgement, ErpConflict, ErpOrder
from activities.partners.erp_document import erp_document
from activities.partners.file_erp import FileErp
from activities.partners.folder import file_name
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
