"""The tour of the README, played to the letter against the system that ``countersign up`` starts."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.starter.cli.test_up import Running

ROOT = Path(__file__).parents[2]


@pytest.fixture
def running() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="countersign-test-"))
    process = Running(folder / "state")
    yield process
    process.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is told with curl")
def test_the_tour_of_the_readme_works_line_by_line(running: Running) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (tour,) = [block for block in readme.split("```sh\n") if block.startswith("API=")]
    script = tour.split("```")[0]
    script = script.replace("http://127.0.0.1:8080", running.api)
    script = script.replace(".venv/bin/countersign", str(Path(sys.executable).with_name("countersign")))
    done = subprocess.run(
        ["bash", "-eu"], input=script, cwd=ROOT, env=running.environment, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert '"code":"not_your_turn"' in told
    assert '"outcome":"approved"' in told
    # The example's orders have fixed dates: once they are past, the date move is refused as it should be.
    moved = datetime.now(UTC).date() < date(2027, 4, 1)
    assert ('"EHR-DEVICE-LINK":"193"' in told) if moved else ('"code":"past_no_return"' in told)
    assert "0 violations" in told
