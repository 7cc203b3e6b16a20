"""``countersign order``: split a quote into orders and carry them out, over the running API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment, OrderId, Preview, QuoteId
from starter.cli.order_calls import page_lines, picks, send
from starter.cli.order_changes import COMMANDS, Disposition

app = typer.Typer(help="Split a quote into orders, and carry them out.", no_args_is_help=True)

SplitBy = Annotated[
    str | None,
    typer.Option(
        "--split-by", help="Keys with commas between: order_date,ship_to when neither keys nor lines are named."
    ),
]
ByHand = Annotated[
    list[str] | None, typer.Argument(metavar="LINE[=QUANTITY][@DATE][/SHIP_TO]…", help="Lines ordered by hand.")
]
Line_ = Annotated[str | None, typer.Option("--line", help="A line or item; all when left out.")]
Quantity = Annotated[str | None, typer.Option("--quantity", help="How much more; all that is open when left out.")]
On = Annotated[str | None, typer.Option("--on", help="The date on which it happened; today.", metavar="DATE")]
Evidence = Annotated[str | None, typer.Option("--evidence", help="What shows it, such as a delivery note.")]


@app.command()
def preview(
    quote: QuoteId,
    lines: ByHand = None,
    split_by: SplitBy = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show the orders that a split, or lines by hand, would make. Writes nothing."""
    _split(quote, "/preview", _wanted(lines, split_by), user, api, as_json)


@app.command()
def create(
    quote: QuoteId,
    lines: ByHand = None,
    split_by: SplitBy = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    as_json: AsJson = False,
) -> None:
    """Split what is unordered of an accepted quote into orders, or order lines by hand."""
    _split(quote, "", {**_wanted(lines, split_by), "comment": comment}, user, api, as_json)


@app.command("list")
def list_(quote: QuoteId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """List the orders of a quote."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import book_lines, show

    found = Line(api, user).get(f"/quotes/{quoted(quote)}/orders")
    show(found, book_lines(found), as_json)


@app.command("cancel-all")
def cancel_all(
    quote: QuoteId,
    disposition: Disposition = "unordered",
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Cancel all orders of a quote that were not sent, and withdraw at the ERP what was not shipped."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    body = {"disposition": disposition, "comment": comment}
    preview = "true" if only_preview else None
    found = Line(api, user).post(f"/quotes/{quoted(quote)}/orders/cancel", body, preview=preview)
    groups = ("cancelled", "withdrawn", "kept")
    show(found, [f"{group}: {', '.join(found[group]) or 'none'}" for group in groups], as_json)


@app.command("show")
def show_order(order: OrderId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show an order with its items, and what can be done to it now."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    found = Line(api, user).get(f"/orders/{quoted(order)}")
    show(found, page_lines(found), as_json)


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


def _wanted(lines: list[str] | None, split_by: str | None) -> dict[str, Any]:
    if lines and split_by is not None:
        raise typer.BadParameter("split by keys, or name lines, not both", param_hint="--split-by")
    if lines:
        return {"lines": picks(lines)}
    keys = "order_date,ship_to" if split_by is None else split_by
    return {"split_by": [key.strip() for key in keys.split(",") if key.strip()]}


def _split(quote: str, suffix: str, body: dict[str, Any], user: str | None, api: str | None, as_json: bool) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import book_lines, show

    found = Line(api, user).post(f"/quotes/{quoted(quote)}/orders{suffix}", body)
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
    send(order, verb, body, user=user, api=api, only_preview=only_preview, seen=None, as_json=as_json)


for name, command in COMMANDS.items():
    app.command(name)(command)
