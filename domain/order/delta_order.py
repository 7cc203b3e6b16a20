"""Ordering an approved amendment: its orders carry deltas of what runs (``spec/orders.md`` 3, at its end).

What is put in is split into orders like any quote; what is taken away joins the orders of its date and place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count

from domain.ledger.timeline import Family
from domain.ledger.view import View
from domain.money import cumulative_split
from domain.order.agreement import Agreement, refuse_misfit
from domain.order.amend import last_layer
from domain.order.book import OrderBook
from domain.order.choosing import Pick
from domain.order.creation import make_item
from domain.order.cut import Piece, after, taken
from domain.order.event import Cause, Change, LineBalance, OrderEventKind
from domain.order.invariants import refuse_broken
from domain.order.item import Item
from domain.order.journal import Journal
from domain.order.order import Order, OrderKind
from domain.order.ordering import headed_order
from domain.order.parts import Part, Place
from domain.order.pick import pick
from domain.order.reduction import picked_reductions, reductions, refuse_half_replaced
from domain.order.rest import Spot
from domain.order.split import split
from domain.order.telling import telling_left
from domain.pricing import PricedQuote
from domain.refusal import Refusal


def order_amendment(
    book: OrderBook,
    priced: PricedQuote,
    agreement: Agreement,
    split_by: Sequence[str],
    cause: Cause,
    picks: Sequence[Pick] | None = None,
) -> Change:
    """What is unordered of an approved amendment, as scheduled orders whose items are deltas: all of it, or ``picks``.

    A line that revises a line of the contract is put on the items that run when it begins: more of it on the last
    one in, less of it last in first out. What was taken away in the meantime cannot be taken again.

    Codes: ``wrong_state`` (no amendment of this contract), ``customer_differs``, ``currency_differs``,
    ``nothing_unordered``, ``unknown_line``, ``unknown_site``, ``quantity_out_of_range`` (more than runs by now),
    ``bundle_broken``, those of a split or of a pick, ``conflicting_fields`` (half of a cancel-and-replace by hand),
    ``ship_to_differs`` (what is taken away is elsewhere), ``invariant_broken``.
    """
    refuse_misfit(priced.quote, agreement)
    ordering = _Ordering(book, priced, agreement, cause)
    if picks is None:
        ordering.grow(split_by)
        ordering.take(reductions(book, priced))
    else:
        ordering.take_and_grow(picks)
    return ordering.change()


@dataclass(slots=True)
class _Ordering:
    """Collects the orders of an amendment; ``families`` are as they will be with the cuts so far."""

    book: OrderBook
    priced: PricedQuote
    agreement: Agreement
    cause: Cause
    orders: list[Order] = field(default_factory=list)
    balances: dict[str, LineBalance] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.families = {family.root: family for family in self.agreement.families}
        self.balances = dict(self.book.by_line)

    def grow(self, split_by: Sequence[str]) -> None:
        """Split what is put in, and say of each item what it revises."""
        growing = self._growing()
        if any(self._is_open(line.line_id) for line in growing.quote.lines):
            self._grown(split(self.book, growing, split_by, self.cause))

    def take_and_grow(self, picks: Sequence[Pick]) -> None:
        """Order lines by hand: those that put in, and those that take away."""
        known = self.priced.quote.by_id
        if picks and not any(map(self._is_open, known)):
            raise self._nothing_left()
        taking = {
            at: each for at, each in enumerate(picks) if (line := known.get(each.line)) is not None and line.takes_away
        }
        growing = {at: each for at, each in enumerate(picks) if at not in taking}
        if growing or not picks:
            self._grown(pick(self.book, self._growing(), (*growing.values(),), self.cause, (*growing,)))
        taken = picked_reductions(self.book, self.priced, taking)
        refuse_half_replaced(self.priced.quote, taken, self._put())
        self.take(taken)

    def _growing(self) -> PricedQuote:
        """The lines that put in, as a quote of their own."""
        lines = tuple(line for line in self.priced.lines if not line.line.takes_away)
        return PricedQuote(self.priced.quote.model_copy(update={"lines": tuple(each.line for each in lines)}), lines)

    def _put(self) -> dict[str, dict[Spot, Decimal]]:
        """What is put in of each line, by date and place."""
        found: dict[str, dict[Spot, Decimal]] = {}
        for order in self.orders:
            for item in order.items:
                found.setdefault(item.line_id, {})[order.order_date, item.ship_to] = item.quantity
        return found

    def _grown(self, change: Change) -> None:
        self.balances |= {balance.line_id: balance for balance in change.balances}
        for order in change.orders:
            items = tuple(self._of_contract(item) for item in order.items)
            self.orders.append(self._amending(order.model_copy(update={"items": items})))

    def take(self, parts: Iterable[Part]) -> None:
        """Add the items that take away what ``parts`` say, parents first."""
        for part in parts:
            place = part.place
            position = self._order_at(place)
            parents = {
                (each.line_id, place.order_date, each.ship_to): each.item_id for each in self.orders[position].items
            }
            item = make_item(self.orders[position], part, "", parents)
            self._add(position, self._cuts(item))
            balance = self.balances[part.line.line_id]
            left = {
                "unordered_quantity": balance.unordered_quantity - place.quantity,
                "unordered_amount": balance.unordered_amount - part.amount,
            }
            self.balances[balance.line_id] = balance.model_copy(update=left)

    def change(self) -> Change:
        """All of it as one change. Codes: ``nothing_unordered``, ``invariant_broken``."""
        if not self.orders:
            raise self._nothing_left()
        change = Change(balances=tuple(self.balances.values()))
        for order in self.orders:
            change = change.then(self._told(order))
        refuse_broken(self.book.applied(change))
        return telling_left(self.book, change)

    def _nothing_left(self) -> Refusal:
        return Refusal("nothing_unordered", f"nothing of {self.book.quote_id} is left to order")

    def _is_open(self, line_id: str) -> bool:
        balance = self.book.balance(line_id)
        return bool(balance.unordered_quantity or balance.unordered_amount)

    def _amending(self, order: Order) -> Order:
        revised = next((item.revises for item in order.items if item.revises), None)
        known = self.agreement.items.get(revised or "")
        revises = known.order_id if known else order.revises_order
        link = {"kind": OrderKind.AMENDMENT, "contract_of": self.priced.quote.amends, "revises_order": revises}
        return order.model_copy(update=link)

    def _of_contract(self, item: Item) -> Item:
        """An item that is put in, on what it revises, with its place in the quote."""
        line = self.priced.quote.line(item.line_id)
        item = item.model_copy(update={"line_number": self._number(item.line_id)})
        if line.revises is None:
            return item
        revised = self.agreement.items.get(line.revises)
        if revised is None:
            family = self.agreement.named(line.revises, item.ship_to, _path(item, "revises"))[-1]
            revised = self.agreement.items[last_layer(family, item.start or item.planned_for or date.max)]
        return item.model_copy(update={"revises": revised.item_id, "root_item": revised.root_item})

    def _number(self, line_id: str) -> int:
        return next(number for number, line in enumerate(self.priced.quote.lines, start=1) if line.line_id == line_id)

    def _order_at(self, place: Place) -> int:
        """The position of the order of that date and place; a new one where there is none."""
        for position, order in enumerate(self.orders):
            if (order.order_date, order.ship_to) == (place.order_date, place.ship_to):
                return position
        known = (*self.book.orders, *self.orders)
        number, taken_keys = max((each.number for each in known), default=0) + 1, {each.key for each in known}
        spot = (place.order_date, place.ship_to)
        order = headed_order(self.priced.quote, number, spot, taken_keys, self.cause)
        self.orders.append(self._amending(order))
        return len(self.orders) - 1

    def _cuts(self, item: Item) -> list[Item]:
        """``item`` as one delta for each layer that it takes from. Code: ``quantity_out_of_range``."""
        revises = self.priced.quote.line(item.line_id).revises or ""
        pieces = self._piece_of(item, revises) if revises in self.agreement.items else self._pieces_of(item, revises)
        if len(pieces) > 1 and self._is_bundled(item):
            message = f"{item.line_id} takes from several items; name in revises the one that each line changes"
            raise Refusal("bundle_broken", message, _path(item, "revises"))
        amounts = cumulative_split(item.amount, [piece.quantity for piece in pieces], self.book.currency)
        return [
            item.model_copy(
                update={
                    "quantity": -piece.quantity,
                    "amount": amount,
                    "quote_amount": amount,
                    "revises": piece.item.item_id,
                    "root_item": piece.item.root_item,
                    "end": piece.end,
                    "price": item.price.model_copy(update={"end": piece.end}),
                    "line_number": self._number(item.line_id),
                }
            )
            for piece, amount in zip(pieces, amounts, strict=True)
        ]

    def _piece_of(self, item: Item, revises: str) -> list[Piece]:
        revised = self.agreement.items[revises]
        if item.start is None:
            raise Refusal("not_running", f"{item.line_id} has no days", _path(item, "revises"))
        piece = Piece(revised, -item.quantity, revised.quantity, item.start, item.end)
        self._cut(self.families.get(revised.root_item), [piece], item)
        return [piece]

    def _pieces_of(self, item: Item, line: str) -> list[Piece]:
        """Last in, first out over what runs of a line when the item begins."""
        assert item.start is not None
        missing, pieces = -item.quantity, list[Piece]()
        for named in reversed(self.agreement.named(line, item.ship_to, _path(item, "revises"))):
            family = self.families[named.root]
            part = min(missing, sum(family.left(item.start, View.COMMITTED).values(), Decimal(0)))
            if part:
                own = [p for p in taken(family, self.agreement.items, item.start, part) if p.start == item.start]
                cut = [Piece(p.item, p.quantity, p.before, p.start, _earlier(p, item)) for p in own]
                self._cut(family, cut, item)
                pieces += cut
                missing -= part
        if missing:
            raise _too_much(item)
        return pieces

    def _cut(self, family: Family | None, pieces: Sequence[Piece], item: Item) -> None:
        """Refuse what would fall below zero on any day, and count it. Code: ``quantity_out_of_range``."""
        if family is None:
            raise _too_much(item)
        for piece in pieces:
            days = {
                piece.start,
                *(d for d in family.days() if piece.start < d and (piece.end is None or d <= piece.end)),
            }
            for day in days:
                if family.left(day, View.COMMITTED).get(piece.item.item_id, Decimal(0)) < piece.quantity:
                    raise _too_much(item)
            family = after(family, [piece])
        self.families[family.root] = family

    def _is_bundled(self, item: Item) -> bool:
        lines = self.priced.quote.lines
        return item.parent_item is not None or any(line.component_of == item.line_id for line in lines)

    def _add(self, position: int, items: Sequence[Item]) -> None:
        """Put items into an order, each with an id, a key and a version that nothing else has."""
        order = self.orders[position]
        for item in items:
            known = {each.item_id for each in order.items}
            name = f"{order.order_id}/{item.line_id}"
            item_id = next(i for n in count(1) if (i := name if n == 1 else f"{name}#{n}") not in known)
            version = 1 + sum(1 for each in order.items if each.line_id == item.line_id)
            named = item.model_copy(update={"item_id": item_id, "version": version})
            order = order.model_copy(update={"items": (*order.items, named)})
        self.orders[position] = self._amending(order)

    def _told(self, order: Order) -> Change:
        journal = Journal.of_creation(order, self.cause)
        facts = {"state": order.state, "order_date": order.order_date, "ship_to": order.ship_to, "total": order.total}
        journal.event(OrderEventKind.ORDERED, after={**facts, "amends": order.contract_of})
        for item in order.items:
            if item.revises is not None:
                delta = {"quantity_change": item.quantity, "amount": item.amount, "revises": item.revises}
                journal.event(OrderEventKind.AMENDED, item, after={**delta, "start": item.start, "end": item.end})
        for item in order.items:
            journal.planned(item, order)
        return journal.change(order)


def _earlier(piece: Piece, item: Item) -> date | None:
    return min((end for end in (piece.end, item.end) if end is not None), default=None)


def _too_much(item: Item) -> Refusal:
    message = f"{-item.quantity} of {item.line_id} from {item.start} on is more than runs by now; amend anew"
    return Refusal("quantity_out_of_range", message, _path(item, "quantity_change"))


def _path(item: Item, name: str) -> str:
    return f"lines.{item.line_id}.{name}"
