"""Quotes in the store: versions, states, editors."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from activities.store.work import Database
from domain.refusal import Refusal
from domain.standing import QuoteState
from tests.activities.samples import NOON, approval, closed, hospital, round_of, seat, small, store_quote


async def test_content_comes_back_to_the_letter(database: Database) -> None:
    content = small(fields={"zeta": "1.50", "alpha": "Straße 😀"})
    async with database.work() as work:
        await work.quotes.put(content, "rosa", NOON)
    async with database.reading() as work:
        found = await work.quotes.content("Q-1")
    assert found.content == content
    assert list(found.content["fields"]) == ["zeta", "alpha"]
    assert found.quote.content_hash == found.content_hash


async def test_money_keeps_every_digit(database: Database) -> None:
    async with database.work() as work:
        await work.quotes.put(hospital(), "rosa", NOON)
        line = small()["lines"][0] | {"list_price": "123456789012.123456", "quantity": "1"}
        line["deliveries"] = [{"order_date": "2027-01-11", "quantity": "1"}]
        await work.quotes.put(small(currency="KWD", lines=[line]), "rosa", NOON)
    async with database.reading() as work:
        assert str((await work.quotes.get("Q-1001")).net_total) == "1911201.11"
        assert str((await work.quotes.get("Q-1")).net_total) == "123456789012.123"


async def test_the_same_content_is_no_new_version(database: Database) -> None:
    async with database.work() as work:
        first = await work.quotes.put(small(), "rosa", NOON)
        reworded = dict(reversed(small().items()))
        again = await work.quotes.put(reworded, "mei", NOON + timedelta(hours=1))
        changed = await work.quotes.put(small(title="Other"), "mei", NOON)
    assert again == first
    assert (changed.version, changed.etag, changed.title) == (2, 2, "Other")


async def test_a_version_that_was_not_seen_is_refused(database: Database) -> None:
    async with database.work() as work:
        seen = await work.quotes.put(small(), "rosa", NOON, expected_version=0)
        await work.quotes.put(small(title="Other"), "mei", NOON, expected_version=seen.etag)
    async with database.work() as work:
        with pytest.raises(Refusal) as refused:
            await work.quotes.put(small(title="Third"), "rosa", NOON, expected_version=seen.etag)
        assert refused.value.code == "stale"
        with pytest.raises(Refusal) as refused:
            await work.quotes.put(small("Q-2"), "rosa", NOON, expected_version=4)
        assert refused.value.code == "stale"


async def test_pending_and_accepted_quotes_are_not_edited(database: Database) -> None:
    async with database.work() as work:
        await work.quotes.put(small(), "rosa", NOON)
        await work.quotes.set_state("Q-1", QuoteState.PENDING, NOON, round=1)
        with pytest.raises(Refusal) as refused:
            await work.quotes.put(small(title="Other"), "rosa", NOON)
        assert refused.value.code == "not_editable"
        assert (await work.quotes.put(small(), "rosa", NOON)).state is QuoteState.PENDING
        with pytest.raises(Refusal) as refused:
            await work.quotes.accept("Q-1", NOON)
        assert refused.value.code == "not_approved"
        await work.quotes.set_state("Q-1", QuoteState.APPROVED, NOON)
        accepted = await work.quotes.accept("Q-1", NOON)
        assert await work.quotes.accept("Q-1", NOON + timedelta(days=1)) == accepted
        with pytest.raises(Refusal) as refused:
            await work.quotes.put(small(title="Other"), "rosa", NOON)
        assert refused.value.code == "not_editable"


async def test_an_edit_of_an_approved_quote_makes_it_a_draft(database: Database) -> None:
    async with database.work() as work:
        await work.quotes.put(small(), "rosa", NOON)
        await work.quotes.set_state("Q-1", QuoteState.APPROVED, NOON, round=1)
        assert (await work.quotes.put(small(title="Other"), "mei", NOON)).state is QuoteState.DRAFT


async def test_editors_are_those_since_the_last_approved_round(database: Database) -> None:
    async with database.work() as work:
        hash_ = await store_quote(work, by="rosa")
        await work.quotes.put(small(title="Second"), "mei", NOON)
        assert await work.quotes.editors("Q-1") == ("mei", "rosa")
        await work.rounds.open(closed(round_of(approval("manager", seat("david")), content_hash=hash_)))
        assert await work.quotes.editors("Q-1") == ()
        # All of it at the same moment, as in a story whose clock stands still.
        await work.quotes.put(small(title="Third"), "sam", NOON)
        assert await work.quotes.editors("Q-1") == ("sam",)
        assert await work.quotes.editors_since("Q-1", None) == ("mei", "rosa", "sam")
        assert await work.quotes.editors_since("Q-1", NOON + timedelta(seconds=1)) == ()


async def test_the_newest_content_of_a_hash_is_found(database: Database) -> None:
    async with database.work() as work:
        first = await work.quotes.put(small(), "rosa", NOON)
        await work.quotes.put(small(title="Other"), "rosa", NOON)
        third = await work.quotes.put(small(), "mei", NOON)
        assert third.content_hash == first.content_hash
        assert (await work.quotes.content("Q-1", first.content_hash)).version == 3
        assert (await work.quotes.content("Q-1", 2)).content["title"] == "Other"
        with pytest.raises(Refusal) as refused:
            await work.quotes.content("Q-1", 9)
        assert refused.value.code == "unknown_quote"


async def test_two_who_hand_in_the_same_quote_at_once_make_one(database: Database) -> None:
    async def put(by: str) -> int:
        async with database.work() as work:
            return (await work.quotes.put(small(title=by), by, NOON)).version

    assert sorted(await asyncio.gather(*(put(name) for name in ("rosa", "mei", "sam")))) == [1, 2, 3]


@pytest.mark.parametrize("text", ["a\x00b", "half \ud83d", "\ude00"])
async def test_text_that_no_database_holds_is_refused(database: Database, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        async with database.work() as work:
            await work.quotes.put(small(fields={"note": text}), "rosa", NOON)
    assert (refused.value.code, refused.value.path) == ("invalid_text", "fields.note")


async def test_nothing_of_a_refused_quote_is_kept(database: Database) -> None:
    async def put_both() -> None:
        async with database.work() as work:
            await work.quotes.put(small(), "rosa", NOON)
            await work.quotes.put(small("Q-2", currency="XXXX"), "rosa", NOON)

    with pytest.raises(Refusal):
        await put_both()
    async with database.reading() as work:
        assert await work.quotes.find("Q-1") is None
        assert (await work.views.quote_list()).quotes == ()


async def test_quotes_are_listed_page_by_page(database: Database) -> None:
    async with database.work() as work:
        for number in range(5):
            await work.quotes.put(small(f"Q-{number}"), "rosa", NOON)
        await work.quotes.put(small("Q-9", owner="mei"), "rosa", NOON)
    seen: list[str] = []
    cursor: str | None = None
    async with database.reading() as work:
        while True:
            page = await work.views.quote_list(owner="rosa", cursor=cursor, limit=2)
            seen += [quote.quote_id for quote in page.quotes]
            cursor = page.next
            if cursor is None:
                break
        with pytest.raises(Refusal) as refused:
            await work.views.quote_list(cursor="garbage")
    assert seen == [f"Q-{number}" for number in range(5)]
    assert refused.value.code == "invalid_cursor"
    assert Decimal("99.30") == page.quotes[0].net_total
