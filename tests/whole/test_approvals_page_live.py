"""The stories of ``docs/approvals.md``, told by real workflows on a real server and a real database."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from starter.stories.document import Case, read_story
from starter.stories.live import LiveStage
from starter.stories.player import play
from tests.story_page import unpack
from tests.whole.test_stories_live import stage

__all__ = ["stage"]

PAGE = Path(__file__).parents[2] / "docs/approvals.md"
with TemporaryDirectory() as folder:
    CASES = read_story(unpack(PAGE, Path(folder)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_live_stack_does_what_the_page_says(case: Case, stage: LiveStage) -> None:
    told = await play(case, stage)
    assert told.passed, told.failures
