"""A revision: one operation on the orders of a book, collected and then told as one change.

An operation puts orders as they shall be and says what leaves them; from the difference to the book the revision
tells events with before and after, takes old plans back, writes new ones, and keeps what it takes to undo it all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Literal

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.order.book import OrderBook
from domain.order.event import Cause, Change, LineBalance, OrderEvent, OrderEventKind
from domain.order.invariants import refuse_broken
from domain.order.item import Item
from domain.order.journal import Facts, Journal
from domain.order.order import BalanceShift, LastChange, Order, OrderKind, OrderState
from domain.order.telling import telling_left
from domain.refusal import Refusal

Disposition = Literal["unordered", "cancelled"]
Piece = tuple[str, Decimal]
"""An item and the quote amount that lies in it."""
FIGURES = tuple(name for name in BalanceShift.model_fields if name != "line_id")


@dataclass(slots=True)
class Note:
    """What an order tells of the operation itself, before its items."""

    kind: OrderEventKind
    before: Facts
    after: Facts


@dataclass(slots=True)
class Revision:
    """``orders`` are those that were put, as they shall be; ``shifts`` what the balances of lines gain.

    ``pieces`` says of an item that was divided or merged where its quote amount lies now; ``standing`` holds further
    ledger rows: order, kind, item and local date.
    """

    book: OrderBook
    cause: Cause
    operation: str
    orders: dict[str, Order] = field(default_factory=dict)
    shifts: dict[str, BalanceShift] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    pieces: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    standing: list[tuple[str, EntryKind, Item, date, bool]] = field(default_factory=list)

    def order(self, order_id: str) -> Order:
        """The order as it shall be."""
        return self.orders.get(order_id) or self.book.order(order_id)

    def all_orders(self) -> tuple[Order, ...]:
        """All orders of the book as they shall be, new ones last."""
        return tuple({order.order_id: order for order in (*self.book.orders, *self.orders.values())}.values())

    def items(self) -> dict[str, Item]:
        """All items of the book as they shall be, by id."""
        return {item.item_id: item for order in self.all_orders() for item in order.items}

    def put(self, order: Order) -> None:
        """Let ``order`` be so; its ship-to is the one that all its items share."""
        places = {item.ship_to for item in order.items if item.counts}
        if places:
            order = order.model_copy(update={"ship_to": places.pop() if len(places) == 1 else None})
        self.orders[order.order_id] = order

    def put_item(self, order_id: str, item: Item) -> None:
        """Let ``item`` be in the order so, in its place or behind the others."""
        order = self.order(order_id)
        kept = {other.item_id: other for other in order.items} | {item.item_id: item}
        self.put(order.model_copy(update={"items": tuple(kept.values())}))

    def note(
        self, order_id: str, kind: OrderEventKind, before: Facts | None = None, after: Facts | None = None
    ) -> None:
        """What the order's own event says besides its state, date and total."""
        self.notes[order_id] = Note(kind, before or {}, after or {})

    def shift(self, line_id: str, **figures: Decimal) -> None:
        """Add to the balance of a line."""
        known = self.shifts.get(line_id, BalanceShift(line_id=line_id))
        self.shifts[line_id] = known.model_copy(
            update={name: getattr(known, name) + figure for name, figure in figures.items()}
        )

    def leave(self, line_id: str, quantity: Decimal, quote_amount: Decimal, amount: Decimal, to: Disposition) -> None:
        """Something leaves the orders: to unordered at its quote amount, its variance reversed; cancelled as it is."""
        if to == "unordered":
            gone = quote_amount - amount
            self.shift(line_id, unordered_quantity=quantity, unordered_amount=quote_amount, variance=gone)
        else:
            self.shift(line_id, cancelled_quantity=quantity, cancelled_amount=amount)

    def new_order(
        self,
        like: Order,
        order_date: date,
        *,
        kind: OrderKind = OrderKind.NORMAL,
        ship_to: str | None = None,
        key: str | None = None,
    ) -> Order:
        """A scheduled order without items for the customer of ``like``, with the next number and a free key.

        It is not put yet. ``key`` is a name of the user's own. Code: ``key_taken``.
        """
        orders = self.all_orders()
        number = max(order.number for order in orders) + 1
        order_id = f"{self.book.quote_id}-{number}"
        place = like.ship_to if ship_to is None else ship_to
        return Order(
            order_id=order_id,
            quote_id=like.quote_id,
            number=number,
            key=_own_key(orders, key) or free_key(orders, f"{order_date}/{place}" if place else str(order_date)),
            customer_id=like.customer_id,
            bill_to=like.bill_to,
            currency=like.currency,
            time_zone=like.time_zone,
            contracting_method=like.contracting_method,
            contracting_setting=like.contracting_setting,
            order_date=order_date,
            ship_to=place,
            kind=kind,
            revises_order=like.order_id if kind is not OrderKind.NORMAL else None,
            state=OrderState.SCHEDULED,
            created_at=self.cause.at,
            items=(),
        )

    def named_apart(self, item: Item, order: Order) -> Item:
        """``item`` as a new one of ``order``: an id, a key and a version that nothing else in the book has."""
        items = self.items()
        name = f"{order.order_id}/{item.line_id}"
        item_id = next(each for times in count(1) if (each := name if times == 1 else f"{name}#{times}") not in items)
        key = order.key if item.ship_to == order.ship_to else f"{order.key}/{item.ship_to}"
        versions = [each.version for each in items.values() if (each.line_id, each.key) == (item.line_id, key)]
        update = {"item_id": item_id, "order_id": order.order_id, "key": key, "version": max(versions, default=0) + 1}
        root = {} if item.revises else {"root_item": item_id}
        return item.model_copy(update=update | root)

    def change(self) -> Change:
        """All of it as one change. Code: ``invariant_broken``."""
        before = {order.order_id: order for order in self.book.orders}
        told = [_Telling.of(before.get(order.order_id), order, self) for order in self.orders.values()]
        told = [telling for telling in told if telling.is_change]
        for telling in told:
            telling.take_back()
        for telling in told:
            telling.plan()
        last = LastChange(
            operation=self.operation,
            at=self.cause.at,
            orders=tuple((telling.after.order_id, telling.journal.version) for telling in told),
            shifts=tuple(self.shifts.values()),
        )
        entries: list[LedgerEntry] = [entry for telling in told for entry in telling.journal.entries]
        events: list[OrderEvent] = [event for telling in told for event in telling.journal.events]
        change = Change(
            orders=tuple(telling.order(last) for telling in told),
            balances=tuple(self._balances()),
            events=tuple(events),
            # An item that goes to another order leaves the one before it is planned in the other.
            entries=tuple(sorted(entries, key=lambda entry: not entry.counter)),
        )
        refuse_broken(self.book.applied(change))
        return telling_left(self.book, change)

    def _balances(self) -> Iterable[LineBalance]:
        for balance in self.book.balances:
            shift = self.shifts.get(balance.line_id)
            if shift is not None and any(getattr(shift, name) for name in FIGURES):
                yield balance.model_copy(
                    update={name: getattr(balance, name) + getattr(shift, name) for name in FIGURES}
                )


@dataclass(slots=True)
class _Telling:
    """What the change of one order tells."""

    before: Order | None
    after: Order
    journal: Journal
    revision: Revision

    @classmethod
    def of(cls, before: Order | None, after: Order, revision: Revision) -> _Telling:
        if before is None:
            return cls(None, after, Journal.of_creation(after, revision.cause), revision)
        return cls(before, after, Journal.of_change(before, revision.cause), revision)

    @property
    def is_change(self) -> bool:
        return self.before != self.after or self.after.order_id in self.revision.notes

    def order(self, last: LastChange) -> Order:
        """The order at its new version, with what undoes the change."""
        before = self.before and self.before.model_copy(update={"last_change": None})
        undo = last.model_copy(update={"before": before})
        return self.after.model_copy(update={"version": self.journal.version, "last_change": undo})

    def take_back(self) -> None:
        """The events, and the counter-rows of plans that hold no longer."""
        note = self.revision.notes.get(self.after.order_id) or Note(OrderEventKind.REPRICED, {}, {})
        kind = OrderEventKind.ORDERED if self.before is None and note.kind is OrderEventKind.REPRICED else note.kind
        before = {} if self.before is None else _facts(self.before, self.after)
        after = _facts(self.after, self.before)
        self.journal.event(kind, before=before | dict(note.before), after=after | dict(note.after))
        old, new = _by_id(self.before), _by_id(self.after)
        for item_id, item in (old | new).items():
            first, then = old.get(item_id), new.get(item_id)
            if first != then and self.before is not None:
                self.journal.event(kind, item, before=_item_facts(first, then), after=_item_facts(then, first))
        for item_id, item in old.items():
            if self.before is not None and item.counts and self._replanned(item, new.get(item_id)):
                self.journal.taken_back(item, self.before)

    def plan(self) -> None:
        """The rows of new plans, and whatever else the revision tells of the order's items."""
        old = _by_id(self.before)
        for item in self.after.items:
            first = old.get(item.item_id)
            if item.counts and (first is None or not first.counts or self._replanned(first, item)):
                self.journal.planned(item, self.after)
        for order_id, kind, item, on, counter in self.revision.standing:
            if order_id == self.after.order_id:
                self.journal.marked(kind, item, on, counter=counter)

    def _replanned(self, old: Item, new: Item | None) -> bool:
        if new is None or not new.counts or self.before is None or self.before.order_date != self.after.order_date:
            return True
        return _plan(old) != _plan(new)


def _plan(item: Item) -> tuple[object, ...]:
    return (item.quantity, item.amount, item.start, item.end, item.ship_to, item.base, item.parent_item, item.price)


def _by_id(order: Order | None) -> dict[str, Item]:
    return {item.item_id: item for item in order.items} if order else {}


def _facts(order: Order, other: Order | None) -> dict[str, object]:
    facts: dict[str, object] = {"order_date": order.order_date, "total": order.total}
    return facts if other is not None and other.state is order.state else facts | {"state": order.state}


def _item_facts(item: Item | None, other: Item | None) -> dict[str, object]:
    if item is None or not item.counts:
        return {"quantity": Decimal(0)}
    facts: dict[str, object] = {"start": item.start, "end": item.end, "amount": item.amount}
    same = other is not None and other.counts and other.quantity == item.quantity
    return facts if same else facts | {"quantity": item.quantity}


def _own_key(orders: Iterable[Order], key: str | None) -> str | None:
    if key is not None and any(key in (order.key, order.order_id) for order in orders):
        raise Refusal("key_taken", f"another order of the quote is called {key}; choose another name", "as")
    return key


def free_key(orders: Iterable[Order], name: str) -> str:
    """``name``, with ``#2`` behind it where another order has it."""
    taken = {order.key for order in orders}
    return next(key for times in count(1) if (key := name if times == 1 else f"{name}#{times}") not in taken)
