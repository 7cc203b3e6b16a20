"""``countersign messages``: why somebody got no mail, sending one again, and trying out templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson

app = typer.Typer(help="See what became of messages, and send them again.", no_args_is_help=True)

Keys = Annotated[list[str], typer.Argument(metavar="KEY…", help="Keys of messages, from the list.")]
Failed = Annotated[bool, typer.Option("--failed", help="Only those that should have left and have not.")]
State = Annotated[str | None, typer.Option("--state", help="waiting, sent or given_up.")]
To = Annotated[str | None, typer.Option("--to", help="Only those to this person.", metavar="USER")]
Quote = Annotated[str | None, typer.Option("--quote", help="Only those about this quote.", metavar="QUOTE")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")]
Folder = Annotated[Path | None, typer.Argument(metavar="FOLDER", help="The folder; COUNTERSIGN_MAIL_TEMPLATES.")]


@app.command("list")
def list_(
    user: As = None,
    api: ApiUrl = None,
    failed: Failed = False,
    state: State = None,
    to: To = None,
    quote: Quote = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List messages, the newest first, with what went wrong."""
    from starter.cli.line import Line
    from starter.cli.tables import show

    asked = {"failed": "true" if failed else None, "state": state, "to": to, "quote_id": quote, "cursor": cursor}
    found = Line(api, user, "admin").get("/messages", **asked)
    show(found, _lines(found), as_json)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from starter.cli.tables import table

    if not found["messages"]:
        yield "no messages"
    rows = [
        (
            each["key"],
            each["kind"],
            each["to"],
            each["state"] + (f" ({each['reason']})" if each["reason"] else ""),
            (each["sent_at"] or each["given_up_at"] or each["created_at"])[:19],
            each["error"],
        )
        for each in found["messages"]
    ]
    yield from table(rows)
    if found["next"]:
        yield f"more: --cursor {found['next']}"


@app.command()
def resend(keys: Keys, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Let messages leave again, given up or sent."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    line = Line(api, user, "admin")
    found = [line.post(f"/messages/{quoted(key)}/resend") for key in keys]
    show(found, [f"{each['key']} to {each['to']} is {each['state']}" for each in found], as_json)


@app.command()
def check(folder: Folder = None, as_json: AsJson = False) -> None:
    """Try out an installation's own templates; exit 1 when one is broken. Needs no server."""
    from starter.cli.tables import show
    from starter.post_office import press_of
    from starter.settings import Settings

    settings = Settings()
    if folder is not None:
        settings = settings.with_(mail_templates=folder)
    if settings.mail_templates is None:
        raise typer.BadParameter("name a folder, or set COUNTERSIGN_MAIL_TEMPLATES", param_hint="FOLDER")
    complaints = press_of(settings).complaints()
    show({"complaints": complaints}, complaints or ["all templates can be filled in"], as_json)
    if complaints:
        raise typer.Exit(1)
