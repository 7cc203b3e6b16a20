"""Authority when it is decided: limits that were lowered, groups, delegates, other currencies."""

from __future__ import annotations

from typing import Any

import pytest

from domain.approval.state import Outcome
from tests.domain.approval.office import Office, code_of, people, rule
from tests.domain.approval.test_four_eyes import limits, usd

# the quote comes to 90.00 USD


def submitted(approver: Any = "mei", directory: dict[str, Any] | None = None, **more: Any) -> Office:
    office = Office(rule("r", approver), rule("z", "zoe"), directory=directory, **more)
    office.document["rates"] = {"EUR": "1.1"}
    office.submit()
    office.approve("z", "zoe")
    office.told()
    office.kinds()
    return office


def test_with_a_limit_lowered_after_submit_somebody_with_enough_is_asked_beside() -> None:
    office = submitted()
    office.limit("mei", 5)
    assert office.asked() == {"r": ("mei",)}
    office.approve("r", "mei")
    assert office.asked() == {"r": ("david",)}
    assert office.told() == [("request", "david")]
    event = [each for each in office.events if each.kind == "requested"][-1]
    assert event.detail["because"] == "authority"
    office.approve("r", "david")
    assert office.state.outcome is Outcome.APPROVED


def test_the_no_of_whoever_was_asked_beside_ends_it() -> None:
    office = submitted()
    office.limit("mei", 5)
    office.approve("r", "mei")
    office.reject("r", "david")
    assert office.state.outcome is Outcome.REJECTED


def test_whoever_may_not_approve_so_much_may_still_reject() -> None:
    office = submitted()
    office.limit("mei", 5)
    office.reject("r", "mei")
    assert office.state.outcome is Outcome.REJECTED


def test_a_yes_that_nobody_can_make_up_for_is_refused_and_changes_nothing() -> None:
    office = submitted()
    for person in ("mei", "david", "ines"):
        office.limit(person, 5)
    assert code_of(office.approve, "r", "mei") == "authority_exceeded"
    assert office.asked() == {"r": ("mei",)}
    office.limit("ines", None)
    office.approve("r", "mei")
    assert office.asked() == {"r": ("ines",)}


def test_a_limit_raised_after_submit_still_leaves_whoever_was_asked_beside() -> None:
    office = submitted(directory=limits(mei=usd(5)))
    assert office.asked() == {"r": ("mei", "david")}
    office.limit("mei", None)
    office.approve("r", "mei")
    assert office.asked() == {"r": ("david",)}


def test_whoever_is_asked_beside_and_loses_their_authority_is_not_enough() -> None:
    office = submitted(directory=limits(mei=usd(5)))
    office.limit("david", 5)
    office.approve("r", "mei")
    office.approve("r", "david")
    assert office.asked() == {"r": ("ines",)}
    office.approve("r", "ines")
    assert office.state.outcome is Outcome.APPROVED


# -- groups


def test_the_yes_of_a_member_with_too_little_waits_for_one_with_enough() -> None:
    office = submitted("legal", limits(liam=usd(5)))
    office.approve("r", "liam")
    assert office.asked() == {"r": ("nora",)}
    office.approve("r", "nora")
    assert office.state.outcome is Outcome.APPROVED


def test_in_a_group_of_which_nobody_has_enough_somebody_above_must_say_yes() -> None:
    office = submitted("legal", limits(liam=usd(5), nora=usd(5)))
    assert office.asked() == {"r": ("liam", "nora", "ines")}
    office.approve("r", "ines")
    assert office.state.outcome is None, "one of the group must say yes as well"
    office.approve("r", "nora")
    assert office.state.outcome is Outcome.APPROVED


def test_when_the_only_member_with_enough_says_no_somebody_above_is_asked() -> None:
    office = submitted("legal", limits(liam=usd(5)))
    office.approve("r", "liam")
    office.reject("r", "nora")
    assert office.asked() == {"r": ("ines",)}
    office.approve("r", "ines")
    assert office.state.outcome is Outcome.APPROVED


def test_when_nobody_is_left_above_the_no_of_the_only_one_with_enough_decides() -> None:
    office = submitted("legal", limits(liam=usd(5)), fallback=None)
    office.limit("ines", 5)
    office.approve("r", "liam")
    office.reject("r", "nora")
    assert office.state.outcome is Outcome.REJECTED


def test_a_quorum_with_one_capable_yes_is_enough() -> None:
    office = submitted("board", limits(mei=usd(5), farid=usd(5)))
    office.approve("r", "mei")
    office.approve("r", "farid")
    assert office.asked() == {"r": ("david",)}
    office.approve("r", "david")
    assert office.state.outcome is Outcome.APPROVED


# -- delegates


def test_a_delegate_has_at_most_the_limit_of_the_person() -> None:
    office = submitted(directory=limits(mei=usd(100)))
    office.delegate("mei", "sam")
    office.limit("mei", 5)
    assert office.asked() == {"r": ("sam",)}
    office.approve("r", "sam")
    assert office.asked() == {"r": ("david",)}, "sam has no limit, but speaks for mei"


def test_a_delegate_with_too_small_a_limit_is_passed_over_as_soon_as_it_is_lowered() -> None:
    office = submitted()
    office.delegate("mei", "sam")
    assert office.asked() == {"r": ("sam",)}
    office.limit("sam", 5)
    assert office.asked() == {"r": ("mei",)}
    assert code_of(office.approve, "r", "sam") == "not_yours"


# -- currencies


@pytest.mark.parametrize(("amount", "asked"), [("81", ("david",)), ("82", ())])
def test_a_limit_in_another_currency_is_converted_by_the_rates_of_the_quote(amount: str, asked: tuple[str]) -> None:
    office = submitted()
    office.limit("mei", int(amount), "EUR")
    office.approve("r", "mei")
    assert office.asked().get("r", ()) == asked


def test_a_limit_that_cannot_be_converted_is_not_enough() -> None:
    office = submitted()
    office.limit("mei", 1000000, "JPY")
    office.approve("r", "mei")
    assert office.asked() == {"r": ("david",)}


def test_the_limit_of_an_approver_entry_counts_when_deciding() -> None:
    directory = people(
        approvers={"director": {"user": "mei", "authority": usd(100)}}, users={"mei": {"authority": usd(5)}}
    )
    office = submitted("director", directory)
    office.approve("r", "mei")
    assert office.state.outcome is Outcome.APPROVED


# -- silence


def test_silence_goes_up_only_to_somebody_with_enough() -> None:
    office = Office(rule("r", "mei", sla={"escalate": "4h"}), directory=people(users={"mei": {"deputy": "sam"}}))
    office.submit()
    office.limit("sam", 5)
    office.wait("4h")
    assert office.asked() == {"r": ("david",)}


def test_whoever_was_asked_beside_by_authority_is_no_same_person() -> None:
    office = Office(rule("r", "mei", chain="a"), rule("s", "david", chain="b"), directory=limits(mei=usd(5)))
    office.submit()
    office.approve("s", "david")
    assert office.asked() == {"r": ("mei", "david")}


def test_somebody_who_handed_their_seat_on_may_be_asked_beside_in_a_seat_of_their_own() -> None:
    trio = {"trio": {"members": ["mei", "sam", "david"], "quorum": 2}}
    office = submitted("trio", people(groups=trio, users={name: {"authority": usd(5)} for name in ("mei", "sam")}))
    office.reassign("r", "david", "farid")
    office.approve("r", "mei")
    office.approve("r", "sam")
    office.reject("r", "farid")
    assert office.asked() == {"r": ("david",)}
    assert [vote.by for vote in office.approval("r").votes] == ["mei", "sam", "farid"]
    office.approve("r", "david")
    assert [vote.by for vote in office.approval("r").votes] == ["mei", "sam", "farid", "david"]
    assert office.state.outcome is Outcome.APPROVED


def test_whoever_sits_in_place_of_a_named_approver_has_their_own_limit_and_not_the_entrys() -> None:
    small = {"approvers": {"director": {"user": "david", "authority": usd(5)}}}
    office = submitted("director", people(users={"david": {"active": False}}, **small))
    assert office.asked() == {"r": ("ines",)}
    office.approve("r", "ines")
    assert office.state.outcome is Outcome.APPROVED

    large = {"approvers": {"director": {"user": "david", "authority": usd(5000)}}}
    office = Office(rule("r", "director"), rule("z", "zoe"), directory=people(**large))
    office.submit(by="david")
    assert office.asked()["r"] == ("ines",)
    office.limit("ines", 5)
    assert code_of(office.approve, "r", "ines") == "authority_exceeded"


def test_the_named_approver_keeps_the_limit_of_the_entry_and_rounds_from_before_keep_theirs() -> None:
    large = {"approvers": {"director": {"user": "mei", "authority": usd(5000)}}}
    office = submitted("director", people(users={"mei": {"authority": usd(5)}}, **large))
    seats = tuple(seat.model_copy(update={"named": None}) for seat in office.approval("r").seats)
    office.rounds[-1] = office.state.model_copy(
        update={
            "approvals": tuple(
                each.model_copy(update={"seats": seats}) if each.rule == "r" else each
                for each in office.state.approvals
            )
        }
    )
    office.approve("r", "mei")
    assert office.state.outcome is Outcome.APPROVED
