"""How an expectation is compared with what is there."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from starter.stories.comparison import Mismatch, compare, contained

NINE = datetime(2026, 11, 23, 15, tzinfo=UTC)


def holds(expected: Any, actual: Any) -> bool:
    return not list(compare(expected, actual, ""))


@pytest.mark.parametrize(
    ("expected", "actual", "equal"),
    [
        # maps are subsets; {} means empty
        ({"a": "1"}, {"a": "1", "b": "2"}, True),
        ({"a": "1"}, {"b": "2"}, False),
        ({}, {}, True),
        ({}, {"a": "1"}, False),
        ({"a": {}}, {"a": {}}, True),
        ({"a": {}}, {"a": {"b": "1"}}, False),
        ({"a": {"b": "1"}}, {"a": {"b": "1", "c": "2"}}, True),
        ({"a": "1"}, ["a"], False),
        ({"a": "1"}, None, False),
        # the whole map
        ({"m_only": {"a": "1"}}, {"m": {"a": "1"}}, True),
        ({"m_only": {"a": "1"}}, {"m": {"a": "1", "b": "2"}}, False),
        ({"m_only": {"a": "1", "b": "2"}}, {"m": {"a": "1"}}, False),
        ({"x": {"m_only": {"a": "1"}}}, {"x": {"m": {"a": "1"}, "n": "2"}}, True),
        # lists are whole and ordered
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ("a", "b"), True),
        (["b", "a"], ["a", "b"], False),
        (["a"], ["a", "b"], False),
        ([], [], True),
        ([], ["a"], False),
        (["a"], "a", False),
        ({"l_any_order": ["b", "a"]}, {"l": ["a", "b"]}, True),
        ({"l_any_order": ["a", "a"]}, {"l": ["a", "b"]}, False),
        ({"l_any_order": ["a"]}, {"l": ["a", "b"]}, False),
        ({"l_any_order": [{"k": "1"}]}, {"l": [{"k": "1", "j": "2"}]}, True),
        # decimals compare as numbers, moments as moments
        ("1.50", Decimal("1.5"), True),
        (Decimal("1.5"), "1.50", True),
        (2, "2", True),
        ("8", "8.0", True),
        ("8", "8.01", False),
        (0, Decimal("0.00"), True),
        ("2026-11-23T09:00-06:00", NINE, True),
        ("2026-11-23T15:00Z", NINE, True),
        ("2026-11-23T15:00", NINE, False),
        ("soon", NINE, False),
        # texts, truths and nothing
        ("a", "a", True),
        ("a", "A", False),
        (True, True, True),
        (True, "true", False),
        (True, 1, False),
        (None, None, True),
        (None, "", False),
        ({"a": None}, {}, True),
        ({"a": None}, {"a": "1"}, False),
        ({"a": {}}, {}, True),
        # nobody is not the same as not there
        ({"a": []}, {}, False),
        ({"a": []}, {"a": []}, True),
    ],
)
def test_compares(expected: Any, actual: Any, equal: bool) -> None:
    assert holds(expected, actual) is equal


def test_a_difference_names_its_path_what_was_expected_and_what_was_there() -> None:
    [found] = compare(
        {"orders": {"k": {"total": "5", "items": ["a"]}}}, {"orders": {"k": {"total": "6", "items": ["a"]}}}, ""
    )
    assert found == Mismatch("orders.k.total", "5", "6")
    assert str(found) == "orders.k.total: expected 5, was 6"
    [found] = compare({"requested": {"r": ["mei"]}}, {"requested": {}}, "")
    assert str(found) == "requested.r: expected [mei], was nothing"


def test_every_difference_is_told() -> None:
    assert [each.path for each in compare({"a": "1", "b": ["x", "y"]}, {"a": "2", "b": ["x", "z"]}, "")] == ["a", "b.1"]


def test_a_list_of_what_must_be_among_others() -> None:
    assert not list(contained(["b"], ["a", "b"], "not_fired"))
    assert [each.expected for each in contained(["b", "c"], ["a", "b"], "not_fired")] == ["c"]
