"""Somebody takes another's place in an open round: authority, four eyes, groups (``spec/approvals.md`` 6)."""

from __future__ import annotations

from typing import Any

import pytest

from domain.approval.rebuild import differences, rebuild
from domain.approval.replacing import Reseated
from domain.approval.round import ApprovalRound
from domain.approval.state import ActVerb, Approval, ApprovalState, RoundAct, RoundState
from domain.refusal import Refusal
from domain.replacement import Replaced, find_replacement, succeed
from tests.domain.approval.office import Office, people, rule

DIRECTOR = {"director": {"user": "david"}}


def office(*rules: Any, **more: Any) -> Office:
    given = {key: more.pop(key) for key in ("users", "groups", "approvers") if key in more}
    return Office(*rules, directory=people(**{"approvers": DIRECTOR, **given}), **more)


def replace(desk: Office, old: str, new: str, kind: Replaced | None = None) -> tuple[Reseated, ...]:
    found = succeed(desk.directory, find_replacement(desk.directory, old, new, kind), desk.clock)
    desk.directory = found.directory
    moving = ApprovalRound(desk.state, desk.directory)
    told = moving.replace(found.replacement, desk.clock, operation="op-1", by="zoe")
    desk.rounds[-1] = moving.state
    desk.events.extend(moving.events)
    desk.notices.extend(moving.notices)
    return told


def approval(state: RoundState, name: str) -> Approval:
    found = state.approval(name)
    assert found is not None
    return found


def holders(desk: Office, name: str) -> list[str]:
    return [seat.holder for seat in approval(desk.state, name).seats]


def test_the_record_tells_the_same_round_again() -> None:
    desk = office(rule("a", "director"), rule("b", "board", chain="c"))
    desk.submit()
    desk.approve("b", "mei")
    replace(desk, "david", "farid", Replaced.USER)
    assert differences(rebuild(desk.events), desk.state) == ()
    assert [each.kind for each in desk.events].count("replaced") == 2


def test_one_message_for_a_round_however_many_approvals() -> None:
    desk = office(rule("a", "director"), rule("b", "director", explicit=True), rule("c", "david", step=2))
    desk.submit()
    replace(desk, "david", "farid", Replaced.USER)
    (told,) = [each for each in desk.notices if each.kind == "replaced"]
    assert (told.to, len(told.approvals)) == ("farid", 2)
    assert told.detail == {"from": "david", "by": "zoe"}, "the letter says in whose place"


def test_the_delegate_of_the_successor_is_asked_and_told() -> None:
    desk = office(rule("a", "director"))
    desk.submit()
    desk.delegate("farid", "nora")
    replace(desk, "director", "farid")
    assert approval(desk.state, "a").waiting_for == ("nora",)
    assert [each.to for each in desk.notices if each.kind == "replaced"] == ["nora"]


def test_somebody_with_authority_is_asked_beside_a_successor_who_has_too_little() -> None:
    small = {"amount": "1", "currency": "USD"}
    desk = office(rule("a", "director"), users={"farid": {"authority": small}})
    desk.submit()
    (told,) = replace(desk, "david", "farid", Replaced.USER)
    assert (told.outcome, told.to) == ("replaced", "farid")
    assert holders(desk, "a") == ["farid", "ines"]
    desk.approve("a", "farid")
    assert desk.state.outcome is None
    desk.approve("a", "ines")
    assert desk.state.outcome == "approved"


def test_where_nobody_has_authority_the_seat_stays() -> None:
    small = {"amount": "1", "currency": "USD"}
    desk = office(rule("a", "director"), users={"farid": {"authority": small}, "ines": {"authority": small}})
    desk.submit()
    before = approval(desk.state, "a")
    (told,) = replace(desk, "david", "farid", Replaced.USER)
    assert (told.outcome, told.code) == ("left", "authority_exceeded")
    assert approval(desk.state, "a") == before
    desk.approve("a", "david")
    assert desk.state.outcome == "approved"


def test_a_barred_successor_is_passed_over_for_the_next_manager_or_the_fallback() -> None:
    for users, who in (({}, "mei"), ({"rosa": {"manager": None}}, "ines")):
        desk = office(rule("a", "director"), users=users)
        desk.submit()
        (told,) = replace(desk, "director", "rosa")
        assert (told.outcome, told.to, told.code) == ("replaced", who, "four_eyes")
        assert holders(desk, "a") == [who]


def test_nobody_to_take_over_leaves_the_seat_and_says_why() -> None:
    desk = office(rule("a", "director"), fallback="david", users={"rosa": {"manager": None}})
    desk.submit()
    desk.directory = desk.directory.deactivated("david")
    (told,) = replace(desk, "director", "rosa")
    assert (told.outcome, told.code) == ("left", "no_decider")


@pytest.mark.parametrize(("quorum", "needed"), [("any", 1), ("all", 2), ("60%", 2), (2, 2)])
def test_a_group_in_which_the_successor_sits_counts_those_who_remain(quorum: Any, needed: int) -> None:
    desk = office(rule("a", "team"), groups={"team": {"members": ["mei", "david", "farid"], "quorum": quorum}})
    desk.submit()
    (told,) = replace(desk, "david", "farid", Replaced.USER)
    assert (told.outcome, told.code) == ("given_up", "already_there")
    assert (holders(desk, "a"), approval(desk.state, "a").needed) == (["mei", "farid"], needed)


def test_a_number_that_the_rest_does_not_reach_is_filled_by_the_managers_of_the_successor() -> None:
    desk = office(rule("a", "team"), groups={"team": {"members": ["mei", "david", "farid"], "quorum": 3}})
    desk.submit()
    (told,) = replace(desk, "david", "farid", Replaced.USER)
    assert (told.outcome, told.to) == ("replaced", "ines")
    assert holders(desk, "a") == ["mei", "ines", "farid"]


def test_giving_up_a_seat_may_settle_the_group() -> None:
    desk = office(rule("a", "team"), groups={"team": {"members": ["mei", "david"], "quorum": "all"}})
    desk.submit()
    desk.approve("a", "mei")
    replace(desk, "david", "mei", Replaced.USER)
    assert desk.state.outcome == "approved"
    assert differences(rebuild(desk.events), desk.state) == ()


def test_a_veto_passes_on_also_where_a_role_names_it() -> None:
    groups = {"team": {"members": ["mei", "david", "farid"], "quorum": 2, "veto": ["director"]}}
    by_role = office(rule("a", "team"), groups=groups)
    by_role.submit()
    told = replace(by_role, "director", "farid")
    assert [each.outcome for each in told] == ["veto"]
    by_role.reject("a", "farid")
    assert by_role.state.outcome == "rejected"
    by_person = office(rule("a", "team"), groups={"team": {**groups["team"], "veto": ["david"]}})
    by_person.submit()
    replace(by_person, "david", "liam", Replaced.USER)
    by_person.reject("a", "liam")
    assert by_person.state.outcome == "rejected"


def test_a_vote_that_was_given_stays_and_its_giver_too() -> None:
    desk = office(rule("a", "board"))
    desk.submit()
    desk.approve("a", "david")
    (told,) = replace(desk, "david", "farid", Replaced.USER)
    assert (told.outcome, told.code) == ("left", "already_decided")
    assert holders(desk, "a") == ["mei", "david", "farid"]


def test_the_clock_of_the_successor_runs_whatever_the_replaced_one_asked() -> None:
    desk = office(rule("a", "director", sla={"remind": "4h", "escalate": "2d"}))
    desk.submit()
    moving = ApprovalRound(desk.state, desk.directory)
    moving.act(RoundAct(act_id="q1", verb=ActVerb.ASK, by="david", approval="a", comment="why?"), desk.clock)
    desk.rounds[-1] = moving.state
    replace(desk, "director", "farid")
    (seat,) = approval(desk.state, "a").seats
    due = seat.escalate_at
    assert seat.holder == "farid"
    assert due is not None
    moving = ApprovalRound(desk.state, desk.directory)
    moving.act(RoundAct(act_id="q2", verb=ActVerb.ANSWER, by="rosa", approval="a", comment="so"), desk.clock)
    (seat,) = approval(moving.state, "a").seats
    assert seat.escalate_at == due


def test_a_round_that_is_over_is_refused() -> None:
    desk = office(rule("a", "director"))
    desk.submit()
    desk.recall()
    with pytest.raises(Refusal) as refused:
        replace(desk, "director", "farid")
    assert refused.value.code == "round_closed"
    assert approval(desk.state, "a").state is ApprovalState.REVOKED


def test_once_more_changes_nothing() -> None:
    desk = office(rule("a", "director"), rule("b", "board", chain="c"))
    desk.submit()
    replace(desk, "david", "liam", Replaced.USER)
    found = find_replacement(desk.directory, "david", "liam", Replaced.USER)
    before, moving = desk.state, ApprovalRound(desk.state, desk.directory)
    assert moving.replace(succeed(desk.directory, found, desk.clock).replacement, desk.clock, operation="op-1") == ()
    assert moving.state.approvals == before.approvals
    assert not moving.notices
