"""Four eyes: who had a hand in the quote never decides it; somebody else is found, or the submit is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from domain.refusal import Refusal
from tests.domain.approval.office import Office, code_of, people, rule


@pytest.mark.parametrize(
    ("submitter", "editors", "asked"),
    [
        ("rosa", (), "mei"),
        ("mei", (), "david"),
        ("tom", ("mei",), "david"),
        ("david", ("mei",), "ines"),
        ("tom", (), "mei"),
    ],
)
def test_submitter_owner_and_editors_are_passed_over_for_the_next_manager(
    submitter: str, editors: tuple[str, ...], asked: str
) -> None:
    office = Office(rule("r", "mei"))
    for editor in editors:
        office.edit(editor, discount="11")
    office.submit(submitter)
    assert office.asked() == {"r": (asked,)}
    for person in {submitter, "rosa", *editors}:
        assert code_of(office.approve, "r", person) == "four_eyes"
        assert code_of(office.reject, "r", person) == "four_eyes"


def test_the_owner_who_did_not_submit_is_barred_as_well() -> None:
    office = Office(rule("r", "rosa"))
    office.submit("tom")
    assert office.state.barred == ("tom", "rosa")
    assert office.asked() == {"r": ("mei",)}


def test_the_fallback_decides_when_nobody_above_may() -> None:
    office = Office(rule("r", "zoe"), directory=people(users={"zoe": {"manager": None}}))
    office.submit("zoe")
    assert office.asked() == {"r": ("ines",)}


def test_with_fail_the_submit_is_refused_and_names_the_rule() -> None:
    office = Office(rule("r", "mei"), self_approval="fail")
    with pytest.raises(Refusal) as caught:
        office.submit("mei")
    assert (caught.value.code, caught.value.path) == ("four_eyes", "rules.r")
    assert "mei" in caught.value.message
    office.submit("tom")


def test_with_fail_a_member_of_a_group_only_loses_the_seat() -> None:
    office = Office(rule("r", "legal"), self_approval="fail")
    office.submit("liam")
    assert office.asked() == {"r": ("nora",)}


@pytest.mark.parametrize(
    ("approver", "fallback"),
    [("rosa", "rosa"), ("ghost_field", "rosa"), ("zoe", "zoe"), ("zoe", None), ("nobodies", "nobodies")],
)
def test_nobody_at_all_is_no_decider_and_names_every_rule(approver: str, fallback: str | None) -> None:
    directory = people(
        groups={"nobodies": {"members": ["rosa"]}},
        users={"rosa": {"manager": None}, "zoe": {"active": False}},
        approvers={"ghost_field": {"field": "nothing"}},
    )
    office = Office(rule("first", approver), rule("second", approver), directory=directory, fallback=fallback)
    with pytest.raises(Refusal) as caught:
        office.submit()
    assert [(each.code, each.path) for each in caught.value.problems] == [
        ("no_decider", "rules.first"),
        ("no_decider", "rules.second"),
    ]
    assert not office.rounds


def test_a_delegate_who_is_barred_is_passed_over_and_refused() -> None:
    office = Office(rule("r", "mei"))
    office.delegate("mei", "rosa")
    office.submit()
    assert office.asked() == {"r": ("mei",)}
    assert code_of(office.approve, "r", "rosa") == "four_eyes"


def test_a_barred_member_of_a_delegate_group_is_left_out() -> None:
    office = Office(rule("r", "mei"), directory=people(groups={"team": {"members": ["rosa", "farid"]}}))
    office.delegate("mei", "team")
    office.submit()
    assert office.asked() == {"r": ("farid",)}


def test_a_barred_deputy_is_passed_over_on_the_ladder() -> None:
    directory = people(users={"mei": {"deputy": "rosa"}})
    office = Office(rule("r", "mei", sla={"escalate": "1d"}), directory=directory)
    office.submit()
    office.wait("1d")
    assert office.asked() == {"r": ("david",)}


def test_four_eyes_is_checked_before_whether_one_is_asked_at_all() -> None:
    office = Office(rule("a", "mei", chain="c", step=1), rule("b", "david", chain="c", step=2))
    office.submit()
    assert code_of(office.approve, "b", "rosa") == "four_eyes"
    assert code_of(office.approve, "b", "sam") == "not_yours"


# -- authority


def limits(**amounts: Any) -> dict[str, Any]:
    return people(users={name: {"authority": limit} for name, limit in amounts.items()})


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


# the quote comes to 90.00 USD
@pytest.mark.parametrize(
    ("amounts", "asked"),
    [
        ({}, ("mei",)),
        ({"mei": usd(90)}, ("mei",)),
        ({"mei": usd(89)}, ("mei", "david")),
        ({"mei": usd(5), "david": usd(89)}, ("mei", "ines")),
        ({"mei": usd(5), "david": usd(90)}, ("mei", "david")),
        ({"mei": {"amount": 81, "currency": "EUR"}}, ("mei", "david")),
        ({"mei": {"amount": 82, "currency": "EUR"}}, ("mei",)),
    ],
)
def test_the_first_up_the_line_with_enough_authority_is_asked_beside(
    amounts: dict[str, Any], asked: tuple[str, ...]
) -> None:
    office = Office(rule("r", "mei"), directory=limits(**amounts))
    office.document["rates"] = {"EUR": "1.1"}
    office.submit()
    assert office.asked() == {"r": asked}


def test_both_must_say_yes_and_one_no_is_enough() -> None:
    office = Office(rule("r", "mei"), directory=limits(mei=usd(1)))
    office.submit()
    office.approve("r", "david")
    assert office.asked() == {"r": ("mei",)}
    office.approve("r", "mei")
    assert office.states() == {"r": "approved"}
    other = Office(rule("r", "mei"), directory=limits(mei=usd(1)))
    other.submit()
    other.reject("r", "david")
    assert other.states() == {"r": "rejected"}


def test_nobody_with_enough_is_refused_by_name() -> None:
    office = Office(rule("r", "mei"), directory=limits(mei=usd(1), david=usd(1), ines=usd(1)))
    with pytest.raises(Refusal) as caught:
        office.submit()
    assert (caught.value.code, caught.value.path) == ("authority_exceeded", "rules.r")


def test_a_limit_without_a_rate_is_refused_at_submit() -> None:
    office = Office(rule("r", "mei"), directory=limits(mei={"amount": 1, "currency": "JPY"}))
    assert code_of(office.submit) == "missing_rate"


def test_the_limit_of_an_approver_entry_counts_for_the_person_it_names() -> None:
    directory = people(approvers={"director": {"user": "mei", "authority": usd(1)}})
    office = Office(rule("r", "director"), directory=directory)
    office.submit()
    assert office.asked() == {"r": ("mei", "david")}


def test_a_group_of_a_number_of_which_everybody_is_barred_is_filled_up_with_their_managers() -> None:
    pair = {"pair": {"members": ["rosa", "sam"], "quorum": 2}}
    office = Office(rule("g", "pair"), directory=people(groups=pair))
    office.submit(by="sam")
    assert office.asked() == {"g": ("mei", "david")}
    assert office.approval("g").needed == 2
    assert office.approval("g").group == "pair"


@pytest.mark.parametrize("quorum", ["any", 1, "all"])
def test_a_submit_is_refused_where_a_whole_group_is_barred_and_self_approval_fails(quorum: Any) -> None:
    pair = {"pair": {"members": ["rosa", "sam", "ghost"], "quorum": quorum}}
    office = Office(rule("g", "pair"), directory=people(groups=pair), self_approval="fail")
    assert code_of(office.submit, "sam") == "four_eyes"
    assert code_of(office.submit, "tom") is None  # sam is free
    gone = Office(rule("g", "pair"), directory=people(groups=pair, users={"rosa": {"active": False}}))
    gone.leave("sam")
    gone.submit(by="tom")
    assert gone.asked() == {"g": ("ines",)}, "a group of people who left is the fallback's"
