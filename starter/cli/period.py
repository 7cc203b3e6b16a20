"""``countersign period``: close months, and see which are closed, over the running API."""

from __future__ import annotations

from typing import Annotated

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment

app = typer.Typer(help="Close months: what they show stays.", no_args_is_help=True)
Customer = Annotated[str | None, typer.Option("--customer", help="Of this customer alone; of every customer.")]


@app.command()
def close(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2027-01; all months before it, too.")],
    customer: Customer = None,
    comment: Comment = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Close a month, as an admin."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    asked = {"customer_id": customer, "comment": comment}
    body = {name: value for name, value in asked.items() if value is not None}
    closed = Line(api, user, "admin").post(f"/periods/{quoted(month)}/close", body)
    show(closed, [f"{closed['month']} is closed, and all before it"], as_json)


@app.command("list")
def list_periods(customer: Customer = None, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show which months were closed, when and by whom."""
    from starter.cli.line import Line
    from starter.cli.tables import show, table

    found = Line(api, user).get("/periods", customer=customer)
    rows = [
        (each["month"], each["customer_id"] or "every customer", each["by"], each["at"]) for each in found["closed"]
    ]
    show(found, table(rows), as_json)
