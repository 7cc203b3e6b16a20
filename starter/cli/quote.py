"""``countersign quote``: the verbs on quotes, over the running API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment, QuoteId

app = typer.Typer(help="Hand in, show, submit, recall and accept quotes.", no_args_is_help=True)


@app.command()
def put(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="The quote.")],
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
    seen: Annotated[int | None, typer.Option("--seen", help="The etag that you have seen; refused if stale.")] = None,
) -> None:
    """Hand in a quote, or edit it where that is allowed."""
    from domain.refusal import Refusal
    from starter.cli.line import Line, quoted
    from starter.cli.tables import quote_lines, show
    from starter.stories.material import read_file

    document = read_file(file)
    name = document.get("quote_id") if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise Refusal("missing_field", f"{file} names no quote", "quote_id")
    text = file.read_text(encoding="utf-8")
    headers = {"If-Match": f'"{seen}"'} if seen is not None else {}
    stored = Line(api, user).send("PUT", f"/quotes/{quoted(name)}", text, "application/json", **headers)
    show(stored, quote_lines(stored), as_json)


@app.command("show")
def show_quote(quote: QuoteId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show a quote with its approval state."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import quote_lines, show

    found = Line(api, user).get(f"/quotes/{quoted(quote)}")
    show(found, quote_lines(found), as_json)


@app.command()
def preview(quote: QuoteId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show whom a stored quote would need if it were submitted now."""
    _round(quote, "preview", user, api, as_json, None)


@app.command()
def submit(
    quote: QuoteId, user: As = None, api: ApiUrl = None, comment: Comment = None, as_json: AsJson = False
) -> None:
    """Hand a quote in for approval."""
    _round(quote, "submit", user, api, as_json, comment)


@app.command()
def recall(
    quote: QuoteId, user: As = None, api: ApiUrl = None, comment: Comment = None, as_json: AsJson = False
) -> None:
    """Take a quote back, pending or approved."""
    _round(quote, "recall", user, api, as_json, comment)


@app.command()
def answer(
    quote: QuoteId,
    text: Annotated[str, typer.Argument(help="The answer.")],
    approval: Annotated[str | None, typer.Option("--approval", help="Whose question, where several wait.")] = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Answer what an approver asked; their clock goes on."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import plan_lines, show

    body = {"comment": text, "approval_id": approval}
    found = Line(api, user).post(f"/quotes/{quoted(quote)}/answer", body)
    show(found, plan_lines(found), as_json)


@app.command()
def comment(
    quote: QuoteId,
    text: Annotated[str, typer.Argument(help="The comment.")],
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Put a comment on the record of a quote."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    found = Line(api, user).post(f"/quotes/{quoted(quote)}/comments", {"comment": text})
    show(found, [f"{quote}: {text}"], as_json)


@app.command()
def resume(quote: QuoteId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Begin the run of an open round again, after an operator ended it (admins)."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import plan_lines, show

    found = Line(api, user, "admin").post(f"/quotes/{quoted(quote)}/resume")
    show(found, plan_lines(found), as_json)


@app.command()
def recompute(
    quote: QuoteId, user: As = None, api: ApiUrl = None, comment: Comment = None, as_json: AsJson = False
) -> None:
    """Have all deadlines of the open round worked out again on the calendars of now (admins)."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import plan_lines, show

    found = Line(api, user, "admin").post(f"/quotes/{quoted(quote)}/recompute", {"comment": comment})
    show(found, plan_lines(found), as_json)


@app.command()
def accept(
    quote: QuoteId, user: As = None, api: ApiUrl = None, comment: Comment = None, as_json: AsJson = False
) -> None:
    """Note that the customer said yes."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import quote_lines, show

    stored = Line(api, user).post(f"/quotes/{quoted(quote)}/accept", {"comment": comment})
    show(stored, quote_lines(stored), as_json)


def _round(quote: str, verb: str, user: str | None, api: str | None, as_json: bool, comment: str | None) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import plan_lines, show

    found = Line(api, user).post(f"/quotes/{quoted(quote)}/{verb}", {"comment": comment})
    show(found, plan_lines(found), as_json)
