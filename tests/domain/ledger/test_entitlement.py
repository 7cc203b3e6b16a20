"""Entitlements on a date, as known at a moment, in the views contracted and committed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.ledger.entitlement import View, covers, entitlements
from domain.ledger.known import end_of_day, known_items
from domain.order.activation import acknowledge, activate
from domain.order.fulfilment import accept_item, deliver, reach
from tests.domain.order.story import Story, cause, day, noon, percent, quoted, seats, thing, to


def held(story: Story, on: str, product: str = "P-A", view: View = View.CONTRACTED, known: str | None = None) -> int:
    moment = end_of_day(day(known), "America/Chicago") if known else None
    return int(entitlements(story.entries, day(on), moment, view).of(product))


def story_of(*lines: dict[str, Any]) -> Story:
    return Story(quoted(*lines)).split()


# things


def test_a_thing_counts_from_its_delivery_however_late_that_is_recorded() -> None:
    story = story_of(thing()).until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-20"), on=day("2027-01-05"), line="A", quantity=Decimal(4))
    assert [held(story, on) for on in ("2027-01-04", "2027-01-05", "2030-01-01")] == [0, 4, 4]
    assert held(story, "2027-01-05", known="2027-01-19") == 0
    assert held(story, "2027-01-05", known="2027-01-20") == 4


def test_where_acceptance_is_required_a_thing_counts_from_it() -> None:
    story = story_of(thing(acceptance="required")).until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-05"))
    story.do(accept_item, "Q-1-1", noon("2027-01-09"), line="A", quantity=Decimal(7))
    assert [held(story, on) for on in ("2027-01-08", "2027-01-09")] == [0, 7]


def test_committed_counts_what_is_planned_from_its_order_date() -> None:
    story = story_of(thing())
    assert held(story, "2027-06-01") == 0
    assert [held(story, on, view=View.COMMITTED) for on in ("2026-12-31", "2027-01-01")] == [0, 10]


def test_committed_counts_what_is_delivered_from_delivery_and_the_rest_as_planned() -> None:
    story = story_of(thing()).until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-10"), line="A", quantity=Decimal(4))
    days = ("2026-12-31", "2027-01-01", "2027-01-09", "2027-01-10")
    assert [held(story, on, view=View.COMMITTED) for on in days] == [0, 6, 6, 10]


def test_committed_counts_what_waits_for_acceptance_from_delivery() -> None:
    story = story_of(thing(acceptance="required")).until(noon("2027-01-01"))
    story.do(deliver, "Q-1-1", noon("2027-01-05"))
    story.do(accept_item, "Q-1-1", noon("2027-01-09"), line="A", quantity=Decimal(7))
    days = ("2027-01-04", "2027-01-05", "2027-01-09")
    assert [held(story, on, view=View.COMMITTED) for on in days] == [0, 3, 10]


def test_committed_follows_a_date_move_from_when_it_was_known() -> None:
    story = story_of(thing())
    story.move("Q-1-1", "2027-02-01", noon("2026-12-20"))
    assert held(story, "2027-01-15", view=View.COMMITTED, known="2026-12-19") == 10
    assert held(story, "2027-01-15", view=View.COMMITTED, known="2026-12-20") == 0
    assert held(story, "2027-02-01", view=View.COMMITTED) == 10


def test_work_by_milestones_is_never_held() -> None:
    story = story_of(thing(revenue="on_milestone")).until(noon("2027-01-01"))
    story.do(reach, "Q-1-1", noon("2027-01-05"))
    assert held(story, "2027-02-01") == held(story, "2027-02-01", view=View.COMMITTED) == 0


# services


def test_a_service_counts_from_start_to_end_both_inclusive_once_it_is_activated() -> None:
    story = story_of(seats("A", start_date="2027-02-01", end_date="2027-03-31"))
    assert held(story, "2027-02-15") == 0
    assert held(story, "2027-02-15", view=View.COMMITTED) == 10
    story.until(noon("2027-01-01"))
    days = ("2027-01-31", "2027-02-01", "2027-03-31", "2027-04-01")
    assert [held(story, on) for on in days] == [0, 10, 10, 0]
    assert held(story, "2027-02-15", known="2026-12-31") == 0


def test_an_evergreen_service_has_no_last_day() -> None:
    story = story_of({**seats("A"), "kind": "evergreen"}).until(noon("2027-01-01"))
    assert [held(story, on) for on in ("2026-12-31", "2027-01-01", "2099-01-01")] == [0, 10, 10]


def test_a_rejected_order_entitles_to_nothing() -> None:
    story = story_of(seats("A", term_months=12), thing("B")).until(noon("2027-01-01"), acknowledged=False)
    story.do(acknowledge, "Q-1-1", noon("2027-01-02"), outcome="rejected")
    for view in (View.CONTRACTED, View.COMMITTED):
        assert entitlements(story.entries, day("2027-02-01"), view=view).rows == ()
    assert held(story, "2027-02-01", known="2027-01-01") == 10


# answers


def test_quantities_are_told_by_product_and_site() -> None:
    parts = to(("2027-01-01", "N", "4"), ("2027-01-01", "S", "6"))
    lines = [thing("A", deliveries=parts), thing("B", "1", product="P-A"), seats("S", term_months=1)]
    story = story_of(*lines).until(noon("2027-01-01"))
    for key in ("2027-01-01/N", "2027-01-01/S", "2027-01-01"):
        story.do(deliver, key, noon("2027-01-01"))
    found = entitlements(story.entries, day("2027-01-01"))
    assert [(row.product, row.ship_to, int(row.quantity)) for row in found.rows] == [
        ("P-A", None, 1),
        ("P-A", "N", 4),
        ("P-A", "S", 6),
        ("P-S", None, 10),
    ]
    assert found.by_product == {"P-A": 11, "P-S": 10}
    assert (found.of("P-A", "S"), found.of("P-Z")) == (Decimal(6), Decimal(0))


def test_coverage_names_the_sites_of_activated_services_that_run() -> None:
    parts = to(("2027-01-01", "S", "4"), ("2027-01-01", "N", "6"))
    places = to(("2027-02-01", "S", None), ("2027-03-01", "N", None))
    care = percent("M", deliveries=places, by="site", term_months=2, covers="assets_of_site", revenue="daily")
    story = story_of(thing("A", deliveries=parts), care).until(noon("2027-03-01"))
    days = ("2027-01-31", "2027-02-01", "2027-03-31", "2027-04-01", "2027-05-01")
    assert [covers(story.entries, day(on)).get("P-M", ()) for on in days] == [(), ("S",), ("N", "S"), ("N",), ()]
    assert covers(story.entries, day("2027-03-15"), noon("2027-02-15")) == {"P-M": ("S",)}
    assert covers(story.entries, day("2027-03-15"), noon("2027-02-15"), View.COMMITTED) == {"P-M": ("N", "S")}


def test_coverage_without_dates_runs_from_its_order_and_other_shares_are_no_service() -> None:
    place = to(("2027-01-01", "N", "10"))
    lines = [thing("A", deliveries=place), percent("M", covers="assets_of_site"), percent("F", of_lines=["A"])]
    story = story_of(*lines).until(noon("2027-01-01"))
    assert covers(story.entries, day("2027-01-01")) == {"P-M": ("N",)}
    assert held(story, "2027-01-01", "P-M") == 1
    assert held(story, "2027-01-01", "P-F") == 0


def test_without_promises_nothing_is_unordered() -> None:
    story = story_of(thing())
    assert entitlements(story.entries, day("2027-06-01"), view=View.UNORDERED).rows == ()
    assert covers(story.entries, day("2027-06-01"), view=View.UNORDERED) == {}


# what is known


def test_a_bare_date_means_the_end_of_the_local_day() -> None:
    assert end_of_day(day("2027-03-14"), "America/Chicago").isoformat() == "2027-03-15T04:59:59.999999+00:00"


def test_a_plan_that_was_only_taken_back_is_no_plan() -> None:
    story = story_of(thing("A"), thing("B"))
    story.move("Q-1-1", "2027-02-01")
    planned, taken_back = story.entries[0], next(entry for entry in story.entries if entry.counter)
    assert known_items([planned, taken_back]) == ()
    assert [item.item_id for item in known_items(story.entries)] == ["Q-1-1/A", "Q-1-1/B"]


def test_activation_before_the_date_is_known_at_once() -> None:
    story = story_of(seats("A", term_months=12))
    story.keep(activate(story.order("Q-1-1"), cause(noon("2026-12-10"))))
    assert held(story, "2027-01-01", known="2026-12-10") == 10
