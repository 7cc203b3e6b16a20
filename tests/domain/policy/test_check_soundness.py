"""What the check calls impossible is impossible: held against random values, trees, quotes and days."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.policy.check import check
from domain.policy.comparison import COMPARISONS
from domain.policy.conditions import Operator
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.policy.possible import Demand, Work, is_possible
from domain.policy.satisfiable import Reader
from domain.policy.vocabulary import CUSTOM, DATE, TEXT, Fact, Sort, Vocabulary
from tests.domain.policy.sample_policy import policy, rule
from tests.domain.policy.test_oracle import DAY, Dice

NUMBERS = [Decimal(text) for text in ("-1", "0", "0.5", "1", "1.0", "2", "2.5", "3", "100", "10000", "20000")]
TEXTS = ["a", "A", "ab", "abc", "b", "ba", "Net 60", "1", "1.0", "01", "2", "2.50", "-1", "2027-01", "2027-01-31", "z"]
DAYS = [(date(2026, 12, 30) + timedelta(days=step)).isoformat() for step in range(70)]
FACTS: dict[str, tuple[Fact, list[Any]]] = {
    "number": (Fact(Sort.NUMBER), [None, *NUMBERS, Decimal("1.7"), Decimal("-7"), Decimal(10**12)]),
    "count": (
        Fact(Sort.NUMBER, blank=False, whole=True, least=Decimal(0), most=Decimal(10_000)),
        [Decimal(number) for number in (0, 1, 2, 3, 4, 99, 100, 101, 10_000)],
    ),
    "text": (TEXT, [*TEXTS, "bab", "A1", "1.00", "2.5", "0", "1.7", "2027-01-30", "~", "Ärger"]),
    "custom": (CUSTOM, [None, *TEXTS, "aab", "1.5", "3", "-1.0", "2027-02", "zz"]),
    "mixed": (Fact(Sort.CUSTOM, mixed=True), [None, *NUMBERS, *TEXTS, Decimal("1.7")]),
    "date": (DATE, [None, *DAYS, "0001-01-01", "9999-12-31"]),
    "choice": (Fact(Sort.TEXT, choices=frozenset(("order", "site"))), [None, "order", "site"]),
}
RIGHTS: dict[str, list[Any]] = {
    "date": [*DAYS[::9], "2027-01", "2027-02", "2027-02-30", "2027-13", "2027", "x", Decimal(5)]
}


def random_test(dice: random.Random, kind: str) -> Demand:
    operator = dice.choice(list(Operator))
    rights: list[Any] = RIGHTS.get(kind, [*NUMBERS[:9], *TEXTS])
    right: Any = dice.choice(rights)
    if operator in (Operator.IN, Operator.NOT_IN):
        right = tuple(dice.choices(rights, k=dice.randint(1, 3)))
    if operator in (Operator.IS_BLANK, Operator.IS_NOT_BLANK):
        right = None
    return Demand(operator, right, dice.random() < 0.7)


@pytest.mark.parametrize("kind", FACTS)
def test_whatever_a_value_passes_is_possible(kind: str) -> None:
    fact, values = FACTS[kind]
    dice = random.Random(kind)
    refuted = 0
    for _ in range(4000):
        tests = [random_test(dice, kind) for _ in range(dice.randint(1, 4))]
        possible = is_possible(fact, tests, Work(10**9))
        refuted += not possible
        for value in values:
            if all(COMPARISONS[test.operator](value, test.right) == test.wanted for test in tests):
                assert possible, (value, tests)
                break
    assert refuted > 400, "the check finds next to nothing"


FEW_NAMES = ("net_total", "line_count", "tier", "score", "start_date", "v0", "v1")


class Narrow(Dice):
    """Conditions on few names, so that many exclude each other."""

    def when(self, names: tuple[str, ...], depth: int = 0) -> Any:
        narrow = FEW_NAMES if "net_total" in names and "family" not in names else names
        found = super().when(narrow, depth)
        return {"all": [found, super().when(narrow, 3), super().when(narrow, 3)]} if depth == 0 else found


def test_no_rule_that_the_check_calls_contradictory_ever_fires() -> None:
    contradictions = always = 0
    for seed in range(30):
        dice = Narrow(seed)
        paper = dice.policy()
        reader = Reader(Vocabulary(paper), Work(10**7))
        found = check(paper, on=DAY, rule_work=Work(10**7))
        never = {each.path.split(".")[1] for each in found if each.code == "contradiction" and each.is_error}
        every = {each.id for each in paper.rules if each.conditions is not None and reader.always(each.conditions)}
        contradictions, always = contradictions + len(never), always + len(every)
        compiled = compile_policy(paper)
        for _ in range(12):
            for result in compiled.evaluate(dice.quote(), DAY).results:
                assert not (result.fired and result.rule.id in never), (seed, result.rule.when)
                if result.rule.id in every and result.why is None:
                    assert result.fired, (seed, result.rule.when)
    assert contradictions > 100


def test_a_shadowed_rule_never_fires_alone() -> None:
    """With texts in quotes nothing depends on how fields are called."""
    words = ['tier = "Gold"', 'tier in "Gold", "silver"', 'tier != "Gold"', "score > 5", "score > 7", "score >= 7.5",
             "net_total > 100", "net_total > 500", "line_count >= 3", "line_count > 2", "score is blank"]  # fmt: skip
    shadowed = 0
    for seed in range(80):
        dice = Dice(seed)
        rules = [
            rule(
                f"r{number}", {dice.random.choice(("all", "any")): dice.random.sample(words, dice.random.randint(1, 3))}
            )
            for number in range(12)
        ]
        paper = policy(*rules)
        found = [each for each in check(paper, on=DAY) if each.code in ("shadowed_rule", "duplicate_rule")]
        shadowed += len(found)
        compiled = compile_policy(paper)
        for _ in range(12):
            fired = set(compiled.evaluate(dice.quote(), DAY).fired_ids)
            for each in found:
                names = set(each.message.replace(",", " ").split()) & {each.id for each in paper.rules}
                inner = each.path.removeprefix("rules.")
                (outer,) = names - {inner}
                assert inner not in fired or outer in fired, (seed, each)
    assert shadowed > 50


def test_lines_that_can_never_be_counted_never_are() -> None:
    found = 0
    for seed in range(30):
        dice = Dice(1000 + seed)
        variables = {}
        for number in range(30):
            where = {"all": [dice.when(("quantity", "family", "tier", "grade"), 1) for _ in range(3)]}
            variables[f"v{number}"] = {"count": "lines", "where": where}
        paper = read_policy({"policy": "p", "variables": variables, "rules": [rule()]})
        errors = [each for each in check(paper, on=DAY, rule_work=Work(10**7)) if each.code == "contradiction"]
        never = {each.path.split(".")[1] for each in errors if each.is_error}
        found += len(never)
        compiled = compile_policy(paper)
        for _ in range(8):
            counted = compiled.evaluate(dice.quote(), DAY).variables
            assert not any(counted[name] for name in never), seed
    assert found > 25
