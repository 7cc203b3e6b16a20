"""Evaluation: combinations, variables over lines, windows, and which rules are not even tested."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.pricing import PricedQuote
from domain.refusal import Refusal
from tests.domain.policy.sample_policy import DAY, evaluate, fires, policy, rule, shown
from tests.domain.sample_quote import line, priced, service, share

TRUE, FALSE = "line_count = 1", "line_count = 2"


@pytest.mark.parametrize(
    ("when", "fired"),
    [
        (None, True),
        (TRUE, True),
        (FALSE, False),
        ([TRUE, TRUE], True),
        ([TRUE, FALSE], False),
        ({"all": [TRUE, TRUE]}, True),
        ({"all": [TRUE, FALSE]}, False),
        ({"any": [FALSE, TRUE]}, True),
        ({"any": [FALSE, FALSE]}, False),
        ({"not": FALSE}, True),
        ({"not": [FALSE]}, True),
        ({"not": [TRUE, FALSE]}, True),
        ({"not": {"any": [TRUE, FALSE]}}, False),
        ({"not": {"not": TRUE}}, True),
        ({"all": [TRUE, {"any": [FALSE, {"not": FALSE}]}]}, True),
        ({"any": [{"all": [TRUE, FALSE]}, {"all": [TRUE, {"not": {"all": [TRUE, FALSE]}}]}]}, True),
    ],
)
def test_conditions_combine(when: Any, fired: bool) -> None:
    assert fires(when) is fired


def trees(depth: int = 3) -> st.SearchStrategy[Any]:
    leaf = st.sampled_from([TRUE, FALSE])
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda part: {"not": part}, inner),
        ),
        max_leaves=8,
    )


def truth(when: Any) -> bool:
    if isinstance(when, str):
        return when == TRUE
    [(word, parts)] = when.items()
    if word == "not":
        return not truth(parts)
    return (all if word == "all" else any)(truth(part) for part in parts)


@given(trees())
@settings(max_examples=60)
def test_any_nesting_is_what_logic_says(when: Any) -> None:
    assert fires(when) is truth(when)


def test_every_condition_is_kept_also_behind_one_that_already_decided() -> None:
    [result] = evaluate(policy(rule(when={"any": [TRUE, FALSE, "net_total > 5"]}))).results
    assert [each.met for each in result.conditions] == [True, False, True]


# -- variables


def store() -> PricedQuote:
    return priced(
        line("A", family="Hardware", list_price="1000.00", discount_percent="10", group="g1", fields={"rack": "4"}),
        line("B", family="Hardware", list_price="500.00", discount_percent="30", quantity="2"),
        line("C", family="Food", list_price="5.55", group="g1", fields={"rack": "10"}),
        service("S", term_months=24, start_date="2027-05-01"),
        share("M", "10", of_families=["Hardware"]),
        fields={"limit": "20", "rack": "99"},
        start_date="2027-03-01",
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ({"max": "lines.discount_percent"}, "30"),
        ({"min": "lines.discount_percent"}, "0"),
        ({"avg": "lines.discount_percent"}, "8"),
        ({"sum": "lines.net_total"}, "2005.55"),
        ({"count": "lines"}, "5"),
        ({"count": "lines.group"}, "5"),
        ({"sum": "lines.net_total", "where": "family = hardware"}, "1600.00"),
        ({"sum": "lines.net_total", "where": "lines.family = Hardware"}, "1600.00"),
        ({"sum": "lines.net_total", "where": "family = None"}, "0.00"),
        ({"max": "lines.net_total", "where": "family = None"}, None),
        ({"avg": "lines.net_total", "where": "family = None"}, None),
        ({"count": "lines", "where": "family = None"}, "0"),
        ({"count": "lines", "where": {"any": ["group = g1", "quantity > 1"]}}, "3"),
        ({"count": "lines", "where": {"not": "group is blank"}}, "2"),
        ({"count": "lines", "where": ["family = Hardware", "discount_percent > fields.limit"]}, "1"),
        ({"count": "lines", "where": "discount_percent > limit"}, "1"),
        ({"count": "lines", "where": "kind in subscription, percent_of_total"}, "2"),
        ({"count": "lines", "where": "net_total > list_price"}, "2"),
        ({"sum": "lines.rack"}, "14"),
        ({"max": "lines.rack"}, "10"),
        ({"count": "lines", "where": "rack = 4"}, "1"),
        ({"max": "lines.term_months"}, "24"),
        ({"min": "lines.start_date"}, "2027-05-01"),
        ({"max": "lines.family"}, "Software"),
        ({"sum": "lines.quantity", "where": "product starts with P-"}, "6"),
        ({"max": "lines.unheard_of"}, None),
        ({"discount": {"list": "list_total", "net": "net_total"}}, "14.8"),
    ],
)
def test_a_variable_is_computed_over_the_lines(variable: Any, value: str | None) -> None:
    found = evaluate(policy(variables={"v": variable}), store()).variables["v"]
    if value == "14.8":
        listed, net = Decimal("2405.55"), Decimal("2005.55")
        assert found is not None
        assert abs(Decimal(found) - (1 - net / listed) * 100) < Decimal("1e-20")
    else:
        assert (None if found is None else str(found)) == value


def test_a_discount_on_nothing_is_blank() -> None:
    told = priced(line(list_price="0.00"))
    variables = {"v": {"discount": {"list": "list_total", "net": "net_total"}}}
    assert evaluate(policy(variables=variables), told).variables["v"] is None
    assert not fires("v > 5", told, variables=variables)
    assert fires("v is blank", told, variables=variables)


def test_variables_are_computed_before_those_that_test_them_in_whichever_order_they_stand() -> None:
    variables = {
        "expensive": {"count": "lines", "where": "net_total >= top"},
        "discounted": {"count": "lines", "where": {"all": ["top > 500", "discount_percent > 0"]}},
        "top": {"max": "lines.net_total"},
    }
    found = evaluate(policy(variables=variables), store()).variables
    assert {name: str(value) for name, value in found.items()} == {
        "top": "900.00", "expensive": "1", "discounted": "2",
    }  # fmt: skip


def test_a_line_field_hides_a_variable_of_its_name_in_a_where() -> None:
    found = evaluate(policy(variables={"net_total": {"count": "lines", "where": "net_total > 500"}}), store())
    assert str(found.variables["net_total"]) == "2"


def test_a_line_cannot_hide_a_variable_with_a_custom_field() -> None:
    told = priced(line(list_price="500", fields={"cap": "9999"}))
    variables = {"cap": {"min": "lines.net_total"}, "over": {"count": "lines", "where": "net_total >= cap"}}
    assert str(evaluate(policy(variables=variables), told).variables["over"]) == "1"


def test_an_amount_variable_carries_the_currency() -> None:
    variables = {"v": {"sum": "lines.net_total"}, "n": {"max": "lines.quantity"}}
    assert shown("v > 1", store(), variables=variables).currency == "USD"
    assert shown("n > 1", store(), variables=variables).currency is None


def test_a_quotient_is_told_with_all_its_digits() -> None:
    told = priced(line("A", discount_percent="10"), line("B"), line("C"))
    found = shown("v > 3.333333", told, variables={"v": {"avg": "lines.discount_percent"}})
    assert found.met
    assert str(found.value).startswith("3.33333333333333333333")
    assert found.numeric


# -- what is not tested


@pytest.mark.parametrize(
    ("more", "status", "on", "why"),
    [
        ({"active": False}, "draft", DAY, "the rule is not active"),
        ({"from": "2027-02-02"}, "draft", DAY, "the rule begins on 2027-02-02"),
        ({"from": "2027-02-01"}, "draft", DAY, None),
        ({"until": "2027-01-31"}, "draft", DAY, "the rule ended on 2027-01-31"),
        ({"until": "2027-02-01"}, "draft", DAY, None),
        ({"from": "2027-01-01", "until": "2027-12-31"}, "draft", date(2028, 1, 1), "the rule ended on 2027-12-31"),
        ({"skip_when_status": ["approved", "Recalled"]}, "recalled", DAY, "the quote is recalled"),
        ({"skip_when_status": ["approved"]}, "draft", DAY, None),
    ],
)
def test_a_rule_outside_its_time_does_not_fire_and_says_why(
    more: dict[str, Any], status: str, on: date, why: str | None
) -> None:
    [result] = evaluate(policy(rule(when=TRUE, **more)), on=on, status=status).results
    assert (result.fired, result.why) == (why is None, why)


def test_a_rule_that_cannot_fire_needs_no_rate() -> None:
    paper = policy(rule("old", "net_total > 5 JPY", active=False), rule("new", TRUE))
    assert [result.rule.id for result in evaluate(paper).fired] == ["new"]
    with pytest.raises(Refusal, match="missing_rate"):
        evaluate(policy(rule("old", "net_total > 5 JPY")))


def test_the_three_things_that_rules_must_say_on_day_one() -> None:
    paper = policy(
        rule("discount", "max_discount > 25"),
        rule("terms", {"any": ["payment_terms in Net 60, Net 90", "cancellation != 30 days"]}),
        rule("combination", ["imaging > 0", "installation = 0"]),
        variables={
            "max_discount": {"max": "lines.discount_percent"},
            "imaging": {"count": "lines", "where": "family = Imaging"},
            "installation": {"count": "lines", "where": "product = INSTALL"},
        },
    )
    fine = priced(line(family="Imaging"), line("B", product="INSTALL"), terms={"cancellation": "30 days"})
    bad = priced(
        line(family="Imaging", discount_percent="26"), terms={"cancellation": "30 days", "payment_terms": "Net 90"}
    )
    assert [each.rule.id for each in evaluate(paper, fine).fired] == []
    assert [each.rule.id for each in evaluate(paper, bad).fired] == ["discount", "terms", "combination"]
