"""The repository's own checks can fail, and the audit never says clean without an answer."""

import json
from pathlib import Path

import pytest

from tools.audit import judge
from tools.check_lock import ROOT, problems

HASHED = (
    "alpha==1.2 \\\n    --hash=sha256:"
    + "a" * 64
    + "\nbeta-b==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:"
    + "b" * 64
)
PROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = ["Alpha>=1.1", "beta_b[more]>=2"]\n'


def test_a_sound_lock_has_no_problems() -> None:
    assert list(problems(HASHED, PROJECT)) == []


def test_our_own_lock_is_sound() -> None:
    assert list(problems(*((ROOT / name).read_text() for name in ("requirements.lock", "pyproject.toml")))) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lock: lock.replace(" \\\n    --hash=sha256:" + "a" * 64, ""), "alpha has no hash"),
        (lambda lock: lock.replace("alpha==1.2", "alpha>=1.2"), "alpha is not pinned"),
        (lambda lock: lock.replace("alpha==1.2", "alpha==1.*"), "alpha is not pinned"),
        (lambda lock: lock.replace("alpha==1.2", "alpha==1.0"), "does not satisfy"),
        (lambda lock: lock.replace("alpha", "gamma"), "asks for Alpha"),
        (lambda lock: "--index-url https://mirror.invalid/simple\n" + lock, "line 1: an address"),
        (lambda lock: "-i mirror\n" + lock, "line 1: an address"),
        (lambda lock: "alpha @ file:///wheels/alpha.whl\n" + lock, "line 1: an address"),
        (lambda lock: "./wheels/alpha.whl\n" + lock, "line 1: an address"),
        (lambda lock: lock + "\n    # from https://mirror.invalid/simple", "an address"),
    ],
)
def test_a_damaged_lock_is_noticed(damage, said: str) -> None:  # type: ignore[no-untyped-def]
    assert any(said in problem for problem in problems(damage(HASHED), PROJECT))


def report(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages})


CLEAN: dict[str, object] = {"name": "alpha", "version": "1.2", "vulns": []}
FAULTY: dict[str, object] = {
    "name": "beta",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "…"}],
}
SKIPPED: dict[str, object] = {"name": "gamma", "skip_reason": "not found"}


def test_a_known_fault_fails_the_audit() -> None:
    outcome = judge(1, report(CLEAN, FAULTY, SKIPPED), "Found 1 known vulnerability")
    assert outcome.status == 1
    assert "beta 2.0: PYSEC-1, repaired in 2.1" in outcome.text


def test_all_answers_and_no_fault_is_clean() -> None:
    assert judge(0, report(CLEAN), "").text == "dependency audit: 1 packages, no known faults"


@pytest.mark.parametrize(
    ("status", "text", "complaint"),
    [
        (1, "", "requests.exceptions.ConnectionError: refused\n"),
        (0, report(SKIPPED), "No known vulnerabilities found, 1 skipped"),
        (0, report(CLEAN, SKIPPED), "No known vulnerabilities found, 1 skipped"),
        (0, report(), ""),
        (3, report(CLEAN), ""),
    ],
)
def test_without_an_answer_it_says_not_run(status: int, text: str, complaint: str) -> None:
    outcome = judge(status, text, complaint)
    assert outcome.status == 0
    assert outcome.text.startswith("dependency audit: not run (")


def test_continuous_integration_runs_checks_and_tests() -> None:
    script = Path(ROOT / ".ci" / "run")
    assert script.stat().st_mode & 0o111
    assert [line.split()[1] for line in script.read_text().splitlines() if line.startswith("make ")] == [
        "check",
        "test",
    ]
