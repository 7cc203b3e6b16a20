"""The same stories that the pure core tells, told by real workflows on a real server and a real database."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.partners.file_erp import FileErp
from activities.store.work import Database
from activities.tokens import Tokens
from starter.stories.document import Case, read_story
from starter.stories.live import LiveStage
from starter.stories.player import play
from worker import build_worker

ROOT = Path(__file__).parents[2]
TOKENS = Tokens(b"a key for tests that is long enough for HS256")
HOSPITAL = read_story(ROOT / "examples/hospital/scenario.yaml")
FILES = [
    *sorted((ROOT / "examples/stories").glob("*.yaml")),
    ROOT / "examples/hospital/policy-stories.yaml",
    ROOT / "examples/policies/hospital-matrix-stories.yaml",
    ROOT / "examples/construction/scenario.yaml",
    ROOT / "examples/software/scenario.yaml",
]
STORIES = [case for path in FILES for case in read_story(path)]


@pytest.fixture
async def stage(
    client: Client, database_url: str, task_queue: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[LiveStage]:
    database = Database(database_url)
    erp = FileErp(tmp_path / "orders", tmp_path / "acknowledgements")
    cached = getattr(request, "param", 1000)
    async with build_worker(
        client, database, TOKENS, erp, task_queue=task_queue, max_cached_workflows=cached, stories=True
    ):
        yield LiveStage(client, database, TOKENS, task_queue=task_queue, suffix=f"-{uuid.uuid4().hex[:6]}")
    await database.close()


@pytest.mark.parametrize("case", HOSPITAL, ids=lambda case: case.name)
async def test_hospital_story_on_the_live_stack(case: Case, stage: LiveStage) -> None:
    told = await play(case, stage)
    assert told.passed, told.failures


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.name)
async def test_the_live_stack_tells_what_the_core_tells(case: Case, stage: LiveStage) -> None:
    told = await play(case, stage)
    assert told.passed, told.failures


@pytest.mark.parametrize("stage", [0], indirect=True, ids=["uncached"])
@pytest.mark.parametrize("case", HOSPITAL[2:], ids=lambda case: case.name)
async def test_hospital_story_when_every_task_replays_from_the_start(case: Case, stage: LiveStage) -> None:
    told = await play(case, stage)
    assert told.passed, told.failures
