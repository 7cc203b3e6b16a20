"""Taking a decision back: until the next step was requested or the round ended."""

from __future__ import annotations

from datetime import timedelta

from domain.approval.state import ApprovalState, Outcome, Verdict
from tests.domain.approval.office import MONDAY, Office, code_of, people, rule

HOUR = timedelta(hours=1)


def test_a_vote_taken_back_is_as_if_it_had_not_been_given_but_stays_on_the_record() -> None:
    office = Office(rule("a", "mei", sla={"escalate": "4h"}), rule("z", "zoe"))
    office.submit()
    office.approve("a", "mei", decision_id="first")
    office.wait("1h")
    office.withdraw("a", "mei", comment="I misread it")
    assert office.asked() == {"a": ("mei",), "z": ("zoe",)}
    assert office.approval("a").due_at == MONDAY + 4 * HOUR, "its deadline has not moved"
    assert [vote.decision_id for vote in office.approval("a").withdrawn] == ["first"]
    event = next(each for each in office.events if each.kind == "withdrawn")
    assert (event.by, event.comment) == ("mei", "I misread it")
    assert event.detail["decision"] == "first"
    office.approve("a", "mei", decision_id="first")
    assert office.asked() == {"a": ("mei",), "z": ("zoe",)}, "a repeated old decision does nothing"
    office.reject("a", "mei")
    assert office.state.outcome is Outcome.REJECTED


def test_deadlines_that_passed_meanwhile_are_counted_anew() -> None:
    office = Office(rule("a", "mei", sla={"remind": "2h", "escalate": "4h"}), rule("z", "zoe"))
    office.submit()
    office.approve("a", "mei")
    office.wait("3h")
    office.withdraw("a", "mei")
    assert office.state.next_moment == MONDAY + 4 * HOUR
    assert office.approval("a").due_at == MONDAY + 4 * HOUR


def test_a_member_of_a_group_takes_a_vote_back_before_it_is_settled_and_after() -> None:
    office = Office(rule("g", "board"), rule("z", "zoe"))
    office.submit()
    office.approve("g", "mei")
    office.withdraw("g", "mei")
    assert office.asked()["g"] == ("mei", "david", "farid")
    office.approve("g", "mei")
    office.approve("g", "david")
    assert office.states()["g"] == "approved"
    office.withdraw("g", "mei")
    assert office.asked()["g"] == ("mei", "farid")
    office.approve("g", "farid")
    assert office.states()["g"] == "approved"
    assert [vote.by for vote in office.approval("g").votes] == ["david", "farid"]


def test_a_no_of_a_group_is_taken_back_too() -> None:
    office = Office(rule("g", "board"))
    office.submit()
    office.reject("g", "mei")
    office.withdraw("g", "mei")
    office.reject("g", "david")
    assert office.state.outcome is None
    office.reject("g", "mei")
    assert office.state.outcome is Outcome.REJECTED


def test_a_group_that_has_enough_without_it_stays_settled() -> None:
    office = Office(rule("g", "board"), rule("z", "zoe"), directory=people(
        groups={"board": {"members": ["mei", "david", "farid"], "quorum": "any"}}))  # fmt: skip
    office.submit()
    office.reject("g", "mei")
    office.approve("g", "david")
    office.withdraw("g", "mei")
    assert office.states()["g"] == "approved"
    assert [vote.by for vote in office.approval("g").votes] == ["david"]


def test_what_an_admin_decided_stays_decided_when_a_member_takes_a_vote_back() -> None:
    office = Office(rule("g", "board"), rule("z", "zoe"))
    office.submit()
    office.approve("g", "mei")
    office.override("approve", "g", "ines")
    office.withdraw("g", "mei")
    assert office.states()["g"] == "approved"
    assert [vote.by for vote in office.approval("g").votes] == ["ines"]


def test_an_override_is_taken_back_before_the_own_vote_given_earlier() -> None:
    office = Office(rule("g", "board"), rule("z", "zoe"))
    office.submit()
    office.approve("g", "farid")
    office.override("approve", "g", "farid")
    assert office.states()["g"] == "approved"
    office.withdraw("g", "farid")
    assert office.asked()["g"] == ("mei", "david")
    office.withdraw("g", "farid")
    assert office.asked()["g"] == ("mei", "david", "farid")
    assert [vote.verdict for vote in office.approval("g").withdrawn] == [Verdict.APPROVE, Verdict.APPROVE]


def test_an_override_of_what_has_not_come_yet_is_taken_back_to_waiting() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2))
    office.submit()
    office.override("approve", "b", "ines")
    office.withdraw("b", "ines")
    assert office.states() == {"a": "requested", "b": "assigned"}
    office.approve("a", "mei")
    assert office.asked() == {"b": ("david",)}


def test_same_person_skips_are_undone() -> None:
    office = Office(
        rule("a", "mei", chain="a"), rule("b", "mei", chain="b"), rule("x", "zoe", chain="c"),
        rule("y", "mei", chain="c", step=2),
    )  # fmt: skip
    office.submit()
    office.approve("a", "mei")
    assert office.states() == {"a": "approved", "b": "skipped", "x": "requested", "y": "skipped"}
    office.kinds()
    office.withdraw("a", "mei")
    assert office.states() == {"a": "requested", "b": "requested", "x": "requested", "y": "assigned"}
    assert office.kinds() == ["reopened", "reopened", "withdrawn"]
    assert office.approval("b").basis is None
    office.approve("b", "mei")
    assert office.states() == {"a": "skipped", "b": "approved", "x": "requested", "y": "skipped"}


def test_a_skip_that_another_approval_of_the_person_bears_as_well_stays_one() -> None:
    office = Office(
        rule("a", "mei", chain="a", explicit=True), rule("b", "mei", chain="b", explicit=True),
        rule("c", "mei", chain="c"), rule("z", "zoe", chain="d"),
    )  # fmt: skip
    office.submit()
    office.approve("a", "mei")
    office.approve("b", "mei")
    office.withdraw("a", "mei")
    assert office.states() == {"a": "requested", "b": "approved", "c": "skipped", "z": "requested"}
    basis = office.approval("c").basis
    assert basis is not None
    assert basis.approval_id == "Q-1.1.b"


def test_not_once_the_next_step_was_requested() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2))
    office.submit()
    office.approve("a", "mei")
    assert code_of(office.withdraw, "a", "mei") == "wrong_state"


def test_while_somebody_else_of_the_step_is_awaited_it_may() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("a2", "zoe", chain="c"), rule("b", "david", chain="c", step=2))
    office.submit()
    office.approve("a", "mei")
    office.withdraw("a", "mei")
    office.approve("a2", "zoe")
    assert office.asked() == {"a": ("mei",)}


def test_not_once_a_lane_behind_was_requested() -> None:
    chains = {"a": {}, "b": {"after": ["a"]}, "c": {"after": ["b"]}}
    office = Office(rule("a", "mei", chain="a"), rule("c", "david", chain="c"), rule("z", "zoe"), chains=chains)
    office.submit()
    office.approve("a", "mei")
    assert office.asked() == {"c": ("david",), "z": ("zoe",)}
    assert code_of(office.withdraw, "a", "mei") == "wrong_state"


def test_not_once_a_step_was_requested_because_of_a_skip_that_followed() -> None:
    office = Office(rule("a", "mei", chain="a"), rule("b", "mei", chain="b"), rule("c", "david", chain="b", step=2))
    office.submit()
    office.approve("a", "mei")
    assert office.asked() == {"c": ("david",)}
    assert code_of(office.withdraw, "a", "mei") == "wrong_state"


def test_not_once_whoever_was_added_after_was_requested() -> None:
    office = Office(rule("a", "mei"))
    office.submit()
    office.add("a", "mei", "zoe", "after")
    office.approve("a", "mei")
    assert code_of(office.withdraw, "a", "mei") == "wrong_state"


def test_not_after_the_round() -> None:
    office = Office(rule("a", "mei"))
    office.submit()
    office.approve("a", "mei")
    assert code_of(office.withdraw, "a", "mei") == "round_closed"


def test_only_the_author_takes_it_back() -> None:
    office = Office(rule("a", "mei"), rule("z", "zoe"))
    office.submit()
    office.delegate("mei", "sam")
    office.approve("a", "sam")
    assert code_of(office.withdraw, "a", "mei") == "not_yours"
    assert code_of(office.withdraw, "a", "zoe") == "not_yours"
    assert code_of(office.withdraw, "a", "rosa") == "four_eyes"
    assert code_of(office.withdraw, "nothing", "sam") == "unknown_approval"
    office.withdraw("a", "sam")
    assert office.asked()["a"] == ("sam",)


def test_a_delegate_whose_delegation_has_ended_takes_it_back_and_the_person_is_asked() -> None:
    office = Office(rule("a", "mei"), rule("z", "zoe"))
    office.delegate("mei", "sam")
    office.submit()
    office.approve("a", "sam")
    office.work_with(office.directory.without_delegations("mei"))
    office.told()
    office.withdraw("a", "sam")
    assert office.asked()["a"] == ("mei",)
    assert office.told() == [("request", "mei")]


def test_who_has_left_takes_nothing_back() -> None:
    office = Office(rule("a", "mei"), rule("z", "zoe"))
    office.submit()
    office.approve("a", "mei")
    office.leave("mei")
    assert code_of(office.withdraw, "a", "mei") == "not_yours"


def test_a_member_who_voted_for_another_and_takes_it_back_has_a_seat_again() -> None:
    trio = {"trio": {"members": ["sam", "david", "farid"], "quorum": "all"}}
    office = Office(rule("g", "trio"), directory=people(groups=trio))
    office.delegate("david", "sam")
    office.submit()
    office.approve("g", "sam", seat_of="david")
    assert office.asked()["g"] == ("david", "farid"), "what sam held besides went to david"
    office.withdraw("g", "sam")
    assert [seat.holder for seat in office.approval("g").seats] == ["sam", "david", "farid"]
    office.approve("g", "david")
    office.approve("g", "farid")
    office.approve("g", "sam")
    assert office.state.outcome is Outcome.APPROVED


def test_votes_stand_in_the_order_they_were_given_also_after_one_was_taken_back() -> None:
    office = Office(rule("g", "board", chain="c"), rule("z", "zoe"), directory=people(
        groups={"board": {"members": ["mei", "david", "farid"], "quorum": "all"}}))  # fmt: skip
    office.submit()
    office.approve("g", "mei")
    office.approve("g", "farid")
    office.withdraw("g", "mei")
    office.approve("g", "david")
    assert [vote.by for vote in office.approval("g").votes] == ["farid", "david"]


def test_a_vote_in_what_was_put_back_is_taken_back() -> None:
    office = Office(rule("g", "board"))
    office.submit()
    office.approve("g", "mei")
    office.add("g", "david", "zoe", "before")
    office.withdraw("Q-1.1.g", "mei")
    assert office.approval("Q-1.1.g").state is ApprovalState.ASSIGNED
    office.approve("g", "zoe")
    assert office.asked()["g"] == ("mei", "david", "farid")
