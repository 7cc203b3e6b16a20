"""One yes settles what else asks the same person alone: also one that was given beside somebody (spec 3)."""

from __future__ import annotations

from domain.approval.state import ApprovalState, Outcome
from tests.domain.approval.office import Office, rule
from tests.domain.approval.test_four_eyes import limits, usd


def paired(**more: object) -> Office:
    """``a`` asks Mei and, beside her, David; ``b`` asks David alone, ``c`` once more the two of them."""
    office = Office(
        rule("a", "mei", chain="x"), rule("b", "david", chain="y", **more), rule("c", "mei", chain="z"),
        directory=limits(mei=usd(5)), smart_mode="any_worse",
    )  # fmt: skip
    office.submit()
    return office


def test_a_yes_beside_somebody_settles_nothing_until_both_have_said_it() -> None:
    office = paired()
    office.approve("a", "david")
    assert office.states()["b"] == "requested"
    office.approve("a", "mei")
    assert office.states() == {"a": "approved", "b": "skipped", "c": "requested"}
    basis = office.approval("b").basis
    assert basis is not None
    assert (basis.persons, basis.approval_id) == (("david",), "Q-1.1.a")


def test_what_asks_two_is_settled_by_nobodys_yes_elsewhere() -> None:
    office = paired()
    office.approve("b", "david")
    assert office.asked() == {"a": ("mei", "david"), "c": ("mei", "david")}


def test_taking_either_yes_back_undoes_what_it_settled() -> None:
    office = paired()
    office.approve("a", "david")
    office.approve("a", "mei")
    office.withdraw("a", "mei")
    assert office.asked() == {"a": ("mei",), "b": ("david",), "c": ("mei", "david")}


def test_a_settled_one_is_a_basis_for_as_long_as_that_person_may_decide() -> None:
    office = paired(when="net_total > 0", smart=True)
    office.approve("a", "david")
    office.approve("a", "mei")
    office.recall()
    # Mei had a hand in it since: hers does not count any more, and David's does.
    office.editors.append("mei")
    office.submit()
    assert office.approval("b").state is ApprovalState.SKIPPED


def test_an_override_beside_a_yes_settles_nothing() -> None:
    office = paired()
    office.approve("a", "david")
    office.override("approve", "a", "zoe")
    assert office.states() == {"a": "approved", "b": "requested", "c": "requested"}
    assert office.state.outcome is not Outcome.APPROVED
