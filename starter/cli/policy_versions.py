"""``countersign policy versions | show | diff | rollback``: what was published, what changed, and the way back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment

if TYPE_CHECKING:
    from domain.policy.document import Policy
    from starter.cli.line import Line

PUBLISHED = re.compile(r"([^@\s]+)@([1-9][0-9]{0,6})", re.ASCII)
FILES = (".yaml", ".yml", ".json")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a policy.")]
Either = "A file, or NAME@VERSION."


def versions(
    name: Name,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the published versions of a policy, the newest first."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show, table

    found = Line(api, user).get(f"/policies/{quoted(name)}/versions", cursor=cursor)
    rows = [
        (f"{name}@{each['version']}", each["at"][:16], each["by"], each["fingerprint"][:12])
        for each in found["versions"]
    ]
    more = [f"more: --cursor {found['next']}"] if found["next"] else []
    show(found, [*table(rows), *more], as_json)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The newest when no version is named.")],
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print a policy as it was published."""
    import json

    from starter.cli.line import Line

    line = Line(api, user)
    given = PUBLISHED.fullmatch(name)
    found = _published(line, given[1], int(given[2])) if given else _published(line, name, _newest(line, name))
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        # What a service published as a document has no text of its own.
        typer.echo(found["text"] or json.dumps(found["document"], indent=1, ensure_ascii=False), nl=not found["text"])


def diff(
    old: Annotated[str, typer.Argument(metavar="A", help=Either)],
    new: Annotated[str, typer.Argument(metavar="B", help=Either)],
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Say in words what policy B says otherwise than policy A, and whether that can change outcomes."""
    from domain.policy.difference import difference
    from starter.cli.tables import show as tell
    from starter.differences import difference_document

    found = difference(_policy(old, user, api), _policy(new, user, api))
    document = {"from": old, "to": new, **difference_document(found)}
    tell(document, [found.summary, *(f"  {change}" for change in found.changes)], as_json)


def rollback(
    name: Name,
    to: Annotated[int, typer.Option("--to", min=1, help="The version whose text is published again.")],
    comment: Comment = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Publish the text of an old version again, as a new version; open rounds keep theirs."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell

    found = Line(api, user, "admin").post(f"/policies/{quoted(name)}/rollback", {"to": to, "comment": comment})
    tell(found, [f"policy {name} is as it was in version {to}; this is version {found['version']}"], as_json)


def _newest(line: Line, name: str) -> int:
    from starter.cli.line import quoted

    found = line.get(f"/policies/{quoted(name)}/versions", limit="1")
    return int(found["versions"][0]["version"])


def _published(line: Line, name: str, version: int) -> dict[str, Any]:
    from starter.cli.line import quoted

    found: dict[str, Any] = line.get(f"/policies/{quoted(name)}/versions/{version}")
    return found


def _policy(given: str, user: str | None, api: str | None) -> Policy:
    """The policy in a file, or a published one."""
    from domain.policy.document import read_policy
    from domain.refusal import Refusal
    from domain.yaml_text import with_lines
    from starter.cli.line import Line
    from starter.stories.material import read_lines

    published = PUBLISHED.fullmatch(given)
    if published and not given.endswith(FILES) and not Path(given).exists():
        return read_policy(_published(Line(api, user), published[1], int(published[2]))["document"])
    document = read_lines(Path(given))
    try:
        return read_policy(document.value)
    except Refusal as refusal:
        raise with_lines(document, refusal) from None
