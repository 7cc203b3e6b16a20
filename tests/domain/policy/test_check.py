"""What the check finds in a policy by itself; for each finding a policy that has it and one without."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.policy.check import MOST_OF_A_CODE, MOST_RULES, check, check_document
from domain.policy.possible import Work
from tests.domain.policy.sample_policy import policy, rule

ON = date(2027, 2, 1)
VARIABLES: dict[str, Any] = {
    "max_discount": {"max": "lines.discount_percent"},
    "hardware": {"sum": "lines.net_total", "where": "family = Hardware"},
    "last_end": {"max": "lines.end_date"},
    "deep": {"count": "lines", "where": "discount_percent > 10"},
}


def found(*rules: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    """Severity, code and path of everything found; variables nobody uses and a missing matter aside."""
    paper = policy(*rules, **{"variables": VARIABLES, **more})
    return [(each.severity, each.code, each.path) for each in check(paper, on=ON) if each.code != "unused_variable"]


def of_when(when: Any) -> list[tuple[str, str]]:
    return [(severity, code) for severity, code, _ in found(rule(when=when))]


@pytest.mark.parametrize(
    ("bad", "good", "code"),
    [
        # numbers
        ('net_total = "many"', "net_total = 5", "type_mismatch"),
        ("net_total in 5, many", "net_total in 5, 6", "type_mismatch"),
        ("max_discount contains 5", "title contains 5", "type_mismatch"),
        ("net_total starts with title", "title starts with 5", "type_mismatch"),
        ("line_count = start_date", "line_count = term_months", "type_mismatch"),
        ("net_total > customer", "net_total > hardware", "type_mismatch"),
        # money
        ("max_discount > 5 EUR", "hardware > 5 EUR", "type_mismatch"),
        ("start_date = 5 EUR", "fields.budget = 5 EUR", "type_mismatch"),
        ("title = 5 EUR", "title = fields.budget", "type_mismatch"),
        ("net_total = 5 XYZ", "net_total = 5 USD", "unknown_currency"),
        ("net_total in XYZ 5", "net_total in USD 5", "unknown_currency"),
        ("currency = ZZZ", "currency = usd", "unknown_currency"),
        ("currency in USD, EURO", "currency in USD, EUR", "unknown_currency"),
        # dates
        ("start_date > 2027", "start_date > 2027-01", "type_mismatch"),
        ("start_date = 2027-01", "start_date = 2027-01-31", "type_mismatch"),
        ("start_date > 2027-02-30", "start_date > 2027-02-28", "type_mismatch"),
        ("last_end > soon-ish", "last_end > fields.soon", "type_mismatch"),
        ("start_date in soon, later", "start_date in 2027-01-01, 2027-01-02", "type_mismatch"),
        ("start_date > customer", "start_date > last_end", "type_mismatch"),
        # texts
        ("title > 5", "title = 5", "type_mismatch"),
        ("customer < title", "customer = title", "type_mismatch"),
        ("owner >= fields.x", "owner = fields.x", "type_mismatch"),
        ('region = ""', "region is blank", "blank_value"),
        ('region in "", US', "region in US, EU", "blank_value"),
        # names
        ("__class__ = 5", "class_ = 5", "reserved_name"),
        ("fields.__dict__ = 5", "fields.dict = 5", "reserved_name"),
        ("net_total > lines.net_total", "net_total > hardware", "unknown_field"),
    ],
)  # fmt: skip
def test_a_comparison_that_never_comes_out(bad: str, good: str, code: str) -> None:
    errors = [each for severity, each in of_when(bad) if severity == "error"]
    assert set(errors) == {code}
    assert of_when(good) == []


@pytest.mark.parametrize(
    ("bad", "good", "code"),
    [
        ("net_totl > 5", "fields.net_totl > 5", "misspelled_field"),
        ("paymnt_terms = 5", "payment_terms = 5", "misspelled_field"),
        ("max_discont > 5", "max_discount > 5", "misspelled_field"),
        ("net_total > max_discont", "net_total > fields.max_discont", "misspelled_field"),
        ('grade > "middling"', 'grade = "middling"', "ordered_text"),
        ("grade > Net 60", "grade > 60", "ordered_text"),
    ],
)
def test_a_condition_that_looks_wrong(bad: str, good: str, code: str) -> None:
    assert of_when(bad) == [("warning", code)]
    assert of_when(good) == []


@pytest.mark.parametrize(
    ("spec", "code", "path"),
    [
        ({"sum": "lines.family"}, "type_mismatch", "variables.v"),
        ({"avg": "lines.start_date"}, "type_mismatch", "variables.v"),
        ({"max": "lines.family"}, "type_mismatch", "variables.v"),
        ({"max": "lines.start_date"}, None, ""),
        ({"sum": "lines.weight"}, None, ""),
        ({"sum": "lines.quantty"}, "misspelled_field", "variables.v"),
        ({"count": "lines", "where": "kind = service"}, "type_mismatch", "variables.v.where"),
        ({"count": "lines", "where": ["kind = Subscription", "price_per = week"]}, "type_mismatch",
         "variables.v.where.1"),
        ({"count": "lines", "where": {"any": ["quantity > 5", {"not": "family > 5"}]}}, "type_mismatch",
         "variables.v.where.any.1.not"),
        ({"count": "lines", "where": ["family = A", "lines.family = B"]}, "contradiction", "variables.v.where"),
        ({"count": "lines", "where": ["family = A", "product = B"]}, None, ""),
        ({"discount": {"list": "list_total", "net": "title"}}, "type_mismatch", "variables.v"),
        ({"discount": {"list": "lines.list_total", "net": "net_total"}}, "unknown_field", "variables.v"),
        ("net_total - title", "type_mismatch", "variables.v"),
        ("net_total - start_date", "type_mismatch", "variables.v"),
        ("net_total - fields.cost", None, ""),
    ],
)  # fmt: skip
def test_a_variable(spec: Any, code: str | None, path: str) -> None:
    told = found(rule(when="v = fields.x"), variables={"v": spec})
    assert [(each, where) for _, each, where in told] == ([(code, path)] if code else [])


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (["x > 5", "x < 3"], ["x > 3", "x < 5"]),
        (["x > 5", {"not": "x > 4"}], ["x > 5", {"not": "x > 6"}]),
        (["line_count > 5", "line_count < 6"], ["net_total > 5", "net_total < 6"]),
        ({"all": ["x > 5", {"any": ["x < 3", "x = 4"]}]}, {"all": ["x > 5", {"any": ["x < 9", "x = 6"]}]}),
        ({"conditions": ["x > 5", "x < 3", "y = 1"], "logic": "1 AND 2 AND NOT 3"},
         {"conditions": ["x > 5", "x < 3", "y = 1"], "logic": "(1 OR 2) AND NOT 3"}),
        (['region = "US"', 'region = "EU"'], ['region = "US"', 'region = "us"']),
        (['region in "US", "EU"', 'region not in "us", "eu"'], ['region in "US", "EU"', 'region not in "us"']),
        (['region starts with "US-"', 'region starts with "EU-"'],
         ['region starts with "U"', 'region starts with "US"']),
        (["region is blank", "region is not blank"], ["region is blank", "tier is not blank"]),
        (["region is blank", "region != US"], ["region is not blank", "region != US"]),
        (["net_total > 5 EUR", "net_total < 5 EUR"], ["net_total > 5 EUR", "net_total < 5 USD"]),
        (["net_total > list_total", "net_total < list_total"], ["net_total >= list_total", "net_total <= list_total"]),
        (["start_date > 2027-06", "start_date < 2027-05-01"], ["start_date > 2027-05", "start_date < 2027-05-02"]),
        (["owner is blank"], ["bill_to is blank"]),
        (["max_discount > 100"], ["max_discount > 99"]),
        (["deep < 0"], ["deep < 1"]),
    ],
)  # fmt: skip
def test_conditions_that_exclude_each_other(bad: Any, good: Any) -> None:
    assert ("error", "contradiction", "rules.r.when") in found(rule(when=bad))
    assert found(rule(when=good)) == []


def test_words_that_a_quote_may_have_as_fields_exclude_each_other_only_most_likely() -> None:
    told = check(policy(rule(when=["region = US", "region = EU"])), on=ON)
    assert [(each.severity, each.code) for each in told] == [("warning", "contradiction")]
    assert "put texts in quotes" in told[0].message


@pytest.mark.parametrize(
    ("bad", "good", "code", "path"),
    [
        ({"when": {"any": ["net_total > 5", "net_total <= 5"]}}, {"when": {"any": ["x > 5", "x <= 5"]}},
         "always_fires", "rules.r.when"),
        ({"when": ["owner is not blank"]}, {}, "always_fires", "rules.r.when"),
        ({"when": {"all": ["x > 5", {"any": ["x < 3", "y > 1"]}]}},
         {"when": {"all": ["x > 5", {"any": ["x > 9", "y > 1"]}]}},
         "dead_alternative", "rules.r.when.all.1.any.0"),
        ({"until": "2027-01-31"}, {"until": "2027-02-01"}, "window_over", "rules.r.until"),
        ({"active": False}, {"active": True}, "inactive_rule", "rules.r.active"),
        ({"skip_when_status": ["aproved"]}, {"skip_when_status": ["Approved"]}, "unknown_status",
         "rules.r.skip_when_status"),
        ({"skip_when_status": ["draft", "pending", "approved", "rejected", "recalled"]},
         {"skip_when_status": ["draft", "pending", "approved", "rejected"]}, "contradiction",
         "rules.r.skip_when_status"),
    ],
)  # fmt: skip
def test_a_rule(bad: dict[str, Any], good: dict[str, Any], code: str, path: str) -> None:
    others = [rule("other", "net_total > 1000000", approver="bob")]  # so that the step is reached in any case
    assert [(each, where) for _, each, where in found(rule(**bad), *others)] == [(code, path)]
    assert found(rule(**{"when": "x > 1", **good}), *others) == []


@pytest.mark.parametrize(
    ("one", "two", "code", "path"),
    [
        ({"when": ["x > 5", "y = 1"]}, {"when": {"all": ["y  = 1", "x > 5.0"]}}, "duplicate_rule", "rules.b"),
        ({"when": "x > 5"}, {"when": "x > 7"}, "shadowed_rule", "rules.b"),
        ({"when": ["x > 7", "y = 1"]}, {"when": "x > 5"}, "shadowed_rule", "rules.a"),
        ({}, {"when": "x > 5"}, "shadowed_rule", "rules.b"),
        ({"when": "x > 5"}, {"when": "x > 7", "until": "2027-12-31"}, "shadowed_rule", "rules.b"),
        ({"when": "x > 5"}, {"when": "x > 7", "step": 2}, None, ""),
        ({"when": "x > 5"}, {"when": "x > 7", "approver": "bob"}, None, ""),
        ({"when": "x > 5", "until": "2027-12-31"}, {"when": "x > 7"}, None, ""),
        ({"when": "x > 5", "from": "2027-03-01"}, {"when": "x > 7"}, None, ""),
        ({"when": "x > 5", "skip_when_status": ["approved"]}, {"when": "x > 7"}, None, ""),
        ({"when": "x > 5", "active": False}, {"when": "x > 7"}, "inactive_rule", "rules.a.active"),
        ({"when": "x > 5"}, {"when": "x >= 5"}, "shadowed_rule", "rules.a"),
        ({"when": "x > 5"}, {"when": ["y > 5", "z > 5"]}, None, ""),
    ],
)  # fmt: skip
def test_two_rules(one: dict[str, Any], two: dict[str, Any], code: str | None, path: str) -> None:
    told = found(rule("a", **one), rule("b", **two))
    assert [(each, where) for _, each, where in told] == ([(code, path)] if code else [])


def test_lanes_and_steps_that_nobody_reaches() -> None:
    chains = {"sales": {}, "legal": {"after": ["idle"]}, "idle": {}, "dead": {}}
    told = found(
        rule("a", "x > 1", chain="sales", step=1),
        rule("b", chain="sales", step=2, active=False),
        rule("c", "x > 2", chain="legal"),
        rule("d", chain="dead", active=False),
        chains=chains,
    )
    assert [each for each in told if each[1] != "inactive_rule"] == [
        ("warning", "unused_lane", "chains.idle"),
        ("warning", "unreachable_step", "chains.dead"),
        ("warning", "unreachable_step", "rules.b"),
    ]
    assert (
        found(rule("a", "x > 1", chain="sales"), rule("b", "x > 9", chain="sales", step=2), chains={"sales": {}}) == []
    )


def test_a_variable_nobody_uses_and_a_policy_without_rules() -> None:
    told = check(policy(rule(when="near > 5"), variables={"far": {"count": "lines"}, "near": "mid", "mid": "1"}), on=ON)
    assert [(each.code, each.path) for each in told] == [("unused_variable", "variables.far")]
    assert [each.code for each in check(policy(), on=ON)] == ["no_rules"]


def test_tables_are_checked_row_by_row() -> None:
    table = {
        "id": "discount",
        "columns": ["max_discount", "region"],
        "approver": "ann",
        "rows": [
            {"max_discount": "5..10", "region": '"US"', "step": 1},
            {"max_discount": "101..", "step": 2},
            {"max_discount": "many", "step": 3},
        ],
    }
    told = [(code, path) for _, code, path in found(matrix=[table])]
    assert ("contradiction", "matrix.discount.rows.1") in told
    assert ("type_mismatch", "matrix.discount.rows.2.max_discount") not in told  # a word may be a field
    assert any(code == "matrix_gap" for code, _ in told)


def test_errors_come_first_and_many_of_a_kind_are_counted() -> None:
    rules = [rule("off", "x > 1", active=False), *(rule(f"r{at}", "title > 5", step=at) for at in range(60))]
    told = check(policy(*rules), on=ON)
    assert [each.is_error for each in told] == sorted((each.is_error for each in told), reverse=True)
    assert sum(each.code == "type_mismatch" for each in told) == MOST_OF_A_CODE + 1
    assert any(each.message == "and 10 more of these" for each in told)


def test_what_cannot_be_read_is_found_too() -> None:
    document = {"policy": "p", "rules": [{"id": "r", "when": "a ~ 1"}], "chains": {"a": {"after": ["a"]}}}
    assert [(each.code, each.path) for each in check_document(document, on=ON)] == [
        ("missing_field", "rules.r.approver")
    ]
    document = {"policy": "p", "rules": [rule(when="a ~ 1")], "chains": {"a": {"after": ["a"]}}}
    told = [(each.severity, each.code, each.path) for each in check_document(document, on=ON)]
    assert told == [("error", "cycle", "chains.a.after"), ("error", "invalid_condition", "rules.r.when")]
    assert [each.code for each in check_document(["no", "policy"], on=ON)] == ["wrong_type"]


# -- hostile policies: bounded by counted work


def nested(depth: int) -> Any:
    when: Any = "x > 5"
    for _ in range(depth):
        when = {"not": when}
    return when


@pytest.mark.parametrize(
    "when",
    [
        {"all": [{"any": [f"x{one} > {two}" for two in range(20)]} for one in range(20)]},
        {"all": ["y > 5", "y < 3", *({"any": [f"x{one} > {two}" for two in range(20)]} for one in range(20))]},
        {"all": [{"any": [f"x > {one + two}" for two in range(20)]} for one in range(20)] + ["x < -1"]},
        {"all": [f"x > {number}" for number in range(500)]},
        {"any": [f"x > {number}" for number in range(500)]},
        {"all": [f"x in {', '.join(map(str, range(at, at + 150)))}" for at in range(100)]},
        {"all": [f"t contains {'(a+)+$' * at}" for at in range(1, 100)]},
        nested(19),
    ],
)  # fmt: skip
def test_no_condition_takes_more_work_than_allowed(when: Any) -> None:
    work = Work(30_000)
    told = check(policy(rule(when=when)), on=ON, rule_work=work)
    assert work.spent <= 30_000
    assert work.gave_up == ("not_proven" in {each.code for each in told})


def test_a_contradiction_is_found_before_what_is_around_it_is_tried() -> None:
    work = Work(10_000)
    noise = [{"any": [f"x{one} > {two}" for two in range(20)]} for one in range(20)]
    told = check(policy(rule(when={"all": [*noise, "y > 5", "y < 3"]})), on=ON, rule_work=work)
    assert [each.code for each in told] == ["contradiction"]


def test_a_policy_that_is_too_long_is_refused_before_it_is_read() -> None:
    def told(**parts: Any) -> list[tuple[str, str]]:
        return [(each.code, each.path) for each in check_document({"policy": "p", **parts}, on=ON)]

    assert told(rules=[{}] * (MOST_RULES + 1)) == [("too_long", "rules")]
    assert told(matrix={"rows": [{}] * (MOST_RULES + 1)}) == [("too_long", "rules")]
    assert told(variables=dict.fromkeys(map(str, range(1000)))) == [("too_long", "variables")]
    assert told(chains=dict.fromkeys(map(str, range(1000)))) == [("too_long", "chains")]


def test_a_division_by_nothing_is_blank_and_no_fault_of_the_check() -> None:
    variables = {"ratio": "net_total / 0", "odd": {"count": "lines", "where": "quantity > ratio"}}
    assert found(rule(when="odd > 5"), variables=variables) == []


def test_no_rule_is_called_like_an_approval_that_people_add() -> None:
    told = found(rule("r.added-1"), rule("r.added"), rule("added-1"))
    assert [(code, path) for _, code, path in told if code == "reserved_name"] == [("reserved_name", "rules.r.added-1")]
