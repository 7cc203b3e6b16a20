"""Telling the story on the terminal: a title for each chapter, lines as things happen, tables at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from domain.approval.state import RoundState
from domain.ledger.contract import Contract
from domain.order.book import OrderBook
from starter.cli.pictures import plan_picture
from starter.stories.stage import Happening

COLOURS = {"approved": "green", "rejected": "red", "escalated": "yellow", "reminded": "yellow", "activated": "cyan"}


class Teller:
    """Prints the story; amounts are in the quote's currency, moments in the customer's zone."""

    def __init__(self, console: Console, zone: str) -> None:
        self._console = console
        self._zone = ZoneInfo(zone)

    def chapter(self, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left")

    def say(self, text: str) -> None:
        """One line of prose."""
        self._console.print(Text(text), soft_wrap=True)

    def path(self, plan: RoundState) -> None:
        """The approval path as a picture in text."""
        picture = Text("\n").join(Text(line) for line in plan_picture(plan))
        self._console.print(Panel(picture, title="the path", title_align="left", expand=False))

    def happened(self, happenings: Iterable[Happening]) -> None:
        """What the record says happened, line by line."""
        for each in happenings:
            when = f"{each.at.astimezone(self._zone):%Y-%m-%d %H:%M}"
            who = f" by {each.by}" if each.by else ""
            # A line of an order is told with the order it is in.
            what = f"{each.names[0]} in {each.names[1]}" if len(each.names) > 2 else each.names[0]
            kind = (each.kind.replace("_", " "), COLOURS.get(each.kind, ""))
            line = Text.assemble((f"  {when}  ", "dim"), kind, f" {what}{who}")
            self._console.print(line)

    def orders(self, book: OrderBook, title: str) -> None:
        """The orders with their items and totals."""
        table = Table(title=title, title_justify="left")
        for name in ("order", "date", "to", "items", "state"):
            table.add_column(name)
        table.add_column(f"total {book.currency}", justify="right")
        for order in book.orders:
            items = ", ".join(f"{item.line_id} × {item.quantity.normalize():f}" for item in order.items)
            table.add_row(
                order.order_id, str(order.order_date), order.ship_to or "", items, str(order.state), f"{order.total:,}"
            )
        self._console.print(table)

    def contracts(self, found: Sequence[Contract]) -> None:
        """The contracts by end date."""
        table = Table(title="contracts, by end date", title_justify="left")
        for name in ("start", "end", "lines"):
            table.add_column(name)
        table.add_column("value", justify="right")
        for each in found:
            table.add_row(str(each.start), str(each.end or "open"), ", ".join(each.lines), f"{each.value:,}")
        self._console.print(table)

    def entitlements(self, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """What the customer was and will be entitled to, on a row of dates."""
        table = Table(title="entitlements, contracted", title_justify="left")
        for name in head:
            table.add_column(name, justify="left" if name in (head[0], head[-1]) else "right")
        for row in rows:
            table.add_row(*(_cell(each) for each in row))
        self._console.print(table)

    def revenue(self, periods: Sequence[tuple[str, Decimal]]) -> None:
        """Revenue by month, then by year."""
        table = Table(title="revenue", title_justify="left")
        table.add_column("period")
        table.add_column("recognised", justify="right")
        for period, amount in periods:
            table.add_row(period, f"{amount:,}", style="bold" if period == "total" else None)
        self._console.print(table)

    def moment(self, at: datetime) -> str:
        """``at`` in the customer's zone."""
        return f"{at.astimezone(self._zone):%A %Y-%m-%d %H:%M}"


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return ", ".join(value) if isinstance(value, list) else str(value)
