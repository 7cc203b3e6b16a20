"""What a replacement changes among people: every reference, once, and no loop (``spec/approvals.md`` 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.approvers import find_approver
from domain.people import Directory, read_directory
from domain.refusal import Refusal
from domain.replacement import Replaced, Succession, find_replacement, succeed

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NAMES = ("rosa", "mei", "david", "ines", "sam", "farid", "liam", "nora")


def directory(**more: Any) -> Directory:
    users: dict[str, Any] = {name: {"name": name.title()} for name in NAMES}
    for name, entry in more.pop("users", {}).items():
        users[name] = {"name": name.title(), **entry}
    return read_directory({"users": users, **more})


def succession(people: Directory, old: str, new: str, kind: Replaced | None = None) -> Succession:
    found = succeed(people, find_replacement(people, old, new, kind), NOW)
    # What comes out is a directory that would be taken in.
    read_directory(found.directory.model_dump(mode="json", by_alias=True, exclude_none=True))
    return found


def touched(found: Succession) -> dict[str, tuple[Any, Any, str | None]]:
    return {f"{each.section}.{each.entry}.{each.field}": (each.before, each.after, each.why) for each in found.touches}


def test_a_person_is_replaced_in_every_reference() -> None:
    people = directory(
        users={"mei": {"manager": "david", "deputy": "david"}, "david": {"manager": "ines"}},
        groups={"board": {"members": ["mei", "david", "sam"], "veto": ["david"], "quorum": "all"}},
        approvers={
            "director": {"user": "david", "authority": {"amount": "10", "currency": "USD"}},
            "late": {"user": "mei", "sla": {"escalate": "2d", "to": "david"}},
        },
        delegations=[{"id": "d1", "of": "liam", "to": "david"}],
    )
    found = succession(people, "david", "farid")
    after = found.directory
    assert (after.users["mei"].manager, after.users["mei"].deputy) == ("farid", "farid")
    assert after.groups["board"].members == ("mei", "farid", "sam")
    assert after.groups["board"].veto == ("farid",)
    assert after.approvers["director"].user == "farid"
    assert after.approvers["director"].authority == people.approvers["director"].authority
    late = after.approvers["late"].sla
    assert late is not None
    assert late.to == "farid"
    assert [(each.of, each.to) for each in after.delegations] == [("liam", "farid")]
    assert after.users["david"] == people.users["david"], "who is replaced stays who they are"
    assert find_approver(after, "david", {}).persons == ("farid",), "also where a policy names them directly"
    assert set(found.replacement.persons) == {"david", "liam"}


def test_nothing_else_is_touched() -> None:
    people = directory(users={"sam": {"manager": "ines"}}, approvers={"ceo": {"user": "ines"}})
    assert touched(succession(people, "david", "farid")) == {
        "approvers.david.user": (None, "farid", "named_by_policies")
    }


def test_an_approver_entry_means_somebody_else_and_the_person_stays() -> None:
    people = directory(
        users={"mei": {"manager": "david"}},
        groups={"board": {"members": ["david", "sam"], "veto": ["director"]}},
        approvers={"director": {"manager_of": "owner", "level": 2}, "board-seat": {"group": "board"}},
    )
    found = succession(people, "director", "farid")
    assert found.directory.approvers["director"].model_dump(exclude_defaults=True) == {"user": "farid"}
    assert found.directory.users == people.users
    assert found.directory.groups == people.groups
    assert set(found.replacement.approvers) == {"director", "board", "board-seat"}, "its veto passes on there"


def test_a_group_is_replaced_by_a_person_wherever_it_is_named() -> None:
    people = directory(
        groups={"legal": {"members": ["liam", "nora"]}},
        approvers={"terms": {"group": "legal"}},
        delegations=[{"id": "d1", "of": "mei", "to": "legal"}],
    )
    after = succession(people, "legal", "sam").directory
    assert find_approver(after, "legal", {}).persons == ("sam",)
    assert find_approver(after, "legal", {}).group is None
    assert find_approver(after, "terms", {}).persons == ("sam",)
    assert [each.to for each in after.delegations] == ["sam"]
    assert after.groups["legal"].members == ("liam", "nora")


def test_who_is_a_member_already_fills_no_second_seat() -> None:
    people = directory(groups={"board": {"members": ["mei", "david"], "quorum": 2}})
    found = succession(people, "david", "mei")
    assert found.directory.groups["board"].members == ("mei",)
    assert touched(found)["groups.board.members"] == (["mei", "david"], ["mei"], "already_there")


def test_a_delegation_that_would_lead_back_ends_and_ones_own_stays() -> None:
    people = directory(
        delegations=[
            {"id": "to-david", "of": "farid", "to": "david"},
            {"id": "round", "of": "sam", "to": "david"},
            {"id": "on", "of": "farid", "to": "sam", "from": "2027-01-01T00:00Z"},
            {"id": "own", "of": "david", "to": "liam"},
            {"id": "over", "of": "nora", "to": "david", "until": "2026-11-01T00:00Z"},
        ]
    )
    found = succession(people, "david", "farid")
    assert {each.id for each in found.ended} == {"to-david", "round"}
    assert {each.id: each.to for each in found.directory.delegations} == {"on": "sam", "own": "liam", "over": "david"}
    assert touched(found)["delegations.own.of"] == ("david", "david", "own_delegation")


def test_a_successor_from_below_reports_as_the_replaced_did() -> None:
    users = {"david": {"manager": "ines"}, "mei": {"manager": "david"}, "sam": {"manager": "mei", "deputy": "david"}}
    below = succession(directory(users=users), "david", "mei").directory
    assert (below.users["mei"].manager, below.users["sam"].manager) == ("ines", "mei")
    further = succession(directory(users=users), "david", "sam").directory
    assert (further.users["mei"].manager, further.users["sam"].manager) == ("sam", "ines")
    assert further.users["sam"].deputy is None
    assert list(further.managers_of("mei")) == ["sam", "ines"]


def test_back_again_leaves_the_names_as_they_were() -> None:
    people = directory(approvers={"director": {"user": "david"}}, users={"mei": {"manager": "david"}})
    once = succession(people, "david", "farid").directory
    back = succession(once, "farid", "david", Replaced.USER).directory
    assert back.users == people.users
    for name in ("director", "david", "farid"):
        assert find_approver(back, name, {}).persons == ("david",)


@pytest.mark.parametrize(
    ("old", "new", "kind", "code"),
    [
        ("nothing", "mei", None, "unknown_approver"),
        ("director", "mei", Replaced.USER, "unknown_user"),
        ("director", "nobody", None, "unknown_user"),
        ("director", "gone", None, "unknown_user"),
        ("director", "david", None, "same_person"),
        ("mei", "mei", None, "same_person"),
    ],
)
def test_who_cannot_take_over_is_refused(old: str, new: str, kind: Replaced | None, code: str) -> None:
    people = directory(users={"gone": {"active": False}}, approvers={"director": {"user": "david"}})
    with pytest.raises(Refusal) as refused:
        find_replacement(people, old, new, kind)
    assert refused.value.code == code
