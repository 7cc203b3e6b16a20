"""``countersign token``: a bearer token for the HTTP API, signed with the local key."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

LONGEST = 366


def token(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whom the token speaks for: a user id.")],
    roles: Annotated[list[str] | None, typer.Option("--role", help="A role, such as admin; may be repeated.")] = None,
    days: Annotated[int, typer.Option("--days", help="For how long it is good.", min=1, max=LONGEST)] = 30,
    approval: Annotated[str | None, typer.Option("--approval", help="Only for one answer to this approval.")] = None,
    verdict: Annotated[str, typer.Option("--verdict", help="That answer: approve or reject.")] = "approve",
    decision: Annotated[str | None, typer.Option("--decision", help="The decision_id of that answer.")] = None,
) -> None:
    """Make a token. Whoever has it acts as that user: keep it secret.

    With --approval and --decision it is an act, good for that one answer and nothing else: what a service puts into
    the signal or update that it sends to a run, where operators can read it.
    """
    from starter.cli.line import make_act, make_token

    if not user.strip():
        raise typer.BadParameter("name a user", param_hint="USER")
    if approval is None and decision is None:
        typer.echo(make_token(user, timedelta(days=days), *(roles or ())))
        return
    if not approval or not decision:
        raise typer.BadParameter("an act needs both --approval and --decision", param_hint="--approval")
    if verdict not in ("approve", "reject"):
        raise typer.BadParameter("is approve or reject", param_hint="--verdict")
    typer.echo(make_act(user, approval, verdict, decision, *(roles or ())))
