"""What orders come to at the ERP, line by line, and what the ERP was told of that before.

A line is an item with the deltas that supplements put on it; the ERP knows it by the item it was first told of. More
that runs from another day, or goes to another place, is a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from activities.partners.erp import ErpItem, ErpOrder
from domain.order.item import Item
from domain.order.order import Order, OrderKind

Kind = Literal["create", "modify", "delete"]
Facts = tuple[Decimal, Decimal, date | None, date | None, str | None]
"""What the ERP keeps of a line: quantity, amount, start, end and place."""


@dataclass(frozen=True, slots=True)
class ErpLine:
    """An item with what it comes to now; ``deltas`` are the items that changed it, the latest last."""

    item: Item
    quantity: Decimal
    amount: Decimal
    deltas: tuple[Item, ...] = ()

    @property
    def line_id(self) -> str:
        """By what the ERP knows the line."""
        return self.item.item_id

    @property
    def facts(self) -> Facts:
        return (self.quantity, self.amount, self.item.start, self.item.end, self.item.ship_to)

    def changed(self, delta: Item) -> ErpLine:
        """The line with a delta on it."""
        return ErpLine(self.item, self.quantity + delta.quantity, self.amount + delta.amount, (*self.deltas, delta))

    def takes(self, delta: Item) -> bool:
        """Whether ``delta`` is of the same days and place, so that both are one line."""
        own, other = self.item, delta
        return (own.start, own.end, own.ship_to) == (other.start, other.end, other.ship_to)


def lines_of(chain: Iterable[Order]) -> dict[str, ErpLine]:
    """The lines of an order and of those that it supersedes, the first order first; a line may have come to nothing."""
    lines: dict[str, ErpLine] = {}
    line_of: dict[str, str] = {}
    for order in chain:
        for item in order.items:
            if not item.counts:
                continue
            known = line_of.get(item.revises or "") if order.kind is OrderKind.SUPPLEMENT else None
            if known is not None and lines[known].takes(item):
                lines[known] = lines[known].changed(item)
                line_of[item.item_id] = known
            else:
                lines[item.item_id] = ErpLine(item, item.quantity, item.amount)
                line_of[item.item_id] = item.item_id
    return lines


@dataclass(slots=True)
class Told:
    """What the ERP has once it took everything that was noted for it; ``named`` are all items it heard of."""

    lines: dict[str, ErpItem] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)

    @classmethod
    def by(cls, documents: Iterable[ErpOrder]) -> Told:
        """By these documents, the earliest first."""
        told = cls()
        for document in documents:
            for row in document.items:
                told._hear(row)
        return told

    def _hear(self, row: ErpItem) -> None:
        known = row.action == "add" or row.item_id in self.lines
        line = row.item_id if known else row.revises or row.item_id
        self.named.add(row.item_id)
        if row.action == "delete":
            self.lines.pop(line, None)
        else:
            self.lines[line] = row

    def due(self, lines: dict[str, ErpLine]) -> Kind | None:
        """What the ERP must be told so that it has ``lines``; none: it has them."""
        there = {name: line.facts for name, line in lines.items() if line.quantity}
        if not self.lines:
            return "create" if there else None
        if not there:
            return "delete"
        return "modify" if there != {name: told_facts(row) for name, row in self.lines.items()} else None


def told_facts(row: ErpItem) -> Facts:
    """What the ERP keeps of a line that it was told by ``row``."""
    return (row.quantity, row.amount, row.start, row.end, row.ship_to)
