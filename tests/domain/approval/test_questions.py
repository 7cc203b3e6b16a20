"""Questions: an approver asks, the submitter answers, and meanwhile the clock of whoever asks stands still."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.approval.state import ActVerb, Outcome
from tests.domain.approval.office import MONDAY, Office, code_of, people, rule

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def waiting(approver: Any = "mei", **more: Any) -> Office:
    office = Office(rule("r", approver, sla={"remind": "4h", "again": "1d", "escalate": "2d"}), **more)
    office.submit()
    office.told()
    return office


def test_the_submitter_is_asked_and_answers_and_both_are_on_the_record() -> None:
    office = Office(rule("r", "mei"))
    office.submit("tom")
    office.told()
    office.ask("r", "mei", comment="why so cheap?")
    assert office.told() == [("question", "tom")]
    assert code_of(office.answer, "r", "rosa") == "not_yours"
    office.answer("r", "tom", comment="a long-standing customer")
    assert office.told() == [("answer", "mei")]
    (question,) = office.approval("r").questions
    assert (question.by, question.text) == ("mei", "why so cheap?")
    assert (question.answered_by, question.answer) == ("tom", "a long-standing customer")
    asked, answered = office.events[-2:]
    assert (asked.kind, asked.by, asked.comment) == ("asked", "mei", "why so cheap?")
    assert (answered.kind, answered.by, answered.comment) == ("answered", "tom", "a long-standing customer")


def test_the_clock_goes_on_with_exactly_the_working_time_that_was_left() -> None:
    office = waiting()
    office.wait("90m")  # 2.5 h before the reminder, 14.5 h before the escalation
    office.ask("r", "mei")
    assert (office.approval("r").due_at, office.state.next_moment) == (None, None)
    office.until(MONDAY + 4 * DAY + 7 * HOUR)  # Friday at four
    assert office.told() == [("question", "rosa")]
    office.answer("r")
    assert office.told() == [("answer", "mei")]
    assert office.state.next_moment == MONDAY + 7 * DAY + 1.5 * HOUR  # 1 h on Friday, 1.5 h on Monday
    assert office.approval("r").due_at == MONDAY + 8 * DAY + 5.5 * HOUR  # 1 + 8 + 5.5


def test_a_second_question_does_not_wind_the_clock_back_and_one_answer_answers_both() -> None:
    office = waiting()
    office.wait("1h")
    office.ask("r", "mei", comment="first")
    office.wait("1d")
    office.ask("r", "mei", comment="second")
    office.wait("1d")
    office.answer("r")
    assert [each.is_open for each in office.approval("r").questions] == [False, False]
    assert office.state.next_moment == MONDAY + 2 * DAY + 4 * HOUR  # three of the four hours were left at ten
    assert code_of(office.answer, "r") == "wrong_state"


def test_the_clock_stands_still_across_changes_of_delegation_and_goes_on_for_the_person() -> None:
    office = waiting()
    office.ask("r", "mei")
    office.delegate("mei", "sam", until="2026-11-24T12:00")
    office.wait("1d")
    assert office.asked() == {"r": ("sam",)}
    assert office.approval("r").due_at is None
    office.until(MONDAY + DAY + 3 * HOUR)  # the delegation ends
    assert (office.asked(), office.approval("r").due_at) == ({"r": ("mei",)}, None)
    office.answer("r")
    assert office.approval("r").due_at == MONDAY + 3 * DAY + 3 * HOUR


def test_a_delegate_asks_and_is_told_the_answer_with_whoever_is_asked_by_then() -> None:
    office = waiting()
    office.delegate("mei", "sam")
    office.ask("r", "sam")
    event = next(each for each in office.events if each.kind == "asked")
    assert (event.by, event.on_behalf_of) == ("sam", "mei")
    office.directory = office.directory.without_delegations("mei")
    office.told()
    office.answer("r")
    assert set(office.told()) == {("request", "mei"), ("answer", "sam"), ("answer", "mei")}


def test_in_a_group_only_the_clock_of_whoever_asks_stands_still() -> None:
    office = waiting("board")
    office.ask("r", "david")
    office.until(MONDAY + 4 * HOUR)
    assert office.told() == [("question", "rosa"), ("reminder", "mei"), ("reminder", "farid")]
    office.until(MONDAY + DAY + 8 * HOUR)
    assert office.asked() == {"r": ("ines", "david", "farid")}  # above mei there is ines, above farid nobody else


def test_two_members_of_a_group_ask_and_one_answer_goes_to_both() -> None:
    office = waiting("board")
    office.ask("r", "david")
    office.wait("1h")
    office.ask("r", "mei")
    office.told()
    office.wait("1h")
    office.answer("r")
    assert office.told() == [("answer", "david"), ("answer", "mei")]
    due = {seat.origin: seat.remind_at for seat in office.approval("r").seats}
    assert due == {
        "mei": MONDAY + 5 * HOUR,  # it stood still for one hour
        "david": MONDAY + 6 * HOUR,  # and for two
        "farid": MONDAY + 4 * HOUR,
    }


def test_who_has_asked_may_decide_without_waiting() -> None:
    office = waiting()
    office.ask("r", "mei")
    office.approve("r", "mei")
    assert office.state.outcome is Outcome.APPROVED
    assert code_of(office.answer, "r") == "round_closed"


def test_an_answer_that_comes_after_the_decision_bothers_nobody() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2))
    office.submit()
    office.ask("a", "mei")
    office.approve("a", "mei")
    office.told()
    office.answer("a")
    assert office.told() == []


def test_who_takes_a_vote_back_after_the_answer_has_a_running_clock() -> None:
    office = Office(rule("r", "mei", sla={"escalate": "4h"}), rule("z", "zoe"))
    office.submit()
    office.ask("r", "mei")
    office.approve("r", "mei")
    office.answer("r")
    office.wait("1h")
    office.withdraw("r", "mei")
    assert office.approval("r").due_at == MONDAY + 5 * HOUR
    again = Office(rule("r", "mei", sla={"escalate": "4h"}), rule("z", "zoe"))
    again.submit()
    again.ask("r", "mei")
    again.approve("r", "mei")
    again.withdraw("r", "mei")
    assert again.approval("r").due_at is None, "the question is open still"
    again.answer("r")
    assert again.approval("r").due_at == MONDAY + 4 * HOUR


def test_whoever_is_asked_again_while_the_answer_is_open_still_waits_for_it() -> None:
    office = waiting()
    office.ask("r", "mei")
    office.add("r", "mei", "zoe", "before")
    office.approve("r", "zoe")
    assert office.approval("r").state == "requested"
    assert office.approval("r").due_at is None
    office.answer("r")
    assert office.approval("r").due_at == MONDAY + DAY + 8 * HOUR


def test_the_owner_answers_once_the_submitter_has_left_and_an_admin_may() -> None:
    for by, admin in (("rosa", False), ("sam", True)):
        office = Office(rule("r", "mei"))
        office.submit("tom")
        office.ask("r", "mei")
        assert code_of(office.answer, "r", by, admin=admin) == "not_yours"
        office.leave("tom")
        assert code_of(office.answer, "r", "tom") == "not_yours"
        assert code_of(office.answer, "r", "zoe") == "not_yours"
        office.answer("r", by, admin=admin)


def test_a_question_after_the_submitter_left_goes_to_the_owner() -> None:
    office = Office(rule("r", "mei"))
    office.submit("tom")
    office.leave("tom")
    office.told()
    office.ask("r", "mei")
    assert office.told() == [("question", "rosa")]


def test_who_takes_over_from_somebody_who_asked_and_left_does_not_wait_for_the_answer() -> None:
    office = waiting()
    office.ask("r", "mei")
    office.wait("1h")
    office.leave("mei")
    assert office.asked() == {"r": ("ines",)}
    assert office.approval("r").due_at == MONDAY + 2 * DAY + HOUR
    office.told()
    office.answer("r")
    assert office.approval("r").due_at == MONDAY + 2 * DAY + HOUR


def test_who_asks_is_refused_in_the_order_of_decisions() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2), rule("g", "legal"))
    office.submit()
    assert code_of(office.ask, "b", "rosa") == "four_eyes"
    assert code_of(office.ask, "b", "sam") == "not_yours"
    assert code_of(office.ask, "b", "david") == "not_your_turn"
    assert code_of(office.ask, "nothing", "david") == "unknown_approval"
    office.approve("g", "nora")
    assert code_of(office.ask, "g", "liam") == "already_decided"
    office.recall()
    assert code_of(office.ask, "a", "mei") == "round_closed"


def test_an_answer_says_which_where_several_wait_and_finds_the_only_one() -> None:
    office = Office(rule("a", "mei"), rule("b", "david"))
    office.submit()
    assert code_of(office.answer) == "wrong_state"
    office.ask("a", "mei")
    office.ask("b", "david")
    assert code_of(office.answer) == "wrong_state"
    office.answer("a")
    office.answer()
    assert not office.approval("b").questions[0].is_open


def test_the_same_question_twice_is_one_question() -> None:
    office = waiting()
    office.ask("r", "mei", act_id="once")
    office.ask("r", "mei", act_id="once")
    assert len(office.approval("r").questions) == 1
    assert office.told() == [("question", "rosa")]


def test_a_question_that_comes_late_leaves_no_negative_time() -> None:
    office = waiting()
    office.clock = MONDAY + 5 * HOUR  # the reminder was due an hour ago and nobody came
    office.ask("r", "mei")
    office.wait("1h")
    office.answer("r")
    office.told()
    office.tick()
    assert office.told() == [("reminder", "mei")]


def test_recomputed_deadlines_follow_the_calendar_of_now_and_only_for_an_admin() -> None:
    office = waiting()
    late = people(calendars={"office": {"hours": {"mon-fri": ["13:00-17:00"]}}})
    calendars = Office(directory=late).directory.calendars
    office.work_with(office.directory._with(calendars=calendars))
    assert office.approval("r").due_at == MONDAY + DAY + 8 * HOUR, "deadlines that are set stay"
    assert code_of(office.act, ActVerb.RECOMPUTE, "r", "mei") == "admin_only"
    office.act(ActVerb.RECOMPUTE, "r", "sam", admin=True)
    assert office.approval("r").due_at == MONDAY + DAY + 8 * HOUR, "2d is eight hours of four a day"
    office.wait("1h")
    assert office.state.next_moment == MONDAY + 8 * HOUR


def test_the_holder_of_a_question_escalates_never_but_the_clock_of_the_next_runs() -> None:
    office = waiting(directory=people(users={"mei": {"deputy": "sam"}}))
    office.ask("r", "mei")
    office.wait("3w")
    assert office.asked() == {"r": ("mei",)}
    office.reassign("r", "mei", "zoe")
    assert office.asked() == {"r": ("zoe",)}
    assert office.approval("r").due_at == MONDAY + 22 * DAY + 8 * HOUR
