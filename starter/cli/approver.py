"""``countersign approver`` and ``countersign operation``: put a successor in somebody's place, over the running API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment

if TYPE_CHECKING:
    from starter.cli.line import Line

app = typer.Typer(help="Replace approvers.", no_args_is_help=True)
operation = typer.Typer(help="Long work: how far it is, and what it did.", no_args_is_help=True)

EVERY = 0.5
OVER = ("done", "cancelled", "refused")

OperationId = Annotated[str, typer.Argument(metavar="OPERATION", help="The id of an operation.")]


@app.callback()
def approvers() -> None:
    """Replace approvers."""


@app.command()
def replace(
    old: Annotated[str, typer.Argument(metavar="A", help="An approver, group or user, as rules name it.")],
    new: Annotated[str, typer.Argument(metavar="B", help="The user who takes the place.")],
    start: Annotated[str | None, typer.Option("--from", help="A date or moment; now.", metavar="DATE")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="approver, group or user, where an id is several.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be touched.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is done, with a progress bar.")] = False,
    comment: Comment = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Put B in the place of A: in the directory and in every pending approval."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell

    line = Line(api, user, "admin")
    body = {"by": new, "from": start, "kind": kind, "dry_run": dry_run or None, "comment": comment}
    found = line.post(f"/approvers/{quoted(old)}/replace", body)
    if dry_run:
        tell(found, _touched(found), as_json)
        return
    if wait:
        found = _waited(line, found)
    tell(found, _lines(found), as_json)
    if found["state"] == "refused":
        raise typer.Exit(1)


@operation.command()
def show(
    name: OperationId,
    rounds: Annotated[bool, typer.Option("--rounds", help="Every round, and what became of its approvals.")] = False,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """How far an operation is, and what it has touched."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell

    line = Line(api, user, "admin")
    found = line.get(f"/operations/{quoted(name)}")
    if rounds:
        found["touched"] = list(_rounds(line, name))
    tell(found, [*_lines(found), *_round_lines(found.get("touched", ()))], as_json)


@operation.command()
def cancel(name: OperationId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Call an operation off before it begins."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell

    found = Line(api, user, "admin").post(f"/operations/{quoted(name)}/cancel")
    tell(found, _lines(found), as_json)


@operation.command()
def resume(name: OperationId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Begin the run of an operation again, after an operator ended it."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell

    found = Line(api, user, "admin").post(f"/operations/{quoted(name)}/resume")
    tell(found, _lines(found), as_json)


def _waited(line: Line, found: dict[str, Any]) -> dict[str, Any]:
    """The operation once it is over, with a bar on the way; one that begins later is not waited for."""
    import time

    from starter.cli.line import quoted
    from starter.cli.progress import progress

    path = f"/operations/{quoted(found['operation'])}"
    while found["state"] == "running" and not found["total"]:
        time.sleep(EVERY)
        found = line.get(path)
    if found["state"] == "scheduled" and found["starts_at"] > found["asked_at"]:
        return found
    while found["state"] == "scheduled":
        time.sleep(EVERY)
        found = line.get(path)
    with progress("rounds", found["total"]) as on_done:
        told = 0
        while True:
            on_done(found["done"] - told)
            told = found["done"]
            if found["state"] in OVER:
                return found
            time.sleep(EVERY)
            found = line.get(path)


def _rounds(line: Line, name: str) -> Iterator[dict[str, Any]]:
    from starter.cli.line import quoted

    cursor = None
    while True:
        page = line.get(f"/operations/{quoted(name)}/rounds", cursor=cursor, limit="200")
        yield from page["rounds"]
        cursor = page["next"]
        if cursor is None:
            return


def _lines(found: dict[str, Any]) -> Iterator[str]:
    what = f"{found['replaced']['id']} ({found['replaced']['kind']}) is replaced by {found['by_whom']}"
    yield f"operation {found['operation']}: {what}"
    if found["state"] == "scheduled":
        yield f"scheduled for {found['starts_at'][:16]}"
    elif found["refused"] is not None:
        yield f"refused: {found['refused']['code']}: {found['refused']['message']}"
    else:
        yield f"{found['state']}, {found['done']} of {found['total']} rounds{_counts(found['rounds'])}"
    yield from _directory_lines(found["directory"])


def _touched(found: dict[str, Any]) -> Iterator[str]:
    yield f"would touch {found['total']} rounds{_counts(found['rounds'])}"
    yield from _directory_lines(found["directory"])
    yield from _round_lines(found["touched"])


def _counts(counts: dict[str, int]) -> str:
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    return f": {told}" if told else ""


def _directory_lines(touches: list[dict[str, Any]]) -> Iterator[str]:
    from starter.cli.tables import table

    yield from table(
        (
            f"  {each['section']}.{each['entry']}.{each['field']}",
            _text(each["before"]),
            "stays" if each["before"] == each["after"] else f"→ {_text(each['after'])}",
            each["why"] or "",
        )
        for each in touches
    )


def _round_lines(rounds: Any) -> Iterator[str]:
    from starter.cli.tables import table

    yield from table(
        (f"  {found['quote_id']}", f"round {found['round']}", each["rule"], each["outcome"], each["of"], _to(each))
        for found in rounds
        for each in found["approvals"]
    )
    for found in rounds:
        if not found["approvals"]:
            yield f"  {found['quote_id']}  round {found['round']}  {found['outcome']}"


def _to(each: dict[str, Any]) -> str:
    why = f" ({each['code']})" if each["code"] else ""
    return f"{'→ ' + each['to'] if each['to'] else ''}{why}".strip()


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value) if value is not None else "nobody"
