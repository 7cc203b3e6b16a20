"""Amendments of what runs: quantity up and down, prices, ends, sites, bundles; as quotes, orders and entitlements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.entitlement import View
from domain.order.order import OrderKind
from domain.quote import read_quote
from domain.refusal import Refusal
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import noon, percent, seats, thing, to

YEAR = {"end_date": "2027-12-31", "start_date": "2027-01-01"}


def year(line_id: str = "S", quantity: str = "10", price: str = "10.00", **more: Any) -> dict[str, Any]:
    """Seats for the year 2027."""
    return seats(line_id, quantity, price, **{**YEAR, **more})


def held(agreed: Agreed, *days: str, product: str = "P-S") -> list[int]:
    return [int(agreed.held(on, product)) for on in days]


def lines(document: dict[str, Any]) -> list[tuple[str, str, str, str, str | None]]:
    """Of each line: what it revises, by how much, from when to when, and what it comes to."""
    found = Agreed.priced(None, document)  # type: ignore[arg-type]
    return [
        (
            each.line.revises or "",
            str(each.line.quantity_change),
            str(each.line.start_date),
            str(each.line.end_date),
            str(each.net_total),
        )
        for each in found.lines
    ]


# quantity


def test_more_runs_to_the_same_end_at_the_same_price() -> None:
    agreed = Agreed(year())
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "5"})
    assert lines(document) == [("Q-1-1/S", "5", "2027-07-01", "2027-12-31", "300.00")]
    assert (document["amends"], document["start_date"]) == ("Q-1", "2027-07-01")
    story = agreed.order(document)
    (order,) = story.book.orders
    (item,) = order.items
    assert (order.kind, order.revises_order, order.contract_of) == (OrderKind.AMENDMENT, "Q-1-1", "Q-1")
    assert (item.revises, item.root_item, item.quantity) == ("Q-1-1/S", "Q-1-1/S", Decimal(5))
    assert held(agreed, "2027-06-30", "2027-07-01", "2027-12-31", "2028-01-01") == [10, 15, 15, 0]
    assert agreed.held("2027-07-01", view=View.CONTRACTED) == 10
    agreed.until("2027-07-01")
    assert agreed.held("2027-07-01", view=View.CONTRACTED) == 15


def test_less_is_a_credit_for_the_rest_of_the_term() -> None:
    agreed = Agreed(year())
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "-4"})
    assert lines(document) == [("Q-1-1/S", "-4", "2027-07-01", "2027-12-31", "-240.00")]
    story = agreed.order(document)
    assert story.book.totals.ordered == Decimal("-240.00")
    assert [balance.unordered_quantity for balance in story.book.balances] == [0]
    assert held(agreed, "2027-06-30", "2027-07-01", "2028-01-01") == [10, 6, 0]


def test_less_takes_the_last_layer_first_each_at_its_own_price() -> None:
    agreed = Agreed(year())
    agreed.amend("2027-03-01", {"line": "S", "quantity_change": "5", "unit_price": "8.00"})
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "-7"})
    assert lines(document) == [
        ("Q-1-1/S", "-2", "2027-07-01", "2027-12-31", "-120.00"),
        ("Q-1.1-1/S", "-5", "2027-07-01", "2027-12-31", "-240.00"),
    ]
    agreed.order(document)
    assert held(agreed, "2027-02-28", "2027-03-01", "2027-07-01") == [10, 15, 8]


def test_nothing_falls_below_zero() -> None:
    agreed = Agreed(year())
    with pytest.raises(Refusal) as refusal:
        agreed.document("2027-07-01", {"line": "S", "quantity_change": "-11"})
    assert (refusal.value.code, refusal.value.path) == ("quantity_out_of_range", "lines.S.quantity_change")


def test_everything_taken_from_the_first_day_credits_all_of_it_to_the_cent() -> None:
    agreed = Agreed(year(quantity="7", price="3.33"), until=None)
    agreed.amend("2027-03-15", {"line": "S", "quantity_change": "-3"})
    agreed.amend("2027-01-01", {"line": "S", "quantity_change": "-7"})
    assert agreed.amounts() == 0
    assert held(agreed, "2027-01-01", "2027-03-15", "2027-12-31") == [0, 0, 0]


def test_a_change_goes_before_one_that_is_scheduled() -> None:
    agreed = Agreed(year())
    agreed.amend("2027-09-01", {"line": "S", "quantity_change": "-6"})
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "-8"})
    assert lines(document) == [
        ("Q-1-1/S", "-8", "2027-07-01", "2027-08-31", "-160.00"),
        ("Q-1-1/S", "-4", "2027-09-01", "2027-12-31", "-160.00"),
    ]
    agreed.order(document)
    assert held(agreed, "2027-06-30", "2027-07-01", "2027-08-31", "2027-09-01") == [10, 2, 2, 0]
    (contract,) = agreed.contracts("by_end_date")
    assert str(contract.end) == "2027-08-31"


def test_growth_goes_before_a_reduction_that_is_scheduled() -> None:
    agreed = Agreed(year())
    agreed.amend("2027-09-01", {"line": "S", "quantity_change": "-6"})
    agreed.amend("2027-05-01", {"line": "S", "quantity_change": "3"})
    days = ("2027-04-30", "2027-05-01", "2027-08-31", "2027-09-01", "2027-12-31")
    assert held(agreed, *days) == [10, 13, 13, 7, 7]


def test_what_was_known_before_stays_known() -> None:
    agreed = Agreed(year())
    agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-4"}, at=noon("2027-06-01"))
    assert agreed.held("2027-08-01", known=noon("2027-05-31")) == 10
    assert agreed.held("2027-08-01", known=noon("2027-06-01")) == 6


# prices and ends


def test_a_price_changes_in_mid_term_by_cancel_and_replace_in_one_order() -> None:
    agreed = Agreed(year())
    document = agreed.document("2027-07-01", {"line": "S", "unit_price": "9.00"})
    assert lines(document) == [
        ("Q-1-1/S", "-10", "2027-07-01", "2027-12-31", "-600.00"),
        ("Q-1-1/S", "10", "2027-07-01", "2027-12-31", "540.00"),
    ]
    story = agreed.order(document)
    assert [len(order.items) for order in story.book.orders] == [2]
    assert held(agreed, "2027-06-30", "2027-07-01", "2027-12-31", "2028-01-01") == [10, 10, 10, 0]
    credit = agreed.document("2027-10-01", {"line": "S", "quantity_change": "-1"})
    assert [line[4] for line in lines(credit)] == ["-27.00"]


def test_quantity_down_and_a_price_in_one_amendment() -> None:
    agreed = Agreed(year())
    agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-4", "unit_price": "9.00"})
    assert held(agreed, "2027-06-30", "2027-07-01") == [10, 6]
    assert agreed.amounts() == Decimal("600.00") + Decimal("324.00")


def test_an_extension_lets_all_run_longer_and_moves_the_contracts_end() -> None:
    agreed = Agreed(year(), contracting={"method": "by_end_date"})
    document = agreed.document("2027-07-01", {"line": "S", "end_date": "2028-06-30"})
    assert lines(document) == [("Q-1-1/S", "10", "2028-01-01", "2028-06-30", "600.00")]
    agreed.order(document)
    assert held(agreed, "2027-12-31", "2028-01-01", "2028-06-30", "2028-07-01") == [10, 10, 10, 0]
    (contract,) = agreed.contracts()
    assert (str(contract.start), str(contract.end)) == ("2027-01-01", "2028-06-30")
    assert (contract.contract_id, contract.quote_id, contract.lines) == ("Q-1/2028-06-30", "Q-1", ("S",))
    assert contract.value == Decimal("1800.00")


def test_an_earlier_end_credits_the_rest_and_moves_the_contracts_end() -> None:
    agreed = Agreed(year(), contracting={"method": "by_end_date"})
    agreed.amend("2027-07-01", {"line": "S", "end_date": "2027-09-30"})
    assert held(agreed, "2027-09-30", "2027-10-01") == [10, 0]
    (contract,) = agreed.contracts()
    assert (str(contract.end), contract.value) == ("2027-09-30", Decimal("900.00"))


def test_more_at_a_price_of_its_own_and_all_of_it_longer() -> None:
    agreed = Agreed(year())
    wish = {"line": "S", "quantity_change": "2", "end_date": "2028-03-31", "unit_price": "12.00"}
    agreed.amend("2027-07-01", wish)
    assert held(agreed, "2027-06-30", "2027-07-01", "2028-03-31", "2028-04-01") == [10, 12, 12, 0]
    assert agreed.amounts() == Decimal("1200.00") + 2 * 9 * Decimal("12.00") + 10 * 3 * Decimal("10.00")


def test_what_runs_without_end_gets_one() -> None:
    agreed = Agreed({**seats(), "kind": "evergreen"})
    agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-4"})
    assert held(agreed, "2027-06-30", "2027-07-01", "2099-01-01") == [10, 6, 6]
    agreed.amend("2027-08-01", {"line": "S", "end_date": "2028-12-31"})
    assert held(agreed, "2028-12-31", "2029-01-01") == [6, 0]
    assert agreed.amounts() == 0  # one period was ordered, and one is taken for good


# sites, bundles, shares


PARTS = to(("2027-01-01", "N", "4"), ("2027-02-01", "S", "6"))


def test_at_several_sites_the_last_one_in_gives_first_and_growth_needs_a_site() -> None:
    agreed = Agreed(seats(end_date="2027-12-31", deliveries=PARTS), until="2027-02-01")
    with pytest.raises(Refusal) as refusal:
        agreed.document("2027-07-01", {"line": "S", "quantity_change": "7"})
    assert (refusal.value.code, refusal.value.path) == ("missing_field", "lines.S.ship_to")
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "-7"})
    assert sorted(line[:2] for line in lines(document)) == [("Q-1-1/S", "-1"), ("Q-1-2/S", "-6")]
    story = agreed.order(document)
    assert {order.key for order in story.book.orders} == {"2027-07-01/N", "2027-07-01/S"}
    agreed.amend("2027-08-01", {"line": "S", "ship_to": "N", "quantity_change": "2"})
    assert held(agreed, "2027-06-30", "2027-07-01", "2027-08-01") == [10, 3, 5]


def test_components_follow_their_parent() -> None:
    whole = [year("S", "10"), year("T", "20", "1.00", component_of="S"), thing("D", "10", component_of="S")]
    agreed = Agreed(*whole)
    more = agreed.amend("2027-07-01", {"line": "S", "quantity_change": "2"})
    assert [(i.line_id, str(i.quantity)) for i in more.book.orders[0].items] == [("S", "2"), ("T", "4"), ("D", "2")]
    less = agreed.amend("2027-09-01", {"line": "S", "quantity_change": "-3"})
    found = [(i.line_id, str(i.quantity), i.parent_item) for i in less.book.orders[0].items]
    assert [each[:2] for each in found] == [("S", "-1"), ("T", "-2"), ("S.2", "-2"), ("T.2", "-4")]
    assert [each[2] for each in found] == [None, "Q-1.2-1/S", None, "Q-1.2-1/S.2"]
    assert held(agreed, "2027-06-30", "2027-07-01", "2027-09-01", product="P-T") == [20, 24, 18]
    with pytest.raises(Refusal) as refusal:
        agreed.document("2027-07-01", {"line": "T", "quantity_change": "2"})
    assert refusal.value.code == "bundle_broken"


def test_a_share_can_only_end_otherwise() -> None:
    care = percent("M", term_months=12, revenue="daily", covers="assets_of_site", by="site")
    agreed = Agreed(thing("A", deliveries=to(("2027-01-01", "N", "10"))), care)
    with pytest.raises(Refusal) as refusal:
        agreed.document("2027-07-01", {"line": "M", "unit_price": "9"})
    assert refusal.value.code == "conflicting_fields"
    document = agreed.document("2027-07-01", {"line": "M", "end_date": "2027-06-30"})
    assert [line[4] for line in lines(document)] == ["-50.00"]
    agreed.order(document)
    assert held(agreed, "2027-06-30", "2027-07-01", product="P-M") == [1, 0]


# refusals


@pytest.mark.parametrize(
    ("wish", "code", "path"),
    [
        ({"line": "Z", "quantity_change": "1"}, "unknown_line", "lines.Z"),
        ({"line": "S", "ship_to": "W", "quantity_change": "1"}, "unknown_site", "lines.S"),
        ({"line": "S"}, "missing_field", "lines.S"),
        ({"line": "A", "quantity_change": "-1"}, "not_running", "lines.A"),
        ({"line": "S", "end_date": "2027-06-01"}, "dates_out_of_order", "lines.S.end_date"),
        ({"line": "S", "start_date": "2027-06-01", "quantity_change": "1"}, "dates_out_of_order", "lines.S.start_date"),
        ({"line": "S", "start_date": "2028-01-01", "quantity_change": "1"}, "not_running", "lines.S"),
    ],
)
def test_refusals(wish: dict[str, str], code: str, path: str) -> None:
    agreed = Agreed(year(), thing("A"))
    with pytest.raises(Refusal) as refusal:
        agreed.document("2027-07-01", wish)
    assert (refusal.value.code, refusal.value.path) == (code, path)


def test_a_line_stands_once() -> None:
    with pytest.raises(Refusal) as refusal:
        Agreed(year()).document("2027-07-01", {"line": "S", "end_date": "2027-09-30"}, {"line": "S", "unit_price": "1"})
    assert refusal.value.code == "duplicate_id"


def test_two_amendments_cannot_take_the_same() -> None:
    agreed = Agreed(year())
    first = agreed.document("2027-07-01", {"line": "S", "quantity_change": "-8"}, quote_id="Q-1.A")
    second = agreed.document("2027-08-01", {"line": "S", "quantity_change": "-8"}, quote_id="Q-1.B")
    agreed.order(first)
    with pytest.raises(Refusal) as refusal:
        agreed.order(second)
    assert (refusal.value.code, refusal.value.path) == ("quantity_out_of_range", "lines.S.quantity_change")
    assert held(agreed, "2027-08-01") == [2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amends": "Q-9"}, "wrong_state"),
        ({"currency": "EUR"}, "currency_differs"),
        ({"customer": {"customer_id": "c-2", "name": "Other"}}, "customer_differs"),
    ],
)
def test_an_amendment_fits_its_contract(change: dict[str, Any], code: str) -> None:
    agreed = Agreed(year())
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "1"})
    with pytest.raises(Refusal) as refusal:
        agreed.order({**document, **change})
    assert refusal.value.code == code


# amendments that are written by hand


def test_a_line_that_names_a_line_is_put_on_what_runs() -> None:
    agreed = Agreed(year())
    agreed.amend("2027-03-01", {"line": "S", "quantity_change": "5"})
    own = year("X", "7", start_date="2027-07-01", quantity_change="-7", revises="S", product="P-S")
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "1"})
    story = agreed.order({**document, "lines": [own, year("N", "3", start_date="2027-07-01")]})
    found = [(i.line_id, i.revises, str(i.quantity), str(i.amount)) for o in story.book.orders for i in o.items]
    assert found == [
        ("N", None, "3", "180.00"),
        ("X", "Q-1-1/S", "-2", "-120.00"),
        ("X", "Q-1.1-1/S", "-5", "-300.00"),
    ]
    assert held(agreed, "2027-06-30", "2027-07-01") == [15, 8]
    (contract,) = agreed.contracts("single")
    assert (contract.quote_id, contract.lines) == ("Q-1", ("S", "N"))


def test_ordering_an_amendment_twice_is_refused() -> None:
    agreed = Agreed(year())
    story = agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-4"})
    from domain.order.delta_order import order_amendment
    from tests.domain.order.story import cause

    with pytest.raises(Refusal) as refusal:
        order_amendment(story.book, story.priced, agreed.agreement, ["order_date"], cause())
    assert refusal.value.code == "nothing_unordered"


def test_an_amendment_reads_as_a_quote() -> None:
    document = Agreed(year(fields={"tier": "gold"})).document("2027-07-01", {"line": "S", "quantity_change": "-4"})
    quote = read_quote(document)
    assert (quote.amends, quote.line("S").fields) == ("Q-1", {"tier": "gold"})
