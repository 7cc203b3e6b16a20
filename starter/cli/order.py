"""``countersign order``: split a quote into orders and carry them out, over the running API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment, OrderId, Preview, QuoteId

app = typer.Typer(help="Split a quote into orders, and carry them out.", no_args_is_help=True)

SplitBy = Annotated[
    str, typer.Option("--split-by", help="order_date, ship_to, group or any line field, with commas between.")
]
Line_ = Annotated[str | None, typer.Option("--line", help="A line or item; all when left out.")]
Quantity = Annotated[str | None, typer.Option("--quantity", help="How much more; all that is open when left out.")]
On = Annotated[str | None, typer.Option("--on", help="The date on which it happened; today.", metavar="DATE")]
Evidence = Annotated[str | None, typer.Option("--evidence", help="What shows it, such as a delivery note.")]


@app.command()
def preview(
    quote: QuoteId,
    split_by: SplitBy = "order_date,ship_to",
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show the orders that a split would make. Writes nothing."""
    _split(quote, "/preview", split_by, user, api, None, as_json)


@app.command()
def create(
    quote: QuoteId,
    split_by: SplitBy = "order_date,ship_to",
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    as_json: AsJson = False,
) -> None:
    """Split an accepted quote into orders."""
    _split(quote, "", split_by, user, api, comment, as_json)


@app.command("list")
def list_(quote: QuoteId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """List the orders of a quote."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import book_lines, show

    found = Line(api, user).get(f"/quotes/{quoted(quote)}/orders")
    show(found, book_lines(found), as_json)


@app.command("show")
def show_order(order: OrderId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show an order with its items."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import order_lines, show

    found = Line(api, user).get(f"/orders/{quoted(order)}")
    show(found, order_lines(found), as_json)


@app.command()
def move(
    order: OrderId,
    to: Annotated[str, typer.Option("--to", help="The new date, local to the customer.", metavar="DATE")],
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Move an order to another date."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import order_lines, show

    body = {"order_date": to, "comment": comment}
    found = Line(api, user).patch(f"/orders/{quoted(order)}", body, preview="true" if only_preview else None)
    show(found, order_lines(found), as_json)


@app.command()
def activate(
    order: OrderId,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Make an order final before its date."""
    _change(order, "activate", {"comment": comment}, user, api, only_preview, as_json)


@app.command()
def acknowledge(
    order: OrderId,
    document: Annotated[str | None, typer.Option("--document", help="The number of the ERP's document.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="The ERP said no.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why it said no.")] = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record the ERP's answer to an order."""
    outcome = "rejected" if rejected else "accepted"
    body = {"outcome": outcome, "document": document, "reason": reason, "comment": comment}
    _change(order, "acknowledgements", body, user, api, only_preview, as_json)


@app.command()
def deliver(
    order: OrderId,
    line: Line_ = None,
    quantity: Quantity = None,
    on: On = None,
    evidence: Evidence = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record that something arrived."""
    body = {"line": line, "quantity": quantity, "on": on, "evidence": evidence, "comment": comment}
    _change(order, "deliveries", body, user, api, only_preview, as_json)


@app.command("accept-item")
def accept_item(
    order: OrderId,
    line: Line_ = None,
    quantity: Quantity = None,
    on: On = None,
    evidence: Evidence = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record that the customer accepted what arrived."""
    body = {"line": line, "quantity": quantity, "on": on, "evidence": evidence, "comment": comment}
    _change(order, "acceptances", body, user, api, only_preview, as_json)


@app.command()
def reach(
    order: OrderId,
    line: Line_ = None,
    milestone: Annotated[str | None, typer.Option("--milestone", help="Its name; the next one.")] = None,
    on: On = None,
    evidence: Evidence = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record that a milestone was reached."""
    body = {"line": line, "milestone": milestone, "on": on, "evidence": evidence, "comment": comment}
    _change(order, "milestones", body, user, api, only_preview, as_json)


def _split(
    quote: str, suffix: str, split_by: str, user: str | None, api: str | None, comment: str | None, as_json: bool
) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import book_lines, show

    keys = [key.strip() for key in split_by.split(",") if key.strip()]
    found = Line(api, user).post(f"/quotes/{quoted(quote)}/orders{suffix}", {"split_by": keys, "comment": comment})
    show(found, book_lines(found), as_json)


def _change(
    order: str,
    verb: str,
    body: dict[str, Any],
    user: str | None,
    api: str | None,
    only_preview: bool,
    as_json: bool,
) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import order_lines, show

    path = f"/orders/{quoted(order)}/{verb}"
    found = Line(api, user).post(path, body, preview="true" if only_preview else None)
    show(found, order_lines(found), as_json)
