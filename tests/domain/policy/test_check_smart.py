"""What the check finds of smart approval; what it says of the salesforce mode is shown on a quote."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.policy.check import check
from tests.domain.approval.office import Office
from tests.domain.approval.office import rule as asks
from tests.domain.policy.sample_policy import policy, rule
from tests.domain.sample_quote import line, quote

ON = date(2027, 2, 1)
VARIABLES = {"discount": {"max": "lines.discount_percent"}, "deep": {"count": "lines", "where": "discount_percent > 5"}}
AMONG = ("worse_gets_through", "idle_setting")


def found(part: dict[str, Any], mode: str = "salesforce") -> list[tuple[str, str]]:
    paper = policy(part, variables=VARIABLES, smart_mode=mode)
    return [(each.code, each.path) for each in check(paper, on=ON) if each.code in AMONG]


THROUGH = [("worse_gets_through", "rules.r.when")]


@pytest.mark.parametrize(
    ("when", "change"),
    [
        (["discount > 5", "margin < 20"], {"discount": "30"}),
        (["margin < 20", "discount > 5"], {"fields.margin": "1"}),
        ({"all": ["discount > 5", {"all": ["margin < 20", "region = US"]}]}, {"discount": "30"}),
        (["discount > 5", "discount <= 40"], {"discount": "30"}),
        ({"conditions": ["discount > 5", "margin < 20"], "logic": "1 AND 2"}, {"discount": "30"}),
    ],
)
def test_a_worse_value_that_gets_through_is_told_and_does_get_through(when: Any, change: dict[str, str]) -> None:
    assert found(rule(when=when, smart=True)) == THROUGH
    assert found(rule(when=when, smart=True), mode="any_worse") == []
    for mode, then in (("salesforce", "skipped"), ("any_worse", "requested")):
        document = quote(line(discount_percent="10"), fields={"margin": "15", "region": "US"})
        parts = asks("r", "mei", when=when, smart=True), asks("last", "zoe")
        office = Office(*parts, document=document, variables=VARIABLES, smart_mode=mode)
        office.submit()
        office.approve("r", "mei")
        office.recall()
        office.edit(**change)
        office.submit()
        assert office.states()["r"] == then


@pytest.mark.parametrize(
    "part",
    [
        {"when": "discount > 5", "smart": True},
        {"when": {"any": ["discount > 5", "margin < 20"]}, "smart": True},
        {"when": ["discount > 5", "margin < 20"], "smart": ["discount > 5"]},  # the other speaks for asking
        {"when": ["discount > 5", "margin < 20"], "smart": False},
        {"when": ["discount > 5", "margin < 20"], "smart": True, "reevaluate_individually": True},
        # where one follows from the other, nothing is certain
        {"when": ["discount > 5", "deep > 1"], "smart": True},
        {"when": ["discount > 5", "net_total < list_total"], "smart": True},
        # no value can get worse
        {"when": ["margin = 15", "region = US"], "smart": True},
        {"when": ["discount > 99", "region = US"], "smart": True},
        {"when": ["discount > 5", "discount > 10"], "smart": True},
        {"when": ["discount > 5", "discount <= 6"], "smart": True},
        {"when": ["margin < 20", "margin > 30"], "smart": True},  # it never fires
        {"when": ["discount > 5", {"not": "margin < 20"}], "smart": True},
    ],
)
def test_where_it_is_not_certain_nothing_is_told(part: dict[str, Any]) -> None:
    assert found(rule(**part)) == []


@pytest.mark.parametrize(
    ("part", "mode", "path"),
    [
        ({"reevaluate_individually": True, "smart": True}, "any_worse", "rules.r.reevaluate_individually"),
        ({"reevaluate_individually": True, "smart": False}, "salesforce", "rules.r.reevaluate_individually"),
        ({"tolerance": {"discount": 1}, "smart": True}, "salesforce", "rules.r.tolerance"),
    ],
)
def test_a_setting_without_effect_is_told(part: dict[str, Any], mode: str, path: str) -> None:
    assert found(rule(when="discount > 5", **part), mode=mode) == [("idle_setting", path)]


def test_a_row_of_a_table_is_told_where_it_stands() -> None:
    table = {
        "id": "m",
        "columns": ["discount", "region"],
        "smart": True,
        "rows": [{"discount": "5..40", "region": "US", "approver": "ann"}],
    }
    paper = policy(variables=VARIABLES, smart_mode="salesforce", matrix=[table])
    assert ("worse_gets_through", "matrix.m.rows.0") in [(each.code, each.path) for each in check(paper, on=ON)]
