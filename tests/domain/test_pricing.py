"""Pricing: every form of price, every proration, percents of others, and totals that tie to the example."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.pricing import price
from domain.quote import read_quote
from tests.domain.sample_quote import line, priced, quote, service, share, totals

HOSPITAL = Path(__file__).parents[2] / "examples/hospital"


def total(*lines: dict[str, Any], **more: Any) -> str:
    """What the first line comes to."""
    return str(next(iter(totals(*lines, **more).values())))


def test_the_hospital_quote_ties_to_every_line_total() -> None:
    expected = json.loads((HOSPITAL / "expected.json").read_text())
    told = price(read_quote(json.loads((HOSPITAL / "quote.json").read_text())))
    assert {each.line.line_id: str(each.net_total) for each in told.lines} == expected["line_totals"]
    assert str(told.net_total) == expected["quote_total"]


@pytest.mark.parametrize(
    ("form", "amount"),
    [
        ({"quantity": "3", "list_price": "33.33"}, "99.99"),
        ({"quantity": "133", "list_price": "1874.33", "discount_percent": "7.5"}, "230589.45"),
        ({"quantity": "1", "list_price": "0.01", "discount_percent": "50"}, "0.01"),
        ({"quantity": "1", "list_price": "-0.01", "discount_percent": "50"}, "-0.01"),
        ({"quantity": "1", "list_price": "100", "discount_percent": "-10"}, "110.00"),
        ({"quantity": "1", "list_price": "100", "discount_percent": "100"}, "0.00"),
        ({"quantity": "3", "list_price": None, "net_price": "1.115"}, "3.35"),
        ({"quantity": "3", "list_price": "200", "net_price": "150.5"}, "451.50"),
        ({"quantity": "7", "list_price": None, "net_total": "100"}, "100.00"),
        ({"quantity": "7", "list_price": None, "net_total": "100.005"}, "100.01"),
        ({"quantity": "0.000001", "list_price": "1000000"}, "1.00"),
        ({"quantity": "3", "list_price": "0.333333"}, "1.00"),
    ],
)
def test_each_form_of_price(form: dict[str, Any], amount: str) -> None:
    assert total(line(**form)) == amount


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "333"), ("KWD", "333.333"), ("USD", "333.33")])
def test_a_line_is_rounded_once_to_the_minor_unit(currency: str, amount: str) -> None:
    assert total(line(quantity="3", list_price="111.111"), currency=currency) == amount


def test_unit_prices_keep_full_precision() -> None:
    told = priced(line(quantity="7", list_price=None, net_total="100")).line("A")
    assert told.unit_price == Fraction(100, 7)
    assert (
        priced(line(list_price="99.99", discount_percent="33.333333")).line("A").unit_price
        == Fraction("99.99") * Fraction("66.666667") / 100
    )


def test_list_total_is_before_the_discount_and_the_net_where_no_list_price_is_known() -> None:
    told = priced(line("A", discount_percent="10"), line("B", list_price=None, net_price="80"))
    assert [str(each.list_total) for each in told.lines] == ["100.00", "80.00"]
    assert (str(told.list_total), str(told.net_total)) == ("180.00", "170.00")


@pytest.mark.parametrize(
    ("term", "amount"),
    [
        ({"term_months": 12}, "120.00"),
        ({"end_date": "2027-12-31"}, "120.00"),
        ({"start_date": "2027-01-16", "end_date": "2027-03-15"}, "20.00"),
        ({"start_date": "2027-02-15", "end_date": "2027-02-28"}, "5.00"),
        ({"start_date": "2028-02-15", "end_date": "2028-02-29"}, "5.17"),
        ({"start_date": "2027-01-31", "end_date": "2027-02-28", "proration": "months_rounded_up"}, "20.00"),
        ({"end_date": "2027-12-31", "proration": "days"}, "120.00"),
        ({"start_date": "2028-01-01", "end_date": "2028-12-31", "proration": "days"}, "120.33"),
        ({"start_date": "2027-01-01", "end_date": "2027-01-01", "proration": "days"}, "0.33"),
        ({"term_months": 12, "price_per": "year"}, "10.00"),
        ({"term_months": 30, "price_per": "year"}, "25.00"),
        ({"end_date": "2027-06-30", "price_per": "year"}, "5.00"),
        ({"end_date": "2030-12-31", "price_per": "once"}, "10.00"),
        ({"term_months": 12, "list_price": None, "net_total": "99.99"}, "99.99"),
        ({"term_months": 12, "start_date": "2027-01-31", "proration": "days"}, "120.00"),
    ],
)
def test_a_term_line_is_priced_by_its_months(term: dict[str, Any], amount: str) -> None:
    assert total(service(**term)) == amount


def test_a_term_starts_with_its_own_start_else_its_first_order_date_else_the_quote() -> None:
    deliveries = [{"order_date": day, "quantity": "1"} for day in ("2027-03-01", "2027-02-01")]
    ends = [
        priced(service(term_months=1), start_date="2026-01-01").line("S").end,
        priced(service(term_months=1, start_date=None, quantity="2", deliveries=deliveries)).line("S").end,
        priced(service(term_months=1, start_date=None), start_date="2026-01-01").line("S").end,
        priced(service(term_months=1, start_date=None)).line("S").end,
    ]
    assert ends == [date(2027, 1, 31), date(2027, 2, 28), date(2026, 1, 31), None]


def test_a_component_takes_its_dates_from_its_parent() -> None:
    parent = line("A", deliveries=[{"order_date": "2027-05-01", "quantity": "1"}])
    told = priced(parent, service("S", component_of="A", start_date=None, end_date="2027-06-30"))
    assert (told.line("S").start, told.line("S").net_total) == (date(2027, 5, 1), Decimal(20))


def test_an_evergreen_line_counts_one_period() -> None:
    assert total(line(kind="evergreen", price_per="month", list_price="19.90", quantity="3")) == "59.70"
    assert total(line(kind="evergreen", list_price="19.90", discount_percent="10")) == "17.91"


# -- percents of others

BASE = (
    line("A", list_price="100.00"),
    line("B", family="Software", list_price="50.05"),
    line("C", list_price="-30.00"),
)


@pytest.mark.parametrize(
    ("what", "amount"),
    [
        ({}, "12.01"),
        ({"of": "others"}, "12.01"),
        ({"of_families": ["Software"]}, "5.01"),
        ({"of_families": ["software", "THINGS"]}, "12.01"),
        ({"of_lines": ["A", "C"]}, "7.00"),
        ({"of_lines": ["C"]}, "-3.00"),
        ({"of_lines": ["A", "A"]}, "10.00"),
    ],
)
def test_a_percent_is_taken_of_what_it_names(what: dict[str, Any], amount: str) -> None:
    assert str(totals(*BASE, share(**what))["M"]) == amount


def test_a_percent_is_never_taken_of_another() -> None:
    told = totals(line(list_price="100"), share("M", "10"), share("N", "20"), share("O", "5", of_families=["things"]))
    assert [told[each] for each in "MNO"] == [10, 20, 5]


def test_a_percent_stands_before_its_base_and_comes_to_the_same() -> None:
    assert totals(share(), *BASE) == totals(*BASE, share())


def test_a_percent_of_zero_is_zero() -> None:
    assert str(totals(line(list_price="0.00"), share())["M"]) == "0.00"


def test_base_amounts_are_the_rounded_totals_of_the_lines() -> None:
    third = {"quantity": "1", "list_price": "0.335"}
    assert str(totals(line("A", **third), line("B", **third), share(percent="100"))["M"]) == "0.68"


@given(
    st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(-(10**6), 10**8), st.integers(0, 100)), min_size=1, max_size=6
    ),
    st.integers(1, 1000),
)
@settings(max_examples=40)
def test_totals_are_the_sum_of_lines_and_nobody_is_off_by_more_than_half_a_cent(
    lines: list[tuple[int, int, int]], percent: int
) -> None:
    documents = [
        line(f"L{at}", quantity=str(quantity), list_price=str(Decimal(cents) / 100), discount_percent=str(discount))
        for at, (quantity, cents, discount) in enumerate(lines)
    ]
    told = priced(*documents, share(percent=str(percent)))
    assert told.net_total == sum(each.net_total for each in told.lines)
    for (quantity, cents, discount), each in zip(lines, told.lines, strict=False):
        exact = Fraction(quantity * cents, 100) * (100 - discount) / 100
        assert abs(Fraction(each.net_total) - exact) <= Fraction(1, 200)


def test_reading_the_quote_again_prices_it_the_same() -> None:
    document = quote(*BASE, share())
    assert price(read_quote(document)).lines == price(read_quote(json.loads(json.dumps(document)))).lines
