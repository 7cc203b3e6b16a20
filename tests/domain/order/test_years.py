"""The years of one multi-year line stay together when orders change, unless they were split by segment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.order.divide import divide
from domain.order.move_lines import move_lines
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, day, noon, percent, quoted, seats, thing, to

FIRST = "2027-02-01"
D = Decimal


def years(*quantities: str, **more: Any) -> list[dict[str, Any]]:
    """A service of some years, each a line of its own, all ordered at once."""
    return [
        seats(
            f"Y{number}",
            quantity,
            product="P-Y",
            segment=str(number),
            start_date=f"{2027 + number}-02-01",
            end_date=f"{2028 + number}-01-31",
            deliveries=to((FIRST, "N", quantity)),
            **more,
        )
        for number, quantity in enumerate(quantities)
    ]


def held(story: Story) -> dict[str, dict[str, str]]:
    return {
        order.order_id: {item.line_id: str(item.quantity) for item in order.items if item.counts}
        for order in story.book.orders
    }


def test_all_years_move_with_one_of_them() -> None:
    story = Story(quoted(*years("10", "10", "8"), thing("A", "1", deliveries=to((FIRST, "N", "1"))))).split()
    story.keep(move_lines(story.book, "Q-1-1", ["Y1"], cause(), order_date=day("2027-03-01")))
    assert held(story) == {"Q-1-1": {"A": "1"}, "Q-1-2": {"Y0": "10", "Y1": "10", "Y2": "8"}}


def test_a_quantity_of_one_year_is_split_with_its_part_of_all() -> None:
    story = Story(quoted(*years("10", "20", "5"), percent())).split()
    story.keep(divide(story.book, "Q-1-1", {"Y0": D(4)}, cause(), order_date=day("2027-03-01")))
    assert held(story) == {
        "Q-1-1": {"Y0": "6", "Y1": "12", "Y2": "3", "M": "1"},
        "Q-1-2": {"Y0": "4", "Y1": "8", "Y2": "2", "M": "1"},
    }


def test_years_that_cannot_be_split_in_the_same_part_are_not_split() -> None:
    story = Story(quoted(*years("10", "5"))).split()
    for lines in ({"Y0": D(3)}, {"Y0": D(4), "Y1": D(3)}):
        with pytest.raises(Refusal) as refusal:
            divide(story.book, "Q-1-1", lines, cause(), order_date=day("2027-03-01"))
        assert refusal.value.code == "bundle_broken"
    story.keep(divide(story.book, "Q-1-1", {"Y0": D(4), "Y1": D(2)}, cause(), order_date=day("2027-03-01")))
    assert held(story)["Q-1-2"] == {"Y0": "4", "Y1": "2"}


def test_what_was_split_by_segment_goes_its_own_way() -> None:
    story = Story(quoted(*years("10", "5"))).split("segment")
    story.keep(divide(story.book, "Q-1-1", {"Y0": D(3)}, cause(), order_date=day("2027-03-01")))
    story.keep(move_lines(story.book, "Q-1-2", ["Y1"], cause(), to="Q-1-3"))
    story.keep(move_lines(story.book, "Q-1-3", ["Y0"], cause(), order_date=day("2027-03-02")))
    assert held(story) == {"Q-1-1": {"Y0": "7"}, "Q-1-2": {}, "Q-1-3": {"Y1": "5"}, "Q-1-4": {"Y0": "3"}}


def test_years_to_different_places_are_no_one_line() -> None:
    lines = years("10", "10")
    for line in lines:
        line["deliveries"] = to((FIRST, "N", "5"), (FIRST, "S", "5"))
    story = Story(quoted(*lines)).split("order_date")
    north = next(item for item in story.order("Q-1-1").items if item.ship_to == "N")
    story.keep(move_lines(story.book, "Q-1-1", [north.item_id], cause(noon("2026-12-02")), order_date=day(FIRST)))
    assert {(item.line_id, item.ship_to) for item in story.order("Q-1-2").items} == {("Y0", "N"), ("Y1", "N")}
