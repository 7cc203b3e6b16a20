"""The policy document: what is refused when it is read or published, and what makes a rule another one."""

from __future__ import annotations

from typing import Any

import pytest

from domain.approvers import check_approvers
from domain.people import read_directory
from domain.policy.document import read_policy
from domain.refusal import Refusal
from tests.domain.policy.sample_policy import policy, refused, rule


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"rules": [{"approver": "ann"}]}, "missing_field", "rules.0.id"),
        ({"rules": [{"id": "r"}]}, "missing_field", "rules.r.approver"),
        ({"rules": [rule(approver={"boss": "x"})]}, "invalid_choice", "rules.r.approver"),
        ({"rules": [rule(approver={"field": "x", "level": 2})]}, "unknown_field", "rules.r.approver.level"),
        ({"rules": [rule(approver={"manager_of": "owner", "level": 0})]}, "invalid_number",
         "rules.r.approver.level"),
        ({"rules": [rule(approver=5)]}, "invalid_choice", "rules.r.approver"),
        ({"rules": [rule(smart="a > 1")]}, "invalid_choice", "rules.r.smart"),
        ({"rules": [rule(when="a > 1", smart=["b > 1"])]}, "unknown_condition", "rules.r.smart"),
        ({"rules": [rule(when="a > 1", smart=True, tolerance={"b": 1})]}, "unknown_condition", "rules.r.tolerance.b"),
        ({"rules": [rule(when="a > 1", smart=True, tolerance={"a": -1})]}, "invalid_number", "rules.r.tolerance.a"),
        ({"rules": [rule(when="a ~ 1")]}, "invalid_condition", "rules.r.when"),
        ({"rules": [rule(when={"all": []})]}, "invalid_condition", "rules.r.when.all"),
        ({"rules": [rule(when={"all": ["a > 1"], "any": ["b > 1"]})]}, "invalid_condition", "rules.r.when"),
        ({"rules": [rule(when=5)]}, "invalid_condition", "rules.r.when"),
        ({"rules": [rule(when={"any": [{"not": "a"}]})]}, "invalid_condition", "rules.r.when.any.0.not"),
        ({"rules": [rule(when="lines.quantity > 5")]}, "unknown_field", "rules.r.when"),
        ({"rules": [rule(chain="nowhere")]}, "unknown_chain", "rules.r.chain"),
        ({"rules": [rule(**{"from": "2027-02-01", "until": "2027-01-01"})]}, "dates_out_of_order", "rules.r.until"),
        ({"rules": [rule(), rule()]}, "duplicate_id", "rules.r"),
        ({"rules": [rule(sla={"remind": "soon"})]}, "invalid_duration", "rules.r.sla.remind"),
        ({"rules": [rule(sla={"remind": "4h", "again": "0h"})]}, "invalid_duration", "rules.r.sla.again"),
        ({"rules": [rule(sla={"escalate": "1d", "on_timeout": "ignore"})]}, "invalid_choice", "rules.r.sla.on_timeout"),
        ({"rules": [rule(step=-1)]}, "invalid_number", "rules.r.step"),
        ({"rules": [rule(active="maybe")]}, "wrong_type", "rules.r.active"),
        ({"chains": {"a": {"after": ["b"]}}}, "unknown_chain", "chains.a.after"),
        ({"chains": {"a": {"after": ["a"]}}}, "cycle", "chains.a.after"),
        ({"chains": {"unchained": {}}}, "invalid_id", "chains.unchained"),
        ({"variables": {"v": {"max": "discount"}}}, "invalid_variable", "variables.v"),
        ({"variables": {"v": {"median": "lines.quantity"}}}, "invalid_variable", "variables.v"),
        ({"variables": {"v": {"sum": "lines"}}}, "invalid_variable", "variables.v"),
        ({"variables": {"v": {"discount": {"list": "a"}}}}, "invalid_variable", "variables.v"),
        ({"variables": {"v": {"count": "lines", "where": "a"}}}, "invalid_condition", "variables.v.where"),
        ({"variables": {"v": {"discount": {"list": "v", "net": "net_total"}}}}, "cycle", "variables.v"),
        ({"variables": {"v": {"count": "lines", "where": "quantity > v"}}}, "cycle", "variables.v"),
        ({"variables": {"v": {"count": "lines", "where": "v > 1"}}}, "cycle", "variables.v"),
        ({"self_approval": "ask"}, "invalid_choice", "self_approval"),
        ({"smart_mode": "clever"}, "invalid_choice", "smart_mode"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_refused_with_code_and_path(document: dict[str, Any], code: str, path: str) -> None:
    assert (code, path) in refused(**document)
    assert len(refused(**document)) == 1


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = refused(rules=[rule("a", chain="x"), rule("a"), rule("b", when="?")], chains={"c": {"after": ["d"]}})
    assert [code for code, _ in found] == ["duplicate_id", "unknown_chain", "unknown_chain", "invalid_condition"]


def test_a_circle_of_lanes_and_of_variables_is_refused_where_it_runs() -> None:
    assert refused(chains={"a": {"after": ["b"]}, "b": {"after": ["a"]}, "c": {"after": ["a"]}}) == [
        ("cycle", "chains.a.after"),
        ("cycle", "chains.b.after"),
    ]
    variables = {
        "a": {"count": "lines", "where": "quantity > b"},
        "b": {"count": "lines", "where": "quantity > a"},
    }
    assert refused(variables=variables) == [("cycle", "variables.a"), ("cycle", "variables.b")]


def test_conditions_nested_without_end_are_refused() -> None:
    when: Any = "a > 1"
    for _ in range(50):
        when = {"not": when}
    assert [code for code, _ in refused(rules=[rule(when=when)])] == ["invalid_condition"]


PEOPLE = read_directory(
    {
        "users": {"ann": {"name": "Ann"}},
        "groups": {"legal": {"members": ["ann"]}},
        "approvers": {"ceo": {"user": "ann"}},
    }
)


@pytest.mark.parametrize("name", ["ann", "legal", "ceo"])
def test_an_approver_a_group_and_a_user_may_be_named(name: str) -> None:
    check_approvers(policy(rule(approver=name), fallback=name, watchers=[name]), PEOPLE)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"rules": [rule(approver="ghost")]}, "rules.r.approver"),
        ({"rules": [rule(sla={"escalate": "1d", "to": "ghost"})]}, "rules.r.sla.to"),
        ({"fallback": "ghost"}, "fallback"),
        ({"watchers": ["ghost"]}, "watchers"),
    ],
)
def test_somebody_the_directory_does_not_know_is_refused_when_published(document: dict[str, Any], path: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_approvers(read_policy({"policy": "p", **document}), PEOPLE)
    assert (caught.value.code, caught.value.path) == ("unknown_approver", path)


def test_a_user_in_a_field_cannot_be_known_before_the_quote() -> None:
    check_approvers(policy(rule(approver={"field": "account_manager"})), PEOPLE)
    check_approvers(policy(rule(approver={"manager_of": "owner", "level": 2})), PEOPLE)


# -- what makes a rule another one, for smart approval

BASE = rule(when="max_discount > 25", smart=True)
VARIABLES = {"max_discount": {"max": "lines.discount_percent"}, "other": {"count": "lines"}}


def fingerprint(part: dict[str, Any], variables: dict[str, Any] | None = None) -> str:
    paper = policy(part, variables=variables or VARIABLES, chains={"c": {}})
    return paper.fingerprint(paper.rules[0])


@pytest.mark.parametrize(
    "change",
    [
        {"when": "max_discount > 26"},
        {"when": {"not": "max_discount > 25"}},
        {"when": ["max_discount > 25", "net_total > 5"]},
        {"smart": False},
        {"tolerance": {"max_discount": 1}},
        {"approver": "bob"},
        {"approver": {"field": "ann"}},
    ],
)
def test_conditions_thresholds_smart_tolerance_and_approver_make_a_rule(change: dict[str, Any]) -> None:
    assert fingerprint({**BASE, **change}) != fingerprint(BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "other words"},
        {"step": 5},
        {"chain": "c"},
        {"sla": {"remind": "4h"}},
        {"explicit": True},
        {"smart": ["max_discount  >  25"]},
        {"until": "2027-12-31"},
    ],
)
def test_what_is_around_a_rule_does_not_make_it_another(change: dict[str, Any]) -> None:
    assert fingerprint({**BASE, **change}) == fingerprint(BASE)


def test_the_variables_a_rule_uses_belong_to_it_and_no_others() -> None:
    changed = {**VARIABLES, "max_discount": {"max": "lines.discount_percent", "where": "family = Hardware"}}
    unrelated = {**VARIABLES, "other": {"count": "lines", "where": "family = Hardware"}}
    assert fingerprint(BASE, changed) != fingerprint(BASE)
    assert fingerprint(BASE, unrelated) == fingerprint(BASE)


def test_variables_behind_variables_belong_to_a_rule_too() -> None:
    def told(top: str) -> str:
        variables = {
            "top": {"max": top},
            "near": {"count": "lines", "where": "net_total >= top"},
        }
        return fingerprint(rule(when="near > 1", smart=True), variables)

    assert told("lines.net_total") != told("lines.list_total")
