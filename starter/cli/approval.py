"""``countersign approval``: the inbox and decisions, over the running API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment

app = typer.Typer(help="See what waits for you, decide, ask, add, reassign, withdraw, override.", no_args_is_help=True)

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="The id of an approval, from the list.")]
For = Annotated[str | None, typer.Option("--for", help="Whom you stand in for, if you have several seats.")]
Admin = Annotated[bool, typer.Option("--admin", help="Act as an admin, with a token made here.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why not; needed to reject.")]


@app.command("list")
def list_(
    user: As = None,
    api: ApiUrl = None,
    state: Annotated[str, typer.Option("--state", help="requested, assigned, approved, rejected …")] = "requested",
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    everybodys: Annotated[bool, typer.Option("--all", help="Everybody's, for admins.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the approvals that ask you, the earliest due first."""
    from starter.cli.line import Line
    from starter.cli.tables import inbox_lines, show

    line = Line(api, user, *(("admin",) if everybodys else ()))
    found = line.get("/approvals", mine="false" if everybodys else "true", state=state, cursor=cursor)
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


@app.command()
def ask(
    approval: ApprovalId,
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    user: As = None,
    api: ApiUrl = None,
    for_: For = None,
    as_json: AsJson = False,
) -> None:
    """Ask the submitter; your clock stands still until the answer."""
    _decide(approval, "ask", user, api, {"comment": question, "for": for_}, as_json)


@app.command()
def add(
    approval: ApprovalId,
    who: Annotated[str, typer.Argument(help="An approver, a group or a user.")],
    where: Annotated[str, typer.Option("--where", help="before, beside or after you.")] = "beside",
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    for_: For = None,
    as_json: AsJson = False,
) -> None:
    """Add another approver before, beside or after yourself."""
    _decide(approval, "add", user, api, {"who": who, "where": where, "comment": comment, "for": for_}, as_json)


@app.command()
def reassign(
    approval: ApprovalId,
    to: Annotated[str, typer.Argument(help="The user who takes it over.")],
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    for_: For = None,
    as_admin: Admin = False,
    as_json: AsJson = False,
) -> None:
    """Hand an approval to somebody else for good; with --admin one that does not ask you."""
    body = {"to": to, "comment": comment, "for": for_}
    _decide(approval, "reassign", user, api, body, as_json, roles=("admin",) if as_admin else ())


@app.command()
def withdraw(
    approval: ApprovalId, user: As = None, api: ApiUrl = None, comment: Comment = None, as_json: AsJson = False
) -> None:
    """Take your decision back, while nothing was built on it."""
    _decide(approval, "withdraw", user, api, {"comment": comment}, as_json)


@app.command()
def override(
    approval: ApprovalId,
    decision: Annotated[str, typer.Argument(help="approve or reject")],
    user: As = None,
    api: ApiUrl = None,
    reason: Reason = None,
    comment: Comment = None,
    as_json: AsJson = False,
) -> None:
    """Decide in everybody's place, with the role that this takes; it is marked so for ever."""
    body = {"decision": decision, "reason": reason, "comment": comment}
    _decide(approval, "override", user, api, body, as_json, roles=("override",))


@app.command()
def recompute(
    approval: ApprovalId, user: As = None, api: ApiUrl = None, comment: Comment = None, as_json: AsJson = False
) -> None:
    """Have deadlines worked out again on the calendars of now (admins)."""
    _decide(approval, "recompute", user, api, {"comment": comment}, as_json, roles=("admin",))


@app.command("decide")
def decide_many(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.json", help="A list of {approval_id, verdict, reason, comment, for}, bare or as decisions."
        ),
    ],
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Decide many at once, each checked on its own; exit 1 where one was refused."""
    from starter.cli.line import Line
    from starter.cli.tables import show, table
    from starter.stories.material import read_file

    found = Line(api, user).post("/approvals/decide", {"decisions": _decisions(read_file(file))})
    rows = [
        (each["approval_id"], each["approval"]["state"] if "approval" in each else each["problem"]["code"])
        for each in found["answers"]
    ]
    show(found, table(rows), as_json)
    if any(each["status"] != 200 for each in found["answers"]):
        raise typer.Exit(1)


def _decide(
    approval: str,
    verb: str,
    user: str | None,
    api: str | None,
    body: dict[str, str | None],
    as_json: bool,
    roles: tuple[str, ...] = (),
) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    found = Line(api, user, *roles).post(f"/approvals/{quoted(approval)}/{verb}", body)
    outcome = f"; the quote is {found['outcome']}" if found["outcome"] else ""
    show(found, [f"{found['approval']['rule']} is {found['approval']['state']}{outcome}"], as_json)


def _decisions(document: Any) -> Any:
    """The list in a file that is one, or that is the body of the request; anything else is for the API to refuse."""
    return document["decisions"] if isinstance(document, dict) and set(document) == {"decisions"} else document
