"""Orders by hand, and splits of what they leave, until nothing is unordered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.money import cumulative_split
from domain.order.book import open_book
from domain.order.cancel import cancel
from domain.order.choosing import Pick
from domain.order.item import ItemState
from domain.order.pick import pick, preview_pick
from domain.order.rest import unordered
from domain.order.rollback import roll_back
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, keys, lines_of, percent, quoted, seats, thing, to

JAN, FEB, MAY = "2027-01-10", "2027-02-10", "2027-05-01"
TWO = to((JAN, "N", "4"), (FEB, "S", "6"))


def picked(story: Story, *picks: dict[str, Any]) -> Story:
    story.keep(pick(story.book, story.priced, [Pick.model_validate(each) for each in picks], cause()))
    return story


def refused(story: Story, *picks: dict[str, Any]) -> tuple[str, str]:
    before = story.book
    with pytest.raises(Refusal) as refusal:
        picked(story, *picks)
    assert story.book == before
    return refusal.value.code, refusal.value.path


def on(line: str, quantity: str | None, day: str | None = MAY, site: str | None = None) -> dict[str, Any]:
    named = {"line": line, "quantity": quantity, "order_date": day, "ship_to": site}
    return {name: value for name, value in named.items() if value is not None}


def left(story: Story) -> dict[str, tuple[str, str, list[tuple[str, str | None, str]]]]:
    return {
        row.line.line_id: (
            str(row.quantity),
            str(row.amount),
            [(str(place.order_date), place.ship_to, str(place.quantity)) for place in row.places],
        )
        for row in unordered(story.book, story.priced)
    }


def test_what_is_named_is_ordered_and_the_rest_stays() -> None:
    story = picked(Story(quoted(thing("A", "10", deliveries=TWO), thing("B"))), on("A", "3", MAY, "N"))
    (order,) = story.book.orders
    assert (order.order_id, order.key, str(order.total)) == ("Q-1-1", f"{MAY}/N", "300.00")
    assert left(story) == {
        "A": ("7", "700.00", [(JAN, "N", "1"), (FEB, "S", "6")]),
        "B": ("10", "1000.00", [("2027-01-01", None, "10")]),
    }
    totals = story.book.totals
    assert [totals.ordered, totals.unordered] == [300, 1700]


def test_each_date_and_place_is_an_order_in_the_order_of_parts() -> None:
    story = Story(quoted(thing("A"), thing("B")))
    picked(story, on("B", "1", MAY, "S"), on("A", "1", MAY, "N"), on("B", "1", JAN, "S"), on("A", "2", MAY, "S"))
    assert keys(story.book) == [f"{JAN}/S", f"{MAY}/N", f"{MAY}/S"]
    assert [lines_of(order) for order in story.book.orders] == [["B"], ["A"], ["A", "B"]]


def test_the_same_line_date_and_place_add_up() -> None:
    story = picked(Story(quoted(thing("A"))), on("A", "1"), on("A", "2"))
    assert [str(item.quantity) for item in story.order(MAY).items] == ["3"]


def test_each_call_splits_what_is_unordered_then_the_rest_last() -> None:
    story = Story(quoted(thing("A", "7", net_total="100.00", list_price="20.00")))
    picked(story, on("A", "1", JAN), on("A", "2", FEB))
    first = cumulative_split(Decimal("100.00"), [Decimal(1), Decimal(2), Decimal(4)], "USD")
    picked(story, on("A", "3", MAY))
    second = cumulative_split(first[2], [Decimal(3), Decimal(1)], "USD")
    story.split()
    assert (
        story.amounts("A") == [str(amount) for amount in (*first[:2], *second)] == ["14.29", "28.57", "42.86", "14.28"]
    )
    assert left(story) == {}


def test_a_split_of_the_rest_goes_where_nothing_went_yet() -> None:
    story = picked(Story(quoted(thing("A", "10", deliveries=TWO))), on("A", "5", JAN, "N"))
    story.split()
    assert [(order.key, str(order.items[0].quantity)) for order in story.book.orders] == [
        (f"{JAN}/N", "5"),
        (f"{FEB}/S", "5"),
    ]


def test_an_item_fills_its_own_delivery_also_when_its_date_moved() -> None:
    story = Story(quoted(thing("A", "10", deliveries=to((JAN, "N", "4"), (FEB, "N", "6")))))
    picked(story, on("A", "6", FEB, "N"))
    story.move(f"{FEB}/N", JAN)
    assert left(story)["A"] == ("4", "400.00", [(JAN, "N", "4")])
    story.split()
    assert keys(story.book) == [f"{FEB}/N", f"{JAN}/N"]


def test_what_came_back_to_unordered_is_ordered_again_where_it_was() -> None:
    story = Story(quoted(thing("A", "10", deliveries=TWO))).split()
    first = story.order(f"{JAN}/N")
    gone = first.items[0].model_copy(update={"state": ItemState.CANCELLED})
    balance = story.book.balance("A").model_copy(
        update={"unordered_quantity": Decimal(4), "unordered_amount": Decimal("400.00")}
    )
    story.book = story.book.model_copy(
        update={
            "orders": (first.model_copy(update={"items": (gone,)}), story.book.orders[1]),
            "balances": (balance,),
        }
    )
    assert left(story)["A"][2] == [(JAN, "N", "4")]
    story.split()
    assert keys(story.book) == [f"{JAN}/N", f"{FEB}/S", f"{JAN}/N#2"]
    assert story.book.orders[2].items[0].item_id == "Q-1-3/A"


def test_without_a_quantity_it_is_all_that_is_left() -> None:
    story = picked(Story(quoted(thing("A"))), on("A", "4"))
    picked(story, on("A", None))
    assert [str(order.items[0].quantity) for order in story.book.orders] == ["4", "6"]


def test_without_a_date_it_goes_when_the_quote_says() -> None:
    story = picked(Story(quoted(thing("A", "10", deliveries=TWO))), on("A", "5", None))
    assert [(order.key, str(order.items[0].quantity)) for order in story.book.orders] == [
        (f"{JAN}/N", "4"),
        (f"{FEB}/S", "1"),
    ]
    picked(story, on("A", None, None, "S"))
    assert str(story.order(f"{FEB}/S#2").items[0].quantity) == "5"


def test_without_a_place_it_goes_to_the_only_one_there_is() -> None:
    story = picked(Story(quoted(thing("A", "10", deliveries=to((JAN, "N", "10"))))), on("A", "1"))
    assert keys(story.book) == [f"{MAY}/N"]
    both = picked(Story(quoted(thing("A", "10", deliveries=TWO))), on("A", "1"))
    assert keys(both.book) == [MAY]


def test_a_quote_without_any_date_is_ordered_by_hand() -> None:
    story = Story(quoted(thing("A"), thing("B"), start_date=None))
    assert refused(story, on("A", "1", None)) == ("missing_field", "start_date")
    picked(story, on("A", "1"))
    assert left(story) == {"A": ("9", "900.00", []), "B": ("10", "1000.00", [])}


def test_components_come_along_in_ratio_with_their_part_of_the_amount() -> None:
    lines = [thing("A", "3"), thing("B", "6", net_total="100.00", list_price="20.00", component_of="A")]
    story = picked(Story(quoted(*lines)), on("A", "1"))
    assert [(item.line_id, str(item.quantity), str(item.amount)) for item in story.order(MAY).items] == [
        ("A", "1", "100.00"),
        ("B", "2", "33.33"),
    ]
    story.split()
    assert story.amounts("B") == ["33.33", "66.67"]


def test_a_term_line_by_hand_is_not_repriced() -> None:
    story = picked(Story(quoted(seats("S", end_date="2027-12-31"))), on("S", "5", "2027-07-01"))
    (item,) = story.order("2027-07-01").items
    assert (str(item.start), str(item.end), str(item.amount)) == ("2027-07-01", "2027-12-31", "600.00")
    assert item.price.proration == "calendar_months"


@pytest.mark.parametrize("method", ["calendar_months", "months_rounded_up", "days"])
def test_the_method_of_proration_stays_with_the_item(method: str) -> None:
    line = seats("S", "10", "9.99", end_date="2027-12-20", start_date="2027-01-05", proration=method)
    story = picked(Story(quoted(line)), on("S", "3")).split()
    assert {item.price.proration for order in story.book.orders for item in order.items} == {method}
    assert story.book.totals.ordered == story.priced.net_total


def test_an_evergreen_line_counts_one_period_in_every_part() -> None:
    line = {**seats("E", "3", "10.01", price_per="month"), "kind": "evergreen"}
    story = picked(Story(quoted(line)), on("E", "1")).split()
    assert story.amounts("E") == ["10.01", "20.02"]
    assert {item.end for order in story.book.orders for item in order.items} == {None}


# what is refused


@pytest.mark.parametrize(
    ("picks", "code", "path"),
    [
        ([], "missing_field", "lines"),
        ([on("X", "1")], "unknown_line", "lines.0.line"),
        ([on("A", "1"), on("B", "1")], "bundle_broken", "lines.1.line"),
        ([on("A", "0")], "quantity_out_of_range", "lines.0.quantity"),
        ([on("A", "-1")], "quantity_out_of_range", "lines.0.quantity"),
        ([on("A", "11")], "quantity_out_of_range", "lines.0.quantity"),
        ([on("A", "6"), on("A", "5")], "quantity_out_of_range", "lines.1.quantity"),
        ([on("A", "0.5")], "quantity_out_of_range", "lines.0.quantity"),
        ([on("A", "5", None, "N")], "quantity_out_of_range", "lines.0.quantity"),
        ([on("A", "1", None, "MOON")], "unknown_site", "lines.0.ship_to"),
        ([on("W", "0.0001")], "amount_too_small", "lines.W"),
        ([on("M", "2")], "quantity_out_of_range", "lines.0.quantity"),
        ([on("M", None)], "percent_of_nothing", "lines"),
    ],
)
def test_a_pick_that_cannot_be_is_refused(picks: list[dict[str, Any]], code: str, path: str) -> None:
    sites = [{"site_id": site, "name": site} for site in "NS"]
    lines = [thing("A", "10", deliveries=TWO), thing("B", "10", component_of="A"), thing("W", "1", "1.00", unit="kg")]
    assert refused(Story(quoted(*lines, percent("M"), sites=sites)), *picks) == (code, path)


def test_a_pick_that_breaks_a_bundle_is_refused() -> None:
    story = Story(quoted(thing("A", "2"), thing("B", "3", component_of="A")))
    assert refused(story, on("A", "1"))[0] == "bundle_broken"
    picked(story, on("A", "2"))


def test_quantities_finer_than_a_millionth_are_refused() -> None:
    story = Story(quoted(thing("W", "1", unit="kg")))
    with pytest.raises(Refusal) as refusal:
        pick(story.book, story.priced, [Pick(line="W", quantity=Decimal("0.3333333"))], cause())
    assert refusal.value.code == "quantity_out_of_range"


def test_a_date_after_a_fixed_end_is_refused() -> None:
    story = Story(quoted(seats("S", end_date="2027-12-31")))
    assert refused(story, on("S", "1", "2028-01-01"))[0] == "dates_out_of_order"


def test_when_all_is_ordered_nothing_is_left_to_pick() -> None:
    story = Story(quoted(thing("A"), percent("M"))).split()
    assert refused(story, on("A", "1"))[0] == "nothing_unordered"


def test_a_preview_is_what_the_call_would_make() -> None:
    priced = quoted(thing("A", "10", deliveries=TWO), percent("M"))
    picks = [Pick.model_validate(on("A", "3"))]
    book = open_book(priced)
    shown = preview_pick(priced, picks, cause())
    assert shown == book.applied(pick(book, priced, picks, cause()))
    assert (str(shown.totals.ordered), str(shown.totals.unordered)) == ("330.00", "770.00")


# percent of total


def test_a_share_follows_what_is_picked_and_the_rest_keeps_its_own() -> None:
    story = picked(Story(quoted(thing("A", "3", "33.33"), thing("B", "1"), percent("M", "7.5"))), on("A", "1"))
    assert str(story.order(MAY).items_of("M")[0].amount) == "2.50"
    assert left(story)["M"] == ("1", "12.50", [])
    picked(story, on("A", "1"))
    story.split()
    assert sum(map(Decimal, story.amounts("M"))) == Decimal("15.00")
    assert left(story) == {}


def test_price_percent_and_base_are_frozen_by_the_first_order() -> None:
    story = picked(Story(quoted(thing("A"), thing("B"), percent("M", of_lines=["A"]))), on("B", "1"))
    balance = story.book.balance("M")
    assert (str(balance.percent), str(balance.quoted_amount)) == ("10", "100.00")
    assert [(base.line_id, str(base.amount)) for base in balance.base] == [("A", "1000.00")]
    assert lines_of(story.order(MAY)) == ["B"]


def test_a_share_with_a_place_of_its_own_waits_until_it_is_asked_for() -> None:
    lines = [thing("A", "10", deliveries=TWO), percent("M", deliveries=to((MAY, "N", None)))]
    story = picked(Story(quoted(*lines)), on("A", "4", JAN, "N"))
    assert lines_of(story.order(f"{JAN}/N")) == ["A"]
    picked(story, on("M", None, None))
    (share,) = story.order(f"{MAY}/N").items
    assert (str(share.amount), [part.item_id for part in share.base]) == ("40.00", ["Q-1-1/A"])
    assert refused(story, on("M", None, None))[0] == "percent_of_nothing"
    story.split()
    assert story.amounts("M") == ["40.00", "60.00"]
    assert [part.item_id for part in story.order(f"{MAY}/N#2").items[0].base] == ["Q-1-3/A"]


def test_a_share_by_site_is_of_what_its_site_holds_whenever_that_was_ordered() -> None:
    lines = [
        thing("A", "10", deliveries=TWO),
        percent("M", by="site", deliveries=to((MAY, "N", None), (MAY, "S", None))),
    ]
    story = picked(Story(quoted(*lines)), on("A", "1", JAN, "N"), on("A", "2", JAN, "S"))
    story.split()
    assert {order.key: str(order.total) for order in story.book.orders if order.items[0].is_share} == {
        f"{MAY}/N": "40.00",
        f"{MAY}/S": "60.00",
    }
    assert [part.item_id for part in story.order(f"{MAY}/N").items[0].base] == ["Q-1-1/A", "Q-1-3/A"]


def test_a_share_is_picked_to_a_date_instead_of_following() -> None:
    story = picked(Story(quoted(thing("A", "10", deliveries=TWO), percent("M"))), on("A", "4", JAN, "N"), on("M", "1"))
    assert [lines_of(order) for order in story.book.orders] == [["A"], ["M"]]
    assert str(story.order(f"{MAY}/N").total) == "40.00"


def test_a_share_that_came_back_is_ordered_with_the_rest() -> None:
    story = Story(quoted(thing("A", "10", deliveries=TWO), percent("M"))).split()
    first = story.order(f"{JAN}/N")
    gone = tuple(
        item.model_copy(update={"state": ItemState.CANCELLED}) if item.is_share else item for item in first.items
    )
    balances = (
        story.book.balance("A"),
        story.book.balance("M").model_copy(update={"unordered_amount": Decimal("40.00")}),
    )
    orders = (first.model_copy(update={"items": gone}), story.book.orders[1])
    story.book = story.book.model_copy(update={"orders": orders, "balances": balances})
    story.split()
    again = story.order(f"{JAN}/N#2")
    assert [(item.line_id, str(item.amount), item.base[0].item_id) for item in again.items] == [
        ("M", "40.00", "Q-1-1/A")
    ]
    assert again.items[0].key == f"{JAN}/N#2"


def test_keys_of_items_never_repeat_across_calls() -> None:
    story = Story(quoted(thing("A", "10", deliveries=to((JAN, "N", "4"), (JAN, "S", "4"), (FEB, "N", "2")))))
    picked(story, on("A", "1", JAN, "N"))
    story.split("order_date")
    assert keys(story.book) == [f"{JAN}/N", JAN, f"{FEB}/N"]
    assert [item.key for item in story.order(JAN).items] == [f"{JAN}/N#2", f"{JAN}/S"]


def test_a_cancellation_is_not_rolled_back_once_its_quantity_is_ordered_again() -> None:
    story = Story(quoted(thing("A", "10", deliveries=TWO))).split()
    story.keep(cancel(story.book, f"{JAN}/N", cause(), lines={"A": Decimal(1)}, disposition="unordered"))
    picked(story, on("A", "1"))
    with pytest.raises(Refusal) as refusal:
        roll_back(story.book, f"{JAN}/N", cause())
    assert refusal.value.code == "not_the_last_change"
