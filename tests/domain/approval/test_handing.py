"""Handing an approval on for good, and deciding it in everybody's place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.approval.state import ApprovalState, Outcome
from tests.domain.approval.office import MONDAY, Office, code_of, people, rule
from tests.domain.approval.test_four_eyes import limits, usd

HOUR = timedelta(hours=1)


def lane(**more: object) -> Office:
    """mei, then david, and the board beside them."""
    office = Office(
        rule("a", "mei", chain="c", sla={"remind": "2h", "escalate": "4h"}),
        rule("b", "david", chain="c", step=2),
        rule("g", "board", chain="d"),
        **more,  # type: ignore[arg-type]
    )
    office.submit()
    office.told()
    office.kinds()
    return office


# -- reassign


def test_the_approver_hands_it_on_and_is_no_longer_asked() -> None:
    office = lane()
    office.reassign("a", "mei", "zoe", comment="you know them")
    assert office.asked()["a"] == ("zoe",)
    assert office.told() == [("request", "zoe")]
    assert code_of(office.approve, "a", "mei") == "not_yours"
    (event,) = [each for each in office.events if each.kind == "reassigned"]
    assert (event.by, event.on_behalf_of, event.comment) == ("mei", None, "you know them")
    assert event.detail["from"] == "mei"
    assert event.detail["to"] == "zoe"
    office.approve("a", "zoe")
    assert office.approval("a").votes[0].seat_of == "zoe"


def test_a_delegate_hands_it_on_for_the_person() -> None:
    office = lane()
    office.delegate("mei", "sam")
    office.reassign("a", "sam", "zoe")
    assert office.events[-1].on_behalf_of == "mei"
    assert office.asked()["a"] == ("zoe",)
    assert code_of(office.approve, "a", "sam") == "not_yours"


def test_the_delegate_of_the_new_holder_is_asked() -> None:
    office = lane()
    office.delegate("zoe", "nora")
    office.reassign("a", "mei", "zoe")
    assert office.asked()["a"] == ("nora",)
    assert office.told() == [("request", "nora")]


def test_the_delegate_may_become_the_holder() -> None:
    office = lane()
    office.delegate("mei", "sam")
    office.reassign("a", "mei", "sam")
    office.directory = office.directory.without_delegations("mei")
    office.tick()
    assert office.asked()["a"] == ("sam",)
    assert code_of(office.approve, "a", "mei") == "not_yours"


def test_the_clock_and_the_ladder_begin_anew_from_the_new_holder() -> None:
    office = lane(directory=people(users={"mei": {"deputy": "sam"}, "nora": {"deputy": "zoe"}}))
    office.wait("1h")
    office.reassign("a", "mei", "nora")
    assert office.approval("a").due_at == MONDAY + 5 * HOUR
    office.until(MONDAY + 5 * HOUR)
    assert office.asked()["a"] == ("zoe",)
    office.until(MONDAY + 25 * HOUR)
    assert office.asked()["a"] == ("liam",), "the manager of nora"


def test_silence_may_lead_back_to_whoever_handed_it_down() -> None:
    office = lane(directory=people(users={"sam": {"manager": "mei"}}))
    office.reassign("a", "mei", "sam")
    office.until(MONDAY + 4 * HOUR)
    assert office.asked()["a"] == ("mei",)


def test_an_admin_hands_on_what_has_not_come_yet_and_nobody_is_bothered() -> None:
    office = lane()
    assert code_of(office.reassign, "b", "liam", "zoe") == "not_yours"
    office.reassign("b", "liam", "zoe", admin=True)
    assert (office.told(), office.states()["b"]) == ([], "assigned")
    office.approve("a", "mei")
    assert office.asked()["b"] == ("zoe",)


def test_of_a_group_it_says_whose_seat() -> None:
    office = lane()
    assert code_of(office.reassign, "g", "liam", "zoe", admin=True) == "wrong_state"
    office.reassign("g", "liam", "zoe", admin=True, seat_of="david")
    assert office.asked()["g"] == ("mei", "zoe", "farid")
    office.reassign("g", "farid", "nora")
    assert office.asked()["g"] == ("mei", "zoe", "nora")
    office.approve("g", "mei")
    assert code_of(office.reassign, "g", "liam", "sam", admin=True, seat_of="mei") == "wrong_state"


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("rosa", "four_eyes"),
        ("ghost", "unknown_user"),
        ("legal", "unknown_user"),
        ("liam", "unknown_user"),
        ("david", "wrong_state"),
        ("mei", "wrong_state"),
        ("", "missing_field"),
    ],
)
def test_to_whom_a_seat_cannot_be_handed(to: str, code: str) -> None:
    office = lane(directory=people(users={"liam": {"active": False}}))
    assert code_of(office.reassign, "g", "mei", to) == code


def test_who_may_not_hand_on() -> None:
    office = lane()
    assert code_of(office.reassign, "a", "rosa", "zoe") == "four_eyes"
    assert code_of(office.reassign, "a", "rosa", "zoe", admin=True) == "four_eyes"
    assert code_of(office.reassign, "b", "david", "zoe") == "not_your_turn"
    office.approve("a", "mei")
    assert code_of(office.reassign, "a", "liam", "zoe", admin=True) == "already_decided"
    office.recall()
    assert code_of(office.reassign, "b", "liam", "zoe", admin=True) == "round_closed"


def test_nobody_gets_it_whose_authority_is_too_small_unless_another_has_enough() -> None:
    office = Office(rule("a", "mei"), rule("g", "board"), directory=limits(zoe=usd(5)))
    office.submit()
    assert code_of(office.reassign, "a", "mei", "zoe") == "authority_exceeded"
    assert code_of(office.reassign, "a", "liam", "zoe", admin=True) == "authority_exceeded"
    office.reassign("g", "mei", "zoe")
    assert office.asked()["g"] == ("zoe", "david", "farid")


def test_who_has_approved_elsewhere_still_answers_what_is_handed_to_them() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("z", "zoe", chain="d"))
    office.submit()
    office.approve("z", "zoe")
    office.told()
    office.reassign("a", "mei", "zoe")
    assert office.asked() == {"a": ("zoe",)}
    assert office.told() == [("request", "zoe")]
    office.approve("a", "zoe")
    assert office.state.outcome is Outcome.APPROVED


def test_a_yes_given_after_it_does_not_settle_what_was_handed_to_somebody_either() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("z", "zoe", chain="d"), rule("y", "zoe", chain="e"))
    office.submit()
    office.reassign("a", "ines", "zoe", admin=True)
    office.approve("z", "zoe")
    assert office.states() == {"a": "requested", "z": "approved", "y": "skipped"}


def test_a_yes_to_what_was_handed_to_somebody_settles_what_else_asks_them_alone() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("z", "zoe", chain="d"))
    office.submit()
    office.reassign("a", "mei", "zoe")
    office.approve("a", "zoe")
    assert office.states() == {"a": "approved", "z": "skipped"}


def test_an_admin_approves_nothing_by_reassigning() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2), rule("z", "zoe", chain="d"))
    office.submit()
    office.approve("z", "zoe")
    office.reassign("a", "ines", "zoe", admin=True)
    office.reassign("b", "ines", "zoe", admin=True)
    assert office.state.outcome is None
    office.approve("a", "zoe")
    assert office.asked() == {"b": ("zoe",)}


def test_the_clock_of_the_new_holder_runs_whatever_the_old_one_asked() -> None:
    office = Office(rule("a", "mei", sla={"escalate": "4h"}))
    office.submit()
    office.ask("a", "mei")
    office.wait("1h")
    office.reassign("a", "mei", "zoe")
    due = office.approval("a").due_at
    assert due is not None
    office.answer()
    assert office.approval("a").due_at == due


def test_the_new_holder_decides_with_their_own_name_as_the_basis() -> None:
    variables = {"discount": {"max": "lines.discount_percent"}}
    office = Office(rule("a", "mei", when=["discount > 5"], smart=True), variables=variables)
    office.submit()
    office.reassign("a", "mei", "zoe")
    office.approve("a", "zoe")
    office.edit("tom", title="Other")
    office.submit()
    basis = office.approval("a").basis
    assert basis is not None
    assert basis.persons == ("zoe",)


# -- override


def test_an_admin_approves_in_everybodys_place_and_it_is_marked_for_ever() -> None:
    office = lane()
    office.override("approve", "a", "ines", comment="the fair is tomorrow")
    assert office.asked() == {"b": ("david",), "g": ("mei", "david", "farid")}
    (vote,) = office.approval("a").votes
    assert (vote.by, vote.channel, vote.comment) == ("ines", "override", "the fair is tomorrow")
    (event,) = [each for each in office.events if each.kind == "overridden"]
    assert (event.by, event.rule, event.channel) == ("ines", "a", "override")
    assert code_of(office.approve, "a", "mei") == "already_decided"


def test_an_admin_rejects_and_the_round_ends_with_their_reason() -> None:
    office = lane()
    assert code_of(office.override, "reject", "a", "ines", reason=" ") == "reason_missing"
    office.override("reject", "b", "ines", reason="sanctioned")
    assert (office.state.outcome, office.state.outcome_reason) == (Outcome.REJECTED, "sanctioned")
    assert office.states() == {"a": "revoked", "b": "rejected", "g": "revoked"}


def test_what_has_not_come_yet_may_be_overridden_and_is_not_asked_then() -> None:
    office = lane()
    office.override("approve", "b", "ines")
    assert office.states()["b"] == "approved"
    office.override("approve", "g", "ines")
    office.told()
    office.approve("a", "mei")
    assert office.state.outcome is Outcome.APPROVED
    assert office.told() == [("approved", "rosa")]


def test_a_group_is_overridden_with_the_votes_it_has() -> None:
    office = lane()
    office.reject("g", "mei")
    office.override("approve", "g", "ines")
    assert office.approval("g").state is ApprovalState.APPROVED
    assert [(vote.by, vote.verdict.value) for vote in office.approval("g").votes] == [
        ("mei", "reject"),
        ("ines", "approve"),
    ]


def test_an_override_settles_nothing_else() -> None:
    office = Office(rule("a", "ines", chain="c"), rule("b", "ines", chain="d"))
    office.submit()
    office.override("approve", "a", "ines")
    assert office.states() == {"a": "approved", "b": "requested"}


def test_an_override_is_no_basis() -> None:
    variables = {"discount": {"max": "lines.discount_percent"}}
    office = Office(rule("a", "mei", when=["discount > 5"], smart=True), variables=variables)
    office.submit()
    office.override("approve", "a", "ines")
    office.recall()
    office.submit()
    assert office.states() == {"a": "requested"}


def test_who_may_not_override() -> None:
    office = lane()
    assert code_of(office.override, "approve", "a", "rosa") == "four_eyes"
    assert code_of(office.override, "approve", "a", "ghost") == "not_permitted"
    assert code_of(office.override, "approve", "nothing", "ines") == "unknown_approval"
    office.approve("a", "mei")
    assert code_of(office.override, "approve", "a", "ines") == "already_decided"
    office.recall()
    assert code_of(office.override, "approve", "b", "ines") == "round_closed"


def test_an_override_needs_authority_to_approve_and_none_to_reject() -> None:
    office = Office(rule("a", "mei"), directory=limits(farid=usd(5)))
    office.submit()
    assert code_of(office.override, "approve", "a", "farid") == "authority_exceeded"
    office.override("reject", "a", "farid")
    assert office.state.outcome is Outcome.REJECTED
