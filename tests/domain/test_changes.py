"""Changes by path: elements by their id, new keys where they may be, and nothing half done."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from domain.changes import changed
from domain.refusal import Refusal

DOCUMENT: dict[str, Any] = {
    "title": "Old",
    "fields": {"region": "US"},
    "lines": [
        {"line_id": "L1", "quantity": "1"},
        {"line_id": "L1.a", "quantity": "2", "deliveries": [{"order_date": "2027-01-01"}]},
    ],
    "sites": [{"site_id": "MC", "name": "Main"}],
    "rules": [{"id": "discount", "step": 1}],
    "users": {"david": {"name": "David"}},
    "nothing": None,
}


def at(document: Any, *steps: Any) -> Any:
    for step in steps:
        document = document[step]
    return document


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("title", "New", ("title",)),
        ("fields.region", "EU", ("fields", "region")),
        ("fields.note", "new", ("fields", "note")),
        ("terms.payment_terms", "Net 90", ("terms", "payment_terms")),
        ("lines.L1.quantity", "5", ("lines", 0, "quantity")),
        ("lines.L1.a.quantity", "5", ("lines", 1, "quantity")),
        ("lines.L1.a.deliveries.0.order_date", "2028-01-01", ("lines", 1, "deliveries", 0, "order_date")),
        ("lines.0.quantity", "7", ("lines", 0, "quantity")),
        ("sites.MC.name", "Other", ("sites", 0, "name")),
        ("rules.discount.step", 2, ("rules", 0, "step")),
        ("rules.discount.when", "a > 1", ("rules", 0, "when")),
        ("users.david.deputy", "sam", ("users", "david", "deputy")),
        ("users.sam", {"name": "Sam"}, ("users", "sam")),
        ("rules.new", {"id": "new"}, ("rules", 1)),
        ("nothing", "something", ("nothing",)),
    ],
)
def test_a_path_sets_what_it_names(path: str, value: Any, where: tuple[Any, ...]) -> None:
    assert at(changed(DOCUMENT, {path: value}), *where) == value


def test_null_removes_a_key_or_an_element() -> None:
    result = changed(DOCUMENT, {"fields.region": None, "lines.L1": None, "users.david": None})
    assert result["fields"] == {}
    assert [each["line_id"] for each in result["lines"]] == ["L1.a"]
    assert result["users"] == {}


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert changed(DOCUMENT, {"fields.colour": None, "lines.L9": None}) == DOCUMENT


@pytest.mark.parametrize("path", ["lines.L9.quantity", "title.deeper", "lines.L9", "nothing.deeper", "rules.other"])
def test_a_path_that_leads_nowhere_is_an_unknown_field(path: str) -> None:
    with pytest.raises(Refusal) as caught:
        changed(DOCUMENT, {path: "x"})
    assert (caught.value.code, caught.value.path) == ("unknown_field", path)


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_only_a_mapping_can_be_changed(document: Any) -> None:
    with pytest.raises(Refusal) as caught:
        changed(document, {})
    assert caught.value.code == "wrong_type"


def test_the_document_itself_stays_as_it_was_also_when_a_change_is_refused() -> None:
    before = copy.deepcopy(DOCUMENT)
    changed(DOCUMENT, {"lines.L1.quantity": "9", "fields.note": "x", "rules.discount": None})
    with pytest.raises(Refusal):
        changed(DOCUMENT, {"title": "New", "lines.L9.quantity": "9"})
    assert before == DOCUMENT


def test_a_value_is_copied_so_that_a_later_change_stays_out_of_the_story() -> None:
    slots = ["09:00-17:00"]
    result = changed(DOCUMENT, {"hours": slots})
    slots.append("18:00-19:00")
    assert result["hours"] == ["09:00-17:00"]
