"""The record: one chain without gaps, and every kind of tampering is found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.head_keys import HeadKey
from activities.store.jsonable import jsonable
from activities.store.metadata import APPEND_ONLY
from activities.store.record_entry import RecordEntry, entry_hash
from activities.store.work import Database
from domain.approval.state import RoundEvent
from tests.activities.samples import NOON, approval, order_hospital, round_of, seat, vote


def entry(number: int, **more: object) -> RecordEntry:
    return RecordEntry.model_validate(
        {"kind": "noted", "at": NOON, "quote_id": "Q-1", "body": {"number": number}, **more}
    )


async def append(database: Database, *entries: RecordEntry) -> None:
    async with database.work() as work:
        await work.record.append(entries)


async def found(database: Database) -> list[tuple[str, int]]:
    async with database.reading() as work:
        return [(finding.kind, finding.seq) for finding in await work.record.verify()]


async def tamper(database: Database, *statements: str) -> None:
    """What somebody does who may do anything to the database."""
    async with database.engine.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            await connection.execute(text(statement))
        await connection.execute(text("SET session_replication_role = DEFAULT"))


async def test_a_round_event_keeps_what_the_record_must_say(database: Database) -> None:
    event = RoundEvent(
        kind="approved",
        at=NOON,
        by="sam",
        on_behalf_of="david",
        rule="r",
        approval_id="a",
        channel="mail",
        comment="ok",
    )
    await append(database, RecordEntry.of_round(event, round_of(), key="Q-1/1/7"))
    async with database.reading() as work:
        (kept,) = await work.record.of_quote("Q-1")
    assert (kept.seq, kept.by, kept.on_behalf_of, kept.channel, kept.rule) == (1, "sam", "david", "mail", "r")
    assert (kept.body, kept.content_hash, kept.policy, kept.policy_version) == (
        {"comment": "ok"},
        "hash",
        "standard",
        1,
    )


async def test_what_is_told_twice_is_recorded_once(database: Database) -> None:
    await append(database, entry(1, key="a"), entry(2), entry(3, key="a"))
    await append(database, entry(4, key="a"), entry(5, key="b"))
    async with database.reading() as work:
        assert [each.body["number"] for each in await work.record.of_quote("Q-1")] == [1, 2, 5]
        assert [each.seq for each in await work.record.of_quote("Q-1", 1)] == [2, 3]


async def test_nothing_is_recorded_of_work_that_failed(database: Database) -> None:
    async def fail() -> None:
        async with database.work() as work:
            await work.record.append([entry(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await append(database, entry(2))
    async with database.reading() as work:
        assert [(each.seq, each.body["number"]) for each in await work.record.of_quote("Q-1")] == [(1, 2)]


async def test_concurrent_writers_keep_one_chain_without_gaps(database: Database) -> None:
    await asyncio.gather(*(append(database, *(entry(one * 10 + two) for two in range(3))) for one in range(20)))
    async with database.reading() as work:
        entries = await work.record.of_quote("Q-1")
    assert [each.seq for each in entries] == list(range(1, 61))
    assert await found(database) == []
    # The entries of one unit of work stand together, in their order.
    numbers = [each.body["number"] for each in entries]
    assert all(numbers[at + 1] == numbers[at] + 1 and numbers[at + 2] == numbers[at] + 2 for at in range(0, 60, 3))


async def test_numbers_of_every_size_keep_their_hash(database: Database) -> None:
    sizes: Sequence[float] = (0.1, 1e22, 1.0, -0.0, 1e-7, 123456789012345678901234567890, 5e-324)
    await append(database, *(entry(0, body={"size": size, "text": "Straße \u2028 😀"}) for size in sizes))
    assert await found(database) == []
    assert jsonable({"at": NOON})["at"].startswith("2026-11-23T12:00:00")


TAMPERED = {
    "an edit": ((("edited", 3),), "UPDATE record SET body = '{\"number\": 33}' WHERE seq = 3"),
    "an edited time": ((("edited", 3),), "UPDATE record SET at = at + interval '1 second' WHERE seq = 3"),
    "another author": ((("edited", 3),), "UPDATE record SET by = 'mei' WHERE seq = 3"),
    "a deletion": ((("deleted", 3),), "DELETE FROM record WHERE seq = 3"),
    "a deleted beginning": ((("deleted", 1),), "DELETE FROM record WHERE seq < 3"),
    "a cut tail": ((("cut_tail", 4),), "DELETE FROM record WHERE seq >= 4"),
    "everything deleted": ((("cut_tail", 1),), "DELETE FROM record"),
    "a missing head": ((("head_missing", 5),), "DELETE FROM record_heads"),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_tampering_is_found(database: Database, name: str) -> None:
    expected, statement = TAMPERED[name]
    await append(database, *(entry(number) for number in range(1, 6)))
    await tamper(database, statement)
    assert await found(database) == list(expected)


async def test_a_deletion_with_new_numbers_is_found(database: Database) -> None:
    await append(database, *(entry(number) for number in range(1, 6)))
    close_gap = "UPDATE record SET seq = seq - 1 WHERE seq = {}"
    await tamper(database, "DELETE FROM record WHERE seq = 3", close_gap.format(4), close_gap.format(5))
    assert (await found(database))[0] == ("deleted", 3)


async def test_an_insertion_is_found(database: Database) -> None:
    await append(database, *(entry(number) for number in range(1, 6)))
    # The second entry once more as a third, with an honest hash: the forger knows how the chain is made.
    forged = (
        "INSERT INTO record SELECT 3, NULL, at, recorded_at, kind, quote_id, order_id, approval_id, round, rule, by"
    )
    forged += (
        ", on_behalf_of, channel, body, content_hash, policy, policy_version, hash, '{}' FROM record WHERE seq = 2"
    )
    async with database.reading() as work:
        second = (await work.connection.execute(text("SELECT * FROM record WHERE seq = 2"))).mappings().one()
    honest = entry_hash(second["hash"], dict(second))
    room = [f"UPDATE record SET seq = seq + 1 WHERE seq = {seq}" for seq in (5, 4, 3)]
    await tamper(database, *room, forged.format(honest), "UPDATE record_heads SET seq = 6")
    assert (await found(database))[0] == ("inserted", 3)


async def test_a_reordering_is_found(database: Database) -> None:
    await append(database, *(entry(number) for number in range(1, 6)))
    swap = ("UPDATE record SET seq = {} WHERE seq = {}".format(*pair) for pair in ((99, 3), (3, 4), (4, 99)))
    await tamper(database, *swap)
    assert (await found(database))[0] == ("reordered", 3)


async def test_an_entry_behind_the_head_is_found(database: Database) -> None:
    await append(database, *(entry(number) for number in range(1, 4)))
    await tamper(database, "UPDATE record_heads SET seq = 2")
    assert await found(database) == [("inserted", 3)]


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_kept_tables_refuse_every_change(database: Database, table: str) -> None:
    await order_hospital(database)
    async with database.work() as work:
        await work.policies.publish("standard", "text", {"policy": "standard"}, "pat", NOON)
        await work.rounds.open(round_of(quote_id="Q-1001"))
    one_column = {"ledger": "kind", "signed_heads": "key", "withdrawals": "approval_id"}.get(table, "by")
    if table in ("decisions", "withdrawals"):
        await _decide(database)
    if table == "withdrawals":
        async with database.engine.begin() as connection:
            taken_back = "SELECT decision_id, approval_id FROM decisions"
            await connection.execute(text(f"INSERT INTO withdrawals (decision_id, approval_id) {taken_back}"))
    if table == "signed_heads":
        head = HeadKey(HeadKey.generate()).sign(chain="main", number=1, seq=1, hash="h", at=NOON)
        async with database.work() as work:
            await work.heads.add(head)
    if table == "closed_periods":
        async with database.work() as work:
            await work.closed_periods.close("2026-01", NOON, "pat")
    if table == "credit_holds":
        async with database.work() as work:
            await work.credit_holds.hold("acme", "two invoices are overdue", "pat", NOON)
    for statement in (
        f"UPDATE {table} SET {one_column} = {one_column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.engine.begin() as connection:
                await connection.execute(text(statement))


async def _decide(database: Database) -> None:
    async with database.work() as work:
        voted = approval("manager", seat("mei", vote=vote("mei")))
        await work.rounds.save(round_of(voted, quote_id="Q-1001"))
