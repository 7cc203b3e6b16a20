"""Whether a pooled connection still lives: asked of the driver at every checkout, of the server only after a rest."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

LONGEST_REST = 5.0
"""Seconds after which a connection that nobody used is asked for a sign of life."""
SINCE = "at rest since"


def watch(engine: Engine) -> None:
    """Let nobody have a dead connection from the pool of ``engine``: it is replaced by a new one.

    A connection that its server ended is known to be closed without asking. Only one that was cut off in silence is
    not; so the question, three round trips, is put where it can have happened, and not before every transaction.
    """

    @event.listens_for(engine, "checkin")
    def rest(_: Any, record: Any) -> None:
        record.info[SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError("the server closed it")
        since = record.info.get(SINCE)
        if since is None or time.monotonic() - since < LONGEST_REST:
            return
        try:
            engine.dialect.do_ping(connection)
        except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
            raise DisconnectionError("it gave no sign of life") from error
