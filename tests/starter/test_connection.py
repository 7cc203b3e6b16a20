"""The plugin on a real server: typed values cross, the sandbox stays cheap, and time is forwarded per run."""

import asyncio
import time
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from starter.connection import CountersignPlugin, connect
from starter.settings import Settings
from tests.starter.parcel import Parcel, ParcelTrip


async def test_decimals_and_dates_cross_typed(client: Client, task_queue: str) -> None:
    parcel = Parcel.sample(days=0)
    async with Worker(client, task_queue=task_queue, workflows=[ParcelTrip]):
        returned = await client.execute_workflow(ParcelTrip.run, parcel, id=task_queue, task_queue=task_queue)
    assert returned == parcel


async def test_time_is_forwarded_for_one_run_only(temporal: WorkflowEnvironment, task_queue: str) -> None:
    client = temporal.client
    async with Worker(client, task_queue=task_queue, workflows=[ParcelTrip]):
        trips = [
            await client.start_workflow(
                ParcelTrip.run, Parcel.sample(days=3), id=f"{task_queue}-{n}", task_queue=task_queue
            )
            for n in range(2)
        ]
        assert await temporal.fast_forward(trips[0], timedelta(days=1)) is True
        assert await temporal.fast_forward(trips[0], timedelta(days=9)) is False  # it ended on the way
        assert (await trips[0].result()).weight == Parcel.sample(days=3).weight
        clock = await temporal.get_current_time(trips[1])
        assert abs(clock.timestamp() - time.time()) < 60
        await trips[1].terminate()


async def test_a_start_does_not_import_the_world_anew(client: Client, task_queue: str) -> None:
    async with Worker(client, task_queue=task_queue, workflows=[ParcelTrip], max_cached_workflows=0):
        await client.execute_workflow(ParcelTrip.run, Parcel.sample(0), id=f"{task_queue}-w", task_queue=task_queue)
        begun = time.perf_counter()
        for n in range(5):
            await client.execute_workflow(
                ParcelTrip.run, Parcel.sample(0), id=f"{task_queue}-{n}", task_queue=task_queue
            )
    assert (time.perf_counter() - begun) / 5 < 0.25


async def test_a_replayer_takes_the_same_plugin(client: Client, task_queue: str) -> None:
    async with Worker(client, task_queue=task_queue, workflows=[ParcelTrip]):
        handle = await client.start_workflow(ParcelTrip.run, Parcel.sample(0), id=task_queue, task_queue=task_queue)
        await handle.result()
    replayer = Replayer(workflows=[ParcelTrip], plugins=[CountersignPlugin()])
    await replayer.replay_workflow(await handle.fetch_history())


async def test_connect_goes_to_the_given_server(client: Client, task_queue: str) -> None:
    address = client.service_client.config.target_host
    other = await connect(Settings(database=None), address)
    async with asyncio.timeout(10), Worker(other, task_queue=task_queue, workflows=[ParcelTrip]):
        parcel = Parcel.sample(days=0)
        assert await other.execute_workflow(ParcelTrip.run, parcel, id=task_queue, task_queue=task_queue) == parcel


async def test_no_server_is_said_plainly() -> None:
    with pytest.raises(ValueError, match="COUNTERSIGN_TEMPORAL"):
        await connect(Settings(temporal=None, database=None))
