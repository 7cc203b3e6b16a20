"""Any two verbs at one moment, in either order, in every standing of a round: both orders come to one whole story.

The workflow does one verb after the other, so a race is decided by which comes first. Here every order is played:
each verb is done or refused by a known code, the record tells the state and goes forward, and nobody is told of an
outcome twice. :class:`~tests.domain.approval.office.Office` checks besides what holds after every single verb.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise, product

import pytest

from domain.approval.state import Outcome
from domain.delegation import Delegation
from domain.reading import read_model
from domain.replacement import Replaced, find_replacement, succeed
from tests.domain.approval.office import Office, code_of, people, rule
from tests.domain.approval.test_rebuild import unlike

Verb = Callable[[Office], object]

CODES = {
    "round_closed", "four_eyes", "not_yours", "not_your_turn", "already_decided", "wrong_state", "no_decider",
    "not_permitted", "authority_exceeded",
}  # fmt: skip
OUTCOMES = ("approved", "rejected", "recalled")
TRIPLES = 1000


def replace(office: Office) -> None:
    """Zoe takes the place of Mei, as an operation does it in each round."""
    found = succeed(office.directory, find_replacement(office.directory, "mei", "zoe", Replaced.USER), office.clock)
    office.directory = found.directory
    if office.state.outcome is None:
        office._move(lambda moving: moving.replace(found.replacement, office.clock, operation="op"))


def delegate(office: Office) -> None:
    given = read_model(Delegation, {"of": "mei", "to": "farid"})
    office.work_with(office.directory.with_delegation(given, office.clock))


VERBS: dict[str, Verb] = {
    "mei approves": lambda office: office.approve("manager", "mei"),
    "mei rejects": lambda office: office.reject("manager", "mei"),
    "mei asks": lambda office: office.ask("manager", "mei"),
    "mei adds before": lambda office: office.add("manager", "mei", "zoe", "before"),
    "mei adds after": lambda office: office.add("manager", "mei", "farid", "after"),
    "mei reassigns": lambda office: office.reassign("manager", "mei", "farid"),
    "mei withdraws": lambda office: office.withdraw("manager", "mei"),
    "liam approves": lambda office: office.approve("legal", "liam"),
    "liam withdraws": lambda office: office.withdraw("legal", "liam"),
    "liam adds beside": lambda office: office.add("legal", "liam", "sam"),
    "nora approves": lambda office: office.approve("legal", "nora"),
    "nora rejects": lambda office: office.reject("legal", "nora"),
    "nora asks": lambda office: office.ask("legal", "nora"),
    "david approves": lambda office: office.approve("director", "david"),
    "the clock strikes": lambda office: office.tick(),
    "sam approves": lambda office: office.approve("manager", "sam"),
    "zoe overrides": lambda office: office.override("approve", "manager", "zoe"),
    "zoe rejects for all": lambda office: office.override("reject", "director", "zoe"),
    "zoe withdraws": lambda office: office.withdraw("manager", "zoe"),
    "an admin reassigns": lambda office: office.reassign("director", "ines", "farid", admin=True),
    "rosa answers": lambda office: office.answer("manager"),
    "rosa recalls": lambda office: office.recall(),
    "mei is replaced": replace,
    "mei delegates": delegate,
    "mei leaves": lambda office: office.leave("mei"),
}

STANDINGS: dict[str, tuple[str, ...]] = {
    "just opened": (),
    "a question is open": ("mei asks",),
    "one of two has voted": ("liam approves",),
    "legal is done": ("liam approves", "nora approves"),
    "the last one is asked": ("liam approves", "nora approves", "mei approves"),
    "overridden": ("zoe overrides",),
    "an ad-hoc one comes first": ("mei adds before",),
    "approved": ("liam approves", "nora approves", "mei approves", "david approves"),
}


def standing(name: str) -> Office:
    """The round after those verbs, at the moment when silence is due: time and people compete."""
    directory = people(
        users={"mei": {"deputy": "sam"}, "rosa": {"manager": "mei"}},
        groups={"pair": {"members": ["liam", "nora"], "quorum": "all"}},
    )
    office = Office(
        rule("manager", "mei", chain="sales", step=1, sla={"remind": "2h", "escalate": "4h"}),
        rule("director", "david", chain="sales", step=2),
        rule("legal", "pair", chain="legal", step=1, sla={"remind": "4h"}),
        directory=directory,
    )
    office.submit()
    due = office.approval("manager").due_at
    for verb in STANDINGS[name]:
        VERBS[verb](office)
    assert due is not None
    office.clock = due
    return office


def fresh(office: Office) -> Office:
    """The same office, to be moved on by itself. Everything in it is frozen but its lists."""
    again = copy.copy(office)
    for name in ("rounds", "editors", "events", "notices"):
        setattr(again, name, list(getattr(office, name)))
    return again


def play(office: Office, verbs: Iterable[str]) -> list[str]:
    """What each of them came to, one after the other."""
    return [code_of(VERBS[verb], office) or "done" for verb in verbs]


def check_story(office: Office, codes: list[str]) -> None:
    assert set(codes) <= {"done", *CODES}
    assert all(one.at <= other.at for one, other in pairwise(office.events))
    assert unlike(office) == [], "the record tells the state"
    told = Counter((each.kind, each.to) for each in office.notices if each.kind in OUTCOMES)
    assert all(count == 1 for count in told.values()), told
    ends = [each.kind for each in office.events if each.kind in ("quote_approved", "quote_rejected", "recalled")]
    # An approved quote may be recalled; nothing else follows an end.
    assert ends in ([], ["quote_approved"], ["quote_rejected"], ["recalled"], ["quote_approved", "recalled"])
    assert (office.state.outcome is None) is (not ends)
    keys = [each.key.rpartition("/")[2] for each in office.notices]
    assert keys == [str(number) for number in range(1, office.state.messages_sent + 1)]


@pytest.mark.parametrize("name", STANDINGS)
def test_any_two_verbs_in_either_order_tell_one_story(name: str) -> None:
    begun = standing(name)
    played = 0
    for pair in product(VERBS, repeat=2):
        office = fresh(begun)
        check_story(office, play(office, pair))
        played += 1
    assert played == len(VERBS) ** 2


@pytest.mark.parametrize("seed", range(4))
def test_any_three_verbs_tell_one_story(seed: int) -> None:
    dice = random.Random(seed)
    begun = [standing(name) for name in STANDINGS]
    for _ in range(TRIPLES // 4):
        office = fresh(dice.choice(begun))
        verbs = dice.choices(list(VERBS), k=3)
        check_story(office, play(office, verbs))


@pytest.mark.parametrize(
    ("name", "first", "second", "told"),
    [
        ("just opened", "mei approves", "mei approves", "already_decided"),
        ("just opened", "mei approves", "zoe overrides", "already_decided"),
        ("just opened", "zoe overrides", "mei approves", "already_decided"),
        ("just opened", "the clock strikes", "mei approves", "not_yours"),
        ("just opened", "mei reassigns", "mei approves", "not_yours"),
        ("just opened", "mei approves", "mei reassigns", "already_decided"),
        ("just opened", "mei is replaced", "mei approves", "not_yours"),
        ("just opened", "mei leaves", "mei asks", "not_yours"),
        ("just opened", "mei adds before", "mei approves", "not_your_turn"),
        ("just opened", "rosa recalls", "mei approves", "round_closed"),
        ("just opened", "mei rejects", "rosa recalls", "round_closed"),
        ("just opened", "zoe rejects for all", "mei asks", "round_closed"),
        ("a question is open", "mei approves", "rosa answers", None),
        ("one of two has voted", "nora rejects", "liam withdraws", "round_closed"),
        ("one of two has voted", "nora approves", "liam withdraws", None),
        ("legal is done", "mei approves", "mei withdraws", "wrong_state"),
        ("legal is done", "mei asks", "mei approves", None),
        ("the last one is asked", "david approves", "liam withdraws", "round_closed"),
        ("the last one is asked", "liam withdraws", "david approves", None),
        ("the last one is asked", "david approves", "david approves", "round_closed"),
        ("the last one is asked", "david approves", "rosa recalls", None),
        ("approved", "rosa recalls", "rosa recalls", "round_closed"),
    ],
)
def test_who_comes_second_is_told(name: str, first: str, second: str, told: str | None) -> None:
    """The table of ``docs/races.md``."""
    office = standing(name)
    assert play(office, (first, second)) == ["done", told or "done"]


def test_a_decision_in_time_counts_though_silence_is_due() -> None:
    office = standing("legal is done")
    assert play(office, ("mei approves", "the clock strikes", "david approves")) == ["done"] * 3
    assert office.state.outcome is Outcome.APPROVED
