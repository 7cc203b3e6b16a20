"""Commands that need no running stack: help, preview, token, audit; and what they do not load."""

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from activities.tokens import Tokens
from starter.settings import Settings

HOSPITAL = Path(__file__).parents[3] / "examples" / "hospital"


def countersign(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, with nothing of ours in its environment but what is given."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    program = "from starter.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**bare, **environment},
        cwd=HOSPITAL.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_preview_needs_no_server_and_little_time() -> None:
    began = time.monotonic()
    files = ("--policy", HOSPITAL / "policy.yaml", "--directory", HOSPITAL / "directory.yaml")
    done = countersign("preview", HOSPITAL / "quote.json", *files, "--json")
    assert time.monotonic() - began < 5  # a second on a machine of one's own; tests share theirs
    assert done.returncode == 0, done.stderr
    assert [lane["lane"] for lane in json.loads(done.stdout)["lanes"]] == ["commercial", "legal", "unchained"]


def test_help_loads_neither_web_nor_workflows_nor_database() -> None:
    program = (
        "import sys; import starter.cli.main as m; "
        "heavy = {'fastapi', 'uvicorn', 'temporalio', 'sqlalchemy', 'pydantic_settings', 'httpx2', 'structlog'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_token_speaks_for_its_user_until_it_expires(tmp_path: Path) -> None:
    done = countersign("token", "mei", "--role", "admin", "--days", "2", COUNTERSIGN_STATE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    tokens = Tokens(Settings(state_dir=tmp_path).signing_key())
    who = tokens.identity(done.stdout.strip(), datetime.now(UTC))
    assert (who.user, who.is_admin) == ("mei", True)
    assert countersign("token", "mei", "--days", "0", COUNTERSIGN_STATE_DIR=str(tmp_path)).returncode == 2


def test_a_command_that_finds_no_api_says_what_to_do(tmp_path: Path) -> None:
    state = {"COUNTERSIGN_STATE_DIR": str(tmp_path)}
    done = countersign("approval", "list", "--as", "mei", **state)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("unavailable: no API runs here")
    done = countersign("approval", "list", "--as", "mei", "--api", "http://127.0.0.1:1", **state)
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "unavailable")
    done = countersign("approval", "list", "--api", "http://127.0.0.1:1", **state)
    assert done.returncode == 2
    assert "COUNTERSIGN_TOKEN" in done.stderr
    done = countersign("quote", "put", tmp_path / "none.json", "--as", "mei", **state)
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "unreadable_file")


async def test_the_audit_finds_nothing_or_names_it_and_fails(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    async with database.work() as work:
        await work.record.append([RecordEntry(kind="created", at=datetime.now(UTC), quote_id="Q-1", by="rosa")])
    place = {"COUNTERSIGN_DATABASE": database_url, "COUNTERSIGN_STATE_DIR": str(tmp_path)}
    done = await asyncio.to_thread(lambda: countersign("audit", **place))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "audit 0 violations (1 entries, 0 quotes with orders, 0 orders)\n"

    async with database.work() as work:
        await (await work.connection.get_raw_connection()).driver_connection.execute(  # type: ignore[union-attr]
            "update record_heads set seq = 2"
        )
    await database.close()
    done = await asyncio.to_thread(lambda: countersign("audit", **place))
    assert done.returncode == 1
    assert "record_cut_tail: record 2" in done.stdout
    assert "audit 1 violations" in done.stdout
    told = await asyncio.to_thread(lambda: countersign("audit", "--json", **place))
    assert [each["code"] for each in json.loads(told.stdout)["violations"]] == ["record_cut_tail"]


@pytest.mark.parametrize("arguments", [("up", "--port", "70000"), ("up", "--database", "mysql://h/d"), ("order",)])
def test_a_command_used_wrongly_ends_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert countersign(*arguments, COUNTERSIGN_STATE_DIR=str(tmp_path)).returncode == 2
