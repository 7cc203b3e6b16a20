"""The commands about the directory, as the page says, at a running API."""

import re
import shlex
from pathlib import Path

import pytest

from domain.calendar import WorkingCalendar
from domain.people import read_directory
from domain.reading import read_model
from domain.yaml_text import read_yaml
from tests.starter.api.conftest import HOSPITAL
from tests.starter.listening import run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/directory.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)[0].splitlines()


async def done(address: str, line: str) -> str:
    """What a command of the page prints; it must succeed."""
    found = await run(address, *shlex.split(line))
    assert (found.returncode, found.stderr) == (0, ""), line + found.stderr
    return found.stdout


async def test_the_commands_of_the_page_work(address: str) -> None:
    told = [await done(address, line.removeprefix("countersign ")) for line in COMMANDS]
    whole, users, david, tokyo, dates, entered, listed = told
    assert read_directory(read_yaml(whole).value) == read_directory(
        read_yaml((HOSPITAL / "directory.yaml").read_text(encoding="utf-8")).value
    )
    assert [line.split()[0] for line in users.splitlines()][:3] == ["david", "farid", "grace"]
    assert read_yaml(david).value["deputy"] == "sam"
    assert '"Asia/Tokyo"' in tokyo
    free = {"hours": {"mon": ["09:00-17:00"]}, **read_yaml(dates).value}
    assert "2026-12-25" in [str(day) for day in read_model(WorkingCalendar, free).holidays]
    assert "2027-03-02" in dates, "of Texas alone"
    name = entered.split()[1]
    assert listed.split()[:5] == [name, "david", "→", "sam", "in_force"]


async def test_a_file_that_was_shown_is_put_again_by_the_version_one_saw(address: str, tmp_path: Path) -> None:
    shown = tmp_path / "david.yaml"
    shown.write_text(await done(address, "directory get users david --as mei"), encoding="utf-8")
    rows = {
        line.split()[0]: line.split() for line in (await done(address, "directory get users --as mei")).splitlines()
    }
    version = rows["david"][rows["david"].index("version") + 1]
    shown.write_text(shown.read_text(encoding="utf-8").replace("deputy: sam", "deputy: farid"), encoding="utf-8")
    put = ("directory", "put", "users", "david", str(shown), "--as", "ada")
    assert (await run(address, *put, "--seen", version)).returncode == 0
    assert "deputy: farid" in await done(address, "directory get users david --as mei")
    late = await run(address, *put, "--seen", version)
    assert (late.returncode, late.stderr.partition(":")[0]) == (1, "stale")
    assert (await run(address, *put, "--new")).returncode == 1
    assert (await run(address, *put, "--new", "--seen", version)).returncode == 2


async def test_a_delegation_is_ended_by_whoever_gave_it_or_an_admin(address: str) -> None:
    first = (await done(address, "delegation add sam --as david")).split()[1]
    other = (await done(address, "delegation add legal --of mei --as ada")).split()[1]
    foreign = await run(address, "delegation", "end", other, "--as", "david")
    assert (foreign.returncode, foreign.stderr.partition(":")[0]) == (1, "admin_only")
    assert await done(address, f"delegation end {first} --as david") == f"delegation {first} of david is taken back\n"
    await done(address, f"delegation end {other} --admin --as ada")
    assert await done(address, "delegation list --as mei") == ""
    assert len((await done(address, "delegation list --ended --as mei")).splitlines()) == 2


@pytest.mark.parametrize(
    "arguments", ["holidays XX 2026", "holidays US 26", "holidays US 2026 --region ZZ", "get nobody --as ada"]
)
async def test_what_was_typed_wrongly_is_said(arguments: str) -> None:
    wrong = await run("http://127.0.0.1:9", "directory", *arguments.split())
    assert wrong.returncode == 2
    assert "Invalid value" in wrong.stderr
