"""What tests share: one Temporal server and one PostgreSQL for each test process, both made only when a test asks.

How time is skipped here (temporalio 1.35, server 1.32; `start_time_skipping_v2` and `TimeSkipper` of the SDK):

- It is the ordinary dev server with `frontend.WorkflowTimeSkippingEnabled`. Every run has a clock of its own.
- The client of the environment puts its `TimeSkippingConfig` on every run it starts. Ours says enabled=False, so
  nothing skips by itself and a test that awaits a result does not jump over a deadline it wanted to see.
- `await temporal.fast_forward(handle, timedelta(days=3))` moves that run by so much and returns True when it has got
  there, False when the run ended before. Without a duration it skips until the end and returns False.
- Forward a second or more beyond a deadline: where the target passes while the run is still at work on what came due,
  server 1.32 may jump to the run's next timer, however far that is.
- True does not say that a timer due at that moment has fired and been handled: forward a little beyond the deadline,
  then wait for what the run does (poll a query or the rows) before forwarding it again. A second forward in between
  jumps over the deadline, which fires afterwards at the later clock.
- A timer passed costs about 0.02 s and an activity what it takes; forwarding a run that has ended raises RPCError.
- A run that another client started can be forwarded too (`temporalio.testing.TimeSkipper(client)`).
- A run with an open child or a running activity does not skip; forward the children by handles of their own.
- `await temporal.get_current_time(handle)` is the run's clock; `temporal.sleep` and `get_current_time()` refuse.
- Runs are told apart by ids, workers by task queues: take a new one in every test (`task_queue`).
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.testing import WorkflowEnvironment

    from starter.postgres_server import PostgresServer

# A case may be slow when both cores are busy with servers; what a test may take at all is pytest's timeout.
settings.register_profile("countersign", deadline=None, print_blob=True)
settings.register_profile("long", settings.get_profile("countersign"), max_examples=1000)
settings.load_profile("countersign")

TEMPLATE = "migrated"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Sizes of tests that a nightly run makes larger."""
    parser.addoption(
        "--oracle-cases", type=int, default=100_000, help="rules × quotes for the evaluator's oracle; nightly 1000000"
    )
    parser.addoption("--orders", type=int, default=120, help="split orders of one quote; nightly 1000")
    parser.addoption("--races", type=int, default=196, help="live races between verbs of a round; nightly 3000")


@pytest.fixture(scope="session")
async def temporal() -> "AsyncIterator[WorkflowEnvironment]":
    """A Temporal server in memory whose runs can be fast-forwarded; its client has our plugin."""
    from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

    from starter.connection import CountersignPlugin
    from starter.temporal_server import TIME_SKIPPING, TUNING, temporal_command
    from workflows.names import ALL_KEYS

    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        plugins=[CountersignPlugin()],
        search_attributes=ALL_KEYS,
        dev_server_existing_path=str(temporal_command()),
        dev_server_extra_args=[*TUNING, *TIME_SKIPPING],
    ) as environment:
        yield environment


@pytest.fixture
def client(temporal: "WorkflowEnvironment") -> "Client":
    """A client of the test's server. Runs it starts are fast-forwarded with `temporal.fast_forward(handle, …)`."""
    return temporal.client


@pytest.fixture
def task_queue() -> str:
    """A queue that no other test's worker listens to."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
async def postgres() -> "AsyncIterator[PostgresServer]":
    """A PostgreSQL server whose data is thrown away, with a migrated database to copy from."""
    from starter.embedded import migrated
    from starter.postgres_server import THROWAWAY, postgres_server

    # Not under pytest's own folder: under root PostgreSQL runs as another user, who may not pass that one.
    folder = Path(tempfile.mkdtemp(prefix="countersign-test-", dir=_memory()))
    try:
        place = {"folder": folder / "data", "log": folder / "postgres.log"}
        async with postgres_server(**place, options=THROWAWAY, say=lambda _: None) as server:
            await server.create_database(TEMPLATE)
            await migrated(server.url(TEMPLATE))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    # A database is 400 small files: made in memory it takes 0.04 s, on a disk up to ten times that.
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 2_000_000_000
    return shared if roomy else None


@pytest.fixture
async def database_url(postgres: "PostgresServer") -> AsyncIterator[str]:
    """A migrated, empty database of this test's own (0.03 s)."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await postgres.create_database(name, template=TEMPLATE)
    yield postgres.url(name)
    await postgres.execute(f'drop database "{name}" with (force)')


@pytest.fixture
async def empty_database_url(postgres: "PostgresServer") -> AsyncIterator[str]:
    """A database before the first migration, for tests of the migrations themselves."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    await postgres.create_database(name)
    yield postgres.url(name)
    await postgres.execute(f'drop database "{name}" with (force)')
