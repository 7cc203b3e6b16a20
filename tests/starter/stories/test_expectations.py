"""Every key of ``expect`` can fail: a wrong value is noticed, and so is what should not be there at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.ledger.entitlement import entitlements
from domain.order.item import Item
from domain.refusal import Refusal
from starter.stories.core import CoreStage
from starter.stories.document import read_story
from starter.stories.expectations import QUERIES, VIEWS, _items, mismatches
from starter.stories.player import play
from starter.stories.stage import Facts

HOSPITAL = Path(__file__).parents[3] / "examples/hospital/scenario.yaml"


@pytest.fixture(scope="module")
async def facts() -> Facts:
    """The hospital's quote after its whole life."""
    stage = CoreStage()
    await play(read_story(HOSPITAL)[-1], stage)
    return await stage.facts()


def failures(facts: Facts, expected: dict[str, Any]) -> list[str]:
    return [str(each) for each in mismatches(expected, facts, 0, 0)]


ON = {"on": "2027-06-01"}
WRONG: list[dict[str, Any]] = [
    {"state": "rejected"},
    {"round": 7},
    {"outcome_reason": "because"},
    {"requested": {"terms-legal": ["nora"]}},
    {"assigned": {"terms-legal": ["nora"]}},
    {"approved": {}},
    {"approved": {"terms-legal": ["liam"]}},
    {"approved_only": {"terms-legal": ["nora"]}},
    {"rejected": {"terms-legal": ["nora"]}},
    {"skipped": {"terms-legal": ["nora"]}},
    {"revoked": {"terms-legal": []}},
    {"due": {"terms-legal": "2027-01-01T00:00Z"}},
    {"not_fired": ["terms-legal"]},
    {"not_fired": []},
    {"not_fired_only": ["terms-legal"]},
    {"messages": []},
    {"events": [{"escalated": "terms-legal"}]},
    {"events": []},
    {"events": {}},
    {"events_only": [{"escalated": "discount-director"}]},
    {"plan": {"terms-legal": {"state": "skipped"}}},
    {"plan": {}},
    {"explain": {"terms-legal": {"counterfactual": "nothing at all"}}},
    {"orders": {}},
    {"orders": {"2027-02-15/NC": {"total": "1.00"}}},
    {"totals": {"ordered": "1.00"}},
    {"totals": {}},
    {"contracts": []},
    {"entitlements": {**ON, "is": {}}},
    {"entitlements": {**ON, "is": {"NOTHING": "1"}}},
    {"entitlements": {**ON, "is_only": {}}},
    {"entitlements": {**ON, "is_only": {"NOTHING": "0"}}},
    {"covers": {**ON, "is": {}}},
    {"covers": {**ON, "is_only": {}}},
    {"covers": {**ON, "is": {"NOTHING": ["MC"]}}},
    {"covers": {**ON, "is": {"NOTHING_any_order": ["MC"]}}},
    {"revenue": {}},
    {"revenue": {"2027-01": "0.01"}},
    {"revenue_only": {}},
    {"revenue_only": {"2027-01": "0"}},
    {"revenue": {"by_line": {}}},
    {"revenue": {"by_line": {"L5": {}}}},
    {"revenue": {"by_line": {"L1": {"total": "0.01"}}}},
    {"revenue": {"by_line_only": {}}},
    {"revenue": {"by_line": {"L5_only": {"2030": "0"}}}},
    {"invariants": "broken"},
]


@pytest.mark.parametrize("expected", WRONG, ids=str)
def test_a_wrong_expectation_fails(facts: Facts, expected: dict[str, Any]) -> None:
    assert failures(facts, expected)


def test_no_key_of_expect_is_left_out_of_the_list_above() -> None:
    known = {*VIEWS, *QUERIES, "events", "messages", "not_fired", "invariants"}
    assert known == {key.removesuffix("_only") for expected in WRONG for key in expected}


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({}, "unknown_expectation"),
        ({"iss": {}}, "unknown_expectation"),
        ({"is": {}, "off": "Q-1"}, "unknown_expectation"),
        ({"is": {}, "of": "Q-1"}, "unknown_contract"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["entitlements", "covers"])
def test_a_question_that_could_not_fail_is_refused(
    facts: Facts, name: str, question: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refusal, match=code):
        failures(facts, {name: {**ON, **question}})


def test_nothing_there_is_nothing_expected(facts: Facts) -> None:
    before = {"on": "2020-01-01"}
    assert not failures(facts, {"entitlements": {**before, "is": {}}, "covers": {**before, "is_only": {}}})
    assert not failures(facts, {"requested": {}, "revenue": {"by_line": {"NO-SUCH-LINE": {}}}})


def test_a_product_nowhere_is_held_at_no_site(facts: Facts) -> None:
    [question] = [{**ON, "is": {"NOTHING": {}}}]
    assert not failures(facts, {"entitlements": question})
    product = entitlements(facts.entries, date.fromisoformat(ON["on"]), facts.now).rows[0].product
    assert failures(facts, {"entitlements": {**ON, "is": {product: {}}}})


def test_items_of_one_line_in_one_order_add_up(facts: Facts) -> None:
    assert facts.book is not None
    item: Item = facts.book.orders[0].items[0]
    seen = _items([item, item.model_copy(update={"item_id": "another"})])[item.line_id]
    assert (seen["quantity"], seen["amount"]) == (2 * item.quantity, 2 * item.amount)
