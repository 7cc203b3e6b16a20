"""Formulas, numbered logic and matrix tables: read as written, refused by name and place."""

from decimal import Decimal
from typing import Any

import pytest

from domain.policy.arithmetic import read_expression
from domain.policy.comparison import Value
from domain.policy.document import Policy, read_policy
from domain.policy.matrix import cell_conditions
from domain.refusal import Refusal
from tests.domain.policy.sample_policy import evaluate, fires, policy, rule, shown
from tests.domain.sample_quote import priced

FACTS: dict[str, Value] = {
    "a": Decimal(7),
    "b": Decimal(2),
    "text": "12.5",
    "word": "x",
    "none": None,
    "zero": Decimal(0),
}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("12 / 4 / 3", "1"),
        ("-a + 1", "-6"),
        ("a × b ÷ 4", "3.5"),
        ("a − b", "5"),
        ("text * 2", "25.0"),
        ("--a", "7"),
        ("0.1 + 0.2", "0.3"),
        ("a / zero", None),
        ("a + none", None),
        ("word + 1", None),
        ("unknown", None),
    ],
)
def test_a_formula_computes(formula: str, value: str | None) -> None:
    found = read_expression(formula, "variables.v").compute(FACTS)
    assert found == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    "formula",
    ["", "1 +", "(1", "1)", "a b", "a ** 2", "__import__('os')", "1,000", "a % 2", "(" * 40 + "1" + ")" * 40,
     "-" * 60 + "1", "a" * 600, "1e5", "lambda: 1"],
)  # fmt: skip
def test_a_formula_that_cannot_be_read_is_refused(formula: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_policy({"policy": "p", "variables": {"v": formula}})
    assert (caught.value.code, caught.value.path) == ("invalid_variable", "variables.v")


def test_a_name_with_dunders_is_a_field_that_nobody_has() -> None:
    assert read_expression("__class__ + 1", "v").compute(FACTS) is None
    assert read_expression("a.__class__", "v").compute(FACTS) is None


def test_formulas_use_variables_in_whichever_order_they_stand() -> None:
    variables = {"margin": "net_total - cost", "cost": "spent * 1.5", "spent": {"sum": "lines.list_price"}, "limit": 25}
    found = evaluate(policy(rule(when="margin > limit"), variables=variables), priced())
    assert found.variables["cost"] == found.variables["spent"] * Decimal("1.5")  # type: ignore[operator]
    assert found.variables["limit"] == 25


def test_formulas_in_a_circle_are_refused() -> None:
    with pytest.raises(Refusal) as caught:
        read_policy({"policy": "p", "variables": {"a": "b + 1", "b": "a - 1"}})
    assert {problem.code for problem in caught.value.problems} == {"cycle"}


def test_a_sum_of_money_is_money_and_a_share_of_money_is_not() -> None:
    variables = {"rest": "net_total - list_total", "share": "net_total / list_total"}
    assert shown("rest < 1", variables=variables).currency == "USD"
    assert shown("share < 1", variables=variables).currency is None


@pytest.mark.parametrize(
    ("logic", "truths", "fired"),
    [
        ("1 AND 2", (1, 1, 1), True),
        ("1 and 2 or 3", (0, 0, 1), True),
        ("1 AND (2 OR 3)", (0, 0, 1), False),
        ("1 OR 2 AND 3", (1, 0, 0), True),
        ("NOT 1 AND 2 OR 3", (0, 1, 0), True),
        ("NOT (1 AND 2) AND 3", (1, 1, 1), False),
        ("not not 1 and (2 or not 3)", (1, 0, 0), True),
        ("3 AND 2 AND 1 AND 1", (1, 1, 1), True),
    ],
)
def test_numbered_logic_says_when_a_rule_fires(logic: str, truths: tuple[int, ...], fired: bool) -> None:
    conditions = [f"net_total {'>' if truth else '<'} 0" for truth in truths]
    logic = logic if all(str(number) in logic for number in (1, 2, 3)) else f"{logic} AND (3 OR NOT 3)"
    assert fires({"conditions": conditions, "logic": logic}) is fired


@pytest.mark.parametrize(
    "logic",
    ["", "1", "1 AND", "1 AND 3", "1 2", "(1 AND 2", "1 XOR 2", "1 AND 2 AND 0", "2 OR", "NOT", "(" * 50 + "1 AND 2"],
)
def test_logic_that_cannot_be_read_or_leaves_a_condition_out_is_refused(logic: str) -> None:
    with pytest.raises(Refusal) as caught:
        policy(rule(when={"conditions": ["a > 1", "b > 1"], "logic": logic}))
    assert caught.value.code == "invalid_condition"
    assert caught.value.path == "rules.r.when.logic"


def test_smart_names_conditions_by_number() -> None:
    when = {"conditions": ["net_total > 1", "line_count > 0"], "logic": "1 AND 2"}
    found = evaluate(policy(rule(when=when, smart=[2]))).results[0].conditions
    assert [each.smart for each in found] == [False, True]
    with pytest.raises(Refusal) as caught:
        policy(rule(when=when, smart=[3]))
    assert caught.value.code == "unknown_condition"


# -- matrix


def table(*rows: dict[str, Any], **more: Any) -> Policy:
    whole = {"id": "m", "columns": ["net_total", "tier"], "approver": "ann", "rows": list(rows), **more}
    return read_policy({"policy": "p", "chains": {"c": {}}, "matrix": [whole]})


def test_rows_become_rules_with_the_defaults_of_the_table() -> None:
    found = table(
        {"net_total": "5..10", "tier": "Gold, Silver", "step": 2},
        {"id": "big", "net_total": "10..", "approver": "bob", "reason": "Big"},
        chain="c",
        reason="By amount",
        smart=True,
    )
    assert [each.id for each in found.rules] == ["m-1", "m-big"]
    assert [each.when for each in found.rules] == [
        {"all": ["net_total > 5", "net_total <= 10", "tier in Gold, Silver"]},
        {"all": ["net_total > 10"]},
    ]
    assert [(each.step, each.approver, each.reason, each.chain) for each in found.rules] == [
        (2, "ann", "By amount", "c"),
        (1, "bob", "Big", "c"),
    ]
    assert all(each.smart_texts for each in found.rules)


@pytest.mark.parametrize(
    ("cell", "conditions"),
    [
        ("5..10", ("n > 5", "n <= 10")),
        ("..10", ("n <= 10",)),
        ("-5.5..", ("n > -5.5",)),
        (">= 7", ("n >= 7",)),
        ("not in A, B", ("n not in A, B",)),
        ("starts with US", ("n starts with US",)),
        ("is blank", ("n is blank",)),
        ("A, B", ("n in A, B",)),
        (["A", "B, C"], ('n in A, "B, C"',)),
        ("Gold", ("n = Gold",)),
        (12, ("n = 12",)),
        (Decimal("1.50"), ("n = 1.50",)),
        ("*", ()),
        (None, ()),
    ],
)
def test_a_cell_stands_for_conditions(cell: Any, conditions: tuple[str, ...]) -> None:
    assert cell_conditions("n", cell, "m") == conditions


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"rows": [{"net_total": "10..5"}]}, "invalid_matrix", "matrix.m.rows.0.net_total"),
        ({"rows": [{"net_total": ".."}]}, "invalid_matrix", "matrix.m.rows.0.net_total"),
        ({"rows": [{"net_total": {"a": 1}}]}, "invalid_matrix", "matrix.m.rows.0.net_total"),
        ({"rows": [{"amount": "5.."}]}, "unknown_field", "matrix.m.rows.0.amount"),
        ({"rows": []}, "missing_field", "matrix.m.rows"),
        ({"columns": ["step"], "rows": [{}]}, "invalid_matrix", "matrix.m.columns"),
        ({"rows": [{"chain": "none"}]}, "unknown_chain", "rules.m-1.chain"),
        ({"rows": [{"id": "x"}, {"id": "x"}]}, "duplicate_id", "rules.m-x"),
        ({"colour": "red", "rows": [{}]}, "unknown_field", "matrix.m.colour"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(changes: dict[str, Any], code: str, path: str) -> None:
    whole = {"id": "m", "columns": ["net_total"], "approver": "ann", "rows": [{}], **changes}
    with pytest.raises(Refusal) as caught:
        read_policy({"policy": "p", "matrix": [whole]})
    assert (code, path) in [(problem.code, problem.path) for problem in caught.value.problems]


def test_bands_that_touch_leave_no_amount_out_and_take_none_twice() -> None:
    found = table({"net_total": "..50"}, {"net_total": "50..100"}, {"net_total": "100.."})
    for total in ("49.99", "50", "50.01", "100", "100.01"):
        quote = priced(lines=[{"line_id": "L", "product": "P", "family": "F", "kind": "one_time", "quantity": "1",
                               "net_price": total}])  # fmt: skip
        assert len(evaluate(found, quote).fired) == 1, total
