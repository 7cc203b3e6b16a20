"""Ad-hoc approvers: before, beside or after whoever adds them, in the same step of the lane."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.approval.state import ApprovalState, Outcome
from tests.domain.approval.office import MONDAY, Office, code_of, people, rule
from tests.domain.approval.test_four_eyes import limits, usd

HOUR = timedelta(hours=1)


def lane(**first: Any) -> Office:
    """mei, then david."""
    office = Office(rule("a", "mei", chain="c", **first), rule("b", "david", chain="c", step=2))
    office.submit()
    office.told()
    office.kinds()
    return office


def test_before_whoever_adds_waits_and_is_asked_again() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "before", comment="knows the customer")
    assert office.asked() == {"a": ("zoe",)}
    assert office.told() == [("request", "zoe")]
    assert office.states() == {"a.added-1": "requested", "a": "assigned", "b": "assigned"}
    assert code_of(office.approve, "a", "mei") == "not_your_turn"
    office.approve("a", "zoe")
    assert office.told() == [("request", "mei")]
    office.approve("a", "mei")
    assert office.asked() == {"b": ("david",)}


def test_beside_both_are_asked_and_the_next_step_waits_for_both() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "beside")
    assert office.asked() == {"a": ("mei", "zoe")}
    office.approve("a", "mei")
    assert office.asked() == {"a": ("zoe",)}
    office.approve("a", "zoe")
    assert office.asked() == {"b": ("david",)}


def test_after_they_are_asked_once_whoever_added_them_has_approved() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "after")
    assert (office.asked(), office.told()) == ({"a": ("mei",)}, [])
    assert code_of(office.approve, "a", "zoe") == "not_your_turn"
    office.approve("a", "mei")
    assert (office.asked(), office.told()) == ({"a": ("zoe",)}, [("request", "zoe")])
    office.approve("a", "zoe")
    assert office.asked() == {"b": ("david",)}


def test_an_addition_is_on_the_record_and_says_who_where_and_to_what() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "after", comment="please look")
    (event,) = [each for each in office.events if each.kind == "added"]
    assert (event.by, event.rule, event.comment) == ("mei", "a", "please look")
    assert event.detail["who"] == "zoe"
    assert event.detail["where"] == "after"
    added = office.added()
    assert added.added is not None
    assert (added.rule, added.added.by, added.added.to) == ("a", "mei", "Q-1.1.a")
    assert added.reason == "please look"


def test_additions_nest() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "before")
    office.add("a", "zoe", "farid", "before")
    office.add("a", "farid", "nora", "beside")
    office.add("a", "nora", "liam", "after")
    assert office.asked() == {"a": ("farid", "nora")}
    office.approve("a", "farid")
    assert office.asked() == {"a": ("nora", "zoe")}
    office.approve("a", "nora")
    office.approve("a", "zoe")
    assert office.asked() == {"a": ("liam", "mei")}
    office.approve("a", "mei")
    assert office.asked() == {"a": ("liam",)}, "the next step waits for them all"
    office.approve("a", "liam")
    assert office.asked() == {"b": ("david",)}


def test_a_no_of_an_added_approver_ends_the_round() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "after")
    office.approve("a", "mei")
    office.reject("a", "zoe", reason="not like this")
    assert (office.state.outcome, office.state.outcome_reason) == (Outcome.REJECTED, "not like this")


def test_a_member_of_a_group_adds_and_votes_that_were_given_stay() -> None:
    office = Office(rule("g", "board"), rule("z", "sam", step=2))
    office.submit()
    office.approve("g", "mei")
    office.add("g", "david", "zoe", "before")
    assert office.asked() == {"g": ("zoe",)}
    assert code_of(office.approve, "g", "farid") == "not_your_turn"
    office.told()
    office.approve("g", "zoe")
    assert office.asked() == {"g": ("david", "farid")}
    assert office.told() == [("request", "david"), ("request", "farid")]
    office.approve("g", "farid")
    assert [vote.by for vote in office.approval("Q-1.1.g").votes] == ["mei", "farid"]
    assert office.asked() == {"z": ("sam",)}


def test_who_has_voted_adds_nobody_any_more() -> None:
    office = Office(rule("g", "board"))
    office.submit()
    office.approve("g", "mei")
    assert code_of(office.add, "g", "mei", "zoe") == "already_decided"


def test_a_delegate_adds_for_the_person() -> None:
    office = lane()
    office.delegate("mei", "sam")
    office.add("a", "sam", "zoe", "after")
    office.approve("a", "mei")
    assert office.asked() == {"a": ("zoe",)}


def test_a_group_may_be_added_and_votes_as_a_group() -> None:
    office = lane()
    office.add("a", "mei", "board", "after")
    office.approve("a", "mei")
    assert office.asked() == {"a": ("mei", "david", "farid")}
    office.approve("a", "farid")
    office.approve("a", "david")
    assert office.asked() == {"b": ("david",)}


def test_an_added_group_loses_seats_and_is_filled_up_as_any_other() -> None:
    team = {"team": {"members": ["rosa", "farid"], "quorum": 2}}
    office = Office(rule("a", "mei"), directory=people(groups=team, users={"rosa": {"manager": "zoe"}}))
    office.submit()
    office.add("a", "mei", "team")
    assert [seat.holder for seat in office.added().seats] == ["farid", "zoe"]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("rosa", "four_eyes"),
        ("tom", "four_eyes"),
        ("owners", "four_eyes"),
        ("nora", "no_decider"),
        ("nobodies", "no_decider"),
        ("nobody-known", "unknown_approver"),
        ("mei", "wrong_state"),
        ("manager", "wrong_state"),
        ("", "missing_field"),
    ],
)
def test_who_cannot_be_added(who: str, code: str) -> None:
    directory = people(
        users={"nora": {"active": False}},
        groups={"owners": {"members": ["rosa", "tom"]}, "nobodies": {"members": ["nora"]}},
        approvers={"manager": {"user": "mei"}},
    )
    office = Office(rule("a", "mei"), directory=directory)
    office.submit("tom")
    assert code_of(office.add, "a", "mei", who) == code
    assert len(office.state.approvals) == 1


@pytest.mark.parametrize("by", ["rosa", "zoe", "david"])
def test_only_whose_turn_it_is_adds(by: str) -> None:
    office = lane()
    codes = {"rosa": "four_eyes", "zoe": "not_yours", "david": "not_your_turn"}
    name = "b" if by == "david" else "a"
    assert code_of(office.add, name, by, "farid") == codes[by]


@pytest.mark.parametrize("where", ["before", "beside", "after"])
def test_who_has_approved_elsewhere_is_asked_all_the_same(where: str) -> None:
    office = Office(rule("a", "mei", chain="c"), rule("z", "zoe", chain="d"))
    office.submit()
    office.approve("z", "zoe")
    office.add("a", "mei", "zoe", where)
    if where == "after":
        office.approve("a", "mei")
    assert office.added().state is ApprovalState.REQUESTED
    assert "zoe" in office.asked()["a"]
    office.approve("Q-1.1.a.added-1", "zoe")
    if where != "after":
        office.approve("Q-1.1.a", "mei")
    assert office.state.outcome is Outcome.APPROVED


def test_a_delegate_who_adds_somebody_does_so_for_the_person() -> None:
    office = Office(rule("a", "mei"))
    office.delegate("mei", "sam")
    office.submit()
    office.add("a", "sam", "zoe")
    (added,) = [each for each in office.events if each.kind == "added"]
    assert (added.by, added.on_behalf_of) == ("sam", "mei")


def test_the_yes_of_an_added_approver_settles_what_asks_them_alone_elsewhere() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("z", "zoe", chain="d"))
    office.submit()
    office.add("a", "mei", "zoe")
    office.approve("Q-1.1.a.added-1", "zoe")
    assert office.approval("z").state is ApprovalState.SKIPPED


def test_the_clock_of_an_added_approver_is_that_of_their_entry_else_of_the_rule() -> None:
    directory = people(approvers={"expert": {"user": "zoe", "sla": {"escalate": "2h"}}})
    office = Office(rule("a", "mei", sla={"escalate": "6h"}), directory=directory)
    office.submit()
    office.wait("1h")
    office.add("a", "mei", "expert")
    office.add("a", "mei", "nora")
    assert office.added(1).due_at == MONDAY + 3 * HOUR
    assert office.added(2).due_at == MONDAY + 7 * HOUR
    office.until(MONDAY + 3 * HOUR)
    assert office.asked()["a"] == ("mei", "nora", "ines"), "zoe has no manager: the fallback"


def test_whoever_waits_behind_somebody_has_no_clock_and_then_the_whole_time() -> None:
    office = lane(sla={"escalate": "4h"})
    office.wait("3h")
    office.add("a", "mei", "zoe", "before")
    assert office.approval("Q-1.1.a").due_at is None
    office.wait("2h")
    office.approve("a", "zoe")
    assert office.approval("Q-1.1.a").due_at == MONDAY + 25 * HOUR


def test_an_added_approver_may_be_decided_for_and_handed_on() -> None:
    office = lane()
    office.add("a", "mei", "zoe", "before")
    office.reassign("Q-1.1.a.added-1", "zoe", "nora")
    assert office.asked() == {"a": ("nora",)}
    office.override("approve", "Q-1.1.a.added-1", "ines")
    assert office.asked() == {"a": ("mei",)}


def test_the_first_above_with_enough_is_asked_beside_an_added_approver_from_the_start() -> None:
    office = Office(rule("a", "mei"), directory=limits(sam=usd(5), david=usd(5)))
    office.submit()
    office.add("a", "mei", "sam")
    assert office.asked() == {"a": ("mei", "sam", "ines")}
    office.approve("a", "mei")
    office.approve("a", "sam")
    assert office.asked() == {"a": ("ines",)}
    office.approve("a", "ines")
    assert office.state.outcome is Outcome.APPROVED


def test_nobody_is_added_whose_authority_nobody_makes_up_for() -> None:
    office = Office(rule("a", "mei"), directory=limits(sam=usd(5), david=usd(5), ines=usd(5)))
    office.submit()
    assert code_of(office.add, "a", "mei", "sam") == "authority_exceeded"


def test_the_same_addition_twice_is_one() -> None:
    office = lane()
    office.add("a", "mei", "zoe", act_id="once")
    office.add("a", "mei", "zoe", act_id="once")
    assert office.states() == {"a": "requested", "a.added-1": "requested", "b": "assigned"}


def test_an_addition_is_of_its_round_only() -> None:
    office = lane()
    office.add("a", "mei", "zoe")
    office.recall()
    office.submit()
    assert office.states() == {"a": "requested", "b": "assigned"}
