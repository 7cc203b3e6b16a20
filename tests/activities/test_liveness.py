"""Connections that die in the pool: nobody who works next notices."""

from __future__ import annotations

from typing import Any

import pytest
from asyncpg import InterfaceError
from sqlalchemy import event, text

from activities.store import liveness
from activities.store.work import Database

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> {pid}"
ME = "SELECT pg_backend_pid()"


async def pid(database: Database) -> int:
    async with database.engine.connect() as connection:
        return int((await connection.execute(text(ME))).scalar_one())


async def test_a_connection_that_the_server_has_just_ended_is_replaced(database_url: str) -> None:
    one, other = Database(database_url, pool_size=1), Database(database_url, pool_size=1)
    before = await pid(one)
    async with other.engine.connect() as connection:
        await connection.execute(text(OTHERS.format(pid=await _own(connection))))
    # At once: the driver has not heard of it yet.
    assert await pid(one) != before
    await one.close()
    await other.close()


async def test_one_that_was_cut_off_in_silence_is_replaced(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(database_url, pool_size=1)
    before = await pid(database)
    answers = [InterfaceError("no answer")]

    async def asked(driver: Any) -> None:
        if answers:
            raise answers.pop()
        await driver.execute("SELECT 1")

    monkeypatch.setattr(liveness, "_asked", asked)
    assert await pid(database) != before
    assert not answers
    await database.close()


async def test_a_connection_in_use_is_not_asked_again(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    pids = {await pid(database) for _ in range(3)}
    assert len(pids) == 1
    assert asked == [ME] * 3
    await database.close()


async def _own(connection: Any) -> int:
    return int((await connection.execute(text(ME))).scalar_one())
