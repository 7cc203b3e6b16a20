"""``countersign customer assets|coverage|service-levels`` and ``countersign order assets|service-levels``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, CustomerId, Known, OrderId

On = Annotated[str | None, typer.Option("--on", help="A local date of the customer; today.", metavar="DATE")]
Product = Annotated[str | None, typer.Option("--product", help="Of this product alone.")]
Site = Annotated[str | None, typer.Option("--site", help="At this site alone.")]
States = Annotated[str | None, typer.Option("--state", help="Only those: running, jeopardy, breached, met or missed.")]


def assets(
    customer: CustomerId,
    on: On = None,
    known: Known = None,
    product: Product = None,
    site: Site = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show the things that a customer holds, and by which orders they came."""
    from starter.cli.line import quoted

    asked = {"on": on, "known": known, "product": product, "site": site}
    _show(f"/customers/{quoted(customer)}/assets", asked, _asset_lines, user, api, as_json)


def coverage(
    customer: CustomerId,
    on: On = None,
    known: Known = None,
    product: Product = None,
    site: Site = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show which services cover which assets of a customer."""
    from starter.cli.line import quoted

    asked = {"on": on, "known": known, "product": product, "site": site}
    _show(f"/customers/{quoted(customer)}/coverage", asked, _coverage_lines, user, api, as_json)


def service_levels(
    customer: CustomerId, state: States = None, user: As = None, api: ApiUrl = None, as_json: AsJson = False
) -> None:
    """Show the service-level clocks of a customer's quotes and orders, what is breached first."""
    from starter.cli.line import quoted

    _show(f"/customers/{quoted(customer)}/service-levels", {"state": state}, _clock_lines, user, api, as_json)


def order_assets(
    order: OrderId, on: On = None, known: Known = None, user: As = None, api: ApiUrl = None, as_json: AsJson = False
) -> None:
    """Show the things that came by an order."""
    from starter.cli.line import quoted

    _show(f"/orders/{quoted(order)}/assets", {"on": on, "known": known}, _asset_lines, user, api, as_json)


def order_service_levels(order: OrderId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show the service-level clocks of an order."""
    from starter.cli.line import quoted

    _show(f"/orders/{quoted(order)}/service-levels", {}, _clock_lines, user, api, as_json)


def _show(path: str, asked: dict[str, Any], lines: Any, user: str | None, api: str | None, as_json: bool) -> None:
    from starter.cli.line import Line
    from starter.cli.tables import show

    found = Line(api, user).get(path, **asked)
    show(found, lines(found), as_json)


def _asset_lines(found: dict[str, Any]) -> Iterator[str]:
    from starter.cli.tables import table

    if not found["assets"]:
        yield f"nothing is held on {found['on']}"
    yield from table(
        (each["asset_id"], each["product"], each["ship_to"], each["quantity"], f"since {each['since']}", _came(each))
        for each in found["assets"]
    )


def _came(asset: dict[str, Any]) -> str:
    return ", ".join(f"{each['quantity']} by {each['order_id']} on {each['on']}" for each in asset["movements"])


def _coverage_lines(found: dict[str, Any]) -> Iterator[str]:
    from starter.cli.tables import table

    if not found["coverage"]:
        yield f"nothing is covered on {found['on']}"
    names = ("product", "ship_to", "asset_product", "asset_id", "quantity")
    yield from table(tuple(each[name] for name in names) for each in found["coverage"])


def _clock_lines(found: dict[str, Any]) -> Iterator[str]:
    from starter.cli.tables import table

    if not found["clocks"]:
        yield "no clocks"
    yield from table(
        (
            each["state"],
            each["clock"],
            each["subject"],
            f"target {each['target'][:16]}Z",
            f"ended {each['ended'][:16]}Z" if each["ended"] else "",
        )
        for each in found["clocks"]
    )
