"""The example policies are wholly exercised by their stories, and have no errors."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from starter.cli.main import app

EXAMPLES = Path(__file__).parents[1] / "examples"
HOSPITAL = EXAMPLES / "hospital"
STORIES = [
    [HOSPITAL / "scenario.yaml", HOSPITAL / "policy-stories.yaml"],
    [EXAMPLES / "policies/hospital-matrix-stories.yaml"],
]


@pytest.mark.parametrize("files", STORIES, ids=lambda files: files[0].name)
def test_stories_exercise_every_rule_and_both_sides_of_every_condition(files: list[Path]) -> None:
    told = CliRunner().invoke(app, ["policy", "test", *map(str, files), "--fail-under", "100"])
    assert told.exit_code == 0, told.output
    assert "coverage 100.0 %" in told.output


@pytest.mark.parametrize(
    "policy", [HOSPITAL / "policy.yaml", EXAMPLES / "policies/hospital-matrix.yaml"], ids=lambda path: path.name
)
def test_the_check_finds_no_error(policy: Path) -> None:
    directory = str(HOSPITAL / "directory.yaml")
    told = CliRunner().invoke(app, ["policy", "check", str(policy), "--directory", directory, "--on", "2026-11-16"])
    assert told.exit_code == 0, told.output
    assert "0 errors" in told.output
