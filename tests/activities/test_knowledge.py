"""The directory that a process remembers: only one that is really there."""

from __future__ import annotations

import contextlib

from activities.knowledge import Knowledge
from activities.store.work import Database


class CalledOffError(Exception):
    """Whatever makes a transaction roll back."""


async def put(database: Database, *names: str) -> None:
    async with database.work() as work:
        for name in names:
            await work.directory.put("user", name, {"name": name}, "root")


async def test_a_change_that_was_rolled_back_is_not_remembered_under_the_number_of_the_next(database: Database) -> None:
    await put(database, "mei")
    knowledge = Knowledge()
    with contextlib.suppress(CalledOffError):
        async with database.work() as work:
            await work.directory.put("user", "ghost", {"name": "Ghost"}, "root")
            assert set((await knowledge.directory(work)).users) == {"mei", "ghost"}, "the transaction sees its own"
            raise CalledOffError
    await put(database, "farid")
    async with database.reading() as work:
        assert set((await knowledge.directory(work)).users) == {"mei", "farid"}
        assert (await knowledge.known_directory(work)) is not None


async def test_a_number_that_was_taken_by_an_operation_is_no_version_to_remember_either(database: Database) -> None:
    await put(database, "mei")
    knowledge = Knowledge()
    with contextlib.suppress(CalledOffError):
        async with database.work() as work:
            await work.directory.next_version()
            await knowledge.directory(work)
            raise CalledOffError
    await put(database, "farid")
    async with database.reading() as work:
        assert set((await knowledge.directory(work)).users) == {"mei", "farid"}
