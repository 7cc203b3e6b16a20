"""``countersign customer``: contracts, entitlements and revenue of a customer, over the running API."""

from __future__ import annotations

from typing import Annotated

import typer

from starter.cli.options import ApiUrl, As, AsJson, CustomerId, Known

app = typer.Typer(help="What a customer has, may use, and has earned us.", no_args_is_help=True)


@app.command("show")
def show_customer(customer: CustomerId, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show a customer in one look: terms, what was delivered, runs and comes, and money by state."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import customer_lines, show

    found = Line(api, user).get(f"/customers/{quoted(customer)}")
    show(found, customer_lines(found), as_json)


@app.command()
def contract(
    customer: CustomerId,
    method: Annotated[
        str | None, typer.Option("--method", help="single, by_end_date or by_group; each quote's own.")
    ] = None,
    known: Known = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show a customer's contracts."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import contract_lines, show

    found = Line(api, user).get(f"/customers/{quoted(customer)}/contracts", method=method, known=known)
    show(found, contract_lines(found), as_json)


@app.command()
def entitlements(
    customer: CustomerId,
    on: Annotated[str | None, typer.Option("--on", help="A local date of the customer; today.")] = None,
    known: Known = None,
    view: Annotated[str | None, typer.Option("--view", help="contracted, committed or unordered.")] = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what a customer may use on a date."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import entitled_lines, show

    found = Line(api, user).get(f"/customers/{quoted(customer)}/entitlements", on=on, known=known, view=view)
    show(found, entitled_lines(found), as_json)


@app.command()
def revenue(
    customer: CustomerId,
    first: Annotated[str | None, typer.Option("--from", help="A month (2027-02) or date.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="A month or date, inclusive.")] = None,
    known: Known = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only amounts in it, such as EUR.")] = None,
    quote: Annotated[str | None, typer.Option("--quote", help="Only what was ordered of this quote.")] = None,
    contract: Annotated[str | None, typer.Option("--contract", help="Only what is in this contract.")] = None,
    user: As = None,
    api: ApiUrl = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one row for each item and month.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show revenue by month."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import earned_lines, show

    line, path = Line(api, user), f"/customers/{quoted(customer)}/revenue"
    asked = {"from": first, "until": until, "known": known}
    asked |= {"currency": currency, "quote": quote, "contract": contract}
    if as_csv:
        typer.echo(line.get_text(path, "text/csv", **asked), nl=False)
        return
    found = line.get(path, **asked)
    show(found, earned_lines(found), as_json)


Reason = Annotated[str, typer.Option("--reason", help="Why; kept on the record.")]
Service = Annotated[bool, typer.Option("--service", help="As the program that knows of credit, not as an admin.")]


@app.command("credit-hold")
def credit_hold(
    customer: CustomerId,
    reason: Reason,
    user: As = None,
    service: Service = False,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Put a customer on credit hold: their orders that come due are blocked until it is lifted."""
    _say_credit(customer, "credit-hold", reason, user, service, api, as_json)


@app.command("lift-credit-hold")
def lift_credit_hold(
    customer: CustomerId,
    reason: Reason,
    user: As = None,
    service: Service = False,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """End a customer's credit hold: the orders that it blocked are tried again by themselves."""
    _say_credit(customer, "credit-hold/lift", reason, user, service, api, as_json)


@app.command("credit-holds")
def credit_holds(user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Show who is on credit hold."""
    from starter.cli.line import Line
    from starter.cli.tables import credit_lines, show

    line = Line(api, user)
    page = line.get("/credit-holds")
    found = [*page["held"]]
    while page["next"]:
        page = line.get("/credit-holds", cursor=page["next"])
        found += page["held"]
    show({"held": found}, credit_lines(found), as_json)


def _say_credit(
    customer: str, path: str, reason: str, user: str | None, service: bool, api: str | None, as_json: bool
) -> None:
    from starter.cli.line import Line, quoted
    from starter.cli.tables import credit_lines, show

    line = Line(api, user, "service" if service else "admin")
    word = line.post(f"/customers/{quoted(customer)}/{path}", {"reason": reason})
    show(word, credit_lines([word]), as_json)
