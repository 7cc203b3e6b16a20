"""Whether a pooled connection still lives: asked at every checkout, in one round trip."""

from __future__ import annotations

from typing import Any

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError


def watch(engine: Engine) -> None:
    """Let nobody have a dead connection from the pool of ``engine``: it is replaced by a new one.

    The usual question of the pool is put in a transaction of its own and takes three round trips; a plain statement
    takes one. It cannot be left out: the driver hears of a connection that its server ended only when it next listens.
    """

    @event.listens_for(engine, "checkout")
    def look(connection: Any, _: Any, __: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError("the server closed it")
        try:
            connection.run_async(_asked)
        except (PostgresError, InterfaceError, InternalClientError, OSError) as error:
            raise DisconnectionError("it gave no sign of life") from error


async def _asked(driver: Any) -> None:
    await driver.execute("SELECT 1")
