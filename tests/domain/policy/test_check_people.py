"""What the check finds of the people a policy would ask, as of a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.approval.plan import Submission, make_plan
from domain.approvers import check_approvers
from domain.people import Directory, read_directory
from domain.policy.check import check
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.policy.finding import Finding, refuse_errors
from domain.policy.possible import Work
from domain.refusal import Refusal
from domain.yaml_text import read_yaml
from tests.domain.policy.sample_policy import policy, rule
from tests.domain.sample_quote import priced

ON = date(2027, 2, 1)
EXAMPLES = Path(__file__).parents[3] / "examples"
WEEK = {"time_zone": "UTC", "hours": {"mon-fri": ["09:00-17:00"]}}
CALENDARS = {
    "office": WEEK,
    "festive": {**WEEK, "holidays": ["2027-03-01", "2027-03-02", "2027-03-03"]},
    "free": {**WEEK, "holidays": ["2027-03-01"]},
}
USERS: dict[str, Any] = {
    "rep": {"manager": "ann"},
    "ann": {"manager": "bob", "calendar": "office"},
    "bob": {"manager": "ceo", "calendar": "office"},
    "ceo": {"calendar": "office"},
    "dan": {"manager": "ceo", "calendar": "office"},
    "gone": {"manager": "bob", "active": False},
}


def people(users: dict[str, Any] | None = None, **more: Any) -> Directory:
    """The small office, with what a test changes; a user without a name is called by the id."""
    whole = {**USERS, **(users or {})}
    named = {name: {"name": name.title(), **user} for name, user in whole.items() if user is not None}
    return read_directory({"calendars": CALENDARS, "users": named, **more})


def findings(*rules: dict[str, Any], directory: Directory | None = None, **more: Any) -> tuple[Finding, ...]:
    paper = policy(*rules, **{"fallback": "dan", **more})
    return check(paper, directory or people(), on=ON)


def found(*rules: dict[str, Any], directory: Directory | None = None, **more: Any) -> list[tuple[str, str, str]]:
    return [(each.severity, each.code, each.path) for each in findings(*rules, directory=directory, **more)]


MANAGER = {"manager_of": "owner"}


def test_an_office_in_order_has_no_findings() -> None:
    assert (
        found(rule("a", approver="ann"), rule("b", approver=MANAGER, step=2), rule("c", approver="bob", step=3)) == []
    )


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"rules": [rule(approver="ghost")]}, "rules.r.approver"),
        ({"rules": [rule(sla={"escalate": "1d", "to": "ghost"})]}, "rules.r.sla.to"),
        ({"fallback": "ghost"}, "fallback"),
        ({"watchers": ["ann", "ghost"]}, "watchers.1"),
        ({"matrix": [{"id": "m", "columns": ["x"], "rows": [{"x": "1..", "approver": "ghost"}]}]},
         "matrix.m.rows.0.approver"),
    ],
)  # fmt: skip
def test_names_that_the_directory_does_not_know(document: dict[str, Any], path: str) -> None:
    rules = document.pop("rules", [rule()])
    assert ("error", "unknown_approver", path) in found(*rules, **document)


@pytest.mark.parametrize(
    ("bad", "good", "finding"),
    [
        ({"approver": "gone"}, {"approver": "bob"}, ("warning", "inactive_person", "rules.r.approver")),
        ({"approver": {"field": "owner"}}, {"approver": MANAGER},
         ("warning", "always_barred", "rules.r.approver.field")),
        ({"approver": {"field": "net_total"}}, {"approver": {"field": "account_manager"}},
         ("error", "type_mismatch", "rules.r.approver.field")),
        ({"approver": {"manager_of": "start_date"}}, {"approver": {"manager_of": "account_manager"}},
         ("error", "type_mismatch", "rules.r.approver.manager_of")),
        ({"approver": {**MANAGER, "level": 4}}, {"approver": {**MANAGER, "level": 3}},
         ("warning", "no_manager", "rules.r.approver.manager_of")),
        ({"approver": {"manager_of": "ceo"}}, {"approver": {"manager_of": "bob"}},
         ("warning", "no_manager", "rules.r.approver.manager_of")),
    ],
)  # fmt: skip
def test_whom_a_rule_asks(bad: dict[str, Any], good: dict[str, Any], finding: tuple[str, str, str]) -> None:
    assert finding in found(rule(**bad))
    assert finding not in found(rule(**good))
    assert not any(severity == "error" for severity, _, _ in found(rule(**good)))


def test_a_variable_names_nobody() -> None:
    told = found(rule(approver={"field": "v"}, when="v > 1"), variables={"v": "net_total"})
    assert ("error", "unknown_field", "rules.r.approver.field") in told


def test_the_fallback_must_be_there_and_somebody() -> None:
    assert found(rule(), fallback=None) == [("warning", "no_fallback", "policy")]
    assert ("error", "inactive_fallback", "fallback") in found(rule(), fallback="gone")
    assert found(rule(), fallback="bob") == []


@pytest.mark.parametrize(
    ("approver", "more", "finding"),
    [
        ({"user": "gone"}, {}, ("warning", "inactive_person", "approvers.desk.user")),
        ({"user": "ghost"}, {}, ("warning", "unknown_person", "approvers.desk.user")),
        ({"group": "nobody"}, {}, ("error", "unknown_approver", "approvers.desk.group")),
        ({}, {}, ("error", "unknown_approver", "approvers.desk")),
        ({"field": "owner"}, {}, ("warning", "always_barred", "approvers.desk.field")),
        ({"group": "legal"}, {"groups": {"legal": {"members": ["ann", "gone"]}}},
         ("warning", "inactive_person", "groups.legal.members.1")),
        ({"group": "legal"}, {"groups": {"legal": {"members": ["ann", "bob"], "quorum": 3}}},
         ("warning", "quorum_too_large", "groups.legal.quorum")),
        ({"group": "legal"}, {"groups": {"legal": {"members": ["ann"], "veto": ["ghost"]}}},
         ("warning", "unknown_person", "groups.legal.veto.0")),
        ({"group": "legal"}, {"groups": {"legal": {"members": ["ann"], "veto": ["bob"]}}},
         ("warning", "idle_veto", "groups.legal.veto.0")),
        ({"user": "ann", "sla": {"escalate": "1d", "to": "ghost"}}, {},
         ("error", "unknown_approver", "approvers.desk.sla.to")),
    ],
)  # fmt: skip
def test_what_the_directory_says_of_an_approver(
    approver: dict[str, Any], more: dict[str, Any], finding: tuple[str, str, str]
) -> None:
    directory = people(approvers={"desk": approver}, **more)
    told = findings(rule(approver="desk"), directory=directory)
    assert finding in [(each.severity, each.code, each.path) for each in told]
    assert {each.document for each in told if each.path == finding[2]} == {"directory"}
    # Nobody asks it, so that nobody need know.
    assert finding not in found(rule(approver="ann"), directory=directory)


def test_managers_who_lead_each_other_and_people_who_are_gone() -> None:
    circle = people({"x": {"manager": "y"}, "y": {"manager": "z"}, "z": {"manager": "x"}, "w": {"manager": "x"}})
    assert found(rule(), directory=circle) == [("warning", "manager_loop", "users.x.manager")]
    torn = people({"x": {"manager": "ghost", "deputy": "spirit"}})
    assert found(rule(), directory=torn) == [
        ("warning", "unknown_person", "users.x.manager"),
        ("warning", "unknown_person", "users.x.deputy"),
    ]


def test_a_line_of_managers_is_walked_once_however_long() -> None:
    users = {f"u{at}": {"manager": f"u{at + 1}"} for at in range(3000)}
    told = found(rule(approver={**MANAGER, "level": 20}), directory=people({**users, "u3000": {}}))
    assert ("warning", "no_manager", "rules.r.approver.manager_of") not in told


@pytest.mark.parametrize(
    ("delegations", "finding"),
    [
        ([{"of": "ann", "to": "gone"}], ("warning", "idle_delegation", "delegations.0.to")),
        ([{"of": "ann", "to": "gone", "until": "2027-01-31T00:00"}], None),
        ([{"of": "ann", "to": "crew"}], ("warning", "idle_delegation", "delegations.0.to")),
        ([{"of": "ghost", "to": "ann"}], ("warning", "unknown_person", "delegations.0.of")),
        ([{"id": "d", "of": "ann", "to": "bob"}], None),
        ([{"of": f"x{at}", "to": f"x{at + 1}"} for at in range(6)],
         ("warning", "long_delegation", "delegations.0.to")),
        ([{"of": f"x{at}", "to": f"x{at + 1}"} for at in range(5)], None),
    ],
)  # fmt: skip
def test_delegations(delegations: list[dict[str, Any]], finding: tuple[str, str, str] | None) -> None:
    users: dict[str, Any] = {f"x{at}": {} for at in range(7)}
    directory = people(users, delegations=delegations, groups={"crew": {"members": ["gone"]}})
    assert found(rule(), directory=directory) == ([finding] if finding else [])


# -- nobody to decide


def test_a_rule_that_nobody_could_ever_decide() -> None:
    nobody = rule(approver="gone")
    told = found(nobody, fallback=None)
    assert ("error", "no_decider", "rules.r.approver") in told
    assert ("error", "no_decider", "rules.r.approver") not in found(nobody)
    group = people(groups={"crew": {"members": ["gone"], "quorum": 3}})
    assert ("error", "no_decider", "rules.r.approver") in found(rule(approver="crew"), directory=group)


def test_a_rule_that_cannot_fire_asks_nobody() -> None:
    told = found(rule(approver="gone", active=False), fallback=None)
    assert "no_decider" not in {code for _, code, _ in told}


def test_a_rule_that_has_nobody_for_some_quotes() -> None:
    told = findings(rule(approver=MANAGER), fallback="ceo")
    assert [(each.code, each.path) for each in told] == [("no_decider_for_some", "rules.r.approver")]
    assert "quotes of ceo are refused" in told[0].message
    assert found(rule(approver=MANAGER), fallback="dan")[1:] == []


def test_a_rule_that_only_ever_asks_the_owner() -> None:
    asks_owner = rule(approver={"field": "owner"})
    told = found(asks_owner, self_approval="fail")
    assert ("error", "always_barred", "rules.r.approver") in told
    assert ("error", "always_barred", "rules.r.approver") not in found(asks_owner)
    # That somebody may not decide their own quote is what fail is for.
    assert found(rule(approver="ann"), self_approval="fail") == []


def test_the_check_agrees_with_the_plan() -> None:
    """An error says that every submit is refused, and a submit that is refused was warned of."""
    for approver in ("ann", "gone", "crew", MANAGER, {"field": "owner"}, {**MANAGER, "level": 3}):
        for fallback in ("dan", "ceo", None):
            for own in ("next_manager", "fail"):
                directory = people(groups={"crew": {"members": ["gone", "ann"], "quorum": 2}})
                paper = policy(rule(approver=approver), fallback=fallback, self_approval=own)
                told = check(paper, directory, on=ON)
                stuck = {each.code for each in told} & {"no_decider", "always_barred", "no_decider_for_some"}
                certain = any(each.is_error for each in told)
                for owner in ("rep", "ann", "bob", "ceo", "dan"):
                    planned = is_planned(owner, paper, directory)
                    assert not (certain and planned), (approver, fallback, own, owner)
                    if not planned and own != "fail":
                        assert stuck, (approver, fallback, own, owner)


def is_planned(owner: str, paper: Any, directory: Directory) -> bool:
    from datetime import UTC, datetime

    quote = priced(owner=owner)
    try:
        make_plan(Submission(quote, compile_policy(paper), directory, owner, datetime(2027, 2, 1, 9, tzinfo=UTC)))
    except Refusal:
        return False
    return True


# -- silence


def test_an_escalation_that_leads_to_nobody() -> None:
    sla = {"escalate": "1d"}
    alone = rule(approver="ceo", sla=sla)
    assert ("error", "escalation_to_nobody", "rules.r.sla") in found(alone, fallback=None)
    assert found(alone) == [("warning", "escalation_to_nobody", "rules.r.sla")]  # the fallback itself may be the owner
    assert found(rule(approver="ceo", sla={**sla, "to": "bob"})) == []
    assert found(rule(approver="ceo", sla={**sla, "on_timeout": "reject"}), fallback=None)[0][1] == "no_fallback"
    assert found(rule(approver="ceo", sla={"remind": "1d"})) == []
    desk = people(approvers={"desk": {"user": "ceo", "sla": sla}})
    told = found(rule(approver="desk"), directory=desk, fallback=None)
    assert ("error", "escalation_to_nobody", "rules.r.approver") in told


def test_an_escalation_that_leads_only_to_people_with_too_little_authority() -> None:
    sla = {"escalate": "1d", "to": "bob"}
    small = people(users={"bob": {"name": "Bob", "authority": {"amount": "500", "currency": "USD"}}})
    large = rule(approver="ceo", sla=sla, when="net_total > 1000 USD")
    assert ("error", "escalation_to_nobody", "rules.r.sla") in found(large, directory=small, fallback=None)
    either = rule(approver="ceo", sla=sla, when="net_total > 400 USD")
    assert ("error", "escalation_to_nobody", "rules.r.sla") not in found(either, directory=small, fallback=None)


# -- authority


@pytest.mark.parametrize(
    ("when", "limit", "boss", "finding"),
    [
        ("net_total > 1000 USD", "500", "700", ("error", "authority_too_low")),
        ("net_total > 1000", "500", "700", ("warning", "authority_too_low")),
        ("net_total > 1000", "500", "2000", ("warning", "authority_below")),
        ("net_total > 1000", "500", None, ("warning", "authority_below")),
        ("net_total > 1000", "1000", None, ("warning", "authority_below")),
        ("net_total >= 1000", "1000", None, None),
        ("net_total > 400", "500", "700", None),
        (["net_total > 400", "x > 5"], "500", "700", None),
        ({"any": ["net_total > 1000", "x > 5"]}, "500", "700", None),
        ("net_total > 1000 EUR", "500", "700", None),
    ],
)
def test_limits_below_what_the_rule_is_about(
    when: Any, limit: str, boss: str | None, finding: tuple[str, str] | None
) -> None:
    top = {"authority": {"amount": boss, "currency": "USD"}} if boss else {}
    directory = people(
        {"ann": {"manager": "bob", "authority": {"amount": limit, "currency": "USD"}}, "bob": top, "dan": top}
    )
    told = found(rule(approver="ann", when=when), directory=directory)
    assert set(told) == ({(*finding, "rules.r.approver")} if finding else set())


# -- days


def days(sla: dict[str, Any], **ann: Any) -> list[str]:
    directory = people({"ann": {"manager": "bob", **ann}})
    told = findings(rule(approver="ann", sla=sla), directory=directory)
    return [each.message.split()[1] for each in told if each.code == "no_decider_on"]


def test_the_first_day_on_which_nobody_works_before_the_escalation() -> None:
    assert days({"escalate": "2d"}, calendar="festive") == ["2027-03-01"]
    assert days({"escalate": "3d"}, calendar="festive") == []  # three days of holidays, no shorter than the SLA
    assert days({"escalate": "1d"}, calendar="free") == []
    assert days({"escalate": "7h"}, calendar="free") == ["2027-03-01"]
    assert days({"remind": "1h"}, calendar="festive") == []
    assert days({"escalate": "2d"}) == []


def test_a_delegation_helps_over_the_holidays_and_one_to_somebody_who_is_away_does_not() -> None:
    def told(calendar: str, **delegation: str) -> list[tuple[str, str, str]]:
        users = {"ann": {"manager": "bob", "calendar": "festive"}, "eve": {"calendar": calendar}}
        directory = people(users, delegations=[{"of": "ann", "to": "eve", **delegation}])
        return found(rule(approver="ann", sla={"escalate": "1d"}), directory=directory)

    assert told("office") == []
    assert told("festive") == [("warning", "no_decider_on", "rules.r.approver")]
    window = {"from": "2027-03-01T00:00", "until": "2027-03-04T00:00"}
    assert told("office", **window) == []
    assert told("office", **{**window, "until": "2027-03-02T00:00"}) == [
        ("warning", "no_decider_on", "rules.r.approver")
    ]


def test_a_group_needs_as_many_at_work_as_its_quorum() -> None:
    def told(quorum: str) -> list[str]:
        users = {"ann": {"manager": "ceo", "calendar": "festive"}}
        directory = people(users, groups={"crew": {"members": ["ann", "bob", "dan"], "quorum": quorum}})
        told = found(rule(approver="crew", sla={"escalate": "1d"}), directory=directory)
        return [code for _, code, _ in told if code == "no_decider_on"]

    assert told("any") == []
    assert told("all") == ["no_decider_on"]


def test_days_outside_the_window_of_a_rule_or_beyond_a_year_do_not_count() -> None:
    users = {"ann": {"manager": "bob", "calendar": "festive"}}
    for window, there in (({"until": "2027-02-28"}, False), ({"from": "2027-03-04"}, False), ({}, True)):
        told = found(rule(approver="ann", sla={"escalate": "1d"}, **window), directory=people(users))
        assert bool(told) is there
    paper = policy(rule(approver="ann", sla={"escalate": "1d"}), fallback="dan")
    assert check(paper, people(users), on=date(2026, 2, 1)) == ()


# -- the whole


def test_the_work_on_people_is_bounded() -> None:
    users = {f"u{at}": {"manager": f"u{at // 2}" if at else None} for at in range(300)}
    rules = [rule(f"r{at}", f"x > {at}", approver={**MANAGER, "level": at % 20 + 1}, step=at) for at in range(200)]
    work = Work(5_000)
    told = check(policy(*rules, fallback="u0"), people(users), on=ON, people_work=work)
    assert work.spent <= 5_000
    assert "not_proven" in {each.code for each in told}


def documents() -> list[tuple[str, Any, Any]]:
    hospital = EXAMPLES / "hospital"
    loaded = [
        ("hospital", *(read_yaml((hospital / f"{name}.yaml").read_text()).value for name in ("policy", "directory")))
    ]
    for file in sorted((EXAMPLES / "stories").glob("*.yaml")):
        story = read_yaml(file.read_text(encoding="utf-8")).value
        if isinstance(story.get("policy"), dict) and isinstance(story.get("directory"), str):
            directory = read_yaml((file.parent / story["directory"]).read_text(encoding="utf-8")).value
            loaded.append((file.stem, story["policy"], directory))
    return loaded


@pytest.mark.parametrize(
    ("name", "paper", "directory"), documents(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_the_examples_have_no_errors(name: str, paper: Any, directory: Any) -> None:
    told = check(read_policy(paper), read_directory(directory), on=date(2026, 11, 16))
    assert [each for each in told if each.is_error] == []


def test_errors_are_refused_by_their_codes_and_warnings_pass() -> None:
    paper = policy(rule(when=["x > 5", "x < 3"]), rule("q", "title > 5", active=False))
    check_approvers(paper, people())
    with pytest.raises(Refusal) as caught:
        refuse_errors(check(paper, people(), on=ON))
    assert [each.code for each in caught.value.problems] == ["type_mismatch", "contradiction"]
    refuse_errors(check(policy(rule(active=False)), people(), on=ON))
