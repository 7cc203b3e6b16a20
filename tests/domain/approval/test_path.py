"""The path: lanes, steps, groups, vetoes, early stops, and the same person in several places."""

from __future__ import annotations

from typing import Any

import pytest

from domain.approval.state import Outcome
from domain.refusal import Refusal
from tests.domain.approval.office import Office, code_of, people, rule
from tests.domain.sample_quote import line, quote


def test_a_step_is_asked_when_every_approval_of_the_one_before_is_settled() -> None:
    office = Office(
        rule("a", "mei", chain="c", step=1),
        rule("b", "sam", chain="c", step=1),
        rule("c", "david", chain="c", step=5),
        rule("d", "farid", chain="c", step=9),
    )
    office.submit()
    assert office.asked() == {"a": ("mei",), "b": ("sam",)}
    office.approve("a", "mei")
    assert office.asked() == {"b": ("sam",)}
    office.approve("b", "sam")
    assert office.asked() == {"c": ("david",)}
    office.approve("c", "david")
    office.approve("d", "farid")
    assert office.state.outcome is Outcome.APPROVED
    assert office.state.outcome_reason == "all_approved"


def test_lanes_run_side_by_side_and_rules_without_a_chain_form_their_own() -> None:
    office = Office(
        rule("a1", "mei", chain="a", step=1),
        rule("a2", "david", chain="a", step=2),
        rule("b1", "liam", chain="b", step=7),
        rule("u1", "farid"),
        rule("u2", "sam", step=2),
    )
    office.submit()
    assert [lane.name for lane in office.state.lanes] == ["a", "b", "unchained"]
    assert office.asked() == {"a1": ("mei",), "b1": ("liam",), "u1": ("farid",)}
    office.approve("b1", "liam")
    office.approve("u1", "farid")
    assert office.asked() == {"a1": ("mei",), "u2": ("sam",)}


def test_a_lane_waits_for_the_lanes_it_comes_after() -> None:
    office = Office(
        rule("a", "mei", chain="a"),
        rule("b", "liam", chain="b"),
        rule("c", "david", chain="c"),
        chains={"c": {"after": ["a", "b"]}, "a": {}, "b": {}},
    )
    office.submit()
    assert office.asked() == {"a": ("mei",), "b": ("liam",)}
    assert code_of(office.approve, "c", "david") == "not_your_turn"
    office.approve("a", "mei")
    assert "c" not in office.asked()
    office.approve("b", "liam")
    assert office.asked() == {"c": ("david",)}


def test_a_lane_in_which_nothing_fires_holds_nobody_up_but_what_it_waited_for_does() -> None:
    office = Office(
        rule("a", "mei", chain="a"),
        rule("b", "liam", chain="b", when="net_total > 1000000"),
        rule("c", "david", chain="c"),
        chains={"a": {}, "b": {"after": ["a"]}, "c": {"after": ["b"]}},
    )
    office.submit()
    assert office.asked() == {"a": ("mei",)}
    office.approve("a", "mei")
    assert office.asked() == {"c": ("david",)}


def test_no_rule_fires_and_the_round_is_approved_at_once() -> None:
    office = Office(rule("a", "mei", when="net_total > 1000000"))
    office.submit()
    assert (office.state.outcome, office.state.outcome_reason) == (Outcome.APPROVED, "no_rule_fired")
    assert [each.rule for each in office.state.not_fired] == ["a"]
    assert office.told() == [("approved", "rosa")]


def test_one_rejection_ends_the_round() -> None:
    office = Office(
        rule("a", "mei", chain="c", step=1), rule("b", "david", chain="c", step=2), rule("l", "liam", chain="d")
    )
    office.submit()
    office.reject("l", "liam", reason="no such clause")
    assert office.states() == {"a": "revoked", "b": "revoked", "l": "rejected"}
    assert (office.state.outcome, office.state.outcome_reason) == (Outcome.REJECTED, "no such clause")
    office.notices.clear()
    office.wait("4w")
    assert office.told() == []


# -- groups


def group(quorum: Any = "any", members: tuple[str, ...] = ("mei", "david", "farid"), veto: tuple[str, ...] = ()) -> Any:
    entry = {"members": list(members), "quorum": quorum, "veto": list(veto)}
    return people(groups={"team": entry}, approvers={"lawyer": {"user": "farid"}, "lawyers": {"group": "legal"}})


@pytest.mark.parametrize(
    ("quorum", "votes", "outcome"),
    [
        ("any", "y", "approved"),
        ("any", "n", None),
        ("any", "nn", None),
        ("any", "nny", "approved"),
        ("any", "nnn", "rejected"),
        ("all", "yy", None),
        ("all", "yyy", "approved"),
        ("all", "n", "rejected"),
        ("all", "yyn", "rejected"),
        (1, "ny", "approved"),
        (2, "y", None),
        (2, "yy", "approved"),
        (2, "n", None),
        (2, "nyy", "approved"),
        (2, "nn", "rejected"),
        (2, "yn", None),
        (2, "ynn", "rejected"),
        (3, "n", "rejected"),
        ("50%", "yy", "approved"),
        ("50%", "nn", "rejected"),
        ("34%", "yy", "approved"),
        ("33%", "y", "approved"),
        ("67%", "yyy", "approved"),
        ("67%", "n", "rejected"),
        ("100%", "yyy", "approved"),
        ("1%", "nny", "approved"),
    ],
)
def test_a_group_decides_when_its_outcome_can_no_longer_change(quorum: Any, votes: str, outcome: str | None) -> None:
    office = Office(rule("g", "team"), directory=group(quorum))
    office.submit()
    for person, vote in zip(("mei", "david", "farid"), votes, strict=False):
        office.decide("approve" if vote == "y" else "reject", "g", person)
    assert (office.state.outcome and office.state.outcome.value) == outcome


def test_after_an_early_stop_nobody_of_the_group_is_heard_any_more() -> None:
    office = Office(rule("g", "team"), rule("z", "sam", step=2), directory=group(2))
    office.submit()
    assert office.asked() == {"g": ("mei", "david", "farid")}
    office.approve("g", "farid")
    assert office.asked() == {"g": ("mei", "david")}
    assert code_of(office.approve, "g", "farid") == "already_decided"
    office.approve("g", "mei")
    assert code_of(office.approve, "g", "david") == "already_decided"
    assert [vote.by for vote in office.approval("g").votes] == ["farid", "mei"]


@pytest.mark.parametrize(
    ("veto", "voter", "outcome"),
    [
        (("david",), "david", "rejected"),
        (("david",), "mei", None),
        (("lawyer",), "farid", "rejected"),
        (("lawyers",), "liam", "rejected"),
        (("legal",), "nora", "rejected"),
        ((), "david", None),
    ],
)
def test_a_no_of_a_veto_holder_decides_alone(veto: tuple[str, ...], voter: str, outcome: str | None) -> None:
    members = ("mei", "david", "farid", "liam", "nora")
    office = Office(rule("g", "team"), directory=group("any", members, veto))
    office.submit()
    office.reject("g", voter)
    assert (office.state.outcome and office.state.outcome.value) == outcome


def test_the_delegate_of_a_veto_holder_has_the_veto() -> None:
    office = Office(rule("g", "team"), directory=group("any", veto=("david",)))
    office.submit()
    office.delegate("david", "sam")
    office.reject("g", "sam")
    assert office.state.outcome is Outcome.REJECTED


def test_a_silent_veto_holder_is_waited_for_because_the_outcome_can_still_change() -> None:
    for verdict, outcome in (("approve", "approved"), ("reject", "rejected")):
        office = Office(rule("g", "team"), directory=group("any", veto=("david",)))
        office.submit()
        office.approve("g", "mei")
        assert (office.state.outcome, office.asked()) == (None, {"g": ("david", "farid")})
        office.decide(verdict, "g", "david")
        assert office.state.outcome is not None
        assert office.state.outcome.value == outcome


@pytest.mark.parametrize("how", ["escalation", "reassigned", "left"])
def test_a_veto_holder_who_is_not_asked_any_more_is_not_waited_for(how: str) -> None:
    office = Office(rule("g", "team", sla={"escalate": "4h"}), directory=group("any", veto=("david",)))
    office.submit()
    office.approve("g", "mei")
    office.events.clear()
    if how == "escalation":
        office.wait("4h")
    elif how == "reassigned":
        office.reassign("g", "david", "zoe")
    else:
        office.leave("david")
    assert office.state.outcome is Outcome.APPROVED
    (settles,) = [each.kind for each in office.events if each.detail.get("settles") == "approve"]
    assert settles == ("replaced" if how == "left" else "settled")


def test_a_delegate_who_has_a_veto_of_their_own_is_waited_for() -> None:
    office = Office(rule("g", "team"), directory=group("any", veto=("sam",)))
    office.delegate("david", "sam")
    office.submit()
    office.approve("g", "mei")
    assert office.asked() == {"g": ("sam", "farid")}
    office.reject("g", "sam")
    assert office.state.outcome is Outcome.REJECTED


def test_a_yes_of_a_veto_holder_is_one_vote() -> None:
    office = Office(rule("g", "team"), directory=group(2, veto=("david",)))
    office.submit()
    office.approve("g", "david")
    assert office.state.outcome is None


@pytest.mark.parametrize(
    ("quorum", "members", "seats", "needed"),
    [
        ("all", ("mei", "rosa", "david"), ("mei", "david"), 2),
        ("60%", ("mei", "rosa", "david", "farid"), ("mei", "david", "farid"), 2),
        ("any", ("rosa", "mei"), ("mei",), 1),
        (2, ("rosa", "farid", "david"), ("farid", "david"), 2),
        (2, ("rosa", "farid"), ("farid", "mei"), 2),
        (3, ("rosa", "farid"), ("farid", "mei", "david"), 3),
        ("any", ("rosa",), ("ines",), 1),
        (1, ("rosa",), ("mei",), 1),
        ("any", ("ghost", "zoe"), ("zoe",), 1),
        ("any", (), ("ines",), 1),
        ("all", ("ghost",), ("ines",), 1),
        (2, ("zoe",), ("zoe", "ines"), 2),
        ("any", ("mei", "mei"), ("mei",), 1),
    ],
)
def test_who_may_not_sit_loses_the_seat_and_others_fill_up(
    quorum: Any, members: tuple[str, ...], seats: tuple[str, ...], needed: int
) -> None:
    office = Office(rule("g", "team"), directory=group(quorum, members))
    office.submit()
    approval = office.approval("g")
    assert (tuple(seat.holder for seat in approval.seats), approval.needed) == (seats, needed)


def test_a_number_that_nobody_can_make_up_has_no_decider() -> None:
    office = Office(rule("g", "team"), directory=group(5, ("zoe",)))
    with pytest.raises(Refusal) as caught:
        office.submit()
    assert (caught.value.code, caught.value.path) == ("no_decider", "rules.g")


# -- the same person


def test_one_yes_settles_every_other_approval_that_asks_that_person_alone() -> None:
    office = Office(
        rule("a1", "mei", chain="a", step=1),
        rule("a2", "david", chain="a", step=2),
        rule("a3", "mei", chain="a", step=3),
        rule("b1", "mei", chain="b"),
        rule("b2", "mei", chain="b", step=2, explicit=True),
        rule("g", "board"),
    )
    office.submit()
    office.approve("b1", "mei")
    assert office.states() == {
        "a1": "skipped", "a2": "requested", "a3": "skipped", "b1": "approved", "b2": "requested", "g": "requested",
    }  # fmt: skip
    basis = office.approval("a1").basis
    assert basis is not None
    assert (basis.kind, basis.persons, basis.approval_id) == ("same_person", ("mei",), "Q-1.1.b1")
    assert basis.snapshot == office.approval("a1").snapshot


def test_an_explicit_approval_settles_others_all_the_same() -> None:
    office = Office(rule("a", "mei", chain="a", explicit=True), rule("b", "mei", chain="b"))
    office.submit()
    office.approve("a", "mei")
    assert office.states() == {"a": "approved", "b": "skipped"}


def test_group_votes_neither_settle_nor_are_settled() -> None:
    office = Office(rule("g", "board"), rule("a", "mei"), rule("h", "single"), directory=people(
        groups={"single": {"members": ["mei"]}}))  # fmt: skip
    office.submit()
    office.approve("g", "mei")
    assert office.states() == {"g": "requested", "a": "requested", "h": "requested"}
    office.approve("a", "mei")
    assert office.states() == {"g": "requested", "a": "approved", "h": "requested"}


def test_a_delegates_yes_counts_as_the_yes_of_the_one_they_act_for() -> None:
    office = Office(rule("a", "david", chain="a"), rule("b", "david", chain="b"), rule("c", "sam", chain="c"))
    office.submit()
    office.delegate("david", "sam")
    office.approve("a", "sam")
    assert office.states() == {"a": "approved", "b": "skipped", "c": "requested"}


def test_a_no_settles_nothing_for_the_same_person_but_ends_the_round() -> None:
    office = Office(rule("a", "mei", chain="a"), rule("b", "mei", chain="b"))
    office.submit()
    office.reject("a", "mei")
    assert office.states() == {"a": "rejected", "b": "revoked"}


def test_the_same_person_in_the_next_step_is_not_asked_twice_and_the_quote_is_approved() -> None:
    office = Office(rule("a", "mei", chain="c", step=1), rule("b", "mei", chain="c", step=2))
    office.submit()
    office.approve("a", "mei")
    assert office.state.outcome is Outcome.APPROVED


# -- whom an approver means


@pytest.mark.parametrize(
    ("approver", "asked"),
    [
        ("mei", ("mei",)),
        ("legal", ("liam", "nora")),
        ("sales", ("david",)),
        ("lawyers", ("liam", "nora")),
        ("shadow", ("farid",)),
        ({"field": "account_manager"}, ("zoe",)),
        ({"field": "nothing"}, ("ines",)),
        ({"field": "ghost"}, ("ines",)),
        ({"manager_of": "owner"}, ("mei",)),
        ({"manager_of": "owner", "level": 2}, ("david",)),
        ({"manager_of": "owner", "level": 9}, ("ines",)),
        ({"manager_of": "submitter"}, ("rosa",)),
        ({"manager_of": "account_manager"}, ("ines",)),
        ({"manager_of": "nora"}, ("liam",)),
        ("boss", ("mei",)),
        ("named", ("zoe",)),
        ("empty", ("ines",)),
        ("lost", ("ines",)),
    ],
)
def test_an_id_resolves_as_approver_then_group_then_user(approver: Any, asked: tuple[str, ...]) -> None:
    approvers = {
        "sales": {"user": "david"},
        "lawyers": {"group": "legal"},
        "shadow": {"user": "farid"},
        "boss": {"manager_of": "owner"},
        "named": {"field": "account_manager"},
        "empty": {},
        "lost": {"group": "nowhere"},
    }
    directory = people(approvers=approvers, groups={"shadow": {"members": ["sam"]}})
    office = Office(rule("r", approver), directory=directory)
    office.document["fields"] = {"account_manager": "zoe", "nothing": " ", "ghost": "nobody-known"}
    # tom submits for rosa, so that rosa herself is barred as the owner and her manager takes the seat
    office.submit("tom")
    assert office.asked() == {"r": asked if asked != ("rosa",) else ("mei",)}


def test_who_takes_over_a_seat_after_approving_elsewhere_is_not_asked_again() -> None:
    office = Office(
        rule("a", "sam", chain="a"),
        rule("b", "mei", chain="b", step=1, sla={"escalate": "1d"}),
        rule("c", "farid", chain="b", step=2),
        directory=people(users={"mei": {"deputy": "sam"}}),
    )
    office.submit()
    office.approve("a", "sam")
    office.notices.clear()
    office.wait("9h")
    assert office.states() == {"a": "approved", "b": "skipped", "c": "requested"}
    basis = office.approval("b").basis
    assert basis is not None
    assert (basis.kind, basis.persons, basis.approval_id) == ("same_person", ("sam",), office.approval("a").approval_id)
    assert office.told() == [("request", "farid")]


def test_whose_place_is_taken_by_somebody_who_has_approved_needs_no_second_answer() -> None:
    office = Office(rule("a", "ines", chain="a"), rule("b", "farid", chain="b"), rule("c", "zoe", explicit=True))
    office.submit()
    office.approve("a", "ines")
    office.leave("farid")
    office.leave("zoe")
    assert office.states() == {"a": "approved", "b": "skipped", "c": "requested"}
    later = Office(
        rule("a", "ines", chain="a"), rule("x", "mei", chain="b", step=1), rule("b", "farid", chain="b", step=2)
    )
    later.submit()
    later.approve("a", "ines")
    later.directory = later.directory.deactivated("farid")
    later.approve("x", "mei")
    assert later.state.outcome is Outcome.APPROVED


def test_a_fallback_and_an_end_of_the_ladder_may_be_named_by_a_field_of_the_quote() -> None:
    approvers = {"key-account": {"field": "account_manager"}, "boss-of-it": {"manager_of": "account_manager"}}
    office = Office(
        rule("a", "zoe", sla={"escalate": "1d", "to": "key-account"}),
        rule("b", "farid"),
        directory=people(approvers=approvers),
        document=quote(line(discount_percent="10"), fields={"account_manager": "sam"}),
        fallback="boss-of-it",
    )
    office.submit()
    assert office.state.facts == {"account_manager": "sam"}
    office.leave("farid")
    office.wait("9h")
    assert office.asked() == {"a": ("sam",), "b": ("david",)}
