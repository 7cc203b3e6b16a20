"""Cursors: where a page ended, as a text that is handed out and taken back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.refusal import Refusal


def make_cursor(*parts: str) -> str:
    """The cursor behind the row with these sort keys."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> list[str]:
    """The sort keys in a cursor. Code: ``invalid_cursor``."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(parts, list) and len(parts) == length and all(isinstance(part, str) for part in parts):
            return parts
    except (binascii.Error, ValueError, RecursionError):
        pass
    raise _bad_cursor()


def read_moment(text: str) -> datetime:
    """A moment in a cursor. Code: ``invalid_cursor``."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad_cursor() from None
    if moment.tzinfo is None:
        raise _bad_cursor()
    return moment


def read_number(text: str) -> int:
    """A number in a cursor. Code: ``invalid_cursor``."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _bad_cursor()
    return int(text)


async def fetch_page(connection: AsyncConnection, statement: Select[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """At most ``limit`` rows, and whether there are more: one row more than asked for tells."""
    rows = (await connection.execute(statement.limit(limit + 1))).mappings().all()
    return rows[:limit], len(rows) > limit


def _bad_cursor() -> Refusal:
    return Refusal("invalid_cursor", "this cursor was not given out here; start again without one", "cursor")
