"""``countersign policy test``: coverage of rules and conditions by stories, and mutants that stories notice."""

from __future__ import annotations

import json
import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from domain.policy.document import read_policy
from domain.policy.mutants import mutants
from domain.policy.written import written_out
from domain.refusal import Refusal
from starter.cli.main import app
from starter.stories.document import read_story
from starter.stories.mutation import AT_ONCE, chosen, trials

ROOT = Path(__file__).parents[3]
DIRECTORY = """
users:
  rosa: {name: R, mail: r@x.de, manager: mei}
  mei: {name: M, mail: m@x.de, manager: ines}
  ines: {name: I, mail: i@x.de}
approvers: {manager: {user: mei}, boss: {user: ines}}
"""
QUOTE = """
quote_id: Q-1
title: One
owner: rosa
currency: USD
customer: {customer_id: c, name: C, time_zone: UTC}
terms: {payment_terms: Net 30}
lines:
  - {line_id: A, product: P, family: F, kind: one_time, quantity: "1", list_price: "1000.00", discount_percent: "10"}
"""
POLICY = """policy: small
fallback: boss
variables:
  discount: {max: lines.discount_percent}
rules:
  - id: deep
    approver: manager
    when: {all: ["discount > 5", "net_total >= 500.00"]}
  - id: always
    approver: manager
  - id: off
    approver: boss
    active: false
    when: "discount > 1"
"""
STORY = """
policy: policy.yaml
directory: directory.yaml
quote: quote.yaml
at: "2026-11-16T09:00Z"
cases:
  - name: a discount asks the manager
    steps:
      - preview: {}
      - expect: {plan: {deep: {asks: [mei]}, always: {asks: [mei]}}}
"""
NO_DISCOUNT = """
  - name: without a discount only the other rule
    change: {lines.A.discount_percent: "0"}
    steps:
      - submit: {by: rosa}
      - expect: {requested_only: {always: [mei]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("policy", POLICY), ("directory", DIRECTORY), ("quote", QUOTE), ("story", STORY)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def policy_test(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["policy", "test", *map(str, arguments)])


def told(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(policy_test(*arguments, "--json").stdout)
    return found


def test_a_line_for_each_rule_says_what_no_story_exercised(folder: Path) -> None:
    done = policy_test(folder / "story.yaml")
    assert done.exit_code == 0, done.output
    place = folder / "policy.yaml"
    assert [re.sub(r"  +", "  ", line) for line in done.stdout.splitlines()] == [
        "passed  a discount asks the manager",
        "1 passed, 0 failed",
        "",
        f"policy small ({place}), evaluated 1 times",
        f"  deep  fired 1  not 0  {place}:6: always fired; always met: discount > 5; always met: net_total >= 500.00",
        "  always  fired 1  not 0  all sides",
        "  off  fired 0  not 1  not active, so not counted",
        "",
        # Of deep: fired, met, met. Of always: fired, and there is no quote for which it does not fire.
        "coverage 57.1 % (4 of 7: each rule fired and not, each condition met and not)",
    ]


def test_the_floor_fails_what_is_under_it_and_not_what_reaches_it(folder: Path) -> None:
    story = folder / "story.yaml"
    assert policy_test(story, "--fail-under", "57.1").exit_code == 0
    done = policy_test(story, "--fail-under", "57.2")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "less than 57.2 % was exercised")
    story.write_text(STORY + NO_DISCOUNT, encoding="utf-8")
    found = told(story, "--fail-under", "85")
    assert (found["exercised"], found["of"], found["passed"]) == (6, 7, 2)
    deep = found["policies"][0]["rules"][0]
    assert (deep["fired"], deep["not_fired"], deep["missing"]) == (1, 1, ["always met: net_total >= 500.00"])
    assert deep["conditions"][0] == {"text": "discount > 5", "met": 1, "not_met": 1}


def test_a_case_that_fails_ends_with_1_and_a_wrong_file_with_2(folder: Path) -> None:
    story = folder / "story.yaml"
    story.write_text(STORY.replace("asks: [mei]}, always", "asks: [ines]}, always"), encoding="utf-8")
    done = policy_test(story, "--mutate")
    assert done.exit_code == 1
    assert "expected ines, was mei" in done.stdout
    assert "mutants are played when every case passes" in done.stdout
    (folder / "policy.yaml").write_text(POLICY.replace("when: {all:", "when: {most:"), encoding="utf-8")
    done = policy_test(story)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{folder / 'policy.yaml'}:8" in done.stderr
    assert policy_test(folder / "none.yaml").exit_code == 2
    assert policy_test(story, "--fail-under", "101").exit_code == 2


def test_a_refused_submit_counts_and_what_a_case_changes_does_not(folder: Path) -> None:
    refused = """
  - name: nobody may decide
    directory_change: {users.mei.active: false, users.ines.active: false}
    steps:
      - submit: {by: rosa}
        refused: no_decider
  - name: another policy for this case
    policy_change: {rules.deep.when: "discount > 99"}
    steps: [{preview: {}}]
"""
    (folder / "story.yaml").write_text(STORY + refused, encoding="utf-8")
    (policy,) = told(folder / "story.yaml")["policies"]
    deep = policy["rules"][0]
    assert (policy["evaluations"], deep["fired"], deep["not_fired"]) == (3, 2, 1)
    assert [each["text"] for each in deep["conditions"]] == ["discount > 5", "net_total >= 500.00"]
    assert [each["met"] for each in deep["conditions"]] == [2, 2]


def test_mutants_that_no_story_noticed_are_told_with_their_place(folder: Path) -> None:
    done = policy_test(folder / "story.yaml", "--mutate")
    assert done.exit_code == 0, done.output
    (found,) = told(folder / "story.yaml", "--mutate")["mutants"]
    place = folder / "policy.yaml"
    assert {"where": f"{place}:8", "text": "rule deep: discount > 5 → discount > 6"} in found["survivors"]
    assert {"where": f"{place}:8", "text": "rule deep: net_total >= 500.00 is left out"} in found["survivors"]
    survived = {each["text"] for each in found["survivors"]}
    assert not survived & {"rule deep: the rule is deleted", "rule deep: approver manager → boss, the fallback"}
    assert f"  {place}:8: rule deep: discount > 5 → discount > 6\n" in done.stdout
    assert found["noticed"] + len(survived) == found["played"]
    assert not any("rule off" in text for text in survived)

    (folder / "story.yaml").write_text(STORY + NO_DISCOUNT, encoding="utf-8")
    (better,) = told(folder / "story.yaml", "--mutate")["mutants"]
    assert "rule deep: discount > 5 is left out" in survived - {each["text"] for each in better["survivors"]}


def test_the_same_mutants_are_told_whatever_the_number_of_processes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = read_story(folder / "story.yaml")
    source = cases[0].policy_source
    candidates, there = chosen(source)
    assert len(candidates) == there > AT_ONCE
    played: list[int] = []
    found = []
    for cores in (1, 3):
        monkeypatch.setattr("starter.stories.mutation._cores", lambda cores=cores: cores)
        found.append(trials(source, candidates, cases, played.append))
    assert found[0] == found[1]
    assert sum(played) == 2 * there


def test_of_too_many_mutants_some_are_taken_all_over_the_policy(folder: Path) -> None:
    source = read_story(folder / "story.yaml")[0].policy_source
    all_, there = chosen(source)
    some, still = chosen(source, most=5)
    assert (len(some), still) == (5, there)
    assert [all_.index(each) for each in some] == [at * there // 5 for at in range(5)]


LANGUAGE: dict[str, Any] = {
    "policy": "language",
    "fallback": "ceo",
    "variables": {"big": {"sum": "lines.net_total", "where": {"not": 'family in A, "B, C"'}}, "twice": "big * 2"},
    "chains": {"c": {}},
    "rules": [
        {
            "id": "numbered",
            "approver": "x",
            "when": {"conditions": ["big > 1.50", "twice < 5 EUR", "note is blank"], "logic": "1 AND (2 OR NOT 3)"},
            "smart": [1],
            "tolerance": {"big": 2},
        },
        {"id": "one", "approver": "ceo", "chain": "c", "step": 1, "when": "start_date >= 2027-01-01", "smart": True},
        {"id": "two", "approver": "x", "chain": "c", "step": 1, "when": ["title starts with A", "title contains b"]},
    ],
    "matrix": [
        {
            "id": "table",
            "columns": ["net_total", "region"],
            "approver": "x",
            "rows": [{"net_total": "5..10", "region": "US, CA"}, {"net_total": "10..", "step": 2}],
        }
    ],
}


def test_every_part_of_the_language_is_mutated_and_keeps_its_place() -> None:
    found = {each.text: each for each in mutants(LANGUAGE)}
    assert set(found) >= {
        'variable big: family in A, "B, C" → family in A',
        "rule numbered: big > 1.50 → big > 1.49",
        "rule numbered: twice < 5 EUR → twice < 6 EUR",
        "rule numbered: twice < 5 EUR → twice <= 5 EUR",
        "rule numbered: note is blank → note is not blank",
        "rule numbered: note is blank is left out",
        "rule numbered: 1 AND (2 OR NOT 3) → 1 OR (2 OR NOT 3)",
        "rule one: start_date >= 2027-01-01 → start_date >= 2026-12-31",
        "rule one: step 1 → step 2",
        "rule two: title starts with A → title ends with A",
        "rule two: all of 2 → any",
        "rule table-1: net_total > 5 → net_total > 6",
        "rule table-1: region in US, CA → region in US",
        "rule table-2: step 2 → step 1",
        "rule table-2: the rule is deleted",
    }
    assert not any("rule one: approver" in text for text in found)
    assert found["rule numbered: big > 1.50 → big > 1.49"].place == ("rules", 0, "when", "conditions", 0)
    assert found["rule table-2: the rule is deleted"].place == ("matrix", 0, "rows", 1)


def test_a_mutant_is_wrong_in_one_thing_only() -> None:
    document = written_out(LANGUAGE)
    assert read_policy(document).rules == read_policy(LANGUAGE).rules
    refused = []
    for mutant in mutants(LANGUAGE):
        try:
            policy = read_policy(mutant.applied(document))
        except Refusal:
            refused.append(mutant.text)
            continue
        before, after = ({rule.id: rule for rule in each.rules} for each in (read_policy(document), policy))
        different = [name for name in before if before[name] != after.get(name)]
        assert len(different) <= 1, mutant.text
        assert mutant.text.split()[1].rstrip(":") in (*different, "big")
    assert refused == []
    nudged = next(each for each in mutants(LANGUAGE) if each.text == "rule numbered: big > 1.50 → big >= 1.50")
    rule = read_policy(nudged.applied(document)).rule("numbered")
    assert rule is not None
    assert (rule.smart_texts, dict(rule.tolerance)) == (frozenset({"big >= 1.50"}), {"big": Decimal(2)})


PAGE = (ROOT / "docs/policies-test.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", PAGE, re.M | re.S)


@pytest.mark.parametrize(("commands", "shown"), [block for block in BLOCKS if "--as" not in block[0]])
def test_the_page_shows_what_the_commands_print(commands: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for line in commands.splitlines():
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
        assert shown in done.stdout
