"""Splits as activities: what one made is told again to who repeats it, and none is larger than can be carried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.orders import OrderActivities
from activities.requests import CreateOrders
from activities.store.work import Database
from domain.order.choosing import Pick
from starter.desk import Desk
from starter.people_desk import PeopleDesk
from tests.workflows.house import ADMIN, DIRECTORY, POLICY, ROSA, TOKENS, quote_document

NOW = datetime.now(UTC)
QUOTE = "Q-1"
ROOM = 20_000
TOO_MANY = 100
"""Orders for which there is no such room; in earnest there is room for some four thousand."""


@pytest.fixture
async def database(database_url: str) -> Database:
    return Database(database_url)


async def accepted(database: Database, parts: int) -> OrderActivities:
    """A quote that may be ordered, to so many places."""
    people = PeopleDesk(Desk(None, database, TOKENS))  # type: ignore[arg-type]
    await people.load_directory(ADMIN, DIRECTORY)
    await people.publish(ADMIN, POLICY)
    day = str(NOW.date() + timedelta(days=30))
    places = [{"order_date": day, "ship_to": f"S{number}", "quantity": "1"} for number in range(parts)]
    line = {**quote_document(QUOTE)["lines"][0], "quantity": str(parts), "deliveries": places}
    async with database.work() as work:
        await work.quotes.put(quote_document(QUOTE, lines=[line]), "rosa", NOW)
        await work.quotes.set_state(QUOTE, "approved", NOW)
        await work.quotes.accept(QUOTE, NOW)
    return OrderActivities(database, TOKENS)


def split(key: str, *places: str) -> CreateOrders:
    """All that is left, or what goes to these places."""
    claim = CreateOrders.claim(QUOTE, key)
    lines = tuple(Pick.model_validate({"line": "L1", "quantity": "1", "ship_to": place}) for place in places)
    token = TOKENS.act(ROSA, QUOTE, "order", claim)
    by_hand = lines or None
    keys = () if places else ("ship_to",)
    return CreateOrders(quote_id=QUOTE, split_by=keys, lines=by_hand, by="rosa", at=NOW, key=claim, token=token)


async def test_a_repeated_split_tells_what_it_made_and_not_what_others_made_since(database: Database) -> None:
    activities = await accepted(database, 5)
    first = await activities.create_orders(split("a", "S0", "S1"))
    second = await activities.create_orders(split("b"))
    assert [order.key.split("/")[1] for order in (*first.orders, *second.orders)] == ["S0", "S1", "S2", "S3", "S4"]
    assert await activities.create_orders(split("a", "S0", "S1")) == first
    assert await activities.create_orders(split("b")) == second
    await database.close()


async def test_more_orders_than_an_answer_holds_are_refused_and_nothing_is_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.orders.LARGEST_ANSWER", ROOM)
    activities = await accepted(database, TOO_MANY)
    refused = (await activities.create_orders(split("all"))).refused
    assert refused is not None
    assert refused.refusal().code == "too_many_orders"
    async with database.reading() as work:
        assert await work.orders.find_book(QUOTE) is None
    # In parts they can be ordered, under the same key even: nothing was claimed by what was refused.
    made = await activities.create_orders(split("all", "S7"))
    assert [order.key.split("/")[1] for order in made.orders] == ["S7"]
    await database.close()
