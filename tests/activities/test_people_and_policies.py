"""Policies and the directory in the store."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from activities.store.work import Database
from domain.people import read_directory
from domain.refusal import Refusal
from domain.yaml_text import read_yaml
from tests.activities.samples import HOSPITAL, NOON


async def test_every_publish_is_a_new_version(database: Database) -> None:
    async def publish() -> int:
        async with database.work() as work:
            return await work.policies.publish("standard", "text", {"policy": "standard"}, "pat", NOON)

    assert sorted(await asyncio.gather(*(publish() for _ in range(4)))) == [1, 2, 3, 4]
    async with database.reading() as work:
        newest, second = await work.policies.get("standard"), await work.policies.get("standard", 2)
        assert (newest.version, second.version) == (4, 2)
        assert newest.fingerprint == second.fingerprint
        assert [each.version for each in await work.policies.all("standard")] == [4, 3, 2, 1]
        assert await work.policies.newest_version("other") == 0
        with pytest.raises(Refusal) as refused:
            await work.policies.get("standard", 5)
    assert refused.value.code == "unknown_policy"


async def test_lanes_keep_their_order(database: Database) -> None:
    document = {"policy": "p", "chains": {"commercial": {}, "legal": {}, "it": {}}, "limit": Decimal("7.50")}
    async with database.work() as work:
        await work.policies.publish("p", "text", document, "pat", NOON)
        found = (await work.policies.get("p")).document
    assert list(found["chains"]) == ["commercial", "legal", "it"]
    assert (found["limit"], found["version"]) == ("7.50", 1)


async def test_the_directory_comes_back_as_it_was_given(database: Database) -> None:
    given = read_yaml((HOSPITAL / "directory.yaml").read_text(encoding="utf-8")).value
    async with database.work() as work:
        await work.directory.replace_all(given, "pat", NOON)
    async with database.reading() as work:
        assert read_directory(await work.directory.load()) == read_directory(given)


async def test_every_change_of_the_directory_is_counted(database: Database) -> None:
    async with database.work() as work:
        before = await work.directory.version()
        first = await work.directory.put("user", "mei", {"name": "Mei"}, "pat", expected_version=0)
        await work.directory.put("user", "liam", {"name": "Liam"}, "pat")
        with pytest.raises(Refusal) as refused:
            await work.directory.put("user", "mei", {"name": "Mei T"}, "pat", expected_version=first + 5)
        assert refused.value.code == "stale"
        seen = (await work.directory.get("user", "mei")).version
        await work.directory.put("user", "mei", {"name": "Mei T"}, "pat", expected_version=seen)
        assert await work.directory.version() > before
        assert (await work.directory.get("user", "mei")).body == {"name": "Mei T"}
        with pytest.raises(Refusal) as refused:
            await work.directory.get("group", "mei")
    assert refused.value.code == "unknown_group"


async def test_an_entry_that_stays_as_it_is_keeps_its_version(database: Database) -> None:
    async with database.work() as work:
        await work.directory.replace_all({"users": {"mei": {"name": "Mei"}, "sam": {"name": "Sam"}}}, "pat", NOON)
        seen = (await work.directory.get("user", "mei")).version
        await work.directory.replace_all({"users": {"mei": {"name": "Mei"}}}, "pat", NOON)
        assert (await work.directory.get("user", "mei")).version == seen
        assert await work.directory.all("user") == {"mei": {"name": "Mei"}}


async def test_a_delegation_is_entered_once_and_taken_back_once(database: Database) -> None:
    body = {"of": "david", "to": "sam", "from": "2026-11-20T00:00", "until": "2026-11-30T00:00"}
    async with database.work() as work:
        name = await work.directory.add_delegation(body, "david", NOON)
        assert await work.directory.add_delegation(body, "david", NOON) == name
        assert (await work.directory.load())["delegations"] == [{**body, "id": name}]
        await work.directory.end_delegation(name, "david", NOON)
        await work.directory.end_delegation(name, "david", NOON)
        assert (await work.directory.load())["delegations"] == []
        with pytest.raises(Refusal) as refused:
            await work.directory.end_delegation("none", "david", NOON)
    assert refused.value.code == "unknown_delegation"


async def test_no_delegation_is_taken_over_by_its_id_nor_comes_back(database: Database) -> None:
    async with database.work() as work:
        name = await work.directory.add_delegation({"of": "david", "to": "sam"}, "david", NOON)
        other = await work.directory.add_delegation({"id": name, "of": "mei", "to": "farid"}, "mei", NOON)
        assert other != name
        stolen = [{"id": name, "of": "david", "to": "mallory"}]
        with pytest.raises(Refusal, match="duplicate_id"):
            await work.directory.replace_all({"delegations": stolen}, "pat", NOON)
        key = await work.directory.add_delegation({"of": "liam", "to": "nora"}, "liam", NOON, key="k")
        assert await work.directory.add_delegation({"of": "liam", "to": "nora"}, "liam", NOON, key="k") == key
        assert await work.directory.add_delegation({"of": "liam", "to": "nora"}, "nora", NOON, key="k") != key
        await work.directory.end_delegation(key, "liam", NOON)
        with pytest.raises(Refusal, match="duplicate_id"):
            await work.directory.add_delegation({"of": "liam", "to": "nora"}, "liam", NOON, key="k")
        found = {each["id"]: each["of"] for each in (await work.directory.load())["delegations"]}
    assert found[name] == "david"
    assert key not in found


async def test_a_directory_may_bring_back_what_has_ended_as_a_new_delegation(database: Database) -> None:
    document = {"delegations": [{"of": "david", "to": "sam"}]}
    async with database.work() as work:
        await work.directory.replace_all(document, "pat", NOON)
        ((first,), _) = (await work.directory.load())["delegations"], await work.directory.replace_all({}, "pat", NOON)
        await work.directory.replace_all(document, "pat", NOON)
        (again,) = (await work.directory.load())["delegations"]
    assert again["id"] != first["id"]


async def test_delegations_keep_the_order_in_which_they_were_entered_also_at_one_moment(database: Database) -> None:
    given = [{"of": "david", "to": to} for to in ("sam", "mei", "liam", "nora", "farid")]
    async with database.work() as work:
        await work.directory.replace_all({"delegations": given}, "pat", NOON)
        for to in ("grace", "ines"):
            await work.directory.add_delegation({"of": "david", "to": to}, "pat", NOON)
        found = (await work.directory.load())["delegations"]
        assert [each["to"] for each in found] == ["sam", "mei", "liam", "nora", "farid", "grace", "ines"]
        await work.directory.replace_all({"delegations": found[::-1]}, "pat", NOON)
        again = (await work.directory.load())["delegations"]
        assert again == found[::-1]
        page = await work.directory.pages.delegations(limit=4)
        last = await work.directory.pages.delegations(limit=4, cursor=page.next)
        assert [each.delegation_id for each in (*page.delegations, *last.delegations)] == [each["id"] for each in found]


async def test_a_replaced_directory_ends_delegations_it_does_not_name(database: Database) -> None:
    kept = {"of": "mei", "to": "sam"}
    async with database.work() as work:
        await work.directory.add_delegation({"of": "david", "to": "sam"}, "david", NOON)
        await work.directory.replace_all({"delegations": [kept]}, "pat", NOON)
        (found,) = (await work.directory.load())["delegations"]
        await work.directory.replace_all({"delegations": [kept]}, "pat", NOON)
        assert (await work.directory.load())["delegations"] == [found]
    assert (found["of"], found["to"]) == ("mei", "sam")
