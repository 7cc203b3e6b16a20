"""The lines of an amendment, as its quote document has them: one for each piece that is taken or put in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from domain.money import decimal_text, round_money
from domain.order.agreement import Agreement
from domain.order.carried import carried, written_price
from domain.order.cut import Piece, component_pieces, in_ratio
from domain.order.item import Item
from domain.quote import Kind, PricePer
from domain.term import months_of_price


@dataclass(slots=True)
class Lines:
    """Collects the lines of an amendment of ``agreement`` that is ordered on ``order_date``."""

    agreement: Agreement
    order_date: date
    documents: list[dict[str, Any]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)

    def take(self, piece: Piece, parent: str | None = None) -> None:
        """A line that takes a piece away, for what it costs, and lines for the components that go with it."""
        amount = -piece.value(self.agreement.quote.currency)
        line = self._line(piece, -piece.quantity, parent, {"net_total": decimal_text(amount)})
        for component in component_pieces(piece, self.agreement.components(piece.item.item_id)):
            self.take(component, line)

    def put(
        self, piece: Piece, unit_price: Decimal | None = None, *, grows: bool = False, parent: str | None = None
    ) -> None:
        """A line that puts a piece in, at the item's own price unless another is given, and its components.

        Things among the components come along only where the quantity ``grows``.
        """
        line = self._line(piece, piece.quantity, parent, self._price(piece, unit_price))
        for component in self.agreement.components(piece.item.item_id):
            if component.kind is Kind.ONE_TIME and not grows:
                continue
            quantity = in_ratio(component, piece.share * Fraction(component.quantity))
            own = Piece(component, quantity, quantity, piece.start, piece.end)
            self.put(own, grows=grows, parent=line)

    def _line(self, piece: Piece, change: Decimal, parent: str | None, price: dict[str, str]) -> str:
        """Add a line; its id is that of the line it revises, numbered where it stands more often."""
        item = piece.item
        name = self.agreement.items[item.root_item].line_id if item.root_item in self.agreement.items else item.line_id
        self.times[name] += 1
        line_id = name if self.times[name] == 1 else f"{name}.{self.times[name]}"
        kind = _kind(piece)
        document: dict[str, Any] = {
            "line_id": line_id,
            **carried(item, self.agreement.line_ordered(item), kind, _term(piece, item)),
            "kind": kind.value,
            "quantity": decimal_text(abs(change)),
            "quantity_change": decimal_text(change),
            "revises": item.item_id,
            **price,
        }
        if kind is not Kind.ONE_TIME:
            document |= {"start_date": piece.start.isoformat()}
        if kind is Kind.SUBSCRIPTION and piece.end is not None:
            document |= {"end_date": piece.end.isoformat()}
        if parent is not None:
            document["component_of"] = parent
        elif item.ship_to is not None:
            place = {"order_date": self.order_date.isoformat(), "ship_to": item.ship_to}
            document["deliveries"] = [{**place, "quantity": document["quantity"]}]
        self.documents.append(document)
        return line_id

    def _price(self, piece: Piece, unit_price: Decimal | None) -> dict[str, str]:
        """The price of a piece: per unit where that can be written exactly, else the amount that it comes to."""
        item = piece.item
        exact = item.price.unit_price if unit_price is None else Fraction(unit_price)
        if item.is_share:
            amount = Fraction(item.amount) * _term(piece, item)
            return {"net_total": decimal_text(round_money(amount, self.agreement.quote.currency))}
        lasts_otherwise = (
            item.price.price_per is PricePer.ONCE and item.kind is Kind.SUBSCRIPTION and unit_price is None
        )
        written = None if lasts_otherwise else written_price(exact)
        if written is None:
            amount = exact * Fraction(piece.quantity) * _periods(piece)
            return {"net_total": decimal_text(round_money(amount, self.agreement.quote.currency))}
        return {"net_price": written}


def _kind(piece: Piece) -> Kind:
    """A piece of what runs without end is a subscription where it ends, and so is one of a share."""
    item = piece.item
    if item.is_share or (item.kind is Kind.EVERGREEN and piece.end is not None):
        return Kind.SUBSCRIPTION
    return item.kind


def _term(piece: Piece, item: Item) -> Fraction:
    """How long the piece runs, over how long its item does, by the item's own proration; 1 for what has no end."""
    if item.start is None or item.end is None:
        return Fraction(1)
    end = piece.end or item.end
    proration = item.price.proration
    return months_of_price(piece.start, end, proration) / months_of_price(item.start, item.end, proration)


def _periods(piece: Piece) -> Fraction:
    """How many prices a piece costs."""
    item = piece.item
    if item.kind is not Kind.SUBSCRIPTION:
        return Fraction(1)
    if item.price.price_per is PricePer.ONCE:
        return _term(piece, item)
    if piece.end is None:
        return Fraction(1)
    months = months_of_price(piece.start, piece.end, item.price.proration)
    return months / 12 if item.price.price_per is PricePer.YEAR else months
