"""Silence: reminders, the ladder, and what happens at its end, in working time of the approver's calendar."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.approval.state import Outcome
from tests.domain.approval.office import MONDAY, Office, code_of, people, rule

# Monday 2026-11-23, 09:00 UTC; everybody works from nine to five, so 1d is eight hours and ends at 17:00.
END_OF_DAY = MONDAY + timedelta(hours=8)
TUESDAY_EVENING = END_OF_DAY + timedelta(days=1)


def waiting(sla: dict[str, Any], directory: dict[str, Any] | None = None, **policy: Any) -> Office:
    office = Office(rule("r", "mei", sla=sla), directory=directory, **policy)
    office.submit()
    office.notices.clear()
    return office


def test_a_reminder_comes_once_unless_it_shall_come_again() -> None:
    office = waiting({"remind": "4h"})
    office.wait("4w")
    assert office.told() == [("reminder", "mei")]


def test_again_reminds_every_so_much_working_time() -> None:
    office = waiting({"remind": "4h", "again": "1d"})
    office.until(MONDAY + timedelta(hours=4))
    assert office.told() == [("reminder", "mei")]
    office.until(MONDAY + timedelta(days=1, hours=4, minutes=-1))
    assert office.told() == []
    office.until(MONDAY + timedelta(days=3, hours=4))
    assert office.told() == [("reminder", "mei")] * 3


def test_a_due_moment_is_the_end_of_the_day_and_not_the_next_morning() -> None:
    office = waiting({"escalate": "1d"})
    assert office.approval("r").due_at == END_OF_DAY
    office.until(END_OF_DAY - timedelta(microseconds=1))
    assert office.asked() == {"r": ("mei",)}
    office.until(END_OF_DAY)
    assert office.asked() == {"r": ("david",)}


def test_the_ladder_goes_up_step_by_step() -> None:
    directory = people(users={"mei": {"deputy": "sam"}}, approvers={"named": {"user": "zoe"}})
    office = waiting({"escalate": "1d", "to": "named"}, directory)
    seen = []
    for _ in range(6):
        office.until(office.approval("r").due_at or office.clock + timedelta(days=1))
        seen.append(office.asked()["r"])
    assert seen == [("sam",), ("david",), ("zoe",), ("ines",), ("ines",), ("ines",)]
    whys = [each.detail["why"] for each in office.events if each.kind == "escalated"]
    assert whys == ["deputy", "manager", "named", "fallback"]
    assert office.told() == [("escalation", each) for each in ("sam", "david", "zoe", "ines")]


@pytest.mark.parametrize(
    ("users", "to", "first"),
    [
        ({}, None, "david"),
        ({"mei": {"deputy": "sam"}}, None, "sam"),
        ({"mei": {"deputy": "sam"}, "sam": {"active": False}}, None, "david"),
        ({"mei": {"deputy": "ghost"}}, None, "david"),
        ({"mei": {"deputy": "rosa"}}, None, "david"),
        ({"mei": {"deputy": "mei"}}, None, "david"),
        ({"mei": {"manager": None}}, None, "ines"),
        ({"mei": {"manager": None}}, "zoe", "zoe"),
        ({"mei": {"manager": "rosa"}}, "legal", "liam"),
    ],
)
def test_a_rung_with_nobody_or_somebody_barred_is_passed_over_at_once(
    users: dict[str, Any], to: str | None, first: str
) -> None:
    sla = {"escalate": "1d", **({"to": to} if to else {})}
    office = waiting(sla, people(users=users))
    office.until(END_OF_DAY)
    assert office.asked() == {"r": (first,)}


def test_the_new_person_replaces_the_old_who_then_is_not_asked() -> None:
    office = waiting({"escalate": "1d"})
    office.until(END_OF_DAY)
    assert code_of(office.approve, "r", "mei") == "not_yours"
    office.approve("r", "david")
    vote = office.approval("r").votes[0]
    assert (vote.by, vote.seat_of) == ("david", "david")


def test_the_new_person_has_the_whole_time_again_also_for_reminders() -> None:
    office = waiting({"remind": "4h", "escalate": "1d"})
    office.until(END_OF_DAY)
    assert office.told() == [("reminder", "mei"), ("escalation", "david")]
    assert office.approval("r").due_at == TUESDAY_EVENING
    office.until(END_OF_DAY + timedelta(days=1) - timedelta(hours=4))
    assert office.told() == [("reminder", "david")]


def test_an_escalated_request_reaches_the_delegate_of_the_new_person() -> None:
    office = waiting({"escalate": "1d"})
    office.delegate("david", "sam")
    office.until(END_OF_DAY)
    assert office.asked() == {"r": ("sam",)}
    assert office.told() == [("escalation", "sam")]


@pytest.mark.parametrize(("decides", "outcome"), [("approve", Outcome.APPROVED), ("reject", Outcome.REJECTED)])
def test_the_end_of_the_ladder_may_decide(decides: str, outcome: Outcome) -> None:
    directory = people(users={"mei": {"manager": None}})
    office = waiting({"escalate": "1d", "on_timeout": decides}, directory, fallback=None)
    office.until(END_OF_DAY)
    assert office.state.outcome is outcome
    assert [(vote.by, vote.channel) for vote in office.approval("r").votes] == [("system", "timeout")]


def test_on_timeout_comes_only_after_every_rung() -> None:
    office = waiting({"escalate": "1d", "on_timeout": "reject"})
    office.until(END_OF_DAY)
    office.until(TUESDAY_EVENING)
    assert office.asked() == {"r": ("ines",)}
    office.until(TUESDAY_EVENING + timedelta(days=1))
    assert office.state.outcome is Outcome.REJECTED
    assert office.state.outcome_reason == "nobody answered in time"


def test_a_timeout_is_no_answer_of_the_person_and_settles_nothing_else() -> None:
    directory = people(users={"mei": {"manager": None}})
    office = Office(
        rule("a", "mei", sla={"escalate": "1d", "on_timeout": "approve"}, chain="a"),
        rule("b", "mei", chain="b"),
        directory=directory,
        fallback=None,
    )
    office.submit()
    office.until(END_OF_DAY)
    assert office.states() == {"a": "approved", "b": "requested"}


def test_each_member_of_a_group_has_a_clock_and_a_ladder_of_their_own() -> None:
    directory = people(
        calendars={"office": {"hours": {"mon-fri": ["09:00-17:00"]}}, "late": {"hours": {"mon-fri": ["13:00-17:00"]}}},
        users={"nora": {"calendar": "late", "manager": "zoe"}},
    )
    office = Office(rule("g", "legal", sla={"escalate": "6h"}), directory=directory)
    office.submit()
    office.until(END_OF_DAY)
    assert office.asked() == {"g": ("ines", "nora")}
    office.until(MONDAY + timedelta(days=2))
    assert office.asked() == {"g": ("ines", "zoe")}


def test_whoever_was_silent_in_one_seat_is_no_rung_of_another() -> None:
    office = Office(rule("g", "legal", sla={"escalate": "4h"}))
    office.submit()
    office.wait("3d")  # liam is nora's manager, ines liam's
    assert office.asked() == {"g": ("ines", "nora")}
    assert code_of(office.approve, "g", "liam") == "not_yours"


def test_a_deputy_who_was_silent_as_the_delegate_is_no_rung() -> None:
    office = waiting({"escalate": "1d"}, people(users={"mei": {"deputy": "sam"}}))
    office.delegate("mei", "sam")
    assert office.asked() == {"r": ("sam",)}
    office.until(END_OF_DAY)
    assert office.asked() == {"r": ("david",)}
    office.delegate("david", "sam")
    assert office.asked() == {"r": ("david",)}, "nobody hands over to whoever was just silent"


def test_a_fallback_who_was_silent_as_the_deputy_is_no_rung() -> None:
    office = waiting({"escalate": "1d"}, people(users={"mei": {"deputy": "sam"}}), fallback="sam")
    office.wait("4w")
    assert office.asked() == {"r": ("david",)}


def test_the_calendar_of_an_approver_entry_counts_for_the_person_it_names() -> None:
    directory = people(
        calendars={"office": {"hours": {"mon-fri": ["09:00-17:00"]}}, "late": {"hours": {"mon-fri": ["13:00-17:00"]}}},
        approvers={"director": {"user": "mei", "calendar": "late", "sla": {"escalate": "2h"}}},
    )
    office = Office(rule("r", "director"), directory=directory)
    office.submit()
    assert office.approval("r").due_at == MONDAY + timedelta(hours=6)


def test_the_clock_of_a_rule_overrides_the_approvers_default() -> None:
    directory = people(approvers={"director": {"user": "mei", "sla": {"escalate": "2h"}}})
    office = Office(rule("a", "director", sla={"escalate": "3h"}), rule("b", "director", explicit=True),
                    directory=directory)  # fmt: skip
    office.submit()
    assert office.approval("a").due_at == MONDAY + timedelta(hours=3)
    assert office.approval("b").due_at == MONDAY + timedelta(hours=2)


def test_the_clock_starts_when_the_step_is_asked() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2, sla={"escalate": "1d"}))
    office.submit()
    assert office.approval("b").due_at is None
    office.wait("2d")
    office.approve("a", "mei")
    assert office.approval("b").due_at == END_OF_DAY + timedelta(days=2)


def test_a_late_decision_counts_as_long_as_its_escalation_was_not_processed() -> None:
    office = waiting({"escalate": "1d"})
    office.clock = END_OF_DAY + timedelta(hours=5)
    office.approve("r", "mei")
    assert office.state.outcome is Outcome.APPROVED


def test_a_worker_that_comes_late_gives_the_new_person_the_whole_time() -> None:
    office = waiting({"escalate": "1d"})
    office.clock = MONDAY + timedelta(days=2)
    office.tick()
    assert office.asked() == {"r": ("david",)}
    assert office.approval("r").due_at == END_OF_DAY + timedelta(days=2)


def test_somebody_without_a_calendar_works_round_the_clock() -> None:
    office = waiting({"escalate": "1d"}, people(users={"mei": {"calendar": None}}))
    assert office.approval("r").due_at == MONDAY + timedelta(days=1)


def test_holidays_and_zones_of_the_approver_count_not_those_of_the_submitter() -> None:
    directory = people(
        calendars={
            "office": {"hours": {"mon-fri": ["09:00-17:00"]}},
            "tokyo": {"time_zone": "Asia/Tokyo", "hours": {"mon-fri": ["09:30-18:00"]}, "holidays": ["2026-11-24"]},
        },
        users={"mei": {"calendar": "tokyo"}},
    )
    office = waiting({"escalate": "1h"}, directory)
    assert str(office.approval("r").due_at) == "2026-11-25 01:30:00+00:00"


def test_a_calendar_that_changes_moves_no_deadline_that_is_set() -> None:
    office = waiting({"remind": "4h", "again": "1d", "escalate": "3d"})
    due = office.approval("r").due_at
    short = {"hours": {"mon-fri": ["12:00-13:00"]}}
    office.work_with(office.directory.with_entry("calendars", "office", short))
    office.work_with(office.directory.with_entry("users", "mei", {"name": "Mei", "manager": "david"}))
    assert office.approval("r").due_at == due
    assert office.state.next_moment == MONDAY + timedelta(hours=4)
    office.until(MONDAY + timedelta(hours=4))
    assert office.told() == [("reminder", "mei")]
    # Mei has no calendar any more: from now on a day of hers has 24 hours.
    assert office.state.next_moment == MONDAY + timedelta(hours=28)
    office.until(due or MONDAY)
    assert office.asked() == {"r": ("david",)}
    # Three days of one hour each, from the evening of the third day: to the end of the lunch hour of Monday.
    assert office.approval("r").due_at == MONDAY + timedelta(days=7, hours=4)


def test_the_next_moment_is_the_earliest_of_all_clocks() -> None:
    office = Office(rule("a", "mei", sla={"remind": "3h"}), rule("b", "farid", sla={"escalate": "2h"}))
    office.submit()
    assert office.state.next_moment == MONDAY + timedelta(hours=2)
    office.approve("b", "farid")
    assert office.state.next_moment == MONDAY + timedelta(hours=3)
    office.wait("3h")
    assert office.state.next_moment is None


def test_silence_approves_no_more_than_the_silent_person_may() -> None:
    office = waiting({"escalate": "1d", "on_timeout": "approve"}, people(users={"mei": {"manager": "zoe"}}))
    office.limit("mei", 5)
    for name in ("zoe", "ines"):
        office.limit(name, 5)
    office.wait("2w")
    assert office.asked() == {"r": ("mei",)}
    assert office.approval("r").due_at is None
    last = [each for each in office.events if each.kind == "escalated"][-1]
    assert last.detail == {"from": "mei", "to": None, "why": "authority_exceeded"}
    office.limit("mei", None)
    office.approve("r", "mei")
    assert office.state.outcome is Outcome.APPROVED


def test_silence_without_authority_asks_somebody_above_beside() -> None:
    office = waiting({"escalate": "1d", "on_timeout": "approve"}, people(users={"zoe": {"manager": "farid"}}))
    office.reassign("r", "mei", "zoe")
    office.leave("ines")  # the fallback is no rung any more
    office.limit("zoe", 5)
    office.limit("farid", 5)
    office.work_with(
        office.directory._with(
            users={
                **office.directory.users,
                "farid": office.directory.users["farid"].model_copy(update={"manager": "david"}),
            }
        )
    )
    office.wait("1d")
    assert office.asked() == {"r": ("david",)}
    office.reject("r", "david")
    assert office.state.outcome is Outcome.REJECTED
