"""``countersign policy check``: messages with file and line, exit codes, JSON."""

import json
from pathlib import Path

import pytest

from tests.starter.cli.test_offline import HOSPITAL, countersign

POLICY = """\
policy: p
fallback: boss
variables:
  deep: {max: lines.discount_percent,
    where: "kind = service"}
chains: {sales: {}}
rules:
  - id: never
    chain: sales
    approver: ann
    when:
      all:
        - net_total > 5
        - net_total < 3
  - {id: typed, approver: ghost, when: "title > deep"}
  - id: over
    approver: boss
    until: 2027-01-31
matrix:
  id: table
  columns: [net_total]
  approver: boss
  rows:
    - {net_total: "..5", step: 1}
    - {net_total: "contains 5", step: 2}
"""
BOMB = "b0: &b0 [1, 1]\n" + "".join(f"b{at}: &b{at} [{', '.join([f'*b{at - 1}'] * 30)}]\n" for at in range(1, 6))
DIRECTORY = """\
users:
  ann: {name: Ann, manager: bob}
  bob:
    name: Bob
    manager: ann
approvers:
  boss:
    user: gone
"""


@pytest.fixture
def papers(tmp_path: Path) -> tuple[Path, Path]:
    policy, directory = tmp_path / "policy.yaml", tmp_path / "directory.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    directory.write_text(DIRECTORY, encoding="utf-8")
    return policy, directory


def told(lines: list[str]) -> list[tuple[str, str, str]]:
    """File and line, severity, and code of each message."""
    return [(line.split(" ")[0].removesuffix(":"), line.split(" ")[1], line.split(" ")[2]) for line in lines]


def test_every_message_leads_to_its_line_and_warnings_stand_apart(papers: tuple[Path, Path]) -> None:
    policy, directory = papers
    done = countersign("policy", "check", policy, "--directory", directory, "--on", "2027-02-01")
    assert (done.returncode, done.stderr) == (1, "")
    errors, warnings = (part.splitlines() for part in done.stdout.split("\n\n"))
    assert set(told(errors)) == {
        (f"{policy}:2", "error", "inactive_fallback:"),
        (f"{policy}:5", "error", "type_mismatch:"),
        (f"{policy}:11", "error", "contradiction:"),
        (f"{policy}:15", "error", "type_mismatch:"),
        (f"{policy}:15", "error", "unknown_approver:"),
        (f"{policy}:24", "error", "no_decider:"),
        (f"{policy}:25", "error", "no_decider:"),
        (f"{policy}:25", "error", "type_mismatch:"),
    }
    assert set(told(warnings[:-1])) >= {
        (f"{policy}:6", "warning", "unreachable_step:"),
        (f"{policy}:18", "warning", "window_over:"),
        (f"{directory}:2", "warning", "manager_loop:"),
        (f"{directory}:8", "warning", "unknown_person:"),
    }
    assert {severity for _, severity, _ in told(warnings[:-1])} == {"warning"}
    assert warnings[-1] == f"{len(errors)} errors, {len(warnings) - 1} warnings"


def test_warnings_alone_are_no_failure(tmp_path: Path) -> None:
    done = countersign("policy", "check", HOSPITAL / "policy.yaml", "--directory", HOSPITAL / "directory.yaml")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 errors, ")
    tidy = tmp_path / "tidy.yaml"
    tidy.write_text("{policy: p, rules: [{id: r, approver: ann, when: net_total > 5}]}", encoding="utf-8")
    done = countersign("policy", "check", tidy)
    assert (done.returncode, done.stdout) == (0, "0 errors, 0 warnings\n")


def test_the_same_as_data(papers: tuple[Path, Path]) -> None:
    policy, directory = papers
    done = countersign("policy", "check", policy, "--directory", directory, "--on", "2027-02-01", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["errors"] + document["warnings"] == len(document["findings"])
    assert {
        "severity": "error",
        "code": "contradiction",
        "file": str(policy),
        "line": 11,
        "path": "rules.never.when",
        "message": "these conditions exclude each other, so that the rule never can never fire",
    } in document["findings"]


def test_the_day_is_today_or_the_one_that_is_given(papers: tuple[Path, Path]) -> None:
    policy, _ = papers
    assert "window_over" not in countersign("policy", "check", policy, "--on", "2027-01-31").stdout
    assert "window_over" in countersign("policy", "check", policy, "--on", "2027-02-01").stdout
    assert countersign("policy", "check", policy, "--on", "soon").returncode == 2


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("policy: p\nrules: [\n  {id: r, approver: a, when: x > 1}\n  oops\n", 4, "invalid_yaml"),
        ("policy: p\npolicy: q\n", 2, "invalid_yaml"),
        ("policy: p\nrules:\n  - id: r\n    approver: ann\n    when: x ~ 5\n", 5, "invalid_condition"),
        ("policy: p\nrules:\n  - id: r\n    approver: ann\n    colour: red\n", 5, "unknown_field"),
        ("policy: p\nchains:\n  a: {after: [b]}\n  b: {after: [a]}\n", 3, "cycle"),
        ("policy: p\nvariables:\n  a: b + 1\n  b: a + 1\n", 3, "cycle"),
        ("policy: p\nrules: " + "[" * 100, 2, "too_long"),
        (BOMB, 5, "too_long"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_as_a_policy_is_an_error_at_its_line(
    tmp_path: Path, text: str, line: int, code: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    done = countersign("policy", "check", file)
    assert done.returncode == 1
    assert (f"{file}:{line}", "error", f"{code}:") in told(done.stdout.splitlines()[:-1])


def test_json_has_lines_too(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    rules = [{"id": "r", "approver": "ann", "smart": True, "tolerance": {"x": 2.5}, "when": ["x > 5", "x < 3"]}]
    file.write_text(json.dumps({"policy": "p", "rules": rules}, indent=1), encoding="utf-8")
    done = countersign("policy", "check", file)
    assert told(done.stdout.splitlines()[:1]) == [(f"{file}:11", "error", "contradiction:")]
    file.write_text('{"policy": "p",\n "rules": [}', encoding="utf-8")
    done = countersign("policy", "check", file)
    assert told(done.stdout.splitlines()[:1]) == [(f"{file}:2", "error", "invalid_json:")]


def test_a_file_that_is_not_there_or_no_text_is_used_wrongly(tmp_path: Path, papers: tuple[Path, Path]) -> None:
    policy, _ = papers
    noise = tmp_path / "noise.yaml"
    noise.write_bytes(b"\xff\xfe\x00")
    for arguments in ((tmp_path / "none.yaml",), (noise,), (policy, "--directory", tmp_path / "none.yaml")):
        done = countersign("policy", "check", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("unreadable_file: ")


def test_a_directory_that_is_wrong_is_told_with_its_own_lines(tmp_path: Path, papers: tuple[Path, Path]) -> None:
    policy, directory = papers
    directory.write_text("users:\n  ann: {name: Ann}\ndelegations:\n  - {of: ann, to: ann}\n", encoding="utf-8")
    done = countersign("policy", "check", policy, "--directory", directory)
    assert done.returncode == 1
    assert (f"{directory}:4", "error", "delegation_loop:") in told(done.stdout.split("\n\n")[0].splitlines())
