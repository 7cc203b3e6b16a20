"""Cuts: what is taken from the layers of a running service, from when to when, and what it is worth.

Last in, first out, and nothing below zero: what later changes already took is not taken once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count

from domain.ledger.timeline import Family
from domain.ledger.view import View
from domain.money import round_money
from domain.order.item import Item
from domain.quote import Kind, PricePer
from domain.refusal import Refusal
from domain.term import ONE_DAY, months_of_price


@dataclass(frozen=True, slots=True)
class Piece:
    """``quantity`` of ``item`` from ``start`` to ``end`` (inclusive; none: for good), of ``before`` that ran there."""

    item: Item
    quantity: Decimal
    before: Decimal
    start: date
    end: date | None

    @property
    def share(self) -> Fraction:
        """The part of the item's quantity."""
        return Fraction(self.quantity) / Fraction(self.item.quantity)

    def value(self, currency: str) -> Decimal:
        """What the piece costs in the item: pieces of the whole item add up to its amount, to the cent.

        What runs without end is worth one period for good, or its price for the time.
        """
        item = self.item
        if item.end is None:
            if self.end is not None:
                return round_money(item.price.unit_price * Fraction(self.quantity) * self._periods(), currency)
            return self._tail(Fraction(1), currency)
        assert self.end is not None
        rest = self._tail(_part_from(item, self.end + ONE_DAY), currency)
        return self._tail(_part_from(item, self.start), currency) - rest

    def _tail(self, part: Fraction, currency: str) -> Decimal:
        def worth(quantity: Decimal) -> Decimal:
            exact = Fraction(self.item.amount) * part * Fraction(quantity) / Fraction(self.item.quantity)
            return round_money(exact, currency)

        return worth(self.before) - worth(self.before - self.quantity)

    def _periods(self) -> Fraction:
        assert self.end is not None
        months = months_of_price(self.start, self.end, self.item.price.proration)
        return months / 12 if self.item.price.price_per is PricePer.YEAR else months


def _part_from(item: Item, day: date) -> Fraction:
    """Which part of its term an item has left from ``day`` on, by its own proration."""
    assert item.start is not None
    assert item.end is not None
    if day > item.end:
        return Fraction(0)
    if day <= item.start:
        return Fraction(1)
    proration = item.price.proration
    return months_of_price(day, item.end, proration) / months_of_price(item.start, item.end, proration)


def taken(family: Family, items: Mapping[str, Item], since: date, quantity: Decimal) -> tuple[Piece, ...]:
    """The pieces that take ``quantity`` from what runs on ``since``: last in, first out, each to its layer's end.

    Where later changes leave less of a layer, only that is taken. Code: ``quantity_out_of_range`` (more than runs).
    """
    running = family.left(since, View.COMMITTED)
    whole = sum(running.values(), Decimal(0))
    if quantity > whole:
        line = family.first.plan.line_id
        raise Refusal(
            "quantity_out_of_range", f"{whole} of {line} run on {since}; take away at most that", "quantity_change"
        )
    wanted: dict[str, Decimal] = {}
    for item_id in reversed(list(running)):
        wanted[item_id] = min(running[item_id], quantity)
        quantity -= wanted[item_id]
    return tuple(_pieces(family, items, since, wanted))


def everything(family: Family, items: Mapping[str, Item], since: date) -> tuple[Piece, ...]:
    """The pieces that take all that runs from ``since`` on, and all that is to run later."""
    return tuple(_pieces(family, items, since, None))


def after(family: Family, pieces: Iterable[Piece]) -> Family:
    """``family`` once ``pieces`` are cut."""
    layers = {layer.item_id: layer for layer in family.layers}
    cuts = [
        replace(
            layers[piece.item.item_id],
            plan=layers[piece.item.item_id].plan.model_copy(
                update={
                    "item_id": f"{piece.item.item_id}~{number}",
                    "revises": piece.item.item_id,
                    "quantity": -piece.quantity,
                    "start": piece.start,
                    "end": piece.end,
                }
            ),
        )
        for piece, number in zip(pieces, count(len(family.cuts)), strict=False)
    ]
    return replace(family, cuts=(*family.cuts, *cuts))


def _pieces(
    family: Family, items: Mapping[str, Item], since: date, wanted: Mapping[str, Decimal] | None
) -> Iterator[Piece]:
    """What is taken of each layer from ``since`` on, one piece for each stretch of time in which it is the same."""
    days = sorted({since, *(day for day in family.days() if day > since)})
    left = [family.left(day, View.COMMITTED) for day in days]
    for layer in family.layers:
        item_id = layer.item_id
        open_piece: Piece | None = None
        for day, running in zip(days, left, strict=True):
            before = running.get(item_id, Decimal(0))
            quantity = before if wanted is None else min(before, wanted.get(item_id, Decimal(0)))
            if open_piece is not None and (quantity, before) == (open_piece.quantity, open_piece.before):
                continue
            if open_piece is not None:
                yield replace(open_piece, end=day - ONE_DAY)
            open_piece = Piece(items[item_id], quantity, before, day, None) if quantity else None
        if open_piece is not None:
            yield open_piece


def component_pieces(piece: Piece, components: Iterable[Item]) -> Iterator[Piece]:
    """What goes of the running components with a piece of their parent, in the bundle's ratio.

    Code: ``bundle_broken`` (a part finer than 6 decimals).
    """
    for component in components:
        if component.kind is Kind.ONE_TIME or component.start is None:
            continue
        start, end = max(piece.start, component.start), _earlier(piece.end, component.end)
        if end is None or start <= end:
            ratio = Fraction(component.quantity) / Fraction(piece.item.quantity)
            quantity, before = (in_ratio(component, ratio * Fraction(part)) for part in (piece.quantity, piece.before))
            yield Piece(component, quantity, before, start, end)


def in_ratio(component: Item, exact: Fraction) -> Decimal:
    """``exact`` as a quantity of ``component``. Code: ``bundle_broken``."""
    scaled = exact * 10**6
    if scaled.denominator != 1:
        raise Refusal(
            "bundle_broken",
            f"it would change {component.line_id} by {float(exact):g}; choose a quantity that keeps the bundle whole",
            "quantity_change",
        )
    return Decimal(exact.numerator) if exact.denominator == 1 else Decimal(scaled.numerator).scaleb(-6).normalize()


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((end for end in (one, other) if end is not None), default=None)
