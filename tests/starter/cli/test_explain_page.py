"""``docs/policies-explain.md`` says what the commands say."""

import json
import re
import subprocess
import sys
from pathlib import Path

from starter.stories.core import CoreStage
from starter.stories.document import read_story
from starter.stories.player import play

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/policies-explain.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)


def run(command: str) -> str:
    executable = f"{Path(sys.executable).parent}/countersign"
    done = subprocess.run(
        command.strip().replace("countersign", executable, 1).split(),
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_preview_is_the_one_shown() -> None:
    assert run(blocks("sh")[0]) == blocks("text")[0]


def test_the_document_is_the_one_shown() -> None:
    shown = json.loads(blocks("json")[0])
    explained = json.loads(run(blocks("sh")[1]))["explain"]
    assert {rule: explained[rule] for rule in shown} == shown


async def test_the_story_passes(tmp_path: Path) -> None:
    for name in ("policy.yaml", "directory.yaml", "quote.json"):
        (tmp_path / name).write_text((ROOT / "examples/hospital" / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "story.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    for case in read_story(tmp_path / "story.yaml"):
        told = await play(case, CoreStage())
        assert told.passed, told.failures
