"""Splitting a quote into orders: keys, order of parts, bundles, shares, dates, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.order.book import OrderBook, open_book
from domain.order.event import OrderEventKind
from domain.order.order import OrderState
from domain.order.split import preview, split
from domain.quote import Revenue
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, keys, lines_of, percent, quoted, seats, thing, to

JAN, FEB = "2027-01-10", "2027-02-10"


def two_places(line_id: str, price: str = "100.00") -> dict[str, Any]:
    return thing(line_id, "10", price, deliveries=to((JAN, "N", "4"), (FEB, "S", "6")))


def refused(*lines: dict[str, Any], by: tuple[str, ...] = ("order_date", "ship_to"), **header: Any) -> Refusal:
    priced = quoted(*lines, **header)
    with pytest.raises(Refusal) as refusal:
        split(open_book(priced), priced, by, cause())
    return refusal.value


def test_one_order_for_each_date_and_place_in_the_order_of_parts() -> None:
    story = Story(quoted(thing("A", "10", deliveries=to((FEB, "S", "3"), (FEB, "N", "5"), (JAN, "S", "2"))))).split()
    assert keys(story.book) == [f"{JAN}/S", f"{FEB}/N", f"{FEB}/S"]
    assert [order.order_id for order in story.book.orders] == ["Q-1-1", "Q-1-2", "Q-1-3"]
    assert [order.number for order in story.book.orders] == [1, 2, 3]
    assert {order.state for order in story.book.orders} == {OrderState.SCHEDULED}
    assert {order.version for order in story.book.orders} == {1}


def test_orders_are_found_by_id_and_by_key() -> None:
    story = Story(quoted(two_places("A"))).split()
    assert story.order("Q-1-2") is story.order(f"{FEB}/S")
    with pytest.raises(Refusal) as refusal:
        story.order("2027-03-10/S")
    assert refusal.value.code == "unknown_order"


def test_parts_of_an_amount_add_up_in_the_order_of_parts() -> None:
    parts = to((FEB, "S", "1"), (JAN, "N", "1"), (FEB, "A", "1"))
    story = Story(quoted(thing("A", "3", net_total="100.00", list_price="40.00", deliveries=parts))).split()
    assert story.amounts("A") == ["33.33", "33.34", "33.33"]
    assert sum(map(Decimal, story.amounts("A"))) == 100


def test_a_credit_mirrors_its_charge() -> None:
    parts = to((JAN, None, "1"), (FEB, None, "2"))
    charge = Story(quoted(thing("A", "3", net_total="10.01", deliveries=parts))).split()
    credit = Story(quoted(thing("A", "3", net_total="-10.01", deliveries=parts))).split()
    assert [f"-{amount}" for amount in charge.amounts("A")] == credit.amounts("A")


def test_by_date_alone_an_order_goes_to_several_places() -> None:
    parts = to((JAN, "N", "4"), (JAN, "S", "6"))
    story = Story(quoted(thing("A", "10", deliveries=parts))).split("order_date")
    (order,) = story.book.orders
    assert (order.key, order.ship_to) == (JAN, None)
    assert [(item.item_id, item.ship_to, str(item.quantity)) for item in order.items] == [
        ("Q-1-1/A", "N", "4"),
        ("Q-1-1/A#2", "S", "6"),
    ]
    assert [item.key for item in order.items] == [f"{JAN}/N", f"{JAN}/S"]


def test_by_date_alone_the_key_names_the_place_that_all_items_share() -> None:
    story = Story(quoted(two_places("A"), two_places("B"))).split("order_date")
    assert keys(story.book) == [f"{JAN}/N", f"{FEB}/S"]


def test_deliveries_to_the_same_place_on_the_same_date_are_one_item() -> None:
    story = Story(quoted(thing("A", "3", deliveries=to((JAN, "N", "1"), (JAN, "N", "2"))))).split()
    (item,) = story.order(f"{JAN}/N").items
    assert (str(item.quantity), str(item.amount)) == ("3", "300.00")


@pytest.mark.parametrize(
    ("key", "values"),
    [("group", ("x", "x", "y")), ("family", ("One", "One", "Two")), ("unit", ("kg", "kg", None))],
)
def test_any_field_of_the_lines_splits_further(key: str, values: tuple[str | None, ...]) -> None:
    lines = [thing(name, **({key: value} if value else {})) for name, value in zip("ABC", values, strict=True)]
    story = Story(quoted(*lines)).split("order_date", key)
    assert [lines_of(order) for order in story.book.orders] == [["A", "B"], ["C"]]
    assert keys(story.book) == ["2027-01-01", "2027-01-01#2"]


def test_free_fields_split_too_and_blanks_stay_together() -> None:
    lines = [thing("A"), thing("B", fields={"phase": "2"}), thing("C"), thing("D", fields={"phase": "2"})]
    story = Story(quoted(*lines)).split("order_date", "phase")
    assert [lines_of(order) for order in story.book.orders] == [["A", "C"], ["B", "D"]]


def test_a_component_stays_with_its_parent_whatever_its_own_field_says() -> None:
    lines = [thing("A", group="x"), thing("B", component_of="A", group="y"), thing("C", group="y")]
    story = Story(quoted(*lines)).split("order_date", "group")
    assert [lines_of(order) for order in story.book.orders] == [["A", "B"], ["C"]]


def test_repeated_keys_are_numbered_and_each_is_one_order() -> None:
    lines = [thing(name, group=name, deliveries=to((JAN, "N", "10"))) for name in "ABC"]
    story = Story(quoted(*lines)).split("order_date", "ship_to", "group")
    assert keys(story.book) == [f"{JAN}/N", f"{JAN}/N#2", f"{JAN}/N#3"]
    assert len({(item.line_id, item.key) for order in story.book.orders for item in order.items}) == 3


def test_without_deliveries_all_goes_to_the_start_date_and_no_place() -> None:
    story = Story(quoted(thing("A"))).split()
    (order,) = story.book.orders
    assert (order.key, order.order_date, order.ship_to) == ("2027-01-01", date(2027, 1, 1), None)


def test_without_deliveries_and_start_date_there_is_no_day_to_order() -> None:
    refusal = refused(thing("A"), start_date=None)
    assert (refusal.code, refusal.path) == ("missing_field", "start_date")


# bundles


def test_components_follow_their_parent_in_ratio() -> None:
    parent = thing("A", "4", deliveries=to((JAN, "N", "1"), (FEB, "S", "3")))
    story = Story(quoted(parent, thing("B", "8", "0.55", component_of="A"), thing("C", "24", component_of="B"))).split()
    found = [[str(item.quantity) for item in order.items] for order in story.book.orders]
    assert found == [["1", "2", "6"], ["3", "6", "18"]]
    first = story.order(f"{JAN}/N")
    assert [item.parent_item for item in first.items] == [None, "Q-1-1/A", "Q-1-1/B"]
    assert story.amounts("B") == ["1.10", "3.30"]


def test_a_component_may_stand_before_its_parent_in_the_quote() -> None:
    story = Story(quoted(thing("B", "10", component_of="A"), thing("A", "10"))).split()
    assert [item.parent_item for item in story.book.orders[0].items] == ["Q-1-1/A", None]


@pytest.mark.parametrize("unit", [None, "pieces", "each"])
def test_a_piece_is_not_cut_in_two(unit: str | None) -> None:
    parent = thing("A", "2", deliveries=to((JAN, "N", "1"), (FEB, "S", "1")))
    more = {"unit": unit} if unit else {}
    refusal = refused(parent, thing("B", "3", component_of="A", **more))
    assert (refusal.code, refusal.path) == ("bundle_broken", "lines.A.deliveries")
    assert "1.5 of B" in refusal.message


def test_what_is_measured_may_be_cut() -> None:
    parent = thing("A", "2", deliveries=to((JAN, "N", "1"), (FEB, "S", "1")))
    story = Story(
        quoted(parent, thing("B", "3", component_of="A", unit="m"), thing("C", "0.5", component_of="A"))
    ).split()
    assert [str(item.quantity) for item in story.order(f"{JAN}/N").items] == ["1", "1.5", "0.25"]


def test_no_quantity_is_finer_than_six_decimals() -> None:
    parent = thing("A", "3", deliveries=to((JAN, "N", "1"), (FEB, "S", "2")))
    assert refused(parent, thing("B", "1", component_of="A", unit="m")).code == "bundle_broken"


# term lines


def test_a_term_starts_on_the_order_date_unless_the_line_says_when() -> None:
    parts = to((JAN, "N", "4"), (FEB, "S", "6"))
    lines = [seats("S", term_months=12, deliveries=parts), seats("T", end_date="2027-12-31", deliveries=parts)]
    lines.append(seats("U", start_date="2027-03-01", end_date="2027-12-31", deliveries=parts))
    story = Story(quoted(*lines)).split()
    items = story.order(f"{FEB}/S").items
    assert [(str(item.start), str(item.end)) for item in items] == [
        ("2027-02-10", "2028-02-09"),
        ("2027-02-10", "2027-12-31"),
        ("2027-03-01", "2027-12-31"),
    ]


def test_different_order_dates_never_reprice_the_parts_of_a_term_line() -> None:
    parts = to(("2027-01-01", "N", "5"), ("2027-07-01", "S", "5"))
    story = Story(quoted(seats("S", end_date="2027-12-31", deliveries=parts))).split()
    assert story.amounts("S") == ["600.00", "600.00"]


def test_an_order_after_a_fixed_end_is_refused() -> None:
    parent = thing("A", "10", deliveries=to(("2028-02-01", "N", "10")))
    line = seats("S", component_of="A", start_date="2027-01-01", end_date="2027-12-31")
    refusal = refused(parent, line)
    assert (refusal.code, refusal.path) == ("dates_out_of_order", "lines.S.end_date")


def test_an_evergreen_item_has_a_start_and_no_end() -> None:
    line = {**seats("E", price_per="month"), "kind": "evergreen"}
    (item,) = Story(quoted(line)).split().book.orders[0].items
    assert (item.start, item.end, item.revenue, str(item.amount)) == (date(2027, 1, 1), None, Revenue.MONTHLY, "100.00")


# percent of total


def test_by_order_a_share_follows_its_base_into_every_order() -> None:
    story = Story(
        quoted(two_places("A", "99.99"), two_places("B", "33.33"), percent("M", "7.5", of_lines=["A"]))
    ).split()
    assert [lines_of(order) for order in story.book.orders] == [["A", "B", "M"], ["A", "B", "M"]]
    assert story.amounts("M") == ["30.00", "44.99"]
    (share,) = story.order(f"{FEB}/S").items_of("M")
    assert [(part.item_id, str(part.amount)) for part in share.base] == [("Q-1-2/A", "599.94")]
    assert (share.quantity, share.ship_to) == (Decimal(1), "S")


def test_no_base_no_share() -> None:
    free = thing("F", "10", "0.00", deliveries=to(("2027-03-10", "S", "10")))
    story = Story(quoted(two_places("A"), free, percent("M"))).split()
    assert "M" not in lines_of(story.order("2027-03-10/S"))


def test_by_order_with_one_delivery_all_of_it_goes_there() -> None:
    place = to(("2027-05-01", "N", None))
    story = Story(quoted(two_places("A"), percent("M", deliveries=place))).split()
    assert keys(story.book)[-1] == "2027-05-01/N"
    (share,) = story.order("2027-05-01/N").items
    assert str(share.amount) == "100.00"
    assert len(share.base) == 2


def test_by_order_with_several_deliveries_is_refused() -> None:
    places = to((JAN, "N", None), (FEB, "S", None))
    refusal = refused(two_places("A"), percent("M", deliveries=places))
    assert (refusal.code, refusal.path) == ("conflicting_fields", "lines.M.deliveries")


def test_by_site_each_delivery_takes_its_site_s_share_over_all_orders() -> None:
    base = thing("A", "3", "100.01", deliveries=to((JAN, "N", "1"), (FEB, "N", "1"), (FEB, "S", "1")))
    places = to(("2027-06-01", "S", None), ("2027-05-01", "N", None))
    story = Story(quoted(base, percent("M", deliveries=places, by="site"))).split()
    assert {order.key: str(order.total) for order in story.book.orders[3:]} == {
        "2027-05-01/N": "20.00",
        "2027-06-01/S": "10.00",
    }
    (north,) = story.order("2027-05-01/N").items
    assert [part.item_id for part in north.base] == ["Q-1-1/A", "Q-1-2/A"]


def test_by_site_without_deliveries_goes_to_the_site_s_first_order() -> None:
    base = thing("A", "4", deliveries=to((JAN, "N", "1"), (FEB, "N", "1"), (FEB, "S", "2")))
    story = Story(quoted(base, percent("M", by="site"))).split()
    found = {order.key: [str(item.amount) for item in order.items_of("M")] for order in story.book.orders[::2]}
    assert found == {f"{JAN}/N": ["20.00"], f"{FEB}/S": ["20.00"]}
    assert lines_of(story.order(f"{FEB}/N")) == ["A"]


def test_by_site_in_one_order_for_two_sites_makes_two_items() -> None:
    base = thing("A", "4", deliveries=to((JAN, "N", "1"), (JAN, "S", "3")))
    story = Story(quoted(base, percent("M", by="site"))).split("order_date")
    shares = story.book.orders[0].items_of("M")
    assert [(share.ship_to, str(share.amount)) for share in shares] == [("N", "10.00"), ("S", "30.00")]


def test_by_site_base_at_sites_that_are_not_named_takes_no_share() -> None:
    places = to((JAN, "N", None))
    story = Story(quoted(two_places("A"), percent("M", deliveries=places, by="site"))).split()
    (share,) = story.order(f"{JAN}/N").items_of("M")
    assert str(share.amount) == "100.00"
    assert [part.item_id for part in share.base] == ["Q-1-1/A"]


def test_by_site_where_no_named_site_holds_base_is_refused() -> None:
    places = to((JAN, "X", None))
    assert refused(two_places("A"), percent("M", deliveries=places, by="site")).code == "percent_of_nothing"


def test_by_site_names_each_site_once() -> None:
    places = to((JAN, "N", None), (FEB, "N", None))
    assert refused(two_places("A"), percent("M", deliveries=places, by="site")).code == "conflicting_fields"


def test_a_share_without_term_takes_the_dates_of_its_base() -> None:
    lines = [seats("S", "1", term_months=12), seats("T", "1", start_date="2027-03-01", term_months=24), percent("M")]
    story = Story(quoted(*lines)).split()
    (share,) = story.book.orders[0].items_of("M")
    assert (share.start, share.end) == (date(2027, 1, 1), date(2029, 2, 28))
    assert (share.revenue, share.dates_of_base) == (Revenue.AS_BASE, True)


def test_a_share_of_things_has_no_dates() -> None:
    (share,) = Story(quoted(thing("A"), percent("M"))).split().book.orders[0].items_of("M")
    assert (share.start, share.end) == (None, None)


def test_a_share_over_time_needs_a_term() -> None:
    refusal = refused(thing("A"), percent("M", revenue="daily"))
    assert (refusal.code, refusal.path) == ("missing_field", "lines.M.end_date")


# what is refused, and what a split leaves behind


def test_a_key_that_no_line_has_is_refused() -> None:
    refusal = refused(thing("A"), by=("order_date", "colour"))
    assert (refusal.code, refusal.path) == ("unknown_field", "split_by")


@pytest.mark.parametrize(
    "line",
    [thing("A", revenue="daily"), thing("A", revenue="as_base"), seats("S", term_months=1, revenue="on_delivery")],
)
def test_a_schedule_that_the_line_can_never_follow_is_refused(line: dict[str, Any]) -> None:
    assert refused(line).code == "conflicting_fields"


def test_what_is_ordered_is_not_ordered_again() -> None:
    story = Story(quoted(two_places("A"), percent("M"))).split()
    with pytest.raises(Refusal) as refusal:
        story.split()
    assert refusal.value.code == "nothing_unordered"


def test_a_preview_shows_what_a_split_makes_and_changes_nothing() -> None:
    priced = quoted(two_places("A"), percent("M"))
    book = open_book(priced)
    shown = preview(priced, ["order_date", "ship_to"], cause(), book)
    assert shown.totals.ordered == shown.totals.quote == 1100
    assert shown.totals.unordered == 0
    assert book == open_book(priced)
    assert shown == book.applied(split(book, priced, ["order_date", "ship_to"], cause()))


def test_every_order_tells_that_it_was_made_and_every_item_is_in_the_ledger() -> None:
    story = Story(quoted(two_places("A"), percent("M"))).split()
    assert [event.kind for event in story.events] == [OrderEventKind.ORDERED] * 2
    first = story.events[0]
    assert (first.event_id, first.by, first.after["total"]) == ("Q-1-1:1:1", "rosa", "440.00")
    assert [entry.entry_id for entry in story.entries] == ["Q-1-1:1:1", "Q-1-1:1:2", "Q-1-2:1:1", "Q-1-2:1:2"]
    assert {entry.event_id for entry in story.entries} == {"Q-1-1:1:1", "Q-1-2:1:1"}
    assert str(story.entries[0].effective) == JAN


def test_the_same_split_has_the_same_ids() -> None:
    priced = quoted(two_places("A"), percent("M"))
    assert Story(priced).split().book == Story(priced).split().book


def test_a_book_and_a_change_survive_as_json() -> None:
    story = Story(quoted(two_places("A"), seats("S", term_months=7, price="9.99"), percent("M", "1.25"))).split()
    assert OrderBook.model_validate_json(story.book.model_dump_json()) == story.book
    change = story.move(f"{FEB}/S", "2027-03-15")
    assert type(change).model_validate_json(change.model_dump_json()) == change
    assert OrderBook.model_validate({**story.book.model_dump(mode="json"), "later": "field"}) == story.book
