"""``countersign record``: sign, verify, and who may do which."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from tests.activities.test_record import tamper

ROOT = Path(__file__).parents[3]
START = [sys.executable, "-c", "from starter.cli.main import main; main()", "record"]


class Place:
    """A database and a state folder, and commands on them."""

    def __init__(self, url: str, state: Path) -> None:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
        self.state = state
        self.environment = {**bare, "COUNTERSIGN_DATABASE": url, "COUNTERSIGN_STATE_DIR": str(state)}

    async def run(self, *arguments: str | Path) -> tuple[int, str]:
        def call() -> subprocess.CompletedProcess[str]:
            command = [*START, *map(str, arguments)]
            return subprocess.run(
                command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
            )

        done = await asyncio.to_thread(call)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    return Place(database_url, tmp_path / "state")


async def test_a_head_is_signed_and_found_again_by_somebody_who_cannot_sign(
    place: Place, database_url: str, tmp_path: Path
) -> None:
    database = Database(database_url)
    async with database.work() as work:
        for number in range(3):
            await work.record.append([RecordEntry(kind="noted", at=datetime.now(UTC), body={"n": number})])
    code, told = await place.run("sign")
    assert (code, told.startswith("head 1 is signed: 3 entries")) == (0, True)
    assert await place.run("sign") == (0, "nothing is new since the last signed head\n")
    assert await place.run("verify") == (0, "record 0 violations (3 entries, 1 heads)\n")

    auditor = Place(database_url, tmp_path / "auditor")
    code, told = await auditor.run("verify")
    assert (code, "not verified" in told) == (0, True)
    public, heads = tmp_path / "public.json", place.state / "heads" / "heads.jsonl"
    public.write_text((await place.run("key"))[1])
    assert await auditor.run("verify", "--heads", heads, "--key", public) == (
        0,
        "record 0 violations (3 entries, 1 heads)\n",
    )
    assert await auditor.run("verify", "--heads", tmp_path / "none", "--key", public) == (
        1,
        f"unreadable_file: heads: {tmp_path / 'none'} is no file; name the file of signed heads\n",
    )
    await tamper(
        database,
        "DELETE FROM record WHERE seq = 3",
        "UPDATE record_heads SET seq = 2, hash = (SELECT hash FROM record WHERE seq = 2)",
        "DELETE FROM signed_heads",
    )
    await database.close()
    code, told = await auditor.run("verify", "--heads", heads, "--key", public, "--json")
    assert code == 1
    assert json.loads(told)["violations"][0]["code"] == "record_cut_tail"
    code, told = await place.run("sign")
    assert (code, told.partition(":")[0]) == (1, "record_broken")


async def test_keys_that_are_none_are_refused_by_code(place: Place, tmp_path: Path) -> None:
    wrong = tmp_path / "key.json"
    wrong.write_text('{"kty": "oct", "k": "AAAA"}')
    code, told = await place.run("verify", "--key", wrong)
    assert (code, told.partition(":")[0]) == (1, "invalid_key")


def test_the_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    from starter.record_keys import PRIVATE, PUBLIC, known_keys, signing_key
    from starter.settings import Settings

    settings = Settings(state_dir=tmp_path, database=None)
    assert not known_keys(settings)
    first = signing_key(settings)
    assert signing_key(settings).public == first.public
    assert (tmp_path / PRIVATE).stat().st_mode & 0o077 == 0
    assert '"d"' not in (tmp_path / PUBLIC).read_text()
    (tmp_path / PRIVATE).unlink()
    assert signing_key(settings).public != first.public
    assert len(json.loads((tmp_path / PUBLIC).read_text())["keys"]) == 2, "old heads can still be verified"
