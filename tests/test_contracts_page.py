"""What ``docs/contracts.md`` says is played, and its doors are there."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from domain.order.amend import Amendment
from domain.reading import read_model
from domain.service_level import Clock
from starter.api.app import create_api
from starter.cli.main import app
from starter.desk import Desk
from starter.service_level_file import read_service_levels
from starter.stories.core import CoreStage
from starter.stories.document import VERBS, read_story
from starter.stories.player import play
from tests.story_page import blocks, unpack
from tests.test_approvals_page import commands

PAGE = Path(__file__).parents[1] / "docs/contracts.md"
TEXT = PAGE.read_text(encoding="utf-8")


async def test_every_story_of_the_page_is_true(tmp_path: Path) -> None:
    cases = read_story(unpack(PAGE, tmp_path))
    assert len(cases) == 4
    for case in cases:
        told = await play(case, CoreStage())
        assert told.passed, f"{case.name}: {told.failures}"


def test_the_file_of_service_levels_is_read(tmp_path: Path) -> None:
    unpack(PAGE, tmp_path)
    levels = read_service_levels(tmp_path / "levels.yaml")
    assert [target.clock for target in levels.targets] == list(Clock)
    assert levels.calendar is not None
    assert read_service_levels(None).targets == ()


def test_the_amendment_of_the_page_is_one() -> None:
    (body,) = [json.loads(text) for kind, text in blocks(PAGE) if kind == "json"]
    wish = read_model(Amendment, {**body, "quote_id": "Q-1-A1", "contract_of": "Q-1"})
    assert len(wish.lines) == 2


def test_every_address_of_the_page_is_one() -> None:
    paths = create_api(Desk(None, None, None)).openapi()["paths"]  # type: ignore[arg-type]
    known = {(method.upper(), path.removeprefix("/api/v1")) for path, each in paths.items() for method in each}
    named = re.findall(r"`(GET|POST) (/[a-z_/{}-]+)`", TEXT)
    assert len(named) >= 10
    assert [each for each in named if each not in known] == []


def test_every_command_of_the_page_is_one_with_these_arguments() -> None:
    found = list(commands(PAGE))
    assert len(found) >= 6
    for line in found:
        name, *arguments = shlex.split(line)
        command = typer.main.get_command(app)
        while isinstance(command, TyperGroup):
            name, *arguments = arguments
            assert name in command.commands, line
            command = command.commands[name]
        command.make_context(name, arguments)


@pytest.mark.parametrize("verb", ["amend", "renew"])
def test_every_verb_of_the_page_is_one(verb: str) -> None:
    assert verb in VERBS
    assert f"| `{verb}` |" in TEXT
