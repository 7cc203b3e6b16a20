"""Connections that die in the pool: nobody who works next notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from activities.store import liveness
from activities.store.work import Database
from tests.workflows.house import until

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> {pid}"
ME = "SELECT pg_backend_pid()"


async def pid(database: Database) -> int:
    async with database.engine.connect() as connection:
        return int((await connection.execute(text(ME))).scalar_one())


async def test_a_connection_that_the_server_ended_is_replaced_without_a_question(database_url: str) -> None:
    one, other = Database(database_url, pool_size=1), Database(database_url, pool_size=1)
    async with one.engine.connect() as connection:
        before = await _own(connection)
        raw: Any = (await connection.get_raw_connection()).driver_connection
    async with other.engine.connect() as connection:
        await connection.execute(text(OTHERS.format(pid=await _own(connection))))
    await until(_closed(raw), bool)
    assert await pid(one) != before
    await one.close()
    await other.close()


async def test_one_that_was_cut_off_in_silence_is_replaced_after_a_rest(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "LONGEST_REST", 0.0)
    database = Database(database_url, pool_size=1)
    before = await pid(database)

    def is_cut(connection: Any) -> bool:
        raise connection.dbapi.InterfaceError("no answer")

    monkeypatch.setattr(database.engine.dialect, "do_ping", is_cut)
    assert await pid(database) != before
    await database.close()


async def test_a_connection_in_use_is_not_asked_again(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    pids = {await pid(database) for _ in range(3)}
    assert len(pids) == 1
    assert asked == [ME] * 3
    await database.close()


def _closed(raw: Any) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return bool(raw.is_closed())

    return look


async def _own(connection: Any) -> int:
    return int((await connection.execute(text(ME))).scalar_one())
