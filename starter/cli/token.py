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
) -> None:
    """Make a token. Whoever has it acts as that user: keep it secret."""
    from starter.cli.line import make_token

    if not user.strip():
        raise typer.BadParameter("name a user", param_hint="USER")
    typer.echo(make_token(user, timedelta(days=days), *(roles or ())))
