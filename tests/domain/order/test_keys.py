"""Splits by any keys: places, fields and segments, with dates or without."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.order.order import Order
from domain.order.split import split
from tests.domain.order.story import Story, cause, keys, lines_of, percent, quoted, seats, thing, to
from tests.domain.order.test_split import refused

JAN, FEB = "2027-01-10", "2027-02-10"
TWO = to((JAN, "N", "4"), (FEB, "N", "6"))


def quantities(order: Order) -> list[tuple[str, str, str]]:
    return [(item.line_id, str(item.quantity), str(item.amount)) for item in order.items]


def test_without_dates_an_order_has_the_earliest_of_its_parts() -> None:
    later = thing("B", "3", deliveries=to((FEB, "N", "1"), (FEB, "S", "2")))
    story = Story(quoted(thing("A", "10", deliveries=TWO), later)).split("ship_to")
    assert keys(story.book) == [f"{JAN}/N", f"{FEB}/S"]
    assert [order.order_date for order in story.book.orders] == [date(2027, 1, 10), date(2027, 2, 10)]


def test_without_dates_things_to_one_place_add_up() -> None:
    story = Story(quoted(thing("A", "10", "0.55", deliveries=TWO), thing("C", "20", component_of="A"))).split("ship_to")
    (order,) = story.book.orders
    assert quantities(order) == [("A", "10", "5.50"), ("C", "20", "2000.00")]
    assert order.items[1].parent_item == order.items[0].item_id


def test_without_dates_a_service_starts_when_it_was_quoted_to_start() -> None:
    story = Story(quoted(seats("S", term_months=12, deliveries=TWO))).split("ship_to")
    (order,) = story.book.orders
    assert [(str(item.quantity), str(item.start), str(item.end)) for item in order.items] == [
        ("4", "2027-01-10", "2028-01-09"),
        ("6", "2027-02-10", "2028-02-09"),
    ]
    assert [item.key for item in order.items] == [f"{JAN}/N", f"{JAN}/N#2"]
    assert [item.item_id for item in order.items] == ["Q-1-1/S", "Q-1-1/S#2"]


def test_without_dates_services_that_run_alike_add_up() -> None:
    line = seats("S", start_date="2027-03-01", end_date="2027-12-31", deliveries=TWO)
    (order,) = Story(quoted(line)).split("ship_to").book.orders
    assert quantities(order) == [("S", "10", "1000.00")]


def test_a_bundle_stays_in_parts_when_a_service_in_it_starts_on_several_days() -> None:
    lines = [thing("A", "10", deliveries=TWO), seats("S", "10", component_of="A", term_months=1)]
    (order,) = Story(quoted(*lines)).split("ship_to").book.orders
    assert [(item.line_id, str(item.quantity), item.parent_item) for item in order.items] == [
        ("A", "4", None),
        ("A", "6", None),
        ("S", "4", "Q-1-1/A"),
        ("S", "6", "Q-1-1/A#2"),
    ]


def test_no_keys_are_one_order() -> None:
    lines = [thing("A", "10", deliveries=TWO), thing("B", "1", deliveries=to((FEB, "S", "1"))), percent("M")]
    story = Story(quoted(*lines))
    story.keep(split(story.book, story.priced, (), cause()))
    (order,) = story.book.orders
    assert (order.key, order.ship_to, str(order.total)) == (JAN, None, "1210.00")
    assert lines_of(order) == ["A", "B", "M"]


def test_any_field_alone_splits_and_blanks_stay_together() -> None:
    lines = [thing("A"), thing("B", group="x"), thing("C"), thing("D", group="x")]
    story = Story(quoted(*lines)).split("group")
    assert [lines_of(order) for order in story.book.orders] == [["A", "C"], ["B", "D"]]
    assert keys(story.book) == ["2027-01-01", "2027-01-01#2"]


@pytest.mark.parametrize("key", ["quantity", "list_price", "segment", "line_id", "product", "fields.phase", "phase"])
def test_every_field_of_a_line_is_a_key(key: str) -> None:
    more: dict[str, Any] = {"segment": "1", "fields": {"phase": "1"}}
    story = Story(quoted(thing("A", "10", "1.00"), thing("B", "8", "2.00", **more), thing("C", "10", "1.0"))).split(key)
    expected = [["A"], ["B"], ["C"]] if key in ("line_id", "product") else [["A", "C"], ["B"]]
    assert [lines_of(order) for order in story.book.orders] == expected


def test_a_free_field_named_like_a_field_of_the_line_is_called_by_its_full_name() -> None:
    lines = [thing("A", group="x", fields={"group": "1"}), thing("B", group="x", fields={"group": "2"})]
    assert len(Story(quoted(*lines)).split("group").book.orders) == 1
    assert len(Story(quoted(*lines)).split("fields.group").book.orders) == 2


@pytest.mark.parametrize("key", ["fields", "deliveries", "milestones", "fields.colour", "terms.payment"])
def test_what_is_no_single_value_of_a_line_is_no_key(key: str) -> None:
    refusal = refused(thing("A", fields={"phase": "1"}), by=(key,))
    assert (refusal.code, refusal.path) == ("unknown_field", "split_by")


# segments of a multi-year line


def years(**more: Any) -> list[dict[str, Any]]:
    """Ten, twenty and thirty seats in the years from 2027 on, delivered at the beginning of each."""
    return [
        seats(
            f"Y{year}",
            f"{number}0",
            product="SUITE",
            segment=str(year),
            start_date=f"{year}-01-01",
            end_date=f"{year}-12-31",
            deliveries=to((f"{year}-01-01", "N", f"{number}0")),
            **more,
        )
        for number, year in enumerate((2027, 2028, 2029), start=1)
    ]


def test_segments_stay_in_the_order_of_the_first() -> None:
    story = Story(quoted(*years())).split()
    (order,) = story.book.orders
    assert (order.key, lines_of(order)) == ("2027-01-01/N", ["Y2027", "Y2028", "Y2029"])
    assert [str(item.start) for item in order.items] == ["2027-01-01", "2028-01-01", "2029-01-01"]
    assert story.book.totals.ordered == 7200


def test_a_split_by_segment_takes_them_apart() -> None:
    story = Story(quoted(*years())).split("order_date", "segment")
    assert keys(story.book) == ["2027-01-01/N", "2028-01-01/N", "2029-01-01/N"]
    assert len(Story(quoted(*years())).split("segment").book.orders) == 3


def test_no_other_key_takes_segments_apart() -> None:
    story = Story(quoted(*years(), seats("X", term_months=12))).split("start_date", "line_id")
    assert [lines_of(order) for order in story.book.orders] == [["Y2027", "Y2028", "Y2029"], ["X"]]


def test_a_segment_without_a_start_of_its_own_keeps_the_day_of_its_delivery() -> None:
    lines = [{name: value for name, value in line.items() if name != "start_date"} for line in years()]
    (order,) = Story(quoted(*lines)).split().book.orders
    assert [str(item.start) for item in order.items] == ["2027-01-01", "2028-01-01", "2029-01-01"]


def test_segments_go_place_by_place() -> None:
    lines = years()
    for line, year in zip(lines, (2027, 2028, 2029), strict=True):
        half = str(int(line["quantity"]) // 2)
        line["deliveries"] = to((f"{year}-01-01", "N", half), (f"{year}-03-01", "S", half))
    story = Story(quoted(*lines)).split()
    assert keys(story.book) == ["2027-01-01/N", "2027-03-01/S"]
    assert [lines_of(order) for order in story.book.orders] == [["Y2027", "Y2028", "Y2029"]] * 2


def test_the_second_part_of_a_segment_goes_with_the_second_of_the_first() -> None:
    lines = years()[:2]
    for line, year in zip(lines, (2027, 2028), strict=True):
        half = str(int(line["quantity"]) // 2)
        line["deliveries"] = to((f"{year}-01-01", "N", half), (f"{year}-06-01", "N", half))
    story = Story(quoted(*lines)).split()
    assert keys(story.book) == ["2027-01-01/N", "2027-06-01/N"]
    assert [[str(item.quantity) for item in order.items] for order in story.book.orders] == [["5", "10"], ["5", "10"]]


def test_segments_of_different_lines_are_strangers() -> None:
    other = [{**line, "line_id": f"B{line['line_id']}", "product": "BASIC"} for line in years(group="b")]
    for line in other:
        line["deliveries"] = to(("2027-05-01", "N", line["quantity"]))
    story = Story(quoted(*years(), *other)).split()
    assert keys(story.book) == ["2027-01-01/N", "2027-05-01/N"]


def test_a_bundle_of_each_year_comes_whole() -> None:
    lines = years()
    for line in lines:
        lines = [*lines, thing(f"C{line['line_id']}", line["quantity"], component_of=line["line_id"])]
    (order,) = Story(quoted(*lines)).split().book.orders
    assert len(order.items) == 6
