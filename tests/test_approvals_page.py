"""What the pages on approvals say is played, looked up and asked for, so that they cannot rot."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import typer
from typer.core import TyperGroup

from starter.api.app import create_api
from starter.api.problems import STATUS_OF_CODE
from starter.cli.main import app
from starter.desk import Desk
from starter.stories.core import CoreStage
from starter.stories.document import Case, read_story
from starter.stories.player import play
from tests.story_page import blocks, unpack
from tests.test_docs import documented_codes

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"approvals": 23, "salesforce": 3}
"""The pages that tell stories, and how many at least."""

ROW = re.compile(r"`(GET|PUT|POST|DELETE) (/[a-z_/{}]+)`")


@pytest.mark.parametrize("page", PAGES)
async def test_every_story_of_the_page_is_true(page: str, tmp_path: Path) -> None:
    cases: tuple[Case, ...] = read_story(unpack(DOCS / f"{page}.md", tmp_path))
    assert len(cases) >= PAGES[page]
    for case in cases:
        told = await play(case, CoreStage())
        assert told.passed, f"{case.name}: {told.failures}"


def commands(page: Path) -> Iterator[str]:
    """Every command that the page gives, in blocks and in running text."""
    for kind, text in blocks(page):
        if kind in ("sh", "text"):
            yield from (line for line in text.splitlines() if line.startswith("countersign "))
    running = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    yield from re.findall(r"`(countersign [^`]+)`", running.replace("\n", " "))


@pytest.mark.parametrize("page", ["approvals", "http", "salesforce"])
def test_every_command_of_the_page_is_one_with_these_arguments(page: str) -> None:
    found = list(commands(DOCS / f"{page}.md"))
    assert found
    for line in found:
        name, *arguments = shlex.split(line, comments=True)
        command = typer.main.get_command(app)
        while isinstance(command, TyperGroup):
            name, *arguments = arguments
            assert name in command.commands, line
            command = command.commands[name]
        command.make_context(name, arguments)  # refuses what it does not know, and what is missing


def routes() -> dict[tuple[str, str], list[str]]:
    """Every route of the API below its prefix, with its tags."""
    described = create_api(cast(Desk, None)).openapi()["paths"]
    return {
        (method.upper(), path.removeprefix("/api/v1")): operation["tags"]
        for path, methods in described.items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("page", ["approvals", "http"])
def test_every_address_of_the_page_is_a_route(page: str) -> None:
    told = set(ROW.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")))
    assert told
    assert told <= set(routes())


def test_every_route_of_quotes_and_approvals_is_on_the_page() -> None:
    told = set(ROW.findall((DOCS / "http.md").read_text(encoding="utf-8")))
    assert told >= {route for route, tags in routes().items() if {"quotes", "approvals", "record"} & set(tags)}


def test_the_page_names_the_right_status_of_every_code() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", (DOCS / "http.md").read_text(encoding="utf-8"), re.M)
    assert len(rows) >= 6
    for status, text in rows:
        for code in re.findall(r"`([a-z_]+)`", text):
            assert STATUS_OF_CODE.get(code, 422) == int(status) or (code, status) == ("stale", "412"), code


def test_every_refusal_of_the_page_is_a_code() -> None:
    text = (DOCS / "approvals.md").read_text(encoding="utf-8").replace("\n", " ")
    sentences = re.findall(r"Refused.*?(?:Recorded:|\.\s)", text)
    codes = {code for each in sentences for code in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", each)}
    assert len(codes) >= 12
    assert codes <= set(documented_codes())
