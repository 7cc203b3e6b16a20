"""``countersign order``: the commands that change orders, each with ``--preview``, over the running API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from starter.cli.options import ApiUrl, As, AsJson, Comment, OrderId, Preview
from starter.cli.order_calls import line_quantities, send, whereto

Seen = Annotated[
    int | None, typer.Option("--if-version", help="The version you have seen; refused when there is another.")
]
Lines = Annotated[list[str] | None, typer.Argument(metavar="LINE[=QUANTITY]…", help="Lines; all of one when no =.")]
Quantities = Annotated[list[str], typer.Argument(metavar="LINE=QUANTITY…", help="Lines with quantities.")]
Whole = Annotated[list[str] | None, typer.Argument(metavar="LINE…", help="Whole lines, with their bundles.")]
To = Annotated[str | None, typer.Option("--to", help="Another order, or the date of a new one.", metavar="DATE|ORDER")]
Date = Annotated[str | None, typer.Option("--date", help="The date of the new order; today.", metavar="DATE")]
Name = Annotated[str | None, typer.Option("--name", help="A key of your own for the new order.")]
Disposition = Annotated[
    Literal["unordered", "cancelled"],
    typer.Option("--disposition", help="Where it goes: to be ordered again, or given up."),
]
Line_ = Annotated[str, typer.Option("--line", help="A line or item.")]
On = Annotated[str | None, typer.Option("--on", help="The date on which it happened; today.", metavar="DATE")]
Evidence = Annotated[str | None, typer.Option("--evidence", help="What shows it.")]


def move_date(
    order: OrderId,
    to: Annotated[str, typer.Option("--to", help="The new date, local to the customer.", metavar="DATE")],
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Move an order to another date; its items follow as their lines say."""
    _send(order, None, {"order_date": to, "comment": comment}, user, api, only_preview, seen, as_json)


def move(
    order: OrderId,
    lines: Whole = None,
    to: To = None,
    name: Name = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Move lines to another or a new order; without lines, the order to another date."""
    if lines:
        body = {"lines": lines, "name": name, "comment": comment, **whereto(to)}
        _send(order, "move", body, user, api, only_preview, seen, as_json)
        return
    if to is None or name is not None:
        raise typer.BadParameter("name the lines that move, or only the new date of the order", param_hint="--to")
    _send(order, None, {"order_date": to, "comment": comment}, user, api, only_preview, seen, as_json)


def split(
    order: OrderId,
    lines: Quantities,
    to: To = None,
    name: Name = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Take quantities out of an order, into another or a new one."""
    body = {"lines": line_quantities(lines, needed=True), "name": name, "comment": comment, **whereto(to)}
    _send(order, "split", body, user, api, only_preview, seen, as_json)


def merge(
    order: OrderId,
    others: Annotated[list[str], typer.Argument(metavar="OTHER…", help="The orders that go into it.")],
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Merge other orders into one."""
    _send(order, "merge", {"orders": others, "comment": comment}, user, api, only_preview, seen, as_json)


def cancel(
    order: OrderId,
    lines: Lines = None,
    disposition: Disposition = "unordered",
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Cancel an order that is not activated, or lines of it."""
    wanted = line_quantities(lines) if lines else None
    body = {"lines": wanted, "disposition": disposition, "comment": comment}
    _send(order, "cancel", body, user, api, only_preview, seen, as_json)


def hold(
    order: OrderId,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; needed.")] = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Hold an order: it is not activated, and its services are suspended."""
    _send(order, "hold", {"reason": reason, "comment": comment}, user, api, only_preview, seen, as_json)


def release(
    order: OrderId,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Release a held or blocked order; after its date it is activated at once."""
    _send(order, "release", {"comment": comment}, user, api, only_preview, seen, as_json)


def supplement(
    order: OrderId,
    lines: Quantities,
    disposition: Disposition = "unordered",
    date: Date = None,
    name: Name = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Change quantities of a running order by signed numbers (L2=-3), in a linked order that supersedes it."""
    wanted = {"lines": line_quantities(lines, needed=True), "disposition": disposition}
    body = {**wanted, "order_date": date, "name": name, "comment": comment}
    _send(order, "supplement", body, user, api, only_preview, seen, as_json)


def close_short(
    order: OrderId,
    disposition: Disposition = "unordered",
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Give up what is neither delivered nor invoiced of a running order."""
    body = {"disposition": disposition, "comment": comment}
    _send(order, "close-short", body, user, api, only_preview, seen, as_json)


def return_(
    order: OrderId,
    lines: Quantities,
    date: Date = None,
    name: Name = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Take things of a fulfilled order back, or reduce its running services."""
    body = {"lines": line_quantities(lines, needed=True), "order_date": date, "name": name, "comment": comment}
    _send(order, "return", body, user, api, only_preview, seen, as_json)


def rollback(
    order: OrderId,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Undo the last change of an order, in all orders that it touched."""
    _send(order, "rollback", {"comment": comment}, user, api, only_preview, seen, as_json)


def close(
    order: OrderId,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Close a fulfilled order: nothing happens to it any more."""
    _send(order, "close", {"comment": comment}, user, api, only_preview, seen, as_json)


def progress(
    order: OrderId,
    percent: Annotated[str, typer.Argument(metavar="PERCENT", help="Of all the work; it may fall.")],
    line: Annotated[str | None, typer.Option("--line", help="A line or item; all such work.")] = None,
    on: On = None,
    evidence: Evidence = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record how far the work of an order is."""
    body = {"percent": percent, "line": line, "on": on, "evidence": evidence, "comment": comment}
    _send(order, "progress", body, user, api, only_preview, seen, as_json)


def usage(
    order: OrderId,
    line: Line_,
    quantity: Annotated[str, typer.Option("--quantity", help="How much was used; a correction is negative.")],
    amount: Annotated[str | None, typer.Option("--amount", help="For how much; at the unit price.")] = None,
    on: On = None,
    evidence: Evidence = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record what was used of a line."""
    used = {"line": line, "quantity": quantity, "amount": amount}
    body = {**used, "on": on, "evidence": evidence, "comment": comment}
    _send(order, "usage", body, user, api, only_preview, seen, as_json)


def invoice(
    order: OrderId,
    line: Line_,
    amount: Annotated[str, typer.Option("--amount", help="How much; a credit note is negative.")],
    on: On = None,
    document: Annotated[str | None, typer.Option("--document", help="The number of the invoice.")] = None,
    user: As = None,
    api: ApiUrl = None,
    comment: Comment = None,
    seen: Seen = None,
    only_preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Record what the ERP invoiced for a line."""
    body = {"line": line, "amount": amount, "on": on, "document": document, "comment": comment}
    _send(order, "invoices", body, user, api, only_preview, seen, as_json)


def _send(
    order: str,
    verb: str | None,
    body: dict[str, Any],
    user: str | None,
    api: str | None,
    only_preview: bool,
    seen: int | None,
    as_json: bool,
) -> None:
    send(order, verb, body, user=user, api=api, only_preview=only_preview, seen=seen, as_json=as_json)


COMMANDS: Mapping[str, Callable[..., None]] = {
    "move-date": move_date, "move": move, "split": split, "merge": merge, "cancel": cancel, "hold": hold,
    "release": release, "supplement": supplement, "close-short": close_short, "return": return_,
    "rollback": rollback, "close": close, "progress": progress, "usage": usage, "invoice": invoice,
}  # fmt: skip
