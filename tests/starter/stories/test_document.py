"""Story files: what is wrong in them is told with file and line before anything is played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.refusal import Refusal
from starter.stories.document import read_story

POLICY = """policy: p
fallback: ann
rules:
  - id: r
    approver: ann
"""
DIRECTORY = "users: {ann: {name: Ann}, bob: {name: Bob}}\n"
LINE = {"line_id": "A", "product": "P", "family": "F", "kind": "one_time", "quantity": "1", "list_price": "5"}
QUOTE = {
    "quote_id": "Q",
    "title": "T",
    "owner": "bob",
    "currency": "USD",
    "customer": {"customer_id": "c", "name": "C"},
    "lines": [LINE],
}
HEAD = 'policy: policy.yaml\ndirectory: directory.yaml\nquote: quote.json\nat: "2026-11-23T09:00Z"\ncases:\n'


def story(folder: Path, text: str, *, policy: str = POLICY, quote: str | None = None) -> Path:
    (folder / "policy.yaml").write_text(policy)
    (folder / "directory.yaml").write_text(DIRECTORY)
    (folder / "quote.json").write_text(json.dumps(QUOTE) if quote is None else quote)
    (folder / "story.yaml").write_text(text)
    return folder / "story.yaml"


def refusal(path: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_story(path)
    return caught.value


def steps(*lines: str) -> str:
    """A story of one case; the first step stands on line 8."""
    return HEAD + "  - name: case\n    steps:\n" + "".join(f"      - {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "code", "at"),
    [
        (["submit: {by: ann}", "sbmit: {by: ann}"], "unknown_verb", 9),
        (["submit: {}"], "missing_field", 8),
        (["submit: {by: ann, when: now}"], "unknown_field", 8),
        (["submit: {by: ann}", "approve: {by: ann}"], "missing_field", 9),
        (["wait: soon"], "invalid_duration", 8),
        (["wait: 0h"], "invalid_duration", 8),
        (["until: tomorrow"], "invalid_moment", 8),
        (["just a text"], "wrong_type", 8),
        (["{submit: {by: ann}, recall: {by: ann}}"], "wrong_type", 8),
        (["refused: four_eyes"], "wrong_type", 8),
        (["{submit: {by: ann}, refused: [a]}"], "wrong_type", 8),
        (["expect: {colour: red}"], "unknown_expectation", 8),
        (["expect: [a]"], "wrong_type", 8),
        (["submit: {by: ann}", "renew: {contract_of: x, lead: soon}"], "invalid_duration", 9),
        (["withdraw: {by: ann}"], "missing_field", 8),
        (["override: {by: ann, rule: r, decision: maybe}"], "invalid_choice", 8),
        (["add: {by: ann, rule: r, who: bob, where: behind}"], "invalid_choice", 8),
        (["merge: {order: x}"], "missing_field", 8),
        (["hold: {order: x, lines: {A: 1}}"], "unknown_field", 8),
        (["split: {order: x, lines: {A: 1}, disposition: cancelled}"], "unknown_field", 8),
        (["cancel: {order: x, to: y}"], "unknown_field", 8),
        (["cancel: {order: x, disposition: gone}"], "invalid_choice", 8),
        (["cancel: {order: x, lines: [A, A]}"], "conflicting_fields", 8),
        (["return: {order: x, lines: [{line: A, colour: red}]}"], "wrong_type", 8),
        (["amend: {contract_of: Q}"], "missing_field", 8),
    ],
)
def test_a_wrong_step_is_told_with_its_line(tmp_path: Path, lines: list[str], code: str, at: int) -> None:
    found = refusal(story(tmp_path, steps(*lines)))
    assert found.code == code
    assert found.problems[0].message.startswith(f"{tmp_path}/story.yaml:{at}: ")


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ('lines: {A: "5"}', {"A": "5"}),
        ("lines: {A: 5, B: null}", {"A": "5", "B": None}),
        ("lines: [A, B]", {"A": None, "B": None}),
        ("lines: A", {"A": None}),
        ("lines: [{line: A, quantity: 5}, B]", {"A": "5", "B": None}),
        ("line: A, quantity: 5", {"A": "5"}),
    ],
)
def test_lines_of_an_order_may_be_written_in_several_ways(tmp_path: Path, lines: str, read: dict[str, Any]) -> None:
    [case] = read_story(story(tmp_path, steps(f"return: {{order: x, {lines}}}")))
    assert case.steps[0].arguments.lines == read


@pytest.mark.parametrize(
    ("words", "target", "absorbed"),
    [
        ("order: x, with: y", "x", ("y",)),
        ("order: x, orders: [y, z]", "x", ("y", "z")),
        ("order: x, to: y", "y", ("x",)),
        ("order: x, with: z, into: y", "y", ("x", "z")),
    ],
)
def test_a_merge_is_told_from_either_side(tmp_path: Path, words: str, target: str, absorbed: tuple[str, ...]) -> None:
    [case] = read_story(story(tmp_path, steps(f"merge: {{{words}}}")))
    assert (case.steps[0].arguments.target, case.steps[0].arguments.absorbed) == (target, absorbed)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("cases: []\n", "missing_field"),
        (HEAD + "  - steps: []\n", "missing_field"),
        (HEAD + "  - {name: a, steps: [], colour: red}\n", "unknown_field"),
        (HEAD.replace('at: "2026-11-23T09:00Z"\n', "") + "  - {name: a, steps: []}\n", "missing_field"),
        (HEAD.replace("quote.json", "nowhere.json") + "  - {name: a, steps: []}\n", "unreadable_file"),
        (HEAD + "  - {name: a, name: b, steps: []}\n", "invalid_yaml"),
        (HEAD + "  - {name: a, change: {lines.Z.quantity: '1'}, steps: []}\n", "unknown_field"),
        (HEAD + "  - {name: a, policy_change: {rules.r.approver: ghost}, steps: []}\n", "unknown_approver"),
        (HEAD + "  - {name: a, change: {lines.A.quantity: '-1'}, steps: []}\n", "quantity_out_of_range"),
        (HEAD + "  - {name: a, change: {lines.A.quantity: 1}, steps: []}\n", "number_not_text"),
        (HEAD + "  - {name: a, policy_change: {smart_mode: clever}, steps: []}\n", "invalid_choice"),
        ("- a\n", "wrong_type"),
        ("", "wrong_type"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, code: str) -> None:
    found = refusal(story(tmp_path, text))
    assert found.code == code
    assert ":" in found.problems[0].message


def test_a_mistake_in_the_policy_is_told_with_the_line_of_the_policy(tmp_path: Path) -> None:
    wrong = POLICY + "    when: discount == 5\n    colour: red\n"
    found = refusal(story(tmp_path, steps("submit: {by: ann}"), policy=wrong))
    assert found.problems[0].message.startswith(f"{tmp_path}/policy.yaml:7: rules.r.colour")
    found = refusal(story(tmp_path, steps("submit: {by: ann}"), policy=wrong.replace("    colour: red\n", "")))
    assert found.problems[0].message.startswith(f"{tmp_path}/policy.yaml:6: rules.r.when")


def test_a_mistake_in_an_inline_document_is_told_with_the_line_of_the_story(tmp_path: Path) -> None:
    text = HEAD.replace("policy: policy.yaml", "policy:\n  policy: p\n  rules:\n    - {id: r, aprover: ann}")
    found = refusal(story(tmp_path, text + "  - {name: a, steps: []}\n"))
    assert {each.message.split(": ")[0] for each in found.problems} == {f"{tmp_path}/story.yaml:4"}


@pytest.mark.parametrize("quote", ["[]", '{"quote_id": "Q", "quote_id": "R"}', '{"a": ', "[" * 100_000])
def test_a_quote_file_that_is_none_is_refused(tmp_path: Path, quote: str) -> None:
    found = refusal(story(tmp_path, steps("submit: {by: ann}"), quote=quote))
    assert found.code in ("wrong_type", "invalid_json")


def test_documents_may_stand_in_the_file_or_the_case(tmp_path: Path) -> None:
    text = steps("submit: {by: bob}") + "    quote: {" + json.dumps(QUOTE)[1:] + "\n    at: 2026-12-01T09:00Z\n"
    [case] = read_story(story(tmp_path, text))
    assert case.at.month == 12
    assert case.quote["quote_id"] == "Q"


def test_on_and_no_are_texts(tmp_path: Path) -> None:
    [case] = read_story(
        story(tmp_path, steps("reject: {by: ann, rule: r, reason: no}", "deliver: {order: k, on: 2027-01-01}"))
    )
    assert case.steps[0].arguments.reason == "no"
    assert case.steps[1].arguments.on == "2027-01-01"


def test_each_case_starts_with_its_own_documents(tmp_path: Path) -> None:
    text = HEAD + "  - {name: a, change: {title: Other}, steps: []}\n  - {name: b, steps: []}\n"
    one, other = read_story(story(tmp_path, text))
    assert (one.quote["title"], other.quote["title"]) == ("Other", "T")


@pytest.mark.parametrize(
    ("change", "code"),
    [("{lines.A.nonsense: 1}", "unknown_field"), ("{lines.B.quantity: '2'}", "unknown_field")],
)
def test_a_change_that_leads_nowhere_is_told_with_the_line_of_the_story(tmp_path: Path, change: str, code: str) -> None:
    text = HEAD + f"  - name: case\n    change: {change}\n    steps: []\n"
    told = refusal(story(tmp_path, text))
    assert told.code == code
    assert f"{tmp_path / 'story.yaml'}:7: " in str(told)


def test_a_policy_is_published_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "next.yaml").write_text(POLICY.replace("approver: ann", "approver: bob"))
    text = steps("publish: {policy: next.yaml, policy_change: {rules.r.step: 2}}")
    (case,) = read_story(story(tmp_path, text))
    published = case.steps[0].arguments.policy
    assert (published["rules"][0]["approver"], published["rules"][0]["step"]) == ("bob", 2)


@pytest.mark.parametrize(("content", "line"), [(None, 1), (POLICY + "    steep: 2\n", 6)])
def test_a_policy_that_cannot_be_published_is_told_before_anything_is_played(
    tmp_path: Path, content: str | None, line: int
) -> None:
    if content is not None:
        (tmp_path / "next.yaml").write_text(content)
    told = refusal(story(tmp_path, steps("publish: {policy: next.yaml}")))
    assert f"{tmp_path / 'next.yaml'}:{line}: " in str(told)
