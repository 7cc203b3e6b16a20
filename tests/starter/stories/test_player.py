"""The player: what passes, what fails and how it is told; and the command with its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from starter.cli.main import app
from starter.stories.core import CoreStage
from starter.stories.document import read_story
from starter.stories.player import Told, play

ROOT = Path(__file__).parents[3]
STORIES = ROOT / "examples/stories"
HEAD = f"""policy: {{policy: p, fallback: ceo, rules: [{{id: r, approver: mei, sla: {{remind: 4h}}}}]}}
directory: {STORIES}/clinic/directory.yaml
quote: {STORIES}/clinic/quote.yaml
at: "2026-11-23T09:00Z"
cases:
"""


def write(folder: Path, *steps: str, name: str = "story.yaml", head: str = HEAD) -> Path:
    path = folder / name
    path.write_text(head + "  - name: case\n    steps:\n" + "".join(f"      - {step}\n" for step in steps))
    return path


async def told(folder: Path, *steps: str) -> Told:
    [case] = read_story(write(folder, *steps))
    return await play(case, CoreStage())


@pytest.mark.parametrize(
    ("steps", "failure"),
    [
        (["submit: {by: rosa}", "expect: {state: approved}"], "state: expected approved, was pending"),
        (["submit: {by: rosa}", "expect: {requested: {r: [zoe]}}"], "requested.r.0: expected zoe, was mei"),
        (["submit: {by: rosa}", "expect: {requested: {}}"], "requested: expected {}, was {r: [mei]}"),
        (["submit: {by: rosa}", "expect: {revoked: {r: []}}"], "revoked.r: expected [], was nothing"),
        (["submit: {by: rosa}", "expect: {skipped: {r: []}}"], "skipped.r: expected [], was nothing"),
        (["submit: {by: rosa}", "expect: {messages: []}"], "messages: expected [], was [{kind: request, to: mei}]"),
        (["submit: {by: rosa}", "expect: {events: [{escalated: r}]}"], "events: expected {escalated: r}"),
        (["submit: {by: rosa}", "expect: {not_fired: [r]}"], "not_fired: expected r, was []"),
        (["submit: {by: rosa}", "expect: {due: {r: 2026-11-23T13:00Z}}"], "due.r: expected"),
        (["submit: {by: nobody-known}"], "submit was refused: [unknown_user]"),
        (["submit: {by: rosa, comment: x}", "{approve: {by: mei, rule: r}, refused: four_eyes}"],
         "approve should be refused with four_eyes and was not"),
        (["submit: {by: rosa}", "{approve: {by: zoe, rule: r}, refused: four_eyes}"],
         "approve was refused (expected four_eyes): [not_yours]"),
        (["until: 2026-11-22T09:00Z"], "the clock already shows"),
    ],
)  # fmt: skip
async def test_a_failure_says_what_was_expected_and_what_was_there(
    tmp_path: Path, steps: list[str], failure: str
) -> None:
    found = await told(tmp_path, *steps)
    assert found.outcome == "failed"
    assert failure in found.failures[0]
    assert found.failures[0].startswith(f"{tmp_path}/story.yaml:{7 + len(steps)}: ")


async def test_what_holds_passes(tmp_path: Path) -> None:
    found = await told(
        tmp_path,
        "submit: {by: rosa}",
        "expect: {state: pending, approved: {r: []}, rejected: {}, requested_only: {r: [mei]}}",
        "expect: {messages: [], events: []}",
        "wait: 4h",
        "expect: {messages: [{kind: reminder, to: mei}], events: [{reminded: r}]}",
        "{approve: {by: rosa, rule: r}, refused: four_eyes}",
        "{approve: {by: mei, rule: r}, name: the answer}",
        "expect: {state: approved, approved: {r: [mei]}}",
    )
    assert found.passed, found.failures


async def test_all_differences_of_one_expectation_are_told(tmp_path: Path) -> None:
    found = await told(tmp_path, "submit: {by: rosa}", "expect: {state: approved, round: 2}")
    assert len(found.failures) == 2


async def test_a_preview_is_forgotten_when_the_quote_is_submitted(tmp_path: Path) -> None:
    found = await told(
        tmp_path,
        "preview: {by: mei}",
        "expect: {plan: {r: {asks: [david]}}}",
        "submit: {by: rosa}",
        "expect: {plan: {r: {asks: [mei]}}}",
    )
    assert found.passed, found.failures


def run(*arguments: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["scenario", *map(str, arguments)])
    return result.exit_code, result.output


def test_stories_that_hold_exit_with_0() -> None:
    code, output = run(ROOT / "examples/hospital/scenario.yaml")
    assert code == 0
    assert output.splitlines()[-1] == "4 passed, 0 failed"


def test_a_failed_case_exits_with_1_and_the_others_are_played(tmp_path: Path) -> None:
    bad = write(tmp_path, "expect: {state: approved}")
    good = write(tmp_path, "expect: {state: draft}", name="good.yaml")
    code, output = run(bad, good)
    assert code == 1
    assert "1 passed, 1 failed" in output
    assert "state: expected approved, was draft" in output


def test_a_wrong_file_exits_with_2(tmp_path: Path) -> None:
    code, output = run(write(tmp_path, "sbmit: {by: rosa}"))
    assert code == 2
    assert f"{tmp_path}/story.yaml:8: sbmit is no verb" in output
    assert "passed" not in output
    assert run(tmp_path / "nowhere.yaml")[0] == 2


def test_a_question_of_a_contract_that_is_not_there_fails_the_case(tmp_path: Path) -> None:
    steps = ["submit: {by: rosa}", "expect: {revenue: {of: somewhere, total: 1}}"]
    code, output = run(write(tmp_path, *steps))
    assert code == 1
    assert "unknown_contract" in output
    assert "0 passed, 1 failed" in output


def test_json_gives_everything(tmp_path: Path) -> None:
    code, output = run(write(tmp_path, "expect: {state: approved}"), "--json")
    found = json.loads(output)
    assert code == 1
    assert (found["passed"], found["failed"], found["not_built"]) == (0, 1, 0)
    [case] = found["cases"]
    assert case["name"] == "case"
    assert case["outcome"] == "failed"
    assert "state: expected approved, was draft" in case["failures"][0]


def test_trace_tells_the_story_event_by_event(tmp_path: Path) -> None:
    path = write(tmp_path, "submit: {by: rosa}", "wait: 4h", "approve: {by: mei, rule: r}")
    code, output = run(path, "--trace")
    assert code == 0
    words = [line.split()[1:3] for line in output.splitlines() if line.startswith("    2026")]
    assert ["submitted", "S-1"] in words
    assert ["reminded", "r"] in words
    assert ["approved", "r"] in words
