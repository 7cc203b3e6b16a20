"""Whose waiting requests a new entry of the directory can reach."""

from __future__ import annotations

from typing import Any

import pytest

from domain.people import Directory, read_directory
from domain.reach import inactive, reached
from domain.refusal import Refusal

CHICAGO = {"time_zone": "America/Chicago", "hours": {"mon-fri": ["09:00-17:00"]}}
NIGHTS = {"time_zone": "America/Chicago", "hours": {"mon-fri": ["18:00-24:00"]}}
TOKYO = {**CHICAGO, "time_zone": "Asia/Tokyo"}
DELEGATIONS = [
    {"of": "ann", "to": "bob"},
    {"of": "bob", "to": "pair", "from": "2026-11-24T09:00"},
    {"of": "eve", "to": "dan", "until": "2026-12-01T00:00Z"},
]


def people(**more: Any) -> Directory:
    names = ("ann", "bob", "cat", "dan", "eve", "fay")
    users = {name: {"name": name, "calendar": "office"} for name in names}
    return read_directory(
        {
            "calendars": {"office": CHICAGO},
            "users": users,
            "groups": {"pair": {"members": ["cat", "dan"]}},
            "approvers": {"boss": {"user": "fay"}},
            "delegations": DELEGATIONS,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("section", "name", "entry", "found"),
    [
        ("users", "fay", {"name": "Fay"}, {"fay"}),
        ("users", "bob", {"name": "Bob"}, {"ann", "bob"}),
        ("users", "cat", {"name": "Cat"}, {"ann", "bob", "cat"}),
        ("users", "dan", {"name": "Dan"}, {"ann", "bob", "dan", "eve"}),
        ("users", "new", {"name": "New"}, {"new"}),
        ("groups", "pair", {"members": ["fay"]}, {"ann", "bob"}),
        ("groups", "other", {"members": ["dan"]}, set()),
        ("approvers", "boss", {"user": "ann"}, set()),
        # Other hours in the same zone move no delegation; another zone moves those that are written in it.
        ("calendars", "office", NIGHTS, set()),
        ("calendars", "office", TOKYO, {"ann", "bob"}),
        ("calendars", "new", TOKYO, set()),
    ],
)
def test_a_new_entry_reaches_those_it_concerns_and_who_hands_over_to_them(
    section: str, name: str, entry: Any, found: set[str]
) -> None:
    before = people()
    assert reached(before, before.with_entry(section, name, entry), section, name) == found


def test_a_net_of_groups_is_followed_once() -> None:
    ring = [{"of": f"u{at}", "to": f"g{at + 1}"} for at in range(200)]
    users = {f"u{at}": {"name": "U"} for at in range(201)}
    groups = {f"g{at}": {"members": [f"u{at}"]} for at in range(201)}
    whole = read_directory({"users": users, "groups": groups, "delegations": ring})
    assert whole.givers(["u200"]) == {f"u{at}" for at in range(200)}


def test_who_has_left_is_inactive() -> None:
    assert inactive(people()) == ()
    assert inactive(people().deactivated("eve")) == ("eve",)


def test_an_entry_is_refused_for_what_it_brings_and_not_for_what_was_there() -> None:
    with pytest.raises(Refusal) as caught:
        people().with_entry("groups", "pair", {"members": ["ann"]})
    assert caught.value.code == "delegation_loop"
    with pytest.raises(Refusal) as caught:
        people().with_entry("users", "ann", {"name": "Ann", "calendar": "mars"})
    assert (caught.value.code, caught.value.path) == ("unknown_calendar", "users.ann.calendar")
    broken = Directory.model_validate({"users": {"old": {"name": "Old", "calendar": "gone"}}})
    assert broken.with_entry("users", "new", {"name": "New"}).is_active("new")
