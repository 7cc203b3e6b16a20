"""Delegation inside a round: when it is opened and when it is decided, for persons and for members of groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.approval.office import MONDAY, Office, code_of, people, rule


def test_a_delegation_in_force_when_the_request_opens() -> None:
    office = Office(rule("r", "mei"))
    office.delegate("mei", "sam")
    office.submit()
    assert office.asked() == {"r": ("sam",)}
    assert office.told() == [("request", "sam")]
    office.approve("r", "sam")
    vote = office.approval("r").votes[0]
    assert (vote.by, vote.seat_of) == ("sam", "mei")
    event = next(each for each in office.events if each.kind == "approved")
    assert (event.by, event.on_behalf_of) == ("sam", "mei")


def test_a_delegation_entered_today_hands_over_what_is_already_waiting() -> None:
    office = Office(rule("r", "mei"))
    office.submit()
    office.notices.clear()
    office.delegate("mei", "sam")
    assert office.asked() == {"r": ("sam",)}
    assert office.told() == [("delegation", "sam")]


def test_who_has_delegated_is_no_longer_listed_or_reminded_but_may_still_decide() -> None:
    office = Office(rule("r", "mei", sla={"remind": "4h"}))
    office.delegate("mei", "sam")
    office.submit()
    office.notices.clear()
    office.wait("1d")
    assert office.told() == [("reminder", "sam")]
    office.approve("r", "mei")
    assert [vote.by for vote in office.approval("r").votes] == ["mei"]


def test_a_delegation_that_begins_and_ends_by_itself_hands_over_and_back() -> None:
    office = Office(rule("r", "mei"))
    office.submit()
    office.delegate("mei", "sam", **{"from": "2026-11-24T09:00", "until": "2026-11-25T09:00"})
    assert office.asked() == {"r": ("mei",)}
    assert office.state.next_moment == MONDAY + timedelta(days=1)
    office.notices.clear()
    office.wait("24h")
    assert office.asked() == {"r": ("sam",)}
    office.wait("24h")
    assert office.asked() == {"r": ("mei",)}
    assert office.told() == [("delegation", "sam"), ("request", "mei")]
    assert code_of(office.approve, "r", "sam") == "not_yours"


def test_a_decision_that_comes_before_anybody_noticed_the_hand_over_is_judged_by_its_own_moment() -> None:
    office = Office(rule("r", "mei"))
    office.delegate("mei", "sam", until="2026-11-24T09:00")
    office.submit()
    office.clock = MONDAY + timedelta(days=2)
    assert code_of(office.approve, "r", "sam") == "not_yours"
    office.approve("r", "mei")


def test_it_ends_by_hand() -> None:
    office = Office(rule("r", "mei"))
    office.delegate("mei", "sam")
    office.submit()
    office.work_with(office.directory.without_delegations("mei"))
    assert office.asked() == {"r": ("mei",)}


def limited(**more: Any) -> dict[str, Any]:
    """Sam may approve up to 1 USD, which is nothing here."""
    return people(users={"sam": {"authority": {"amount": 1, "currency": "USD"}}, **more})


def test_nobody_without_authority_acts_alone_for_another() -> None:
    office = Office(rule("r", "mei"), directory=limited())
    office.delegate("mei", "sam")
    office.submit()
    assert office.asked() == {"r": ("mei",)}
    assert code_of(office.approve, "r", "sam") == "not_yours"


def test_where_the_person_has_too_little_themselves_a_delegate_with_too_little_may_act() -> None:
    little = {"amount": 2, "currency": "USD"}
    office = Office(rule("r", "mei"), directory=limited(mei={"authority": little}))
    office.delegate("mei", "sam")
    office.submit()
    assert office.asked() == {"r": ("sam", "david")}
    office.approve("r", "sam")
    assert office.state.outcome is None
    office.approve("r", "david")
    assert [(vote.by, vote.seat_of) for vote in office.approval("r").votes] == [("sam", "mei"), ("david", "david")]


def test_a_chain_of_delegates_records_who_acted_for_whom() -> None:
    office = Office(rule("r", "mei"))
    office.delegate("mei", "sam")
    office.delegate("sam", "farid")
    office.submit()
    assert office.asked() == {"r": ("farid",)}
    office.approve("r", "farid")
    event = next(each for each in office.events if each.kind == "approved")
    assert (event.by, event.on_behalf_of) == ("farid", "mei")


def test_the_deadline_does_not_begin_anew_when_a_request_is_handed_over_or_comes_back() -> None:
    office = Office(rule("r", "mei", sla={"escalate": "3d"}))
    office.submit()
    due = office.approval("r").due_at
    office.delegate("mei", "sam", until="2026-11-24T12:00")
    assert office.approval("r").due_at == due
    office.until(MONDAY + timedelta(days=1, hours=3))
    assert (office.asked(), office.approval("r").due_at) == ({"r": ("mei",)}, due)


def test_a_rung_without_authority_is_passed_over() -> None:
    office = Office(rule("r", "mei", sla={"escalate": "1d"}), directory=limited(mei={"deputy": "sam"}))
    office.submit()
    office.wait("9h")
    assert office.asked() == {"r": ("david",)}


def test_a_fallback_without_authority_is_passed_over_when_somebody_leaves() -> None:
    office = Office(rule("r", "mei"), directory=limited(), fallback="sam")
    office.submit()
    office.leave("mei")
    assert office.asked() == {"r": ("david",)}


def test_each_of_a_delegate_group_may_act_and_one_is_enough() -> None:
    office = Office(rule("r", "mei"))
    office.delegate("mei", "legal")
    office.submit()
    assert office.asked() == {"r": ("liam", "nora")}
    office.approve("r", "nora")
    assert office.states() == {"r": "approved"}


def test_a_delegation_reaches_only_the_chains_it_names() -> None:
    office = Office(rule("a", "mei", chain="sales"), rule("b", "mei", chain="legal"))
    office.delegate("mei", "sam", scope={"chains": ["legal"]})
    office.submit()
    assert office.asked() == {"a": ("mei",), "b": ("sam",)}


def test_a_quote_beyond_the_largest_amount_stays_with_the_person() -> None:
    office = Office(rule("a", "mei"))
    office.delegate("mei", "sam", largest={"amount": 89, "currency": "USD"})
    office.submit()
    assert office.asked() == {"a": ("mei",)}


def test_a_later_delegation_in_a_currency_without_a_rate_changes_nothing_for_those_who_wait() -> None:
    office = Office(rule("a", "mei"))
    office.submit()
    office.delegate("mei", "sam", largest={"amount": 1, "currency": "JPY"})
    assert office.asked() == {"a": ("mei",)}
    office.approve("a", "mei")


def test_a_delegate_who_left_hands_back() -> None:
    office = Office(rule("a", "mei"))
    office.delegate("mei", "sam")
    office.submit()
    office.leave("sam")
    assert office.asked() == {"a": ("mei",)}


# -- members of groups


def board(quorum: Any) -> dict[str, Any]:
    return people(groups={"board": {"members": ["mei", "david", "farid"], "quorum": quorum}})


def test_a_delegate_takes_the_place_of_a_member_in_the_order_of_the_group() -> None:
    office = Office(rule("g", "board"))
    office.delegate("david", "sam")
    office.submit()
    assert office.asked() == {"g": ("mei", "sam", "farid")}


def test_a_quorum_is_met_by_delegates_once_for_each_seat() -> None:
    office = Office(rule("g", "board"))
    office.delegate("david", "sam")
    office.submit()
    office.approve("g", "sam")
    assert code_of(office.approve, "g", "sam") == "already_decided"
    assert code_of(office.approve, "g", "david") == "already_decided"
    office.approve("g", "mei")
    assert office.states() == {"g": "approved"}


def test_one_person_fills_one_seat_and_what_they_held_besides_goes_back() -> None:
    office = Office(rule("g", "board"), directory=board("all"))
    office.delegate("mei", "farid")
    office.delegate("david", "farid")
    office.submit()
    assert office.asked() == {"g": ("farid",)}
    office.approve("g", "farid")
    assert office.approval("g").votes[0].seat_of == "farid"
    assert office.asked() == {"g": ("mei", "david")}
    office.approve("g", "mei")
    office.approve("g", "david")
    assert office.states() == {"g": "approved"}


def test_who_votes_for_another_leaves_the_own_seat_to_them() -> None:
    office = Office(rule("g", "board"), directory=board("all"))
    office.delegate("mei", "farid")
    office.submit()
    office.approve("g", "farid", seat_of="mei")
    assert office.approval("g").votes[0].seat_of == "mei"
    assert office.asked() == {"g": ("david", "mei")}
    office.approve("g", "mei")
    office.approve("g", "david")
    assert office.states() == {"g": "approved"}


def test_for_names_the_seat_when_one_has_several() -> None:
    office = Office(rule("g", "board"), directory=board(2))
    office.delegate("mei", "sam")
    office.delegate("david", "sam")
    office.submit()
    office.approve("g", "sam", seat_of="david")
    assert office.approval("g").votes[0].seat_of == "david"
    assert office.asked() == {"g": ("mei", "farid")}
    assert code_of(office.approve, "g", "farid", seat_of="mei") == "not_yours"


# -- people who leave


def test_who_is_inactive_when_the_step_comes_is_replaced_by_the_fallback() -> None:
    office = Office(rule("a", "mei", chain="c", step=1), rule("b", "farid", chain="c", step=2))
    office.submit()
    office.leave("farid")
    office.approve("a", "mei")
    assert office.asked() == {"b": ("ines",)}


def test_who_leaves_while_being_asked_is_replaced_at_once() -> None:
    office = Office(rule("a", "farid", sla={"escalate": "1d"}))
    office.submit()
    office.notices.clear()
    office.leave("farid")
    assert office.asked() == {"a": ("ines",)}
    assert office.told() == [("request", "ines")]
    assert code_of(office.approve, "a", "farid") == "not_yours"


@pytest.mark.parametrize("quorum", ["any", "all", "60%", 2])
def test_a_member_who_leaves_loses_the_seat_as_in_a_new_round(quorum: Any) -> None:
    office = Office(rule("g", "board"), directory=board(quorum))
    office.submit()
    office.leave("mei")
    assert office.asked() == {"g": ("david", "farid")}
    again = Office(rule("g", "board"), directory=board(quorum))
    again.leave("mei")
    again.submit()
    assert again.asked() == office.asked()
    assert again.approval("g").needed == office.approval("g").needed


def test_a_member_who_leaves_is_replaced_by_the_next_manager_where_the_number_exceeds_who_remains() -> None:
    office = Office(rule("g", "board"), directory=board(3))
    office.submit()
    office.leave("mei")
    assert office.asked() == {"g": ("ines", "david", "farid")}


def test_whoever_said_no_does_not_stand_for_those_who_leave() -> None:
    office = Office(rule("g", "board"), directory=board("any"))
    office.submit()
    office.reject("g", "david")
    office.reject("g", "mei")
    office.leave("farid")
    assert office.asked() == {"g": ("ines",)}


def test_where_nobody_of_a_group_remains_those_beside_it_decide() -> None:
    groups = {"pair": {"members": ["mei", "sam"], "quorum": 2}}
    users: dict[str, Any] = {name: {"authority": {"amount": 5, "currency": "USD"}} for name in ("mei", "sam", "david")}
    users["zoe"] = {"active": False}
    office = Office(
        rule("g", "pair", sla={"remind": "1h", "again": "1h"}),
        directory=people(groups=groups, users=users),
        fallback="zoe",
    )
    office.submit()
    assert office.asked() == {"g": ("mei", "sam", "ines")}
    for gone in ("david", "mei", "sam"):
        office.leave(gone)
    assert office.asked() == {"g": ("ines",)}
    office.told()
    office.wait("2h")
    assert set(office.told()) == {("reminder", "ines")}
    office.approve("g", "ines")
    assert office.state.outcome is not None
    assert office.state.outcome.value == "approved"


def test_authority_that_leaves_is_looked_for_above_those_who_remain() -> None:
    users = {"mei": {"authority": {"amount": 5, "currency": "USD"}, "manager": "zoe"}, "david": {"manager": None}}
    pair = {"pair": {"members": ["mei", "david"], "quorum": "all"}}
    office = Office(rule("g", "pair"), directory=people(users=users, groups=pair), fallback=None)
    office.submit()
    assert office.asked() == {"g": ("mei", "david")}
    office.approve("g", "mei")
    office.leave("david")
    assert office.asked() == {"g": ("zoe",)}
    office.approve("g", "zoe")
    assert office.states() == {"g": "approved"}


def test_who_left_without_anybody_in_their_place_decides_nothing() -> None:
    office = Office(rule("g", "board"), directory=board("all"), fallback=None)
    office.submit()
    for gone in ("ines", "farid", "david"):
        office.work_with(office.directory.deactivated(gone))
        assert code_of(office.approve, "g", gone) == "not_yours"


def test_a_vote_that_was_given_stays_when_its_giver_leaves() -> None:
    office = Office(rule("g", "board"))
    office.submit()
    office.approve("g", "mei")
    office.leave("mei")
    office.approve("g", "david")
    assert office.states() == {"g": "approved"}


def test_who_left_and_cannot_be_replaced_loses_the_seat() -> None:
    office = Office(rule("g", "board"), directory=board("all"), fallback=None)
    office.submit()
    office.approve("g", "mei")
    office.leave("ines")
    office.leave("david")
    assert office.asked() == {"g": ("farid",)}
    office.leave("farid")
    assert office.state.outcome is not None
    assert office.state.outcome.value == "approved"


def test_that_too_few_remain_rejects_nothing() -> None:
    office = Office(rule("g", "board"), directory=board(3), fallback=None)
    office.submit()
    office.approve("g", "mei")
    for gone in ("ines", "david"):
        office.leave(gone)
    assert office.asked() == {"g": ("farid",)}
    office.approve("g", "farid")
    assert office.state.outcome is None
    office.return_to_work("david")
    office.approve("g", "david")
    assert office.states() == {"g": "approved"}
