"""Runs that were begun by an earlier release go on under this one: saved histories are replayed by today's code."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from starter.connection import CountersignPlugin
from tests.replay.commands import commands
from tests.replay.save import HISTORIES, path_of
from tests.replay.stories import STORIES, Story
from tests.workflows.house import House
from worker import WORKFLOWS

SAVED = sorted(HISTORIES.glob("*.json"))
TOKEN = re.compile(r"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+")


def saved(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json("saved", path.read_text(encoding="utf-8"))


@pytest.fixture
async def house(client: Client, database_url: str, task_queue: str) -> AsyncIterator[House]:
    async with House.built(client, database_url, task_queue) as house, house.worker():
        yield house


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
async def test_a_saved_run_replays(path: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, plugins=[CountersignPlugin()])
    await replayer.replay_workflow(saved(path))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_a_run_of_today_gives_the_commands_that_were_saved(story: Story, house: House) -> None:
    """A change here needs ``workflow.patched`` and a new history beside the old one (``tests.replay.save``)."""
    run = await story(house)
    history = await house.client.get_workflow_handle(run).fetch_history()
    assert commands(history) == commands(saved(path_of(story)))


async def test_a_change_of_commands_does_not_pass_the_replay() -> None:
    """What guards the others: a history with an activity of another name is refused."""
    path = path_of(STORIES[1])
    content = path.read_text(encoding="utf-8").replace('"record_decision"', '"note_decision"')
    replayer = Replayer(workflows=WORKFLOWS, plugins=[CountersignPlugin()])
    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replayer.replay_workflow(WorkflowHistory.from_json("changed", content))


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*_with_marker.json")), ids=lambda path: path.stem)
async def test_a_run_that_a_worker_of_the_release_before_began_for_a_desk_of_today_goes_on(path: Path) -> None:
    """That worker left its marker, for it does not know what the start says: few actions."""
    content = json.loads(path.read_text(encoding="utf-8"))
    (start,) = content["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"]
    said = json.loads(base64.b64decode(start["data"])) | {"few_actions": True}
    start["data"] = base64.b64encode(json.dumps(said).encode()).decode()
    replayer = Replayer(workflows=WORKFLOWS, plugins=[CountersignPlugin()])
    await replayer.replay_workflow(WorkflowHistory.from_json("saved", content))


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_saved_run_tells_nothing_of_its_machine_and_holds_no_key_to_anything(path: Path) -> None:
    texts = list(_texts(json.loads(path.read_text(encoding="utf-8"))))
    assert not [text for text in texts if socket.gethostname() in text or "/home/" in text or ".py" in text]
    for text in texts:
        for claims in TOKEN.findall(text):
            said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            # An act is good for one thing under one key; an access token would be good for everything.
            assert said["aud"] == "countersign-act"


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        if isinstance(content.get("data"), str):
            yield base64.b64decode(content["data"]).decode()
        for key, each in content.items():
            yield from _texts(each) if key != "data" else ()
    elif isinstance(content, list):
        for each in content:
            yield from _texts(each)
    elif isinstance(content, str):
        yield content
