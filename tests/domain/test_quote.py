"""The quote document: what is refused, with a code, the field's path, and everything that is wrong at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from domain.quote import read_quote
from domain.refusal import Refusal
from tests.domain.sample_quote import line, quote, refused, service, share

HOSPITAL = Path(__file__).parents[2] / "examples/hospital"


def to(order_date: str = "2027-02-01", **more: Any) -> dict[str, Any]:
    return {"order_date": order_date, **more}


def test_the_least_quote_is_a_quote() -> None:
    assert refused(quote()) == []


def test_the_hospital_quote_is_a_quote() -> None:
    assert refused(json.loads((HOSPITAL / "quote.json").read_text())) == []


@pytest.mark.parametrize("field", ["quote_id", "title", "owner", "currency", "customer", "lines"])
def test_a_missing_header_field_is_named(field: str) -> None:
    assert refused({key: value for key, value in quote().items() if key != field}) == [("missing_field", field)]


@pytest.mark.parametrize("field", ["line_id", "product", "family", "kind", "quantity"])
def test_a_missing_field_of_a_line_is_named(field: str) -> None:
    where = "0" if field == "line_id" else "A"
    document = {name: value for name, value in line().items() if name != field}
    assert refused(quote(document)) == [("missing_field", f"lines.{where}.{field}")]


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        (quote(colour="red"), "unknown_field", "colour"),
        (quote(line(colour="red")), "unknown_field", "lines.A.colour"),
        (quote(customer={"customer_id": "c", "name": "C", "vip": "yes"}), "unknown_field", "customer.vip"),
        (quote(line(quantity=1)), "number_not_text", "lines.A.quantity"),
        (quote(line(list_price=100.1)), "number_not_text", "lines.A.list_price"),
        (quote(line(discount_percent=5)), "number_not_text", "lines.A.discount_percent"),
        (quote(rates={"EUR": 1.08}), "number_not_text", "rates.EUR"),
        (quote(line(quantity="ten")), "invalid_number", "lines.A.quantity"),
        (quote(line(quantity="1e3")), "invalid_number", "lines.A.quantity"),
        (quote(line(quantity="1.0000001")), "invalid_number", "lines.A.quantity"),
        (quote(line(quantity="0")), "quantity_out_of_range", "lines.A.quantity"),
        (quote(line(quantity="-1")), "quantity_out_of_range", "lines.A.quantity"),
        (quote(line(quantity="1000000000001")), "quantity_out_of_range", "lines.A.quantity"),
        (quote(line(list_price=None)), "missing_field", "lines.A.list_price"),
        (quote(line(list_price="999999999999999", quantity="10")), "amount_too_large", "lines.A"),
        (quote(line(net_price="1", net_total="2")), "conflicting_fields", "lines.A.net_total"),
        (quote(line(net_price="1", discount_percent="2")), "conflicting_fields", "lines.A.discount_percent"),
        (quote(line(discount_percent="100.01")), "percent_out_of_range", "lines.A.discount_percent"),
        (quote(line(percent="5")), "conflicting_fields", "lines.A.percent"),
        (quote(line(of="others")), "conflicting_fields", "lines.A.of"),
        (quote(line(kind="rental")), "invalid_choice", "lines.A.kind"),
        (quote(line(price_per="month")), "conflicting_fields", "lines.A.price_per"),
        (quote(line(term_months=12)), "conflicting_fields", "lines.A.term_months"),
        (quote(line(product="  ")), "blank", "lines.A.product"),
        (quote(line(line_id="A B")), "invalid_id", "lines.A B.line_id"),
        (quote(title=5), "not_text", "title"),
        (quote(fields={"n": 5}), "not_text", "fields.n"),
        (quote(lines=[]), "missing_field", "lines"),
        (quote(lines={}), "wrong_type", "lines"),
        (quote(currency="usd"), "unknown_currency", "currency"),
        (quote(currency="XQX"), "unknown_currency", "currency"),
        (quote(rates={"EUR": "0"}), "invalid_rate", "rates.EUR"),
        (quote(rates={"EURO": "1.08"}), "unknown_currency", "rates.EURO"),
        (quote(customer={"customer_id": "c", "name": "C", "time_zone": "Mars/Olympus"}), "unknown_time_zone",
         "customer.time_zone"),
        (quote(start_date="01.02.2027"), "invalid_date", "start_date"),
        (quote(start_date="2027-02-30"), "invalid_date", "start_date"),
        (quote(start_date="2027-W05-1"), "invalid_date", "start_date"),
        (quote(start_date=20270201), "invalid_date", "start_date"),
        (quote(sites=[{"site_id": "N", "name": "N"}, {"site_id": "N", "name": "M"}]), "duplicate_id", "sites.N"),
        (quote(line(), line()), "duplicate_id", "lines.A"),
        (quote(line(fields={"a": "1"}, segment="")), "blank", "lines.A.segment"),
        (quote(line(milestones=[{"name": "m", "percent": "60"}])), "percent_out_of_range", "lines.A.milestones"),
        (quote(line(term_months=True, kind="subscription")), "invalid_number", "lines.A.term_months"),
        # services
        (quote(service()), "missing_field", "lines.S.end_date"),
        (quote(service(term_months=12, end_date="2027-12-31")), "conflicting_fields", "lines.S.term_months"),
        (quote(service(end_date="2026-12-31")), "dates_out_of_order", "lines.S.end_date"),
        (quote(service(start_date=None, end_date="2027-12-31")), "missing_field", "lines.S.start_date"),
        (quote(service(start_date="2999-06-01", term_months=12)), "invalid_date", "lines.S.term_months"),
        (quote(service(start_date="2950-01-01", term_months=1200)), "invalid_date", "lines.S.term_months"),
        (quote(service(start_date="9999-06-01", term_months=12)), "invalid_date", "lines.S.start_date"),
        (quote(service(end_date="9999-12-31")), "invalid_date", "lines.S.end_date"),
        (quote(service(start_date="1899-12-31", end_date="2027-12-31")), "invalid_date", "lines.S.start_date"),
        (quote(service(end_date="2999-12-31")), None, None),
        (quote(line(deliveries=[to("3000-01-01", quantity="2")])), "invalid_date",
         "lines.A.deliveries.0.order_date"),
        (quote(service(term_months=12, deliveries=[to("2028-06-01", quantity="1")], end_date=None)), None, None),
        (quote(service(end_date="2027-12-31", deliveries=[to("2028-01-01", quantity="1")])), "dates_out_of_order",
         "lines.S.deliveries.0.order_date"),
        # percents of others
        (quote(line(), share(percent=None)), "missing_field", "lines.M.percent"),
        (quote(line(), share(percent="0")), "percent_out_of_range", "lines.M.percent"),
        (quote(line(), share(percent="-5")), "percent_out_of_range", "lines.M.percent"),
        (quote(line(), share(percent="1000.1")), "percent_out_of_range", "lines.M.percent"),
        (quote(line(), share(list_price="5")), "conflicting_fields", "lines.M.list_price"),
        (quote(line(), share(discount_percent="5")), "conflicting_fields", "lines.M.discount_percent"),
        (quote(line(), share(quantity="2")), "quantity_out_of_range", "lines.M.quantity"),
        (quote(line(), share(of=None)), "missing_field", "lines.M.of"),
        (quote(line(), share(of="others", of_lines=["A"])), "conflicting_fields", "lines.M.of"),
        (quote(line(), share(of_lines=["Z"])), "unknown_line", "lines.M.of_lines"),
        (quote(line(), share(), share("N", of_lines=["M"])), "unknown_line", "lines.N.of_lines"),
        (quote(share()), "percent_of_nothing", "lines.M"),
        (quote(line(), share(of_families=["Food"])), "percent_of_nothing", "lines.M"),
        (quote(line(), share(of_lines=[])), "percent_of_nothing", "lines.M"),
        (quote(line(), share(deliveries=[to(quantity="1")])), "conflicting_fields", "lines.M.deliveries.0.quantity"),
        # bundles
        (quote(line(component_of="Z")), "component_without_parent", "lines.A.component_of"),
        (quote(line(component_of="A")), "component_without_parent", "lines.A.component_of"),
        (quote(line(), share(component_of="A")), "conflicting_fields", "lines.M.component_of"),
        (quote(line(), share(), line("B", component_of="M")), "component_without_parent", "lines.B.component_of"),
        (quote(line(), line("B", component_of="A", deliveries=[to(quantity="1")])), "component_with_deliveries",
         "lines.B.deliveries"),
        # deliveries
        (quote(line(quantity="5", deliveries=[to(quantity="2"), to(quantity="2.999999")])),
         "deliveries_do_not_add_up", "lines.A.deliveries"),
        (quote(line(deliveries=[])), "missing_field", "lines.A.deliveries"),
        (quote(line(deliveries=[to()])), "missing_field", "lines.A.deliveries.0.quantity"),
        (quote(line(deliveries=[{"quantity": "1"}])), "missing_field", "lines.A.deliveries.0.order_date"),
        (quote(line(deliveries=[to(quantity="1", ship_to="S")], quantity="1"), sites=[{"site_id": "N", "name": "N"}]),
         "unknown_site", "lines.A.deliveries.0.ship_to"),
        # later releases
        (quote(amends="Q-1"), "conflicting_fields", "amends"),
        (quote(line(revises="X")), "conflicting_fields", "lines.A.revises"),
        (quote(line(quantity_change="-1")), "conflicting_fields", "lines.A.quantity_change"),
        (quote(line(revises="X"), amends="Q-0"), "missing_field", "lines.A.quantity_change"),
        (quote(service(quantity_change="-1", term_months=1), amends="Q-0"), "missing_field", "lines.S.revises"),
        (quote(line(quantity_change="0", revises="X"), amends="Q"), "quantity_out_of_range", "lines.A.quantity_change"),
        (quote(line(quantity_change="2", revises="X"), amends="Q-0"), "conflicting_fields", "lines.A.quantity"),
        (quote(line(quantity_change="-1", revises="X"), amends="Q-0"), "conflicting_fields", "lines.A.quantity_change"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_with_its_code_and_path(document: Any, code: str | None, path: str | None) -> None:
    assert refused(document) == ([(code, path)] if code else [])


@pytest.mark.parametrize("document", [None, [], "quote", 5])
def test_what_is_no_mapping_is_no_quote(document: Any) -> None:
    assert refused(document) == [("wrong_type", "")]


def test_a_delivery_above_the_line_and_one_below_nothing_are_both_told() -> None:
    found = refused(quote(line(quantity="1", deliveries=[to(quantity="2"), to(quantity="-1")])))
    assert found == [("quantity_out_of_range", "lines.A.deliveries.1.quantity")]


def test_components_that_go_round_in_a_circle_are_refused() -> None:
    found = refused(quote(line("A", component_of="C"), line("B", component_of="A"), line("C", component_of="B")))
    assert {code for code, _ in found} == {"component_without_parent"}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = refused(
        quote(line(quantity="0", discount_percent="200"), service("B", end_date=None), line("C", component_of="Z"))
    )
    assert found == [
        ("quantity_out_of_range", "lines.A.quantity"),
        ("percent_out_of_range", "lines.A.discount_percent"),
        ("missing_field", "lines.B.end_date"),
        ("component_without_parent", "lines.C.component_of"),
    ]


def test_the_first_problem_heads_the_refusal_and_every_message_says_what_to_do() -> None:
    with pytest.raises(Refusal) as caught:
        read_quote(quote(line(quantity=1, colour="red")))
    assert caught.value.code == caught.value.problems[0].code
    assert {problem.code for problem in caught.value.problems} == {"number_not_text", "unknown_field"}
    assert 'such as "12.50"' in str(caught.value)


def test_a_segment_or_place_needs_no_list_of_sites() -> None:
    assert refused(quote(line(deliveries=[to(quantity="1", ship_to="anywhere")]))) == []


# -- content


def hash_of(document: Any) -> str:
    return read_quote(document).content_hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (quote(line(quantity="8")), quote(line(quantity="8.0"))),
        (quote(line(list_price="0")), quote(line(list_price="-0.00"))),
        (quote(line(list_price="1000")), quote(line(list_price="01000.000"))),
        (quote(line()), quote(line(discount_percent="0"))),
        (quote(title="A quote"), quote(title=" A quote ")),
        (quote(fields={"a": "1", "b": "2"}), quote(fields={"b": "2", "a": "1"})),
    ],
)
def test_the_same_content_has_the_same_hash(one: Any, other: Any) -> None:
    assert hash_of(one) == hash_of(other)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"owner": "sam"},
        {"currency": "EUR"},
        {"fields": {"note": "x"}},
        {"terms": {"payment_terms": "Net 30"}},
        {"start_date": "2027-01-01"},
        {"rates": {"EUR": "1.1"}},
        {"lines": [line(quantity="2")]},
        {"lines": [line(list_price="100.01")]},
        {"lines": [line(), line("B")]},
        {"lines": [line(fields={"colour": "red"})]},
        {"lines": [line(deliveries=[to(quantity="1")])]},
    ],
)
def test_every_change_of_content_changes_the_hash(change: dict[str, Any]) -> None:
    assert hash_of(quote()) != hash_of({**quote(), **change})


def test_the_order_of_lines_is_content() -> None:
    assert hash_of(quote(line("A"), line("B"))) != hash_of(quote(line("B"), line("A")))


def test_reading_leaves_the_document_as_it_was() -> None:
    document = quote(line(), share())
    before = copy.deepcopy(document)
    read_quote(document)
    assert document == before
