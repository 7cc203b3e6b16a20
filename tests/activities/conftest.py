"""A database of its own for each test of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from activities.store.work import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database."""
    opened = Database(database_url)
    yield opened
    await opened.close()
