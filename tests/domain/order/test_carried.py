"""What amendments and renewals take over from the line that they go back to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.revenue import report, revenue
from domain.order.carried import CARRIED, LEFT_OUT, WRITTEN_ANEW
from domain.order.renewal import Renewal, renew
from domain.pricing import price
from domain.quote import QuoteLine, read_quote
from domain.reading import read_model
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import seats

YEAR = {"start_date": "2027-01-01", "end_date": "2027-12-31"}
FULL: dict[str, Any] = {
    "product": "P-S",
    "family": "Software",
    "description": "Seats for all",
    "group": "east",
    "unit": "seat",
    "asset": "per_line",
    "acceptance": "required",
    "point_of_no_return": "sent",
    "covers": "assets_of_site",
    "contracting": "separate",
    "revenue": "on_milestone",
    "milestones": [{"name": "begun", "percent": "40"}, {"name": "done", "percent": "60"}],
    "proration": "days",
    "date_change": "term_fixed",
    "price_per": "year",
    "standalone_price": "150",
    "list_price": "120",
    "fields": {"tier": "gold"},
}
"""Every field that is carried, with a value that is not its default."""


def full() -> Agreed:
    return Agreed({**seats("S"), **FULL, "discount_percent": "10", **YEAR})


def renewed(agreed: Agreed, **wish: Any) -> dict[str, Any]:
    return renew(agreed.agreement, read_model(Renewal, {"quote_id": "Q-2", "contract_of": "Q-1", **wish}))


def test_every_field_of_a_line_is_carried_written_anew_or_left_out() -> None:
    kinds = (CARRIED, WRITTEN_ANEW, LEFT_OUT)
    assert frozenset().union(*kinds) == QuoteLine.model_fields.keys()
    assert sum(map(len, kinds)) == len(QuoteLine.model_fields)
    assert FULL.keys() == CARRIED
    defaults = {name: field.default for name, field in QuoteLine.model_fields.items()}
    assert not [name for name, value in FULL.items() if value == defaults[name]]


def test_a_renewal_takes_over_all_that_is_carried_and_names_what_it_renews() -> None:
    (line,) = renewed(full())["lines"]
    assert {name: line[name] for name in CARRIED - {"fields"}} == {k: v for k, v in FULL.items() if k != "fields"}
    assert line["fields"] == {"tier": "gold", "renews": "Q-1-1/S"}


@pytest.mark.parametrize(
    "change", [{"quantity_change": "3"}, {"quantity_change": "-3"}, {"unit_price": "90"}, {"end_date": "2028-06-30"}]
)
def test_every_line_of_an_amendment_takes_over_all_that_is_carried(change: dict[str, str]) -> None:
    lines = full().document("2027-07-01", {"line": "S", **change})["lines"]
    assert [{name: line.get(name) for name in CARRIED} for line in lines] == [FULL for _ in lines]


def test_an_amendment_of_a_renewal_renews_nothing() -> None:
    fields = {"renews": "Q-0", "tier": "gold"}
    agreed = Agreed({**seats("S"), **YEAR, "fields": {"renews": "Q-0-1/S"}}, fields=fields)
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "3"})
    assert (document["fields"], document["lines"][0].get("fields")) == ({"tier": "gold"}, None)


def test_a_promise_of_the_line_before_is_none_of_the_line_after() -> None:
    agreed = Agreed({**seats("S"), **YEAR, "fields": {"promised_date": "2027-02-01"}})
    assert renewed(agreed)["lines"][0]["fields"] == {"renews": "Q-1-1/S"}


def test_fields_of_what_an_amendment_added_are_carried_too() -> None:
    agreed = Agreed({**seats("S"), **YEAR})
    document = agreed.document("2027-07-01", {"line": "S", "quantity_change": "3"})
    document["lines"] = [{**seats("T", "5"), "start_date": "2027-07-01", **FULL, "end_date": "2027-12-31"}]
    agreed.order(document)
    found = {line["line_id"]: line["fields"] for line in renewed(agreed)["lines"]}
    assert found == {"S": {"renews": "Q-1-1/S"}, "T": {"tier": "gold", "renews": "Q-1.1-1/T"}}


def test_a_bundle_that_ends_early_takes_back_what_each_part_would_have_earned() -> None:
    parts = {"revenue": "monthly", "standalone_price": "60", **YEAR}
    agreed = Agreed(seats("K", "1", "75", **parts), seats("K1", "1", "25", **parts, component_of="K"))
    agreed.amend("2027-07-01", {"line": "K", "end_date": "2027-06-30"})
    earned = report(revenue(agreed.entries))
    assert {name: (str(of.total), int(of.amount("2027-07"))) for name, of in earned.lines.items()} == {
        "K": ("300.00", 0),
        "K1": ("300.00", 0),
    }


@pytest.mark.parametrize("months", [12, 6, 24])
def test_what_is_sold_alone_once_is_carried_by_its_months(months: int) -> None:
    agreed = Agreed(seats("S", "2", "120", price_per="once", standalone_price="150", **YEAR))
    (line,) = renewed(agreed, term_months=months)["lines"]
    share = Decimal(months) / 12
    assert (Decimal(line["standalone_price"]), Decimal(line["list_price"])) == (150 * share, 120 * share)
    assert Decimal(line["net_total"]) == 240 * share


def test_the_same_price_of_a_lump_sum_is_the_same_to_the_cent() -> None:
    line = {name: value for name, value in seats("S", "700000", **YEAR).items() if name != "list_price"}
    document = renewed(Agreed({**line, "net_total": "1000000"}))
    assert price(read_quote(document)).net_total == Decimal("1000000.00")
    half = renewed(Agreed({**line, "net_total": "1000000", "price_per": "year"}), term_months=6)
    assert price(read_quote(half)).net_total == Decimal("500000.00")


def test_a_term_in_months_costs_as_many_months() -> None:
    agreed = Agreed(seats("S", "1", "100", start_date="2027-02-15", term_months=12))
    document = renewed(agreed)
    (line,) = price(read_quote(document)).lines
    assert (str(line.start), str(line.end), line.net_total) == ("2028-02-15", "2029-02-14", Decimal("1200.00"))
