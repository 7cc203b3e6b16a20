"""Subscriptions, assets, coverage and holds; and the view of what is unordered."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import islice

import pytest

from domain.ledger.asset import assets, subscriptions
from domain.ledger.contract import contracts
from domain.ledger.coverage import coverage
from domain.ledger.entitlement import Scope, View, covers, entitlements
from domain.ledger.entries import EntryKind, LedgerEntry
from domain.order.choosing import Pick
from domain.order.fulfilment import accept_item, deliver
from domain.order.pick import pick
from domain.order.promised import promises
from domain.refusal import Refusal
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import BEFORE, Story, cause, day, noon, percent, quoted, seats, thing, to

PARTS = to(("2027-01-01", "N", "4"), ("2027-02-01", "S", "6"))


def marked(story: Story, kind: EntryKind, on: str, at: datetime | None = None, item: str = "Q-1-1/S") -> LedgerEntry:
    """A row that says of an item that its order is held, or held no longer, from a day on."""
    row = next(entry for entry in story.entries if entry.item_id == item)
    return row.model_copy(update={"kind": kind, "effective": day(on), "recorded_at": at or noon(on)})


def back(story: Story, quantity: int, on: str) -> list[LedgerEntry]:
    """The rows of a return: planned, and arrived on a day."""
    row = next(entry for entry in story.entries if entry.item_id == "Q-1-1/A")
    delta = {"item_id": "Q-1-9/A", "revises": "Q-1-1/A", "root_item": "Q-1-1/A", "quantity": Decimal(-quantity)}
    planned = row.model_copy(update={**delta, "recorded_at": noon(on), "order_date": day(on)})
    arrived = {"kind": EntryKind.DELIVERED, "effective": day(on), "amount": Decimal(0)}
    return [planned, planned.model_copy(update=arrived)]


# holds


def test_a_hold_suspends_services_from_its_day_to_the_day_before_its_release() -> None:
    story = Story(quoted(seats("S", end_date="2027-12-31"))).split().until(noon("2027-01-01"))
    rows = [
        *story.entries,
        marked(story, EntryKind.HELD, "2027-03-01"),
        marked(story, EntryKind.RELEASED, "2027-04-01"),
    ]
    held = [
        int(entitlements(rows, day(on)).of("P-S")) for on in ("2027-02-28", "2027-03-01", "2027-03-31", "2027-04-01")
    ]
    assert held == [10, 0, 0, 10]
    assert entitlements(rows, day("2027-05-01"), noon("2027-03-15")).of("P-S") == 0
    assert [(str(step.start), str(step.end)) for step in subscriptions(rows)[0].steps] == [
        ("2027-01-01", "2027-02-28"),
        ("2027-04-01", "2027-12-31"),
    ]
    assert str(contracts(rows)[0].end) == "2027-12-31"


def test_a_hold_that_was_rolled_back_never_was() -> None:
    story = Story(quoted(seats("S", end_date="2027-12-31"))).split().until(noon("2027-01-01"))
    held = marked(story, EntryKind.HELD, "2027-03-01")
    rows = [*story.entries, held, held.model_copy(update={"counter": True, "recorded_at": noon("2027-03-02")})]
    assert entitlements(rows, day("2027-03-05")).of("P-S") == 10
    assert entitlements(rows, day("2027-03-05"), noon("2027-03-01")).of("P-S") == 0


def test_what_was_delivered_is_never_suspended() -> None:
    story = Story(quoted(thing("A"))).split().until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-05"))
    rows = [*story.entries, marked(story, EntryKind.HELD, "2027-01-06", item="Q-1-1/A")]
    assert entitlements(rows, day("2027-02-01")).of("P-A") == 10


def test_a_held_service_covers_nothing() -> None:
    care = percent("S", covers="assets_of_site", by="site", term_months=12, revenue="daily")
    story = Story(quoted(thing("A", deliveries=to(("2027-01-01", "N", "2"))) | {"quantity": "2"}, care)).split()
    story.until(noon("2027-01-01"))
    rows = [*story.entries, marked(story, EntryKind.HELD, "2027-03-01")]
    assert [covers(rows, day(on)) for on in ("2027-02-28", "2027-03-01")] == [{"P-S": ("N",)}, {}]


# assets and coverage


def test_units_are_numbered_as_they_arrive_and_the_last_one_in_goes_back_first() -> None:
    story = Story(quoted(thing("A", "3", asset="per_unit"))).split().until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-05"), line="A", quantity=Decimal(2))
    story.do(deliver, "Q-1-1", noon("2027-01-09"))
    rows = [*story.entries, *back(story, 2, "2027-03-01")]
    found = [(each.asset_id, str(each.since), each.until and str(each.until)) for each in assets(rows)]
    assert found == [
        ("Q-1-1/A:1", "2027-01-05", None),
        ("Q-1-1/A:2", "2027-01-05", "2027-03-01"),
        ("Q-1-1/A:3", "2027-01-09", "2027-03-01"),
    ]
    counts = [len(list(assets(rows, day(on)))) for on in ("2027-01-04", "2027-01-05", "2027-02-28", "2027-03-01")]
    assert counts == [0, 2, 3, 1]
    assert entitlements(rows, day("2027-03-01")).of("P-A") == 1
    assert len(list(assets(rows, day("2027-03-01"), noon("2027-02-01")))) == 3


def test_a_line_is_one_asset_where_it_goes_and_a_part_of_a_unit_is_one_too() -> None:
    lines = [thing("A", deliveries=PARTS, asset="per_line"), thing("C", "2.5", unit="m", asset="per_unit"), thing("B")]
    story = Story(quoted(*lines)).split().until(noon("2027-02-01"))
    for key in ("2027-01-01/N", "2027-01-01", "2027-02-01/S"):
        story.do(deliver, key, noon("2027-02-01"))
    found = [(each.ship_to, each.number, str(each.quantity)) for each in assets(story.entries, day("2027-02-01"))]
    assert sorted(found, key=str) == [
        ("N", None, "4"),
        ("S", None, "6"),
        (None, 1, "1"),
        (None, 2, "1"),
        (None, 3, "0.5"),
    ]


def test_where_acceptance_is_required_an_asset_begins_with_it() -> None:
    story = Story(quoted(thing("A", "2", acceptance="required", asset="per_unit"))).split().until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-05"))
    assert list(assets(story.entries)) == []
    story.do(accept_item, "Q-1-1", noon("2027-01-09"), line="A", quantity=Decimal(1))
    assert [str(each.since) for each in assets(story.entries)] == ["2027-01-09"]


def test_units_are_told_one_by_one_however_many_there_are() -> None:
    story = Story(quoted(thing("A", "1000000000", asset="per_unit", price="0.01"))).split()
    assert list(islice(assets(story.entries), 3)) == []


def test_coverage_names_the_assets_of_the_site() -> None:
    care = percent("M", covers="assets_of_site", by="site", term_months=12, revenue="daily")
    story = Story(quoted(thing("A", deliveries=PARTS, asset="per_unit"), care)).split().until(noon("2027-02-01"))
    story.do(deliver, "2027-01-01/N", noon("2027-01-10"))
    rows = coverage(story.entries, day("2027-02-05"))
    assert [(row.product, row.ship_to, row.asset.asset_id) for row in rows] == [
        ("P-M", "N", f"Q-1-1/A:{number}") for number in (1, 2, 3, 4)
    ]
    assert coverage(story.entries, day("2027-01-09")) == coverage(story.entries, day("2028-01-01")) == ()


def test_a_subscription_has_all_its_changes() -> None:
    agreed = Agreed(seats("S", end_date="2027-12-31", start_date="2027-01-01"), thing("A"))
    agreed.amend("2027-03-01", {"line": "S", "quantity_change": "5"}, until="2027-03-01")
    agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-7"}, until="2027-07-01")
    (found,) = subscriptions(agreed.entries)
    assert [(str(step.start), int(step.quantity)) for step in found.steps] == [
        ("2027-01-01", 10),
        ("2027-03-01", 15),
        ("2027-07-01", 8),
    ]
    assert (found.subscription_id, found.end) == ("Q-1-1/S", date(2027, 12, 31))
    assert found.quantity(date(2027, 3, 1)) == 15
    assert found.quantity(date(2028, 1, 1)) == 0


# scope, and what is unordered


def test_a_question_names_product_site_and_contract() -> None:
    lines = [seats("S", end_date="2027-12-31", deliveries=PARTS), seats("T", end_date="2028-12-31")]
    story = Story(quoted(*lines, contracting={"method": "by_end_date"})).split().until(noon("2027-02-01"))

    def told(scope: Scope) -> list[tuple[str, str | None, int]]:
        rows = entitlements(story.entries, day("2027-03-01"), scope=scope).rows
        return [(row.product, row.ship_to, int(row.quantity)) for row in rows]

    assert told(Scope()) == [("P-S", "N", 4), ("P-S", "S", 6), ("P-T", None, 10)]
    assert told(Scope(product="P-S", ship_to="N")) == [("P-S", "N", 4)]
    assert told(Scope(contract="Q-1/2028-12-31")) == [("P-T", None, 10)]
    with pytest.raises(Refusal) as refusal:
        told(Scope(contract="Q-9"))
    assert (refusal.value.code, refusal.value.path) == ("unknown_contract", "contract")


def test_unordered_is_what_is_left_of_the_quote_and_what_was_left_then() -> None:
    story = Story(quoted(thing("A", deliveries=PARTS), seats("S", end_date="2027-12-31")))
    approved = noon("2026-11-20")
    wanted = Pick(line="A", quantity=Decimal(4), order_date=day("2027-01-01"), ship_to="N")
    story.keep(pick(story.book, story.priced, [wanted], cause(BEFORE)))
    told = promises(story.priced, story.book, approved)

    def left(on: str, product: str, known: str | None = None) -> int:
        moment = noon(known) if known else None
        found = entitlements(story.entries, day(on), moment, View.UNORDERED, promises=told)
        return int(found.of(product))

    assert [left(on, "P-A") for on in ("2027-01-01", "2027-02-01")] == [0, 6]
    assert [left(on, "P-S") for on in ("2026-12-31", "2027-01-01", "2028-01-01")] == [0, 10, 0]
    assert left("2027-02-01", "P-A", known="2026-11-25") == 10
    assert left("2027-02-01", "P-A", known="2026-11-19") == 0
