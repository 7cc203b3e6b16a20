"""Refused decisions in their one order, decisions that come twice, and recall."""

from __future__ import annotations

import pytest

from domain.approval.state import Outcome
from domain.standing import (
    QuoteState,
    check_accept,
    check_edit,
    check_order,
    check_recall,
    check_submit,
    state_after,
)
from tests.domain.approval.office import Office, code_of, people, rule


def office() -> Office:
    """mei, then david in a lane; legal beside."""
    found = Office(
        rule("a", "mei", chain="c", step=1), rule("b", "david", chain="c", step=2), rule("g", "legal", chain="l")
    )
    found.submit()
    return found


# Every line sins against its own code and all that come after it; the first in the order is told.
@pytest.mark.parametrize(
    ("rule_id", "by", "verdict", "closed", "code"),
    [
        ("b", "rosa", "reject", True, "round_closed"),
        ("b", "rosa", "reject", False, "four_eyes"),
        ("b", "sam", "reject", False, "not_yours"),
        ("b", "david", "reject", False, "not_your_turn"),
        ("a", "mei", "reject", False, "reason_missing"),
        ("a", "mei", "approve", False, None),
        ("g", "nora", "reject", False, "reason_missing"),
        ("nothing", "mei", "approve", False, "unknown_approval"),
    ],
)
def test_the_first_code_in_the_order_is_told(
    rule_id: str, by: str, verdict: str, closed: bool, code: str | None
) -> None:
    found = office()
    if closed:
        found.recall()
    assert code_of(found.decide, verdict, rule_id, by, reason=" ") == code


def test_already_decided_comes_before_a_missing_reason() -> None:
    found = office()
    found.approve("a", "mei")
    assert code_of(found.reject, "a", "mei", reason="") == "already_decided"


def test_a_settled_approval_is_already_decided_for_all_who_sat_in_it() -> None:
    found = office()
    found.approve("g", "nora")
    assert code_of(found.approve, "g", "liam") == "already_decided"
    assert code_of(found.approve, "g", "mei") == "not_yours"


def test_a_skipped_approval_is_already_decided() -> None:
    found = Office(rule("a", "mei", chain="a"), rule("b", "mei", chain="b"), rule("c", "sam"))
    found.submit()
    found.approve("a", "mei")
    assert code_of(found.approve, "b", "mei") == "already_decided"


def test_an_approval_may_be_named_by_its_id() -> None:
    found = office()
    found.approve("Q-1.1.a", "mei")
    assert found.states()["a"] == "approved"


def test_the_same_decision_twice_is_one_decision() -> None:
    found = office()
    once = found.approve("a", "mei", decision_id="once")
    found.events.clear()
    assert found.approve("a", "mei", decision_id="once") == once
    assert found.reject("g", "nora", decision_id="once") == once
    assert found.kinds() == []
    found.reject("b", "david")
    closed = found.state
    assert found.approve("a", "mei", decision_id="once") == closed


def test_a_decision_id_of_another_round_is_another_decision() -> None:
    found = office()
    found.reject("a", "mei", decision_id="once")
    found.submit()
    found.approve("a", "mei", decision_id="once")
    assert found.states()["a"] == "approved"


# -- recall


@pytest.mark.parametrize(
    ("by", "code"), [("rosa", None), ("tom", None), ("mei", "not_yours"), ("sam", "not_yours"), ("ghost", "not_yours")]
)
def test_submitter_and_owner_recall_and_nobody_else(by: str, code: str | None) -> None:
    found = Office(rule("a", "mei"))
    found.submit("tom")
    assert code_of(found.recall, by) == code


def test_an_admin_recalls_too() -> None:
    found = office()
    found.recall("sam", is_admin=True)
    assert found.state.outcome is Outcome.RECALLED


def test_a_recalled_quote_keeps_the_decisions_given_and_revokes_the_rest() -> None:
    found = office()
    found.approve("g", "nora")
    found.recall(comment="the customer called")
    assert found.states() == {"a": "revoked", "b": "revoked", "g": "approved"}
    assert found.state.outcome_reason == "the customer called"


def test_an_approved_quote_may_be_recalled_and_a_rejected_one_not() -> None:
    found = Office(rule("a", "mei"))
    found.submit()
    found.approve("a", "mei")
    found.recall()
    assert (found.state.outcome, found.states()) == (Outcome.RECALLED, {"a": "approved"})
    assert code_of(found.recall) == "round_closed"
    found.submit()
    found.reject("a", "mei")
    assert code_of(found.recall) == "round_closed"


# -- where a quote stands

STATES = list(QuoteState)


@pytest.mark.parametrize(
    ("verb", "allowed", "codes"),
    [
        (check_edit, "draft approved rejected recalled", {"not_editable"}),
        (check_submit, "draft rejected recalled", {"wrong_state"}),
        (check_recall, "pending approved", {"wrong_state", "round_closed"}),
        (check_accept, "approved", {"not_approved"}),
        (check_order, "", {"not_approved"}),
    ],
)
def test_each_verb_in_each_state(verb: object, allowed: str, codes: set[str]) -> None:
    assert callable(verb)
    for state in STATES:
        code = code_of(verb, state, False)
        assert (code is None) == (state.value in allowed.split())
        assert code is None or code in codes


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        (check_edit, "not_editable"),
        (check_submit, "wrong_state"),
        (check_recall, "wrong_state"),
        (check_accept, "wrong_state"),
        (check_order, None),
    ],
)
def test_an_accepted_quote_is_only_ordered(verb: object, code: str | None) -> None:
    assert callable(verb)
    assert code_of(verb, QuoteState.APPROVED, True) == code


def test_a_quote_follows_its_latest_round() -> None:
    found = office()
    assert state_after(found.state) is QuoteState.PENDING
    found.reject("a", "mei")
    assert state_after(found.state) is QuoteState.REJECTED


def test_only_an_active_user_submits() -> None:
    found = Office(rule("a", "mei"), directory=people(users={"sam": {"active": False}}))
    assert code_of(found.submit, "sam") == "unknown_user"
    assert code_of(found.submit, "ghost") == "unknown_user"
    assert found.rounds == []
