"""Orders by hand on an amendment: what of it is ordered when, the rest later."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from domain.order.book import OrderBook
from domain.order.choosing import Pick
from domain.order.delta_order import order_amendment
from domain.order.invariants import violations
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from domain.refusal import Refusal
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import BEFORE, Story, cause, seats, thing, to

YEAR = {"start_date": "2027-01-01", "end_date": "2027-12-31"}
PLACES = to(("2027-01-01", "N", "4"), ("2027-01-01", "S", "6"))


class Amended:
    """An amendment that is approved and waits to be ordered by hand."""

    def __init__(self, agreed: Agreed, start: str, *lines: dict[str, Any]) -> None:
        self.agreed = agreed
        self.story = Story(price(read_quote(agreed.document(start, *lines))))
        agreed.stories.append(self.story)

    def order(self, *picks: dict[str, str]) -> Amended:
        lines = tuple(read_model(Pick, each) for each in picks)
        return self._keep(lines)

    def order_all(self) -> Amended:
        return self._keep(None)

    def _keep(self, lines: Sequence[Pick] | None) -> Amended:
        keys = ("order_date", "ship_to")
        story, agreement = self.story, self.agreed.agreement
        story.keep(order_amendment(story.book, story.priced, agreement, keys, cause(BEFORE), lines))
        assert not violations(story.book)
        return self

    def refused(self, *picks: dict[str, str]) -> tuple[str, str | None]:
        before = self.story.book
        with pytest.raises(Refusal) as refusal:
            self.order(*picks)
        assert self.story.book == before
        return refusal.value.code, refusal.value.path

    @property
    def book(self) -> OrderBook:
        return self.story.book

    def items(self) -> list[tuple[str, str, str, str]]:
        return [
            (order.key, item.line_id, str(item.quantity), str(item.amount))
            for order in self.book.orders
            for item in order.items
        ]

    def left(self) -> dict[str, tuple[Decimal, Decimal]]:
        return {each.line_id: (each.unordered_quantity, each.unordered_amount) for each in self.book.balances}


def year(line_id: str = "S", quantity: str = "10", price: str = "10.00", **more: Any) -> dict[str, Any]:
    return seats(line_id, quantity, price, **{**YEAR, **more})


def held(agreed: Agreed, *days: str, product: str = "P-S") -> list[int]:
    return [int(agreed.held(on, product)) for on in days]


def test_a_reduction_is_ordered_in_two_steps_that_add_up_to_the_cent() -> None:
    amended = Amended(Agreed(year(price="3.33")), "2027-07-01", {"line": "S", "quantity_change": "-3"})
    # -3 × 3.33 × 6 months = -59.94; one of three is -19.98, so are the other two together -39.96
    amended.order({"line": "S", "quantity": "1"})
    assert amended.items() == [("2027-07-01", "S", "-1", "-19.98")]
    assert amended.left() == {"S": (Decimal(-2), Decimal("-39.96"))}
    assert held(amended.agreed, "2027-06-30", "2027-07-01") == [10, 9]
    amended.order({"line": "S", "order_date": "2027-08-01"})
    assert amended.items()[1:] == [("2027-08-01", "S", "-2", "-39.96")]
    assert held(amended.agreed, "2027-07-01", "2028-01-01") == [7, 0]
    assert amended.refused({"line": "S"})[0] == "nothing_unordered"


def test_an_amount_that_does_not_divide_leaves_its_rest_to_the_last_step() -> None:
    agreed = Agreed({**year(quantity="7"), "net_price": None, "net_total": "100.00"})
    amended = Amended(agreed, "2027-01-01", {"line": "S", "quantity_change": "-7"})
    amended.order({"line": "S", "quantity": "3"}, {"line": "S", "quantity": "2", "order_date": "2027-02-01"})
    # -100 over 3, 2, 2: -42.86, -71.43 + 42.86 = -28.57, and -28.57 is left
    assert [item[3] for item in amended.items()] == ["-42.86", "-28.57"]
    assert amended.left() == {"S": (Decimal(-2), Decimal("-28.57"))}
    amended.order_all()
    assert agreed.amounts() == 0
    assert held(agreed, "2027-01-01", "2027-12-31") == [0, 0]


def test_growth_is_ordered_where_and_when_it_is_picked() -> None:
    amended = Amended(Agreed(year()), "2027-07-01", {"line": "S", "quantity_change": "6"})
    amended.order({"line": "S", "quantity": "2", "order_date": "2027-09-01"})
    assert amended.items() == [("2027-09-01", "S", "2", "120.00")]  # 2 × 10 × 6 months: a date never reprices
    assert amended.book.orders[0].items[0].revises == "Q-1-1/S"
    amended.order_all()
    assert [item[2:] for item in amended.items()] == [("2", "120.00"), ("4", "240.00")]
    assert held(amended.agreed, "2027-06-30", "2027-07-01") == [10, 16]


def test_two_lines_are_ordered_one_after_the_other() -> None:
    agreed = Agreed(year(), year("T", "5", "4.00"))
    less, more = {"line": "S", "quantity_change": "-4"}, {"line": "T", "quantity_change": "3"}
    amended = Amended(agreed, "2027-07-01", less, more)
    amended.order({"line": "T"})
    assert (held(agreed, "2027-07-01"), held(agreed, "2027-07-01", product="P-T")) == ([10], [8])
    amended.order({"line": "S"})
    assert held(agreed, "2027-07-01") == [6]
    assert {order.kind for order in amended.book.orders} == {"amendment"}


def test_components_go_with_their_parent_and_are_never_named() -> None:
    agreed = Agreed(year(), year("T", "20", "1.00", component_of="S"))
    amended = Amended(agreed, "2027-07-01", {"line": "S", "quantity_change": "-4"})
    amended.order({"line": "S", "quantity": "3"})
    assert [(item[1], item[2], item[3]) for item in amended.items()] == [("S", "-3", "-180.00"), ("T", "-6", "-36.00")]
    parent, component = amended.book.orders[0].items
    assert component.parent_item == parent.item_id
    assert amended.refused({"line": "T"}) == ("bundle_broken", "lines.0.line")


def test_a_new_price_is_ordered_with_the_end_of_the_old_one() -> None:
    agreed = Agreed(year())
    amended = Amended(agreed, "2027-07-01", {"line": "S", "unit_price": "9.00"})
    assert amended.refused({"line": "S"}) == ("conflicting_fields", "lines")
    assert amended.refused({"line": "S.2"}) == ("conflicting_fields", "lines")
    assert amended.refused({"line": "S"}, {"line": "S.2", "quantity": "4"}) == ("conflicting_fields", "lines")
    amended.order({"line": "S", "quantity": "4"}, {"line": "S.2", "quantity": "4"})
    assert sorted(item[1:] for item in amended.items()) == [("S", "-4", "-240.00"), ("S.2", "4", "216.00")]
    assert held(agreed, "2027-06-30", "2027-07-01", "2027-12-31") == [10, 10, 10]


def test_what_is_taken_away_stays_where_it_is() -> None:
    agreed = Agreed(year(deliveries=PLACES), sites=[{"site_id": "N", "name": "N"}, {"site_id": "S", "name": "S"}])
    amended = Amended(agreed, "2027-07-01", {"line": "S", "ship_to": "N", "quantity_change": "-3"})
    assert amended.refused({"line": "S", "ship_to": "S"}) == ("ship_to_differs", "lines.0.ship_to")
    amended.order({"line": "S", "ship_to": "N", "quantity": "1"})
    assert amended.items() == [("2027-07-01/N", "S", "-1", "-60.00")]


@pytest.mark.parametrize(
    ("pick", "code", "path"),
    [
        ({"line": "S", "quantity": "5"}, "quantity_out_of_range", "lines.0.quantity"),
        ({"line": "S", "quantity": "0"}, "quantity_out_of_range", "lines.0.quantity"),
        ({"line": "S", "quantity": "-2"}, "quantity_out_of_range", "lines.0.quantity"),
        ({"line": "S", "quantity": "0.5"}, "quantity_out_of_range", "lines.0.quantity"),
        ({"line": "X"}, "unknown_line", "lines.0.line"),
        ({"line": "S", "order_date": "2028-01-01"}, "dates_out_of_order", "lines.S.end_date"),
    ],
)
def test_what_by_hand_cannot_be_ordered(pick: dict[str, str], code: str, path: str) -> None:
    amended = Amended(Agreed(year()), "2027-07-01", {"line": "S", "quantity_change": "-4"})
    assert amended.refused(pick) == (code, path)
    assert amended.refused() == ("missing_field", "lines")


def test_the_place_of_a_line_in_the_request_is_told() -> None:
    agreed = Agreed(year(), year("T", "5", "4.00"))
    less, more = {"line": "S", "quantity_change": "-4"}, {"line": "T", "quantity_change": "3"}
    amended = Amended(agreed, "2027-07-01", less, more)
    assert amended.refused({"line": "S"}, {"line": "T", "quantity": "9"}) == (
        "quantity_out_of_range",
        "lines.1.quantity",
    )


def test_what_somebody_else_took_in_the_meantime_is_not_taken_again() -> None:
    agreed = Agreed(year())
    amended = Amended(agreed, "2027-07-01", {"line": "S", "quantity_change": "-8"})
    amended.order({"line": "S", "quantity": "3"})
    agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-4"})
    assert amended.refused({"line": "S"})[0] == "quantity_out_of_range"
    amended.order({"line": "S", "quantity": "3"})
    assert held(agreed, "2027-07-01") == [0]


def test_a_component_cannot_go_the_other_way_than_its_parent() -> None:
    agreed = Agreed(year(), year("T", "20", "1.00", component_of="S"))
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "-4"})
    component = next(line for line in document["lines"] if line["line_id"] == "T")
    component |= {"quantity_change": "8", "net_total": "48.00"}
    with pytest.raises(Refusal) as refusal:
        agreed.order(document)
    assert (refusal.value.code, refusal.value.path) == ("bundle_broken", "lines.T.component_of")


def test_things_among_what_is_added_come_by_hand_too() -> None:
    agreed = Agreed(year(), thing("D", "10", component_of="S"))
    amended = Amended(agreed, "2027-07-01", {"line": "S", "quantity_change": "4"})
    amended.order({"line": "S", "quantity": "1"})
    assert [(item[1], item[2]) for item in amended.items()] == [("S", "1"), ("D", "1")]
    assert amended.left()["D"][0] == 3
