"""Saves the histories of typical runs: ``python -m tests.replay.save [STORY…]`` after a change of commands.

A history that is there already is kept, for old runs are replayed from it: name the stories to save anew, or move the
old file to another name first.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from starter.connection import CountersignPlugin
from starter.embedded import migrated
from starter.postgres_server import THROWAWAY, postgres_server
from starter.temporal_server import TIME_SKIPPING, TUNING, temporal_command
from tests.replay.stories import STORIES, Story
from tests.workflows.house import House
from workflows.names import ALL_KEYS

HISTORIES = Path(__file__).with_name("histories")
WHO = "worker"


async def save(names: list[str]) -> None:
    """Tell the stories of those names, or those that were never saved, and write their histories."""
    wanted = [story for story in STORIES if story.__name__ in names or not (names or path_of(story).exists())]
    HISTORIES.mkdir(exist_ok=True)
    async with _servers() as (client, url):
        for story in wanted:
            await _save(client, url(story.__name__), story)
            print(f"saved {path_of(story).name}")


def path_of(story: Story) -> Path:
    return HISTORIES / f"{story.__name__}.json"


async def _save(client: Client, database: Any, story: Story) -> None:
    async with House.built(client, await database, "saved") as house, house.worker():
        run = await story(house)
    history = await client.get_workflow_handle(run).fetch_history()
    content = json.loads(history.to_json())
    _scrub(content)
    path_of(story).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _scrub(content: Any) -> None:
    """Take out what speaks of the machine it was saved on: traces name its folders."""
    if isinstance(content, dict):
        content.pop("stackTrace", None)
        for each in content.values():
            _scrub(each)
    elif isinstance(content, list):
        for each in content:
            _scrub(each)


@asynccontextmanager
async def _servers() -> AsyncIterator[tuple[Client, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="countersign-save-"))
    try:
        async with (
            await WorkflowEnvironment.start_time_skipping_v2(
                ts_config=TimeSkippingConfig(enabled=False),
                plugins=[CountersignPlugin()],
                search_attributes=ALL_KEYS,
                dev_server_existing_path=str(temporal_command()),
                dev_server_extra_args=[*TUNING, *TIME_SKIPPING],
            ) as environment,
            postgres_server(
                folder / "data", log=folder / "postgres.log", options=THROWAWAY, say=lambda _: None
            ) as postgres,
        ):
            # The usual identity is the name of the machine.
            address = environment.client.service_client.config.target_host
            client = await Client.connect(address, identity=WHO, plugins=[CountersignPlugin()])

            async def url(name: str) -> str:
                await postgres.create_database(name)
                await migrated(postgres.url(name))
                return postgres.url(name)

            yield client, url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(save(sys.argv[1:]))
