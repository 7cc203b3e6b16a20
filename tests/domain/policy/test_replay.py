"""Replay: equal to live planning decision for decision, and a difference that says whom, where and by which rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from domain.approval.outline import Ask, Outline, Place, live_outline
from domain.approval.outliner import Outliner
from domain.approval.preview import preview_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import ApprovalState, Decision, Lane, Verdict
from domain.people import Directory, read_directory
from domain.policy.document import Policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.policy.replay import Change, Difference, Kind, Past, Replay, Why, waves_of
from domain.policy.replay_totals import Totals, mean_of, median_of
from domain.policy.waiting import Waits, waiting_time
from domain.refusal import Refusal
from tests.domain.approval.office import code_of
from tests.domain.policy.random_offices import hands, moment, office, paper, submission
from tests.domain.policy.sample_policy import policy, rule
from tests.domain.sample_quote import line, priced

HOUR = 3600.0
AT = datetime(2027, 2, 1, 9, tzinfo=UTC)
PEOPLE = read_directory(
    {
        "users": {
            "rosa": {"name": "Rosa", "manager": "mia"},
            "mia": {"name": "Mia", "manager": "ceo"},
            **{name: {"name": name} for name in ("ann", "bob", "cat", "ceo")},
        },
        "groups": {"legal": {"members": ["bob", "cat"], "quorum": "any"}},
    }
)


# -- equal to live planning


def test_outlines_equal_live_plans_on_random_people_policies_and_quotes() -> None:
    met: Counter[str] = Counter()
    for seed in range(100):
        random = Random(seed)
        directory = office(random)
        compiled = compile_policy(paper(random, directory))
        outliner = Outliner(compiled, directory)
        for _ in range(10):
            past = submission(random)
            # What is remembered of one must not be taken for the next, though little is different.
            for each in (past, replace(past, at=moment(random)), *(replace(past, editors=hands(random)) for _ in "12")):
                one = each.under(compiled, directory)
                live = live_outline(one)
                assert outliner.outline(one) == live, seed
                met.update({code for code, _ in live.problems} or {"planned"})
    # The random world is wide enough to speak of.
    assert set(met) == {
        "planned", "no_decider", "four_eyes", "authority_exceeded", "missing_rate", "unknown_user", "invalid_duration",
    }  # fmt: skip
    assert met["planned"] > 500


def second_submission(random: Random, directory: Directory, by: CompiledPolicy) -> Past | None:
    """A submission after people had decided on a first one; none where that was refused or approved at once."""
    first = submission(random)
    try:
        moving = ApprovalRound(preview_plan(first.under(by, directory)), directory)
    except Refusal:
        return None
    for number in range(6):
        waiting = [each for each in moving.state.approvals if each.state is ApprovalState.REQUESTED]
        if moving.state.outcome is not None or not waiting:
            break
        one = random.choice(waiting)
        verdict = Verdict.REJECT if random.random() < 0.1 else Verdict.APPROVE
        name, who = one.approval_id, one.waiting_for[0]
        answer = Decision(decision_id=str(number), approval=name, verdict=verdict, by=who, reason="because")
        refused = code_of(moving.decide, answer, first.at + timedelta(hours=number))
        if refused is not None:
            assert refused == "authority_exceeded", "whoever had enough has said no by now"
            break
    again = submission(random)
    content = again.priced if random.random() < 0.3 else first.priced
    return Past(content, first.submitter, again.at, (), (moving.state,), "rejected", 2)


def test_later_rounds_carry_over_as_they_do_live() -> None:
    carried = 0
    for seed in range(80):
        random = Random(seed)
        directory = office(random)
        compiled = compile_policy(paper(random, directory))
        outliner = Outliner(compiled, directory)
        for past in filter(None, [second_submission(random, directory, compiled) for _ in range(6)]):
            outline = outliner.outline(past.under(compiled, directory))
            assert outline == live_outline(past.under(compiled, directory))
            carried += len(outline.asks) - len(outline.open)
    assert carried > 10


def test_a_policy_against_itself_makes_no_difference() -> None:
    for seed in range(40):
        random = Random(seed)
        directory = office(random)
        by = paper(random, directory)
        same = Policy.model_validate(by.model_dump(by_alias=True, exclude_unset=True))
        replay = Replay(compile_policy(by), compile_policy(same), directory)
        for _ in range(20):
            assert not replay.of(submission(random)).difference.differs


def test_what_is_told_to_differ_differs_and_nothing_else() -> None:
    """Whoever is asked by one plan and not by the other is told, nobody else, and by rules of the right side."""
    for seed in range(60):
        random = Random(seed)
        directory = office(random)
        draft, against = paper(random, directory), paper(random, directory)
        replay = Replay(compile_policy(draft), compile_policy(against), directory)
        for _ in range(15):
            found = replay.of(submission(random))
            if found.draft.problems or found.against.problems:
                assert found.difference.differs == (found.draft.problems != found.against.problems)
                continue
            before, after = asked(found.against), asked(found.draft)
            told = {kind: {each.person for each in found.difference.changes if each.kind is kind} for kind in Kind}
            assert told[Kind.ADDED] == after.keys() - before.keys()
            assert told[Kind.DROPPED] == before.keys() - after.keys()
            assert told[Kind.LATER] == {each for each in after if each in before and after[each] > before[each]}
            assert told[Kind.EARLIER] == {each for each in after if each in before and after[each] < before[each]}
            for change in found.difference.changes:
                assert change.rules


def asked(outline: Outline) -> dict[str, int]:
    """Everybody who is asked, and their earliest wave, worked out by playing the plan step by step."""
    waiting, wave, found = list(outline.open), 0, dict[str, int]()
    while waiting:
        lanes = {ask.chain for ask in waiting}
        now = [
            ask
            for ask in waiting
            if not any(other in lanes for lane in outline.lanes if lane.name == ask.chain for other in lane.after)
            and ask.step == min(each.step for each in waiting if each.chain == ask.chain)
        ]
        for ask in now:
            for person in ask.persons:
                found.setdefault(person, wave)
        waiting = [ask for ask in waiting if ask not in now]
        wave += 1
    return found


# -- what the difference says


def difference(draft: Policy, against: Policy, past: Past | None = None, people: Directory = PEOPLE) -> Difference:
    quote = Past(priced(line(list_price="1000", discount_percent="20")), "rosa", AT)
    return Replay(compile_policy(draft), compile_policy(against), people).of(past or quote).difference


def test_a_new_rule_adds_whom_it_asks() -> None:
    (change,) = difference(policy(rule("a"), rule("b", approver="bob")), policy(rule("a"))).changes
    assert change == Change(Kind.ADDED, "bob", (("b", Why.NEW),), draft="0")


def test_a_lower_threshold_adds_and_a_higher_one_drops() -> None:
    high, low = policy(rule("a", "net_total > 5000")), policy(rule("a", "net_total > 500"))
    assert difference(low, high).changes == (Change(Kind.ADDED, "ann", (("a", Why.FIRES),), draft="0"),)
    assert difference(high, low).changes == (Change(Kind.DROPPED, "ann", (("a", Why.SILENT),), against="0"),)


def test_another_approver_drops_one_and_adds_the_other() -> None:
    changes = difference(policy(rule("a", approver="bob")), policy(rule("a"))).changes
    assert changes == (
        Change(Kind.DROPPED, "ann", (("a", Why.OTHERS),), against="0"),
        Change(Kind.ADDED, "bob", (("a", Why.OTHERS),), draft="0"),
    )


def test_a_rule_that_is_gone_drops_only_who_is_not_asked_elsewhere() -> None:
    both = policy(rule("a", approver="legal"), rule("b", approver="bob"))
    assert difference(policy(rule("b", approver="bob")), both).changes == (
        Change(Kind.DROPPED, "cat", (("a", Why.GONE),), against="0"),
    )


def test_a_step_before_makes_later_and_names_the_rule_that_does() -> None:
    old = policy(rule("a", chain="c", step=2), chains={"c": {}})
    new = policy(rule("a", chain="c", step=2), rule("b", approver="bob", chain="c", step=1), chains={"c": {}})
    assert difference(new, old).changes == (
        Change(Kind.LATER, "ann", (("b", Why.BEFORE),), "0", "1"),
        Change(Kind.ADDED, "bob", (("b", Why.NEW),), draft="0"),
    )
    assert difference(old, new).changes[0] == Change(Kind.EARLIER, "ann", (("b", Why.NOT_BEFORE),), "1", "0")


def test_another_step_number_with_nothing_more_before_it_is_no_later() -> None:
    old, new = (policy(rule("a", chain="c", step=step), chains={"c": {}}) for step in (1, 7))
    assert not difference(new, old).differs


def test_a_lane_that_waits_for_another_makes_later() -> None:
    rules = (rule("a", chain="one"), rule("b", approver="bob", chain="two"))
    old = policy(*rules, chains={"one": {}, "two": {}})
    new = policy(*rules, chains={"one": {}, "two": {"after": ["one"]}})
    assert difference(new, old).changes == (Change(Kind.LATER, "bob", (("a", Why.BEFORE),), "0", "1"),)


def test_a_rule_that_changes_its_place_is_named_itself() -> None:
    rules = rule("a", chain="c"), rule("b", approver="bob", chain="c")
    old = policy(*rules, chains={"c": {}})
    new = policy(rules[0], {**rules[1], "step": 2}, chains={"c": {}})
    assert difference(new, old).changes == (Change(Kind.LATER, "bob", (("b", Why.MOVED), ("a", Why.BEFORE)), "0", "1"),)


def test_a_quorum_is_a_difference_in_votes() -> None:
    people = {"users": {name: {"name": name} for name in ("rosa", "bob", "cat")}}
    groups = {name: {"members": ["bob", "cat"], "quorum": name} for name in ("any", "all")}
    old, new = policy(rule("a", approver="any")), policy(rule("a", approver="all"))
    changes = difference(new, old, people=read_directory({**people, "groups": groups})).changes
    assert changes == (Change(Kind.VOTES, "", (("a", Why.VOTES),), "1 of 2", "2 of 2"),)


def test_what_is_refused_is_told_apart_and_nothing_is_compared() -> None:
    old = policy(rule("a"))
    new = policy(rule("a"), rule("b", approver={"field": "nobody"}), rule("c", "net_total > 5 EUR"))
    found = difference(new, old)
    assert found == Difference((), (), (("missing_rate", "rates.EUR"),))
    without = policy(rule("a"), rule("b", approver={"field": "nobody"}))
    assert difference(without, old).refused_draft == (("no_decider", "rules.b"),)
    assert difference(without, old).differs
    assert not difference(without, without).differs


def test_what_a_person_approved_already_is_dropped_as_carried_over() -> None:
    smart = policy(rule("a", "net_total > 500", smart=True))
    first = Past(priced(line(list_price="1000")), "rosa", AT)
    moving = ApprovalRound(preview_plan(first.under(compile_policy(smart), PEOPLE)), PEOPLE)
    moving.decide(Decision(decision_id="1", approval="a", verdict=Verdict.APPROVE, by="ann"), AT)
    again = Past(first.priced, "rosa", AT + timedelta(days=1), (), (moving.state,), "approved", 2)
    every_time = policy(rule("a", "net_total > 500"))
    assert difference(smart, every_time, again).changes == (
        Change(Kind.DROPPED, "ann", (("a", Why.CARRIED),), against="0"),
    )
    assert difference(every_time, smart, again).changes == (
        Change(Kind.ADDED, "ann", (("a", Why.ASKS_AGAIN),), draft="0"),
    )


# -- waiting


def ask(name: str, *persons: str, chain: str = "c", step: int = 1, needed: int = 1, **more: Any) -> Ask:
    places = tuple(Place(person, (person,), (person,)) for person in persons)
    group = "g" if len(persons) > 1 else None
    return Ask(name, chain, step, persons[0], places, needed, group, "any", (), more.pop("explicit", False), **more)


WAITS = Waits({"ann": 2 * HOUR, "bob": 5 * HOUR, "cat": 9 * HOUR}, 3 * HOUR)


def outline(*asks: Ask, lanes: tuple[Lane, ...] = (Lane(name="c"),)) -> Outline:
    return Outline(lanes, asks)


@pytest.mark.parametrize(
    ("asks", "hours"),
    [
        ((), 0),
        ((ask("a", "ann"),), 2),
        ((ask("a", "nobody-ever"),), 3),
        ((ask("a", "ann"), ask("b", "bob")), 5),
        ((ask("a", "ann"), ask("b", "bob", step=2)), 7),
        ((ask("a", "ann", "bob", "cat"),), 2),
        ((ask("a", "ann", "bob", "cat", needed=2),), 5),
        ((ask("a", "ann", "bob", "cat", needed=3),), 9),
        ((ask("a", "ann"), ask("b", "ann", step=2), ask("c", "bob", step=3)), 7),
        ((ask("a", "ann"), ask("b", "ann", step=2, explicit=True), ask("c", "bob", step=3)), 9),
        ((ask("a", "ann", carried="Q-1.1.a"), ask("b", "bob", step=2)), 5),
    ],
)
def test_waiting_is_the_critical_path(asks: tuple[Ask, ...], hours: float) -> None:
    assert waiting_time(outline(*asks), WAITS) == hours * HOUR


def test_lanes_wait_side_by_side_or_for_one_another() -> None:
    asks = ask("a", "ann", chain="one"), ask("b", "bob", chain="two"), ask("d", "cat", chain="three")
    lanes = Lane(name="one"), Lane(name="two", after=("one",)), Lane(name="three")
    plan = outline(*asks, lanes=lanes)
    assert waiting_time(plan, WAITS) == 9 * HOUR
    assert waiting_time(outline(*asks[:2], lanes=lanes[:2]), WAITS) == 7 * HOUR
    assert waves_of(plan) == {"a": 0, "b": 1, "d": 0}


# -- totals


def test_totals_of_parts_are_the_totals_of_all() -> None:
    random = Random(5)
    directory = office(random)
    replay = Replay(compile_policy(paper(random, directory)), compile_policy(paper(random, directory)), directory)
    found = [replay.of(submission(random)) for _ in range(60)]
    whole, parts = Totals(), [Totals() for _ in range(4)]
    for at, each in enumerate(found):
        whole.add(each, WAITS)
        parts[at % 4].add(each, WAITS)
    together = Totals()
    for part in parts:
        together.merge(part)
    assert together == whole
    assert whole.submissions == 60
    assert whole.different == sum(each.difference.differs for each in found)
    planned = sum(not each.draft.problems for each in found)
    assert whole.draft.approvals.total() == whole.draft.waits.total() == planned == 60 - whole.draft.refusals


@pytest.mark.parametrize(
    ("values", "median", "mean"), [([], 0, 0), ([4], 4, 4), ([1, 9], 5, 5), ([1, 2, 2, 9], 2, 3.5)]
)
def test_medians_and_means_of_what_was_counted(values: list[int], median: float, mean: float) -> None:
    assert (median_of(Counter(values)), mean_of(Counter(values))) == (median, mean)
