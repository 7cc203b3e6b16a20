"""Every example story, played on the pure core."""

from __future__ import annotations

from pathlib import Path

import pytest

from starter.stories.core import CoreStage
from starter.stories.document import Case, read_story
from starter.stories.operations import OPERATIONS
from starter.stories.player import play

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = [EXAMPLES / "hospital/scenario.yaml", *sorted((EXAMPLES / "stories").glob("*.yaml"))]
CASES = [case for file in FILES for case in read_story(file)]
CODES = {
    "round_closed", "four_eyes", "not_yours", "not_your_turn", "already_decided", "reason_missing", "wrong_state",
    "no_decider", "not_editable", "not_approved", "authority_exceeded", "delegation_loop", "in_the_past",
    "missing_rate", "unknown_field", "unknown_user", "unknown_approval", "unknown_approver", "dates_out_of_order",
    "unknown_reason", "not_permitted",
}  # fmt: skip
OF_ORDERS = {
    "in_the_past", "after_cut_off", "past_no_return", "quantity_out_of_range", "amount_too_small", "bundle_broken",
    "ship_to_differs", "already_delivered", "already_invoiced", "reason_missing", "on_hold", "wrong_state",
    "dates_out_of_order", "nothing_open", "nothing_unordered", "not_the_last_change", "not_approved", "invalid_date",
    "unknown_order", "unknown_line", "same_order", "key_taken",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{Path(case.where).stem}: {case.name}")
async def test_story(case: Case) -> None:
    told = await play(case, CoreStage())
    assert told.passed, "\n".join(told.failures)


def test_every_refusal_of_approvals_is_told_by_a_story() -> None:
    assert {step.refused for case in CASES for step in case.steps} >= CODES


def test_every_refusal_of_operations_on_orders_is_told_by_a_story() -> None:
    assert {step.refused for case in CASES for step in case.steps} >= OF_ORDERS


def test_every_verb_that_is_built_is_told_by_a_story() -> None:
    verbs = {step.verb for case in CASES for step in case.steps}
    assert verbs >= {
        "submit", "recall", "accept", "approve", "reject", "edit", "delegate", "end_delegation", "deactivate",
        "publish", "preview", "wait", "until", "expect", "order", "move_date", "ask", "answer", "add", "reassign",
        "override", "withdraw", "recompute", "replace",
        *OPERATIONS,
    }  # fmt: skip
