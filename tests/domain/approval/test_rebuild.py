"""Replaying the record rebuilds the same state; and a state that was changed by hand does not agree with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from domain.approval.rebuild import differences, rebuild
from domain.approval.state import ActVerb, ApprovalState, Outcome, RoundAct, RoundEvent, RoundState, Verdict, Where
from domain.approval.telling import told
from tests.domain.approval.office import Office, people, rule
from tests.domain.approval.test_model import Rounds

SLA = {"escalate": "4h", "on_timeout": "approve"}


def retell(office: Office) -> list[list[RoundEvent]]:
    """The events of each round, as the record keeps them: through JSON, with the facts of their approvals."""
    found: list[list[RoundEvent]] = []
    for event in office.events:
        if event.kind == "submitted":
            found.append([])
        state = office.rounds[len(found) - 1]
        found[-1].append(RoundEvent.model_validate_json(told(event, state).model_dump_json()))
    return found


def unlike(office: Office) -> list[str]:
    rounds = zip(retell(office), office.rounds, strict=True)
    return [each for events, state in rounds for each in differences(rebuild(events), state)]


class Retold(Rounds):
    """The same random hands; after each verb the record must tell what is stored."""

    @invariant()
    def the_record_tells_every_round(self) -> None:
        assert unlike(self.office) == []


TestRetold = Retold.TestCase
TestRetold.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def office_of(*rules: Any, **more: Any) -> Office:
    office = Office(*rules, **more)
    office.submit()
    return office


def test_a_group_settles_with_the_vote_that_decides_it() -> None:
    office = office_of(rule("board", "board"), rule("late", "ines", chain="x", sla=SLA))
    office.approve("board", "mei")
    assert rebuild(retell(office)[0]).approvals[office.approval("board").approval_id].state is ApprovalState.REQUESTED
    office.approve("board", "david")
    office.wait("3d")
    assert office.state.outcome is Outcome.APPROVED
    assert unlike(office) == []


def test_a_seat_given_up_settles_what_the_others_said() -> None:
    team = {"team": {"members": ["rosa", "nora", "zoe"], "quorum": "all"}}
    office = office_of(rule("g", "team"), fallback="zoe", directory=people(groups=team))
    office.approve("g", "nora")
    office.approve("g", "zoe")
    assert unlike(office) == []


CHANGED: dict[str, dict[str, Any]] = {
    "a state": {"state": "rejected"},
    "a voter": {"seats": "zoe"},
    "a moment": {"settled_at": "2026-11-20T09:00:00Z"},
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_by_hand_is_named(name: str) -> None:
    office = office_of(rule("a", "mei"), rule("b", "david", chain="x"))
    office.approve("a", "mei")
    document = office.state.model_dump(mode="json")
    (approval,) = [each for each in document["approvals"] if each["rule"] == "a"]
    change = dict(CHANGED[name])
    if "seats" in change:
        approval["seats"][0]["vote"]["by"] = change.pop("seats")
    approval |= change
    (sentence,) = differences(rebuild(retell(office)[0]), RoundState.model_validate(document))
    assert approval["approval_id"] in sentence


def test_an_approval_that_nobody_recorded_is_named() -> None:
    office = office_of(rule("a", "mei"))
    invented = office.state.approvals[0].model_copy(update={"approval_id": "x", "rule": "x"})
    state = office.state.model_copy(update={"approvals": (*office.state.approvals, invented)})
    assert differences(rebuild(retell(office)[0]), state) == ("the record does not tell of the approval x",)


def test_an_entry_answers_why_somebody_was_asked_and_what_they_saw() -> None:
    variables = {"discount": {"max": "lines.discount_percent"}}
    office = Office(
        rule("a", "mei", when=["discount > 5"], reason="Line discount above 5 %", smart=True), variables=variables
    )
    office.submit()
    office.approve("a", "mei")
    office.recall()
    office.submit()
    first, second = retell(office)
    asked, voted = first[1], first[2]
    for event in (asked, voted):
        assert event.detail["why"] == "Line discount above 5 %"
        assert event.detail["approver"] == "mei"
        (tested,) = event.detail["tested"]
        assert (tested["text"], tested["value"], tested["threshold"], tested["met"]) == (
            "discount > 5",
            "10",
            "5",
            True,
        )
    (skipped,) = [event for event in second if event.kind == "skipped"]
    assert (skipped.detail["kind"], skipped.detail["round"], skipped.detail["persons"]) == ("smart", 1, ["mei"])
    assert [each["value"] for each in skipped.detail["basis_tested"]] == ["10"]


# -- acts beside deciding


def act(office: Office, verb: ActVerb, name: str, by: str, **more: Any) -> None:
    office.decisions += 1
    given = RoundAct(act_id=f"a{office.decisions}", verb=verb, by=by, approval=name, **more)
    allowed = {"is_admin": verb is ActVerb.REASSIGN, "may_override": True}
    office._move(lambda moving: moving.act(given, office.clock, **allowed))


def ask_and_answer(office: Office) -> None:
    act(office, ActVerb.ASK, "a", "mei", comment="why?")
    act(office, ActVerb.ANSWER, "a", "rosa", comment="so")
    office.approve("a", "mei")


def add_before(office: Office) -> None:
    act(office, ActVerb.ADD, "a", "mei", to="nora", where=Where.BEFORE)
    assert office.approval("a").requested_at is None
    office.approve("a", "nora")
    office.approve("a", "mei")


def add_after(office: Office) -> None:
    act(office, ActVerb.ADD, "a", "mei", to="nora", where=Where.AFTER)
    office.approve("a", "mei")


def withdraw_what_settled_another(office: Office) -> None:
    office.approve("b", "david")
    assert office.approval("c").state is ApprovalState.SKIPPED
    act(office, ActVerb.WITHDRAW, "b", "david")
    assert office.approval("c").state is not ApprovalState.SKIPPED


def override(office: Office) -> None:
    act(office, ActVerb.OVERRIDE, "a", "farid", verdict=Verdict.APPROVE, comment="urgent")


def override_with_a_no(office: Office) -> None:
    act(office, ActVerb.OVERRIDE, "a", "farid", verdict=Verdict.REJECT, reason="never")


def reassign(office: Office) -> None:
    act(office, ActVerb.REASSIGN, "a", "zoe", to="nora")
    office.approve("a", "nora")


@pytest.mark.parametrize(
    "verb",
    [ask_and_answer, add_before, add_after, withdraw_what_settled_another, override, override_with_a_no, reassign],
)
def test_the_record_tells_every_verb(verb: Callable[[Office], None]) -> None:
    office = office_of(
        rule("a", "mei", chain="x"), rule("b", "david", chain="y"), rule("c", "david", chain="z"), rule("d", "zoe")
    )
    verb(office)
    assert unlike(office) == []
    if office.state.outcome is None:
        office.recall()
    assert unlike(office) == [], "and the end of it"
