"""``countersign scenario``: plays stories on the pure core, without any server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def scenario(
    files: Annotated[list[Path], typer.Argument(help="Story files (YAML).", metavar="FILE…")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Tell each story event by event.")] = False,
) -> None:
    """Play stories in virtual time without a server. Exit 1 when a case failed, 2 when a file is wrong."""
    import asyncio
    import json

    from domain.refusal import Refusal
    from starter.stories.core import CoreStage
    from starter.stories.document import read_story
    from starter.stories.player import Told, play

    try:
        cases = [case for file in files for case in read_story(file)]
    except Refusal as refusal:
        for problem in refusal.problems:
            typer.echo(problem.message, err=True)
        raise typer.Exit(2) from None

    told: list[Told] = []
    for case in cases:
        one = asyncio.run(play(case, CoreStage(), typer.echo if trace and not as_json else None))
        told.append(one)
        if not as_json:
            typer.echo(f"{MARKS[one.outcome]} {one.name}")
            for failure in one.failures:
                typer.echo(f"    {failure}")
    passed = sum(one.passed for one in told)
    failed = sum(one.outcome == "failed" for one in told)
    missing = len(told) - passed - failed
    if as_json:
        found = [
            {"name": one.name, "outcome": one.outcome, "where": one.where, "failures": one.failures} for one in told
        ]
        typer.echo(json.dumps({"passed": passed, "failed": failed, "not_built": missing, "cases": found}, indent=1))
    else:
        typer.echo(f"{passed} passed, {failed} failed" + (f", {missing} not built yet" if missing else ""))
    if missing:
        raise typer.Exit(2)
    if failed:
        raise typer.Exit(1)


MARKS = {"passed": "passed   ", "failed": "FAILED   ", "not_built": "not built"}
