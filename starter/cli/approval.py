"""``countersign approval``: the inbox and decisions, over the running API."""

from __future__ import annotations

from typing import Annotated

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment

app = typer.Typer(help="See what waits for you, and decide.", no_args_is_help=True)

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="The id of an approval, from the list.")]
For = Annotated[str | None, typer.Option("--for", help="Whom you stand in for, if you have several seats.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why not; needed to reject.")]


@app.command("list")
def list_(
    user: As = None,
    api: ApiUrl = None,
    state: Annotated[str, typer.Option("--state", help="requested, assigned, approved, rejected …")] = "requested",
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the approvals that ask you, the earliest due first."""
    from starter.cli.line import Line
    from starter.cli.tables import inbox_lines, show

    found = Line(api, user).get("/approvals", mine="true", state=state, cursor=cursor)
    show(found, inbox_lines(found), as_json)


@app.command()
def approve(
    approval: ApprovalId,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    for_: For = None,
    as_json: AsJson = False,
) -> None:
    """Say yes."""
    _decide(approval, "approve", user, api, {"comment": comment, "for": for_}, as_json)


@app.command()
def reject(
    approval: ApprovalId,
    user: As = None,
    api: ApiUrl = None,
    reason: Reason = None,
    comment: Comment = None,
    for_: For = None,
    as_json: AsJson = False,
) -> None:
    """Say no, with a reason; that ends the round."""
    _decide(approval, "reject", user, api, {"reason": reason, "comment": comment, "for": for_}, as_json)


def _decide(
    approval: str, verb: str, user: str | None, api: str | None, body: dict[str, str | None], as_json: bool
) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    found = Line(api, user).post(f"/approvals/{quoted(approval)}/{verb}", body)
    outcome = f"; the quote is {found['outcome']}" if found["outcome"] else ""
    show(found, [f"{found['approval']['rule']} is {found['approval']['state']}{outcome}"], as_json)
