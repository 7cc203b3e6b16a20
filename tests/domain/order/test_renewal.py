"""Renewals: what runs is quoted anew, at a price, to a common end."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.order.renewal import Renewal, renew, renewals_due
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from domain.refusal import Refusal
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import day, percent, seats, thing, to

SHORT = {"start_date": "2027-01-01", "end_date": "2027-06-30"}
LONG = {"start_date": "2027-01-01", "end_date": "2027-12-31"}


def prepared(agreed: Agreed, **wish: Any) -> dict[str, Any]:
    return renew(agreed.agreement, read_model(Renewal, {"quote_id": "Q-2", "contract_of": "Q-1", **wish}))


def lines(document: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    found = price(read_quote(document)).lines
    return [
        (
            each.line.line_id,
            str(each.line.quantity),
            str(each.line.start_date),
            str(each.line.end_date),
            str(each.net_total),
        )
        for each in found
    ]


def test_all_lines_go_on_when_they_end_and_end_together_after_the_latest() -> None:
    agreed = Agreed(seats("S", **SHORT), seats("T", **LONG), thing("A"))
    document = prepared(agreed)
    assert lines(document) == [
        ("S", "10", "2027-07-01", "2028-12-31", "1800.00"),
        ("T", "10", "2028-01-01", "2028-12-31", "1200.00"),
    ]
    assert (document["start_date"], document["fields"], document.get("amends")) == (
        "2027-07-01",
        {"renews": "Q-1"},
        None,
    )


def test_the_earliest_end_leaves_what_runs_beyond_it() -> None:
    agreed = Agreed(seats("S", **SHORT), seats("T", start_date="2027-01-01", end_date="2029-12-31"))
    document = prepared(agreed, co_termination="earliest", term_months=6)
    assert lines(document) == [("S", "10", "2027-07-01", "2027-12-31", "600.00")]


def test_quantities_and_prices_are_those_of_the_last_day() -> None:
    agreed = Agreed(seats("S", **LONG))
    agreed.amend("2027-03-01", {"line": "S", "quantity_change": "5", "unit_price": "8.00"})
    agreed.amend("2027-07-01", {"line": "S", "quantity_change": "-2"})
    assert [line[1::3] for line in lines(prepared(agreed))] == [("10", "1200.00"), ("3", "288.00")]


@pytest.mark.parametrize(
    ("wish", "total"),
    [
        ({}, "1080.00"),
        ({"price": "list"}, "1200.00"),
        ({"price": "list", "list_prices": {"P-S": "11.00"}}, "1320.00"),
        ({"price": "uplift", "uplift_percent": "3.5"}, "1117.80"),
        ({"price": "uplift", "uplift_percent": "-100"}, "0.00"),
    ],
)
def test_prices(wish: dict[str, Any], total: str) -> None:
    agreed = Agreed(seats("S", discount_percent="10", **LONG))
    assert [line[4] for line in lines(prepared(agreed, **wish))] == [total]


def test_shares_go_on_by_their_months_and_sites_and_bundles_stay() -> None:
    parts = to(("2027-01-01", "N", "4"), ("2027-01-01", "S", "6"))
    whole = seats("B", "10", **LONG, deliveries=parts)
    component = seats("C", "20", "1.00", **LONG, component_of="B")
    care = percent("M", of_lines=["B"], by="site", term_months=12, revenue="daily", covers="assets_of_site")
    document = prepared(Agreed(whole, component, care), term_months=6)
    found = {(line["line_id"], line.get("component_of"), line["quantity"]) for line in document["lines"]}
    assert found == {
        ("B", None, "4"),
        ("C", "B", "8"),
        ("B.2", None, "6"),
        ("C.2", "B.2", "12"),
        ("M", None, "1"),
        ("M.2", None, "1"),
    }
    totals = {line[0]: Decimal(line[4]) for line in lines(document)}
    assert totals["M"] + totals["M.2"] == Decimal("60.00")
    assert {line["covers"] for line in document["lines"] if line["line_id"].startswith("M")} == {"assets_of_site"}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"price": "uplift"}, "missing_field"),
        ({"uplift_percent": "3"}, "conflicting_fields"),
    ],
)
def test_refusals(wish: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        prepared(Agreed(seats("S", **LONG)), **wish)
    assert (refusal.value.code, refusal.value.path) == (code, "uplift_percent")


def test_without_a_list_price_there_is_none_to_renew_at() -> None:
    line = {name: value for name, value in seats("S", **LONG).items() if name != "list_price"}
    agreed = Agreed({**line, "net_price": "9.00"})
    with pytest.raises(Refusal) as refusal:
        prepared(agreed, price="list")
    assert (refusal.value.code, refusal.value.path) == ("missing_field", "list_prices.P-S")


def test_what_has_no_end_is_not_renewed() -> None:
    with pytest.raises(Refusal) as refusal:
        prepared(Agreed({**seats("E"), "kind": "evergreen"}, thing("A")))
    assert refusal.value.code == "not_running"


def test_a_renewal_is_due_at_its_lead_time_until_the_end() -> None:
    found = Agreed(seats("S", **LONG)).contracts()
    lead = timedelta(days=90)
    days = (date(2027, 10, 1), date(2027, 10, 2), date(2027, 12, 31), date(2028, 1, 1))
    assert [len(renewals_due(found, on, lead)) for on in days] == [0, 1, 1, 0]


def test_what_runs_without_end_does_not_keep_its_contract_from_being_due() -> None:
    (found,) = Agreed(seats("S", **LONG), {**seats("E"), "kind": "evergreen"}, thing("A")).contracts()
    assert (found.end, found.term_end) == (None, date(2027, 12, 31))
    assert renewals_due([found], date(2027, 12, 1), timedelta(days=31)) == (found,)
    assert renewals_due([found], date(2027, 12, 1), timedelta.max) == (found,)
    (endless,) = Agreed({**seats("E"), "kind": "evergreen"}, thing("A")).contracts()
    assert renewals_due([endless], date(2027, 12, 1), timedelta.max) == ()


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (None, ["L", "S"]),
        ("2027-06-30", ["L", "S"]),
        ("2027-07-01", ["L"]),
        ("2027-12-31", ["L"]),
        ("2029-01-01", ["L"]),
    ],
)
def test_what_has_lapsed_is_left_out_unless_all_has(today: str | None, expected: list[str]) -> None:
    year = {"start_date": "2027-01-01"}
    agreed = Agreed(seats("S", **year, end_date="2027-06-30"), seats("L", **year, end_date="2027-12-31"))
    wish = read_model(Renewal, {"quote_id": "Q-2", "contract_of": "Q-1"})
    made = renew(agreed.agreement, wish, day(today) if today else None)
    assert sorted(line["line_id"] for line in made["lines"]) == expected
