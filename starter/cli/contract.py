"""``countersign contract``: show a contract, and prepare the quotes that amend or renew it, over the running API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import typer

from starter.cli.options import ApiUrl, As, AsJson, Known

app = typer.Typer(help="Contracts: show one, amend it, renew it.", no_args_is_help=True)

ContractId = Annotated[
    str, typer.Argument(metavar="CONTRACT", help="The id of a contract, such as Q-1001 or Q-1001/2028-02-14.")
]
Title = Annotated[str | None, typer.Option("--title", help="The title of the quote that is prepared.")]
NewId = Annotated[str | None, typer.Option("--quote-id", help="Its id; the next one, such as Q-1001-R1.")]
Change = Annotated[
    list[str] | None,
    typer.Argument(metavar="LINE[@SITE]=±QUANTITY…", help="By how much quantities change: L2=+5, L2@NC=-3."),
]
Price = Annotated[
    list[str] | None,
    typer.Option("--unit-price", metavar="LINE[@SITE]=PRICE", help="A new net price; may be repeated."),
]
End = Annotated[
    list[str] | None, typer.Option("--end", metavar="LINE[@SITE]=DATE", help="A new last day; may be repeated.")
]


@app.command("show")
def show_contract(
    contract: ContractId, known: Known = None, user: As = None, api: ApiUrl = None, as_json: AsJson = False
) -> None:
    """Show a contract as it is now, or as it was known at a moment."""
    from starter.cli.line import Line
    from starter.cli.tables import contract_lines, show

    found = Line(api, user).get(_path(contract), known=known)
    show(found, contract_lines({"contracts": [found]}), as_json)


@app.command()
def amend(
    contract: ContractId,
    start: Annotated[str, typer.Option("--start", help="From when on it is different.", metavar="DATE")],
    changes: Change = None,
    prices: Price = None,
    ends: End = None,
    title: Title = None,
    quote_id: NewId = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prepare a quote that changes a running contract; it is submitted, accepted and ordered like any other."""
    lines = changed_lines(changes or (), prices or (), ends or ())
    if not lines:
        raise typer.BadParameter("say what changes: LINE=+QUANTITY, --unit-price LINE=PRICE or --end LINE=DATE")
    _prepare(contract, "amend", {"start_date": start, "lines": lines}, title, quote_id, user, api, as_json)


@app.command()
def renew(
    contract: ContractId,
    price: Annotated[
        Literal["same", "list", "uplift"], typer.Option("--price", help="What is paid now, list prices, or more.")
    ] = "same",
    uplift: Annotated[str | None, typer.Option("--uplift", help="By how many percent; goes with uplift.")] = None,
    months: Annotated[int, typer.Option("--months", help="For how long, from the common end.", min=1)] = 12,
    co_termination: Annotated[
        Literal["latest", "earliest"], typer.Option("--co-termination", help="From which end of what runs.")
    ] = "latest",
    list_prices: Annotated[
        list[str] | None,
        typer.Option("--list-price", metavar="PRODUCT=PRICE", help="Today's list price; may be repeated."),
    ] = None,
    title: Title = None,
    quote_id: NewId = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prepare a quote that renews what runs of a contract, from the day after it ends."""
    body = {
        "price": price,
        "uplift_percent": uplift,
        "term_months": months,
        "co_termination": co_termination,
        "list_prices": dict(_pair(each) for each in list_prices or ()) or None,
    }
    _prepare(contract, "renew", body, title, quote_id, user, api, as_json)


def changed_lines(changes: Sequence[str], prices: Sequence[str], ends: Sequence[str]) -> list[dict[str, str]]:
    """``LINE[@SITE]=VALUE`` words of each kind as the lines of an amendment, one for each line and site."""
    found: dict[str, dict[str, str]] = {}
    for field, words in (("quantity_change", changes), ("unit_price", prices), ("end_date", ends)):
        for word in words:
            name, value = _pair(word)
            line, _, site = name.partition("@")
            told = found.setdefault(name, {"line": line, **({"ship_to": site} if site else {})})
            if field in told:
                raise typer.BadParameter(f"{name} is named twice")
            told[field] = value.removeprefix("+")
    return list(found.values())


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not name or not value:
        raise typer.BadParameter(f"{word}: write NAME=VALUE{'' if equals else ', such as L2=+5'}")
    return name, value


def _path(contract: str) -> str:
    """The address of a contract, whose id may hold slashes."""
    from starter.cli.line import quoted

    return "/contracts/" + "/".join(quoted(part) for part in contract.split("/"))


def _prepare(
    contract: str,
    verb: str,
    body: dict[str, Any],
    title: str | None,
    quote_id: str | None,
    user: str | None,
    api: str | None,
    as_json: bool,
) -> None:
    from starter.cli.line import Line
    from starter.cli.tables import show

    made = Line(api, user).post(f"{_path(contract)}/{verb}", {**body, "title": title, "quote_id": quote_id})
    show(made, _prepared_lines(made), as_json)


def _prepared_lines(made: dict[str, Any]) -> Iterator[str]:
    from starter.cli.tables import amount

    of = f"amends {made['amends']}" if made["amends"] else f"renews {made['renews']}"
    yield f"{made['quote_id']} {of} · {made['state']} · {amount(made['net_total'])}"
    for line in made["content"]["lines"]:
        dates = f"{line.get('start_date', '')} to {line.get('end_date', '…')}"
        change = line.get("quantity_change")
        yield f"  {line['line_id']} {line['product']} {change if change is not None else line['quantity']} {dates}"
