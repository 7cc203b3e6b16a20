"""People: the line of managers, and who may act for whom at a moment."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.delegation import Delegation
from domain.limit import Limit, Matter
from domain.people import MOST_HOPS, Directory, read_directory
from domain.reading import read_model
from domain.refusal import Refusal

CHICAGO = ZoneInfo("America/Chicago")
NOON = datetime(2026, 11, 23, 12, tzinfo=CHICAGO)
MATTER = Matter("standard", "discount", Decimal(1000), "USD", {"EUR": Decimal("1.1")})


EVERYBODY = ("ann", "bob", "cat", "dan", "eve", "fay", "gus")


def people(delegations: list[dict[str, Any]] | None = None, **users: dict[str, Any]) -> Directory:
    """ann, bob, cat, dan, eve, fay and gus in Chicago, and the group of bob and cat; ``users`` change entries."""
    everybody = {name: {"name": name.title(), "calendar": "chicago"} for name in EVERYBODY}
    for name, more in users.items():
        everybody[name] = {**everybody.get(name, {"name": name}), **more}
    return read_directory(
        {
            "calendars": {"chicago": {"time_zone": "America/Chicago", "hours": {"mon-fri": ["09:00-17:00"]}}},
            "users": everybody,
            "groups": {"pair": {"members": ["bob", "cat"]}, "nobody": {"members": []}},
            "delegations": delegations or [],
        }
    )


def gives(of: str, to: str, **more: Any) -> dict[str, Any]:
    return {"of": of, "to": to, **more}


def delegation(of: str, to: str, **more: Any) -> Delegation:
    return read_model(Delegation, gives(of, to, **more))


def asked(directory: Directory, user: str = "ann", at: datetime = NOON, **more: Any) -> tuple[str, ...]:
    return directory.stand_ins(user, more.get("matter", MATTER), more.get("barred", ()), at).asked


# -- managers


def test_the_line_of_managers_goes_up_until_it_ends() -> None:
    directory = people(ann={"manager": "bob"}, bob={"manager": "cat"})
    assert list(directory.managers_of("ann")) == ["bob", "cat"]
    assert list(directory.managers_of("cat")) == []
    assert list(directory.managers_of("unknown")) == []


@pytest.mark.parametrize(
    "circle",
    [
        {"ann": {"manager": "ann"}},
        {"ann": {"manager": "bob"}, "bob": {"manager": "ann"}},
        {"ann": {"manager": "bob"}, "bob": {"manager": "cat"}, "cat": {"manager": "bob"}},
    ],
)
def test_a_circle_of_managers_ends(circle: dict[str, Any]) -> None:
    line = list(people(**circle).managers_of("ann"))
    assert "ann" not in line
    assert len(line) == len(set(line))


def test_the_next_manager_is_active_not_barred_and_not_taken() -> None:
    directory = people(
        ann={"manager": "bob"}, bob={"manager": "cat", "active": False}, cat={"manager": "dan"}, dan={"manager": "eve"}
    )
    assert directory.next_manager("ann", ()) == "cat"
    assert directory.next_manager("ann", ("cat",)) == "dan"
    assert directory.next_manager("ann", ("cat",), ("dan",)) == "eve"
    assert directory.next_manager("ann", ("cat", "dan", "eve")) is None


def test_a_manager_who_left_the_directory_ends_the_line() -> None:
    assert people(ann={"manager": "ghost"}).next_manager("ann", ()) is None


# -- delegation


def test_a_delegate_is_asked_and_both_may_act() -> None:
    handover = people([gives("ann", "bob")]).stand_ins("ann", MATTER, (), NOON)
    assert handover.asked == ("bob",)
    assert set(handover.acting) == {"ann", "bob"}


@pytest.mark.parametrize(
    ("window", "delegate"),
    [
        ({}, "bob"),
        ({"from": "2026-11-23T12:00"}, "bob"),
        ({"from": "2026-11-23T12:01"}, "ann"),
        ({"until": "2026-11-23T12:01"}, "bob"),
        ({"until": "2026-11-23T12:00"}, "ann"),
        ({"from": "2026-11-23T18:00Z"}, "bob"),
        ({"from": "2026-11-23T18:01Z"}, "ann"),
        ({"from": "2026-11-20T00:00", "until": "2026-11-30T00:00"}, "bob"),
    ],
)
def test_a_delegation_runs_from_a_moment_until_another_in_the_approvers_zone(
    window: dict[str, str], delegate: str
) -> None:
    assert asked(people([gives("ann", "bob", **window)])) == (delegate,)


@pytest.mark.parametrize(
    ("limit", "delegate"),
    [
        ({"scope": {"policies": ["standard"]}}, "bob"),
        ({"scope": {"policies": ["other"]}}, "ann"),
        ({"scope": {"chains": ["discount", "legal"]}}, "bob"),
        ({"scope": {"chains": ["legal"]}}, "ann"),
        ({"largest": {"amount": 1000, "currency": "USD"}}, "bob"),
        ({"largest": {"amount": "999.99", "currency": "USD"}}, "ann"),
        ({"largest": {"amount": 910, "currency": "EUR"}}, "bob"),
        ({"largest": {"amount": 909, "currency": "EUR"}}, "ann"),
    ],
)
def test_a_delegation_reaches_as_far_as_its_scope(limit: dict[str, Any], delegate: str) -> None:
    assert asked(people([gives("ann", "bob", **limit)])) == (delegate,)


def test_a_limit_in_a_currency_without_a_rate_is_named() -> None:
    directory = people([gives("ann", "bob", largest={"amount": 1, "currency": "JPY"})])
    with pytest.raises(Refusal) as caught:
        asked(directory)
    assert (caught.value.code, caught.value.path) == ("missing_rate", "rates.JPY")


def test_delegates_delegate_on_up_to_five_hops() -> None:
    directory = people([gives(one, other) for one, other in pairwise(EVERYBODY)])
    assert asked(directory) == (EVERYBODY[MOST_HOPS],)
    assert asked(directory, "bob") == ("gus",)


@pytest.mark.parametrize(
    ("users", "barred"), [({"bob": {"active": False}}, ()), ({}, ("bob",)), ({"bob": {"active": False}}, ("bob",))]
)
def test_a_barred_or_inactive_delegate_is_passed_over_and_the_request_stays(
    users: dict[str, Any], barred: tuple[str, ...]
) -> None:
    directory = people([gives("ann", "bob"), gives("bob", "cat")], **users)
    handover = directory.stand_ins("ann", MATTER, barred, NOON)
    assert handover.asked == handover.acting == ("ann",)


def test_an_unknown_delegate_is_passed_over() -> None:
    assert asked(people([gives("ann", "ghost")])) == ("ann",)


def test_a_group_stands_in_with_its_members_who_may() -> None:
    directory = people([gives("ann", "pair")])
    assert asked(directory) == ("bob", "cat")
    assert asked(directory, barred=("bob",)) == ("cat",)
    assert asked(directory, barred=("bob", "cat")) == ("ann",)
    assert asked(people([gives("ann", "nobody")])) == ("ann",)


def test_the_delegation_entered_last_counts() -> None:
    assert asked(people([gives("ann", "bob"), gives("ann", "cat")])) == ("cat",)
    assert asked(people([gives("ann", "bob"), gives("ann", "cat", until="2026-11-01")])) == ("bob",)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=10))
@settings(max_examples=80)
def test_whoever_delegates_to_whom_somebody_is_asked_and_no_loop_is_entered(pairs: list[tuple[str, str]]) -> None:
    directory = people(None, **{name: {"name": name} for name in "abcdef"})
    for of, to in pairs:
        if entering(directory, delegation(of, to)) is None:
            directory = directory.with_delegation(delegation(of, to), NOON)
    for name in "abcdef":
        handover = directory.stand_ins(name, MATTER, (), NOON)
        assert handover.asked
        assert name in handover.acting
        assert len(handover.acting) <= MOST_HOPS + 1
        assert len(handover.acting) == len(set(handover.acting))


# -- entering


def entering(directory: Directory, *given: Delegation) -> str | None:
    try:
        for each in given:
            directory = directory.with_delegation(each, NOON)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([delegation("ann", "bob")], None),
        ([delegation("ann", "ann")], "delegation_loop"),
        ([delegation("ann", "bob"), delegation("bob", "ann")], "delegation_loop"),
        ([delegation("ann", "bob"), delegation("bob", "cat"), delegation("cat", "ann")], "delegation_loop"),
        ([delegation("ann", "bob", until="2026-12-01"), delegation("bob", "ann", **{"from": "2026-12-01"})], None),
        ([delegation("ann", "bob", until="2026-12-02"), delegation("bob", "ann", **{"from": "2026-12-01"})],
         "delegation_loop"),
        ([delegation("ann", "bob", **{"from": "2026-12-05"}), delegation("bob", "ann", until="2026-12-01")], None),
        ([delegation("ann", "ghost")], "unknown_user"),
        ([delegation("ghost", "ann")], "unknown_user"),
        ([delegation("ann", "pair")], None),
        ([delegation("ann", "bob", **{"from": "2020-01-01"})], None),
        ([delegation("ann", "bob", until="2020-01-01")], "in_the_past"),
        ([delegation("ann", "bob", until="2026-11-23T12:00")], "in_the_past"),
        ([delegation("ann", "bob", until="2026-11-23T12:01")], None),
        ([delegation("ann", "bob", **{"from": "2026-12-02", "until": "2026-12-01"})], "dates_out_of_order"),
    ],
)  # fmt: skip
def test_what_may_be_entered(given: list[Delegation], code: str | None) -> None:
    assert entering(people(), *given) == code


def test_a_delegation_ends_by_itself_or_by_hand() -> None:
    directory = people().with_delegation(delegation("ann", "bob", until="2026-11-24T09:00"), NOON)
    assert asked(directory) == ("bob",)
    assert asked(directory, at=datetime(2026, 11, 24, 9, tzinfo=CHICAGO)) == ("ann",)
    assert asked(directory.without_delegations("ann")) == ("ann",)
    with pytest.raises(Refusal, match="unknown_user"):
        directory.without_delegations("ghost")


def test_the_next_change_is_when_a_delegation_begins_or_ends_also_further_down_the_chain() -> None:
    directory = people([gives("ann", "bob"), gives("bob", "cat", **{"from": "2026-12-01T09:00"})])
    assert directory.next_change(["ann"], NOON) == datetime(2026, 12, 1, 9, tzinfo=CHICAGO)
    assert directory.next_change(["cat"], NOON) is None
    assert directory.next_change(["ann"], datetime(2026, 12, 1, 9, tzinfo=CHICAGO)) is None


# -- the document


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({"users": {"a": {}}}, "missing_field", "users.a.name"),
        ({"users": {"a": {"name": "A", "boss": "b"}}}, "unknown_field", "users.a.boss"),
        ({"users": {"a": {"name": "A", "calendar": "mars"}}}, "unknown_calendar", "users.a.calendar"),
        ({"users": {"a b": {"name": "A"}}}, "invalid_id", "users.a b"),
        ({"users": {"a": {"name": "A", "authority": {"amount": 5, "currency": "XQX"}}}}, "unknown_currency",
         "users.a.authority.currency"),
        ({"groups": {"g": {"members": [], "quorum": 0}}}, "invalid_quorum", "groups.g.quorum"),
        ({"groups": {"g": {"members": [], "quorum": "120%"}}}, "invalid_quorum", "groups.g.quorum"),
        ({"groups": {"g": {"members": [], "quorum": "most"}}}, "invalid_quorum", "groups.g.quorum"),
        ({"groups": {"g": {"members": [], "quorum": "-1"}}}, "invalid_quorum", "groups.g.quorum"),
        ({"groups": {"g": {"members": "ann"}}}, "wrong_type", "groups.g.members"),
        ({"approvers": {"x": {"user": "a", "group": "g"}}}, "conflicting_fields", "approvers.x"),
        ({"delegations": [{"of": "a"}]}, "missing_field", "delegations.0.to"),
        ({"delegations": [{"id": "d", "of": "a", "to": "b", "from": "soon"}]}, "invalid_moment", "delegations.d.from"),
        ({"delegations": [{"of": "a", "to": "a"}]}, "delegation_loop", "delegations.0.to"),
        ({"delegations": [{"of": "a", "to": "b", "from": "2027-01-02", "until": "2027-01-01"}]}, "dates_out_of_order",
         "delegations.0.until"),
        ({"calendars": {"c": {"hours": {"mon": ["9-5"]}}}}, "invalid_slot", "calendars.c.hours.mon"),
        ({"persons": {}}, "unknown_field", "persons"),
        ([], "wrong_type", ""),
    ],
)  # fmt: skip
def test_a_wrong_directory_is_refused_with_code_and_path(document: Any, code: str, path: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_directory(document)
    found = [(problem.code, problem.path) for problem in caught.value.problems]
    assert found[0][0] == code
    assert found[0][1] == path or path.startswith(found[0][1])


def test_a_delegate_without_authority_for_the_amount_is_passed_over() -> None:
    small = {"authority": {"amount": 999, "currency": "USD"}}
    assert asked(people([gives("ann", "bob")], bob=small)) == ("ann",)
    assert asked(people([gives("ann", "dan"), gives("ann", "bob")], bob=small)) == ("dan",)
    assert asked(people([gives("ann", "pair")], bob=small)) == ("cat",)
    assert asked(people([gives("ann", "bob"), gives("bob", "dan")], dan=small)) == ("bob",)


def test_a_delegate_may_carry_as_little_as_the_person_they_act_for() -> None:
    small, none = {"authority": {"amount": 999, "currency": "USD"}}, {"authority": {"amount": 1, "currency": "EUR"}}
    assert asked(people([gives("ann", "bob")], ann=small, bob=none)) == ("bob",)
    # Along the chain, too, it is the first giver's authority that is carried.
    assert asked(people([gives("ann", "bob"), gives("bob", "dan")], ann=small, dan=none)) == ("dan",)
    assert asked(people([gives("ann", "bob"), gives("bob", "dan")], bob=small, dan=none)) == ("ann",)


def test_an_approver_entry_may_say_another_limit_for_the_person_it_names() -> None:
    small = {"authority": {"amount": 999, "currency": "USD"}}
    large, little = (
        Limit.model_validate({"amount": "1000", "currency": "USD"}),
        Limit(amount=Decimal(1), currency="USD"),
    )
    directory = people([gives("ann", "bob")], bob=small)
    assert directory.stand_ins("ann", MATTER, (), NOON, limit=little).asked == ("bob",)
    both = people([gives("ann", "bob")], ann=small, bob=small)
    assert both.stand_ins("ann", MATTER, (), NOON, limit=large).asked == ("ann",)


def test_the_authority_of_the_giver_needs_no_rate_where_the_delegate_has_enough() -> None:
    yen = {"authority": {"amount": 1, "currency": "JPY"}}
    assert asked(people([gives("ann", "bob")], ann=yen)) == ("bob",)
    with pytest.raises(Refusal, match="missing_rate"):
        asked(people([gives("ann", "bob")], ann=yen, bob={"authority": {"amount": 1, "currency": "USD"}}))


def test_members_of_a_group_hand_over_on_their_own() -> None:
    directory = people([gives("ann", "pair"), gives("bob", "dan"), gives("dan", "eve")])
    handover = directory.stand_ins("ann", MATTER, (), NOON)
    assert handover.asked == ("eve", "cat")
    assert set(handover.acting) == {"ann", "bob", "cat", "dan", "eve"}
    assert directory.stand_ins("ann", MATTER, ("eve",), NOON).asked == ("dan", "cat")


def test_hops_are_counted_through_groups_and_a_large_net_is_followed_once() -> None:
    line = [gives(a, b) for a, b in pairwise(["bob", "dan", "eve", "fay", "gus", "hal"])]
    names = people([gives("ann", "pair"), *line], hal={"calendar": "chicago"})
    assert asked(names)[0] == "gus"
    many = [f"u{at}" for at in range(60)]
    users = {name: {"name": name} for name in ("ann", *many)}
    groups = {f"g{at}": {"members": many[at * 12 : at * 12 + 12]} for at in range(5)}
    net = [gives(of, f"g{int(of[1:]) // 12 + 1}") for of in many[:48]]
    directory = read_directory({"users": users, "groups": groups, "delegations": [gives("ann", "g0"), *net]})
    assert set(asked(directory)) == set(many[48:])


def test_a_loop_through_a_group_is_refused_and_ones_own_group_is_none() -> None:
    with pytest.raises(Refusal, match="delegation_loop"):
        people([gives("ann", "pair"), gives("cat", "ann")])
    with pytest.raises(Refusal, match="delegation_loop"):
        people([gives("dan", "ann"), gives("ann", "pair")]).with_delegation(delegation("bob", "dan"), NOON)
    assert asked(people([gives("bob", "pair")]), "bob") == ("cat",)


def test_a_delegation_of_a_member_of_a_group_counts_as_a_change_to_come() -> None:
    directory = people([gives("ann", "pair"), gives("bob", "dan", **{"from": "2026-11-24T12:00"})])
    assert directory.next_change(["ann"], NOON) == datetime(2026, 11, 24, 12, tzinfo=CHICAGO)


def test_a_directory_that_brings_a_loop_is_refused() -> None:
    with pytest.raises(Refusal, match="delegation_loop"):
        people([gives("ann", "bob"), gives("bob", "cat"), gives("cat", "ann")])


def test_a_quorum_may_be_written_as_a_number_or_a_text() -> None:
    directory = read_directory(
        {"groups": {"a": {"members": [], "quorum": 2}, "b": {"members": [], "quorum": "60%"}, "c": {"members": []}}}
    )
    assert [group.quorum for group in directory.groups.values()] == ["2", "60%", "any"]


def test_who_leaves_is_no_longer_active() -> None:
    directory = people()
    assert directory.is_active("ann")
    assert not directory.deactivated("ann").is_active("ann")
    assert not directory.is_active("ghost")
    with pytest.raises(Refusal, match="unknown_user"):
        directory.deactivated("ghost")
