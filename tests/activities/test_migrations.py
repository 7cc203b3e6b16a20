"""Migrations make exactly the tables that the store is written for."""

from __future__ import annotations

import asyncio
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from activities.store import order_tables, tables
from activities.store.metadata import APPEND_ONLY, metadata
from activities.store.migrate import current, head, upgrade
from activities.store.work import Database

CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferred FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity, identity_generation
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
TRIGGERS = """
SELECT tgrelid::regclass::text, count(*) FROM pg_trigger
WHERE tgname LIKE 'append_only%' AND tgenabled = 'O' GROUP BY 1 ORDER BY 1
"""


async def rows(connection: AsyncConnection, query: str) -> list[Any]:
    return [tuple(row) for row in await connection.execute(text(query))]


async def test_migrations_and_metadata_are_the_same(database: Database) -> None:
    assert {tables.record.name, order_tables.ledger.name} <= metadata.tables.keys()

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_constraints_and_indexes_are_the_same_to_the_letter(database: Database, empty_database_url: str) -> None:
    fresh = create_async_engine(empty_database_url)
    async with fresh.begin() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        await connection.run_sync(metadata.create_all)
        expected = [await rows(connection, query) for query in (CONSTRAINTS, INDEXES, COLUMNS)]
    await fresh.dispose()
    async with database.engine.connect() as connection:
        assert [await rows(connection, query) for query in (CONSTRAINTS, INDEXES, COLUMNS)] == expected


async def test_every_kept_table_has_its_triggers(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await rows(connection, TRIGGERS) == sorted((table, 2) for table in APPEND_ONLY)


async def test_two_who_start_at_once_do_not_race(empty_database_url: str) -> None:
    assert await current(empty_database_url) is None
    assert await asyncio.gather(*(upgrade(empty_database_url) for _ in range(3))) == [head()] * 3
    assert await current(empty_database_url) == head()
    assert await upgrade(empty_database_url) == head()


async def test_a_plain_address_is_understood(empty_database_url: str) -> None:
    assert await upgrade(empty_database_url.replace("postgresql+asyncpg:", "postgres:")) == head()
