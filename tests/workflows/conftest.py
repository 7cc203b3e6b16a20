"""A furnished house with a worker for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from starter.connection import CountersignPlugin
from starter.temporal_server import TUNING, temporal_command
from tests.workflows.house import House
from workflows.names import ALL_KEYS

SHORT = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40")


@pytest.fixture
async def quiet_house(client: Client, database_url: str, task_queue: str) -> AsyncIterator[House]:
    """A house in which nobody works until the test starts a worker."""
    async with House.built(client, database_url, task_queue) as house:
        yield house


@pytest.fixture
async def impatient_house(database_url: str, task_queue: str) -> AsyncIterator[House]:
    """A house on a server that finds forty events a long history."""
    async with (
        await WorkflowEnvironment.start_local(
            plugins=[CountersignPlugin()],
            search_attributes=ALL_KEYS,
            dev_server_existing_path=str(temporal_command()),
            dev_server_extra_args=[*TUNING, *SHORT],
        ) as environment,
        House.built(environment.client, database_url, task_queue) as house,
        house.worker(),
    ):
        yield house


@pytest.fixture
async def house(quiet_house: House, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """The house at work. With parameter 0 nothing is cached: every task replays its run from the start."""
    async with quiet_house.worker(cached=getattr(request, "param", 1000)):
        yield quiet_house
