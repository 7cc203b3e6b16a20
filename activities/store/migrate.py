"""Bringing a database to the tables of this release (``migrations/``)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from activities.store.work import asyncpg_address

SCRIPTS = Path(__file__).parents[2] / "migrations"


async def upgrade(database_url: str) -> str:
    """Apply the migrations that the database lacks, all or none, and return the revision it is at.

    Two who start at once do not race: the second waits and finds nothing left to do.
    """
    engine = _engine(database_url)
    try:
        async with engine.connect() as connection:
            here = await connection.run_sync(_current)
        if here == head():
            return here
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('countersign/migrate', 0))"))
            # A migration that waits for a lock makes all others wait behind it: better to fail and be tried again.
            await connection.execute(text("SET LOCAL lock_timeout = '4s'"))
            await connection.run_sync(_upgrade)
            return await connection.run_sync(_current) or ""
    finally:
        await engine.dispose()


async def current(database_url: str) -> str | None:
    """The revision the database is at; None before the first migration."""
    engine = _engine(database_url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_current)
    finally:
        await engine.dispose()


def head() -> str:
    """The revision that this release is written for."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head() or ""


def _engine(database_url: str) -> AsyncEngine:
    return create_async_engine(
        asyncpg_address(database_url),
        poolclass=NullPool,
        connect_args={"timeout": 10, "server_settings": {"application_name": "countersign migrate"}},
    )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
