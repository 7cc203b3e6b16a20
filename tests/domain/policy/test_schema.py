"""The shipped JSON Schema: the same as the models say, and as strict as an editor needs."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from domain.policy.schema import FILE, policy_schema, schema_text
from domain.yaml_text import read_yaml

ROOT = Path(__file__).parents[3]
VALIDATOR = Draft202012Validator(policy_schema())
RULE = {"id": "r", "approver": "ann"}


def is_valid(**document: Any) -> bool:
    return bool(VALIDATOR.is_valid({"policy": "p", **document}))


def test_the_shipped_file_is_what_the_models_say() -> None:
    Draft202012Validator.check_schema(policy_schema())
    assert FILE.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("policy*.yaml")), ids=lambda path: path.name)
def test_the_example_policies_are_valid(path: Path) -> None:
    document = read_yaml(path.read_text(encoding="utf-8"), path.name).value
    if "rules" in document or "matrix" in document:
        assert list(VALIDATOR.iter_errors(document)) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"when": "a > 1"},
        {"when": {"all": ["a > 1", {"any": ["b is blank", {"not": "c in A, B"}]}]}},
        {"when": {"conditions": ["a > 1", "b > 1"], "logic": "1 AND NOT 2"}, "smart": [1]},
        {"approver": {"manager_of": "owner", "level": 2}},
    ],
)
def test_what_the_language_allows_is_valid(rule: dict[str, Any]) -> None:
    assert is_valid(rules=[{**RULE, **rule}])


@pytest.mark.parametrize(
    "rule",
    [
        {"when": "a"},
        {"when": {"all": []}},
        {"when": {"none": ["a > 1"]}},
        {"when": {"conditions": ["a > 1"]}},
        {"stepp": 1},
        {"sla": {"remind_after": "1d"}},
        {"approver": 5},
    ],
)
def test_what_it_does_not_is_marked(rule: dict[str, Any]) -> None:
    assert not is_valid(rules=[{**RULE, **rule}])


def test_variables_and_tables_are_checked_too() -> None:
    assert is_valid(variables={"a": {"sum": "lines.net_total", "where": "family = X"}, "b": "a * 2", "c": 5})
    assert not is_valid(variables={"a": {"total": "lines.net_total"}})
    assert is_valid(matrix=[{"id": "m", "columns": ["a"], "approver": "ann", "rows": [{"a": "5..10"}]}])
    assert not is_valid(matrix=[{"id": "m", "rows": [{"a": "5..10"}]}])
