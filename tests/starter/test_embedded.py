"""The embedded stack: state outlives it, ports give way, a folder has one holder, and a crash leaves nothing behind."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from starter import embedded
from starter.child_process import ChildProcess, end_leftover, own_folder, sole_use
from starter.connection import connect, register_search_attributes
from starter.embedded import FolderInUse, Stack, StackError, embedded_stack, running_stack
from starter.settings import Settings
from starter.temporal_server import free_port, temporal_command
from tests.starter.parcel import Parcel, ParcelTrip


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    async def no_migrations(_: str) -> None:
        """These tests are about the servers."""

    monkeypatch.setattr(embedded, "migrated", no_migrations)
    # Not under pytest's own folder: under root PostgreSQL runs as another user, who may not pass that one.
    with tempfile.TemporaryDirectory(prefix="countersign-test-") as folder:
        yield Settings(state_dir=Path(folder) / "state", database=None, temporal=None)


def pid_of(stack: Stack, name: str) -> int:
    return int((stack.state_dir / f"{name}.lock").read_text())


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def sql(stack: Stack, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(stack.database_url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def open_to_others(folder: Path) -> list[str]:
    """What in the folder others than its owner may read or write, of what tells of quotes, people and keys."""
    secret = [folder, *folder.glob("temporal.db*"), folder / "stack.json", folder / "postgres", folder / "logs"]
    return [str(each) for each in secret if each.stat().st_mode & 0o066]


async def test_the_state_folder_is_its_owners_alone(settings: Settings) -> None:
    async with embedded_stack(settings, temporal_port=0, ui_port=0) as stack:
        assert open_to_others(stack.state_dir) == []
    # As an earlier release left it.
    settings.state_dir.chmod(0o755)
    (settings.state_dir / "temporal.db").chmod(0o644)
    async with embedded_stack(settings, temporal_port=0, ui_port=0) as stack:
        assert open_to_others(stack.state_dir) == []


def test_a_folder_that_somebody_else_keeps_things_in_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "theirs").touch()
    own_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


async def test_a_second_start_finds_the_old_state_and_the_first_one_left_no_process(settings: Settings) -> None:
    async with embedded_stack(settings, temporal_port=0, ui_port=0) as first:
        await sql(first, "create table kept as select 42 as answer")
        client = await connect(settings, first.temporal_address)
        await client.start_workflow(ParcelTrip.run, Parcel.sample(1), id="kept", task_queue="nobody")
        assert running_stack(settings) == first
        assert first.ui_url
        pids = [pid_of(first, name) for name in ("temporal", "postgres")]
    assert all(is_gone(pid) for pid in pids)
    assert running_stack(settings) is None

    async with embedded_stack(settings, ui=False, temporal_port=0) as second:
        assert second.ui_url is None
        assert [row["answer"] for row in await sql(second, "select answer from kept")] == [42]
        client = await connect(settings, second.temporal_address)
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"


async def test_a_taken_port_gives_way_to_the_next_free_one_and_it_is_said(settings: Settings) -> None:
    said: list[str] = []
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        stack = embedded_stack(settings, ui=False, database=False, temporal_port=taken, say=said.append)
        async with stack as running:
            port = int(running.temporal_address.split(":")[1])
            assert taken < port < taken + 200
            assert running.database_url == ""
    assert said == [f"port {taken} is taken: Temporal listens on {port}"]


async def test_two_stacks_on_one_folder_are_refused_by_name(settings: Settings) -> None:
    async with embedded_stack(settings, temporal=False):
        with pytest.raises(FolderInUse, match=str(settings.state_dir)) as refused:
            async with embedded_stack(settings, temporal=False):
                pass
        assert f"process {os.getpid()}" in str(refused.value)


async def test_after_a_kill_the_next_start_ends_what_was_left_and_goes_on(settings: Settings) -> None:
    program = textwrap.dedent("""
        import asyncio, os, signal, sys
        from pathlib import Path
        from starter import embedded
        from starter.settings import Settings
        async def main():
            async def nothing(_): pass
            embedded.migrated = nothing
            async with embedded.embedded_stack(
                Settings(state_dir=Path(sys.argv[1]), database=None), ui=False, temporal_port=0
            ):
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(settings.state_dir))
    assert await killed.wait() == -signal.SIGKILL
    left = [int((settings.state_dir / f"{name}.lock").read_text()) for name in ("temporal", "postgres")]
    assert not any(is_gone(pid) for pid in left)
    assert (settings.state_dir / "stack.json").exists()
    assert running_stack(settings) is None

    async with embedded_stack(settings, ui=False, temporal_port=0) as stack:
        assert await sql(stack, "select 1")
        assert not {pid_of(stack, name) for name in ("temporal", "postgres")} & set(left)


async def test_a_stale_pid_file_that_names_a_stranger_harms_nobody(settings: Settings) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        async with embedded_stack(settings, temporal=False):
            pass
        (settings.state_dir / "postgres.lock").write_text(f"{stranger.pid}\n")
        (settings.state_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n/\n0\n5432\n\n\n\nready\n")
        async with embedded_stack(settings, temporal=False) as stack:
            assert await sql(stack, "select 1")
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_an_interrupted_first_start_is_begun_again(settings: Settings) -> None:
    half = settings.state_dir / "postgres"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with embedded_stack(settings, temporal=False) as stack:
        assert await sql(stack, "select 1")


async def test_a_deep_folder_gets_a_short_socket(settings: Settings, tmp_path: Path) -> None:
    deep = settings.with_(state_dir=settings.state_dir / ("d" * 120))
    async with embedded_stack(deep, temporal=False) as stack:
        assert "d" * 120 not in stack.database_url
        assert await sql(stack, "select 1")


async def test_external_servers_are_used_and_nothing_is_started(settings: Settings, client: Client) -> None:
    address = client.service_client.config.target_host
    external = settings.with_(temporal=address, database=SecretStr("postgresql://u:p@h.invalid/db"))
    async with embedded_stack(external) as stack:
        assert stack.temporal_address == address
        assert stack.database_url == "postgresql+asyncpg://u:p@h.invalid/db"
        assert not stack.temporal_embedded
        assert not stack.database_embedded
    assert not settings.state_dir.exists()


async def test_an_external_server_that_does_not_answer_is_named(settings: Settings) -> None:
    nowhere = f"127.0.0.1:{free_port(0)}"
    with pytest.raises(StackError, match=nowhere):
        async with embedded_stack(settings.with_(temporal=nowhere), database=False):
            pass


async def test_an_external_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    nowhere = SecretStr(f"postgresql://u:hunter2@127.0.0.1:{free_port(0)}/quotes")
    with pytest.raises(StackError, match=r"127\.0\.0\.1/quotes cannot be reached") as told:
        async with embedded_stack(Settings(state_dir=tmp_path, temporal=None, database=nowhere), temporal=False):
            pass
    assert "hunter2" not in str(told.value)


async def test_the_database_is_brought_up_to_date(empty_database_url: str, tmp_path: Path) -> None:
    external = Settings(state_dir=tmp_path, temporal=None, database=SecretStr(empty_database_url))
    async with embedded_stack(external, temporal=False) as stack:
        assert await sql(stack, "select version_num from alembic_version")


async def test_a_bare_external_server_gets_our_search_attributes(settings: Settings) -> None:
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=str(temporal_command())) as bare:
        address = bare.client.service_client.config.target_host
        async with embedded_stack(settings.with_(temporal=address), database=False):
            assert await register_search_attributes(bare.client) == ()


async def test_a_server_that_ends_at_once_is_told_with_its_log(tmp_path: Path) -> None:
    command = ("sh", "-c", "echo the reason; exit 3")
    lock, log = tmp_path / "x.lock", tmp_path / "x.log"
    child = await ChildProcess.start("Thing", command, lock=lock, log=log, stop_signal=signal.SIGTERM)

    async def never() -> bool:
        return False

    with pytest.raises(StackError, match=r"Thing ended at its start \(status 3\)(.|\n)*the reason"):
        await child.until(never, within=20)


async def test_a_server_that_does_not_answer_is_killed_after_its_grace(tmp_path: Path) -> None:
    lock, log = tmp_path / "x.lock", tmp_path / "x.log"
    command = (
        sys.executable,
        "-c",
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
    )
    child = await ChildProcess.start("Thing", command, lock=lock, log=log, stop_signal=signal.SIGTERM)

    async def deaf() -> bool:
        return log.stat().st_size > 0

    await child.until(deaf, within=20)
    with pytest.raises(StackError, match="did not answer within 0 s"):
        await child.until(lambda: asyncio.sleep(0, result=False), within=0.1)
    await child.stop(signal.SIGTERM, grace=0.2)
    assert is_gone(child.pid)
    await end_leftover(lock, signal.SIGTERM, grace=1)


@pytest.fixture
def two_neighbours() -> Iterator[int]:
    port = free_port(0)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield port


def test_a_port_is_never_given_twice(two_neighbours: int) -> None:
    next_one = free_port(two_neighbours)
    assert next_one > two_neighbours
    assert free_port(two_neighbours, but_not=next_one) > next_one


def test_the_state_folder_is_made_for_its_owner_alone(settings: Settings) -> None:
    with sole_use(settings.state_dir):
        assert settings.state_dir.stat().st_mode & 0o777 == 0o700


def test_the_folder_of_the_signing_key_is_too(settings: Settings) -> None:
    settings.signing_key()
    assert settings.state_dir.stat().st_mode & 0o777 == 0o700
