"""Signed heads: what the chain alone does not show is found, whatever somebody may do to the database."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from activities.head_file import HeadFile
from activities.head_keys import HeadKey, HeadKeys, SignedHead
from activities.store.audit import audit
from activities.store.record_entry import entry_hash
from activities.store.record_heads import Evidence
from activities.store.work import Database
from domain.refusal import Refusal
from starter.record_signer import RecordSigner
from tests.activities.samples import NOON
from tests.activities.test_record import append, entry, tamper

KEY = HeadKey(HeadKey.generate())
KEYS = HeadKeys([KEY.public])
OLD = "UPDATE signed_heads SET at = at - interval '1 hour'"


@pytest.fixture
def file(tmp_path: Path) -> HeadFile:
    return HeadFile(tmp_path / "heads" / "heads.jsonl")


def signer(database: Database, file: HeadFile, key: HeadKey = KEY, **how: object) -> RecordSigner:
    return RecordSigner(database, key, file, **how)  # type: ignore[arg-type]


async def sign(database: Database, file: HeadFile) -> SignedHead:
    signed = await signer(database, file).sign(at_once=True)
    assert signed is not None
    return signed


async def ten_entries_with_two_heads(database: Database, file: HeadFile) -> None:
    """Heads after the fourth and the eighth of ten entries."""
    for numbers in (range(1, 5), range(5, 9), range(9, 11)):
        await append(database, *(entry(number) for number in numbers))
        if 10 not in numbers:
            await sign(database, file)


async def found(database: Database, file: HeadFile | None, keys: HeadKeys = KEYS) -> list[tuple[str, str]]:
    report = await audit(database, evidence=Evidence(keys, file))
    return [(each.code, each.where) for each in report.violations]


async def rewrite_from(database: Database, first: int, *, without: int | None = None, body: str | None = None) -> None:
    """Change an entry, or take one out, and chain everything behind it anew, the head included: the chain is whole."""
    async with database.reading() as work:
        rows = [
            dict(row) for row in (await work.connection.execute(text("SELECT * FROM record ORDER BY seq"))).mappings()
        ]
    kept = [row for row in rows if row["seq"] != without]
    last = kept[first - 2]["hash"]
    changed = []
    for number, row in enumerate(kept[first - 1 :], start=first):
        if number == first and body is not None:
            row["body"] = json.loads(body)
        row |= {"seq": number, "prev_hash": last, "hash": entry_hash(last, row)}
        last = row["hash"]
        changed.append(row)
    async with database.engine.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        await connection.execute(text("DELETE FROM record WHERE seq >= :first"), {"first": first})
        names = ", ".join(f'"{name}"' for name in changed[0])
        values = ", ".join("CAST(:body AS jsonb)" if name == "body" else f":{name}" for name in changed[0])
        statement = text(f"INSERT INTO record ({names}) VALUES ({values})")
        await connection.execute(statement, [{**row, "body": json.dumps(row["body"])} for row in changed])
        await connection.execute(
            text("UPDATE record_heads SET seq = :seq, hash = :hash"), {"seq": changed[-1]["seq"], "hash": last}
        )
        await connection.execute(text("SET session_replication_role = DEFAULT"))


async def test_what_is_sound_is_called_sound_and_says_how_many_heads_were_believed(
    database: Database, file: HeadFile
) -> None:
    await ten_entries_with_two_heads(database, file)
    report = await audit(database, evidence=Evidence(KEYS, file))
    assert (report.violations, report.heads) == ((), 2)
    assert (await audit(database)).heads is None


async def test_a_tail_cut_together_with_its_head_row_is_found(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    cut = "UPDATE record_heads SET seq = 6, hash = (SELECT hash FROM record WHERE seq = 6)"
    await tamper(database, "DELETE FROM record WHERE seq > 6", cut)
    async with database.reading() as work:
        assert await work.record.verify() == (), "the chain alone does not show it"
    assert await found(database, file) == [("record_cut_tail", "record 7")]


async def test_a_tail_cut_together_with_table_and_head_row_is_found_by_the_file(
    database: Database, file: HeadFile
) -> None:
    await ten_entries_with_two_heads(database, file)
    cut = "UPDATE record_heads SET seq = 6, hash = (SELECT hash FROM record WHERE seq = 6)"
    await tamper(database, "DELETE FROM record WHERE seq > 6", cut, "DELETE FROM signed_heads WHERE seq > 6")
    assert await found(database, file) == [("record_cut_tail", "record 7"), ("record_head_removed", "record 8")]


async def test_a_chain_written_anew_from_an_entry_on_is_found(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    await rewrite_from(database, 6, body='{"number": 66}')
    async with database.reading() as work:
        assert await work.record.verify() == (), "the chain alone does not show it"
    # Between the last head that agrees (4) and the first that does not (8): the first entry that may be bad is named.
    assert await found(database, file) == [("record_rewritten", "record 5")]


async def test_a_deletion_after_which_all_is_chained_anew_is_found(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    await rewrite_from(database, 3, without=3)
    async with database.reading() as work:
        assert await work.record.verify() == ()
    assert await found(database, file) == [("record_rewritten", "record 1")]


async def test_what_the_chain_shows_by_itself_names_the_very_entry(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    await tamper(database, "UPDATE record SET by = 'mei' WHERE seq = 7")
    assert await found(database, file) == [("record_edited", "record 7")]


async def test_a_missing_file_a_forged_head_and_a_foreign_key_are_told_apart(
    database: Database, file: HeadFile, tmp_path: Path
) -> None:
    await ten_entries_with_two_heads(database, file)
    await tamper(database, OLD)
    # The table's rows were moved in time by hand: their signatures no longer hold, the file's still do.
    assert {code for code, _ in await found(database, file)} == {"record_head_forged"}
    nowhere = HeadFile(tmp_path / "nowhere.jsonl")
    assert ("record_heads_missing", "record 8") in await found(database, nowhere)
    stranger = HeadKeys([HeadKey(HeadKey.generate()).public])
    assert [code for code, _ in await found(database, None, stranger)] == ["record_head_forged"] * 2


async def test_a_head_that_was_written_by_hand_is_forged_and_not_believed(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    first, second = file.path.read_text().splitlines()
    forged = json.loads(second) | {"seq": 9}
    own = HeadKey(HeadKey.generate()).sign(chain="main", number=2, seq=8, hash="0" * 64, at=NOON)
    for line in (json.dumps(forged), own.model_dump_json()):
        file.path.write_text(f"{first}\n{line}\n")
        assert [code for code, _ in await found(database, file)] == ["record_head_forged"]
    file.path.write_text(f"{first}\nno head at all\n")
    assert [code for code, _ in await found(database, file)] == ["record_head_forged"]


async def test_a_head_taken_out_of_the_file_is_missed(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    file.path.write_text(file.path.read_text().splitlines()[1] + "\n")
    await append(database, entry(11))
    # Heads of the last minute may be on their way into the file; these are older.
    later = KEY.sign(chain="main", number=3, seq=11, hash=await last_hash(database), at=NOON - timedelta(days=1))
    async with database.work() as work:
        await work.heads.add(later)
    file.append([later])
    assert await found(database, file) == [("record_head_removed", "record 4")]


async def last_hash(database: Database) -> str:
    async with database.reading() as work:
        return (await work.heads.now())[1]


# -- signing


async def test_the_head_is_signed_every_so_many_entries_and_every_so_often(database: Database, file: HeadFile) -> None:
    often = signer(database, file, every=3, pause=timedelta(hours=1))
    assert await often.sign() is None, "nothing is recorded yet"
    await append(database, entry(1))
    first = await often.sign()
    assert first is not None
    await append(database, entry(2), entry(3))
    assert await often.sign() is None
    await append(database, entry(4))
    second = await often.sign()
    assert second is not None
    assert [(first.number, first.seq), (second.number, second.seq)] == [(1, 1), (2, 4)]
    await append(database, entry(5))
    third = await signer(database, file, every=100, pause=timedelta(0)).sign()
    assert third is not None
    assert [line.signed for line in file.lines()] == [first, second, third]
    assert await often.sign(at_once=True) is None


async def test_the_file_gets_what_a_signer_that_died_left_out(database: Database, file: HeadFile) -> None:
    await append(database, entry(1))
    await sign(database, file)
    text_of_first = file.path.read_text()
    await append(database, entry(2))
    await sign(database, file)
    file.path.write_text(text_of_first + '{"chain": "ma')
    await append(database, entry(3))
    await sign(database, file)
    assert [line.signed.number if line.signed else None for line in file.lines()] == [1, None, 2, 3]


async def test_nothing_is_signed_over_a_break(database: Database, file: HeadFile) -> None:
    await ten_entries_with_two_heads(database, file)
    await rewrite_from(database, 6, body='{"number": 66}')
    with pytest.raises(Refusal) as refused:
        await sign(database, file)
    assert refused.value.code == "record_broken"
    await tamper(database, "DELETE FROM signed_heads")
    with pytest.raises(Refusal) as refused:
        await sign(database, file)
    assert refused.value.code == "record_broken", "the file remembers what the table lost"


def test_the_public_key_cannot_sign() -> None:
    with pytest.raises(Refusal) as refused:
        HeadKey(KEY.public)
    assert refused.value.code == "invalid_key"
    assert "d" not in json.loads(KEY.public)
