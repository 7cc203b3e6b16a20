"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

As = Annotated[
    str | None,
    typer.Option("--as", envvar="COUNTERSIGN_AS", help="Who acts; a token is made with the local key.", metavar="USER"),
]
ApiUrl = Annotated[
    str | None,
    typer.Option("--api", envvar="COUNTERSIGN_API", help="Address of the API; the running one.", metavar="URL"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Comment = Annotated[str | None, typer.Option("--comment", help="Why; kept on the record.")]
QuoteId = Annotated[str, typer.Argument(metavar="QUOTE", help="The id of a quote.")]
OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="The id of an order, such as Q-1001-3.")]
CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The id of a customer.")]
Known = Annotated[str | None, typer.Option("--known", help="As known at a date (its end) or moment; now.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only show what would be.")]
StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where everything is kept; .countersign.", show_default=False)
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", help="An external PostgreSQL (postgresql://…).", metavar="URL")
]
