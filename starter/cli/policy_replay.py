"""``countersign policy replay``: what a draft would have asked for on past quotes, as a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from starter.cli.options import AsJson, DatabaseUrl, StateDir

MOST = 1_000_000_000

Draft = Annotated[Path, typer.Argument(metavar="DRAFT", help="The draft of a policy (YAML or JSON).")]
Against = Annotated[
    str, typer.Option("--against", metavar="VERSION|FILE", help="The number of a published version, or a file.")
]
Quotes = Annotated[
    Path | None,
    typer.Option("--quotes", metavar="JSONL", help="Quotes, or {quote, by, at}, one a line; left out: stored rounds."),
]
People = Annotated[Path | None, typer.Option("--directory", metavar="FILE", help="The people; those of the database.")]
Name = Annotated[
    str | None, typer.Option("--policy", metavar="NAME", help="Whose version --against is; the draft's own name.")
]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, max=MOST, help="Only so many: the newest rounds, the first lines.")
]
Listing = Annotated[int, typer.Option("--list", min=0, max=100_000, help="How many quotes that differ are listed.")]
At = Annotated[
    str | None, typer.Option("--at", metavar="MOMENT", help="When quotes without a moment are submitted; now.")
]


def replay(
    draft: Draft,
    against: Against,
    quotes: Quotes = None,
    directory: People = None,
    policy: Name = None,
    html: Page = None,
    as_json: AsJson = False,
    limit: Limit = None,
    listing: Listing = 200,
    at: At = None,
    database: DatabaseUrl = None,
    state_dir: StateDir = None,
) -> None:
    """Plan past quotes by a draft and by another version, and show the difference. Nothing is written.

    With --quotes, --against FILE and --directory no database is needed. Exit 1 when a quote could not be read.
    """
    import asyncio
    from datetime import UTC, datetime

    from starter.child_process import StackError
    from starter.cli.reading import reading, settings_of
    from starter.replaying.past import moment_of
    from starter.replaying.report import report_document
    from starter.replaying.run import Run, Wanted, replay_files, replay_stored

    is_version = against.isascii() and against.isdecimal()
    paper = read_paper(draft)
    wanted = Wanted(
        draft=paper,
        against=None if is_version else read_paper(Path(against)),
        directory=read_people(directory) if directory is not None else None,
        quotes=quotes,
        now=moment_of(at, datetime.now(UTC), "--at"),
        name=policy or paper["policy"],
        version=int(against) if is_version else None,
        limit=limit,
        listed=listing,
    )

    async def stored() -> Run:
        async with reading(settings_of(database, state_dir)) as work:
            return await replay_stored(work, wanted)

    try:
        run = replay_files(wanted) if wanted.is_whole else asyncio.run(stored())
    except StackError as error:
        typer.echo(f"unavailable: {error}", err=True)
        raise typer.Exit(1) from None
    called = run.called or Path(against).name
    _show(report_document(run.played, run.player, draft.name, called, run.waits), html, as_json)
    if run.played.unreadable:
        raise typer.Exit(1)


def read_paper(path: Path) -> Any:
    """The policy in a file; what is wrong with it is told with its line."""
    from domain.policy.document import read_policy
    from domain.policy.evaluate import compile_policy

    return _read(path, lambda document: compile_policy(read_policy(document)))


def read_people(path: Path) -> Any:
    """The directory in a file."""
    from domain.people import read_directory

    return _read(path, read_directory)


def _read(path: Path, check: Callable[[Any], object]) -> Any:
    from domain.refusal import Problem, Refusal
    from domain.yaml_text import with_lines
    from starter.stories.material import read_lines

    found = read_lines(path)
    try:
        check(found.value)
    except Refusal as refusal:
        told = with_lines(found, refusal)
        raise Refusal.of([Problem(each.code, each.message) for each in told.problems]) from None
    return found.value


def _show(report: dict[str, Any], html: Path | None, as_json: bool) -> None:
    import json

    from rich.console import Console

    from starter.replaying.page import report_page
    from starter.replaying.tables import print_report

    if html is not None:
        _write(html, report_page(report))
    if as_json:
        typer.echo(json.dumps(report, indent=1, ensure_ascii=False))
        return
    print_report(report, Console())
    if html is not None:
        typer.echo(f"the page is in {html}")


def _write(path: Path, text: str) -> None:
    from domain.refusal import Refusal

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal("unwritable_file", f"{path}: {error.strerror or error}", "--html") from None
