"""Supplemental changes: a linked order with deltas takes the place of a running one (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.ledger.entries import BasePart
from domain.money import round_money
from domain.order.book import OrderBook
from domain.order.bundle import bundle_of, chosen
from domain.order.chain import chain_of, deltas_of, due_of, refuse_over
from domain.order.creation import dates_of_base
from domain.order.cut import Piece
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.item import Item, ItemState
from domain.order.no_return import refuse_past
from domain.order.order import Order, OrderKind, OrderState
from domain.order.permission import Operation, refuse_state
from domain.order.redating import starting
from domain.order.reschedule import refuse_date
from domain.order.revision import Disposition, Revision
from domain.order.standing import is_service
from domain.order.taking import Taken, part_of
from domain.refusal import Refusal


def supplement(
    book: OrderBook,
    name: str,
    lines: Mapping[str, Decimal],
    cause: Cause,
    *,
    disposition: Disposition = "unordered",
    order_date: date | None = None,
    key: str | None = None,
) -> Change:
    """Signed changes of quantities in the running order ``name``, as a new order of deltas that supersedes it.

    More comes from what is unordered of the line, at its quote amount; less goes to ``disposition``: of a service that
    runs, for what is left of its term from the new order's date on. Components go in ratio, a share follows its base
    with a delta of its own. The new order is for ``order_date`` (local), today when left out, so that it is activated
    at once and the ERP gets the compensation of what it was sent. What was ordered under the superseded order still
    arrives under it.

    Codes: ``unknown_order``, ``wrong_state``, ``on_hold``, ``missing_field`` (no lines), ``unknown_line``,
    ``past_no_return``, ``already_invoiced``, ``quantity_out_of_range`` (0, more than is due, more than is unordered,
    part of a piece), ``bundle_broken``, ``in_the_past``, ``dates_out_of_order`` (less of
    what has ended), ``key_taken``.
    """
    order = book.order(name)
    refuse_state(order, Operation.SUPPLEMENT)
    refuse_over(order, chain_of(book, order))
    if not lines:
        raise Refusal("missing_field", "say which quantities change", "lines")
    revision = Revision(book, cause, Operation.SUPPLEMENT)
    day = order_date or order.local_date(cause.at)
    refuse_date(order, day, cause)
    work = _Work(revision, revision.new_order(order, day, kind=OrderKind.SUPPLEMENT, key=key), disposition)
    revision.put(work.order)
    for line, quantity in lines.items():
        holder = _holder(book, order, line)
        if quantity < 0:
            work.less(holder, line, -quantity)
        else:
            work.more(holder, line, quantity)
    _supersede(revision, order, work.order, lines)
    work.shares(chain_of(book, order))
    follow(revision, disposition)
    return revision.change()


def _holder(book: OrderBook, order: Order, line: str) -> Order:
    """The order of the chain that holds the line. Code: ``unknown_line``."""
    for each in chain_of(book, order):
        if any(item.counts and item.quantity > 0 and line in (item.line_id, item.item_id) for item in each.items):
            return each
    raise Refusal("unknown_line", f"{line} is not in order {order.order_id} nor in those before it", "lines")


def _supersede(revision: Revision, order: Order, by: Order, lines: Mapping[str, Decimal]) -> None:
    named = ", ".join(lines)
    old = revision.order(order.order_id)
    revision.put(old.model_copy(update={"state": OrderState.SUPERSEDED, "superseded_by": by.order_id}))
    revision.note(order.order_id, OrderEventKind.SUPERSEDED, after={"by": by.key})
    revision.note(by.order_id, OrderEventKind.SUPPLEMENTED, after={"revises": order.key, "lines": named})


@dataclass(slots=True)
class _Work:
    """The making of one supplement."""

    revision: Revision
    order: Order
    disposition: Disposition

    def less(self, holder: Order, line: str, quantity: Decimal) -> None:
        """A delta that takes ``quantity`` of ``line`` away, with its components."""
        taken = chosen(holder, {line: quantity}, self._due)
        items = [holder.item(item_id) for item_id in taken]
        refuse_past(holder, items, "take it back by a return, or close the order short")
        for item in items:
            if item.invoiced:
                raise Refusal("already_invoiced", f"{item.line_id} is invoiced", f"lines.{item.line_id}")
        made: dict[str, str] = {}
        for item in (member for member in bundle_of(holder, items[0]) if member.item_id in taken):
            self._take(holder, item, taken[item.item_id], made)
        rest = [item for item in items if item.item_id not in made]
        for item in rest:
            self._take(holder, item, taken[item.item_id], made)

    def _due(self, item: Item) -> Decimal:
        """What is due of an item and has not come back."""
        returns = deltas_of(self.revision.book, item, [OrderKind.RETURN])
        due = item.due_quantity + sum((each.quantity for each in returns), Decimal(0))
        return due if item.quantity > 0 else Decimal(0)

    def _take(self, holder: Order, item: Item, take: Decimal, made: dict[str, str]) -> None:
        gone = part_of(due_of(self.revision.book, item), take, holder.currency)
        if self._runs(item):
            gone = Taken(take, self._rest_of_term(item, take), gone.quote_amount)
        delta = self._delta(item, Taken(-take, -gone.amount, -gone.quote_amount), made)
        self.revision.put_item(
            holder.order_id,
            self.revision.items()[item.item_id].model_copy(update={"taken_away": item.taken_away + take}),
        )
        self.revision.leave(item.line_id, take, gone.quote_amount, gone.amount, self.disposition)
        self.revision.pieces[item.item_id] = (
            (item.item_id, item.quote_amount),
            (delta.item_id, -gone.quote_amount),
        )

    def _runs(self, item: Item) -> bool:
        return is_service(item) and item.start is not None and item.start < self.order.order_date

    def _rest_of_term(self, item: Item, take: Decimal) -> Decimal:
        """What ``take`` of a running service costs from the new order's date on; all of it, in steps: its amount."""
        if item.end is not None and item.end < self.order.order_date:
            message = f"{item.line_id} ended on {item.end}; nothing of it is left to take away"
            raise Refusal("dates_out_of_order", message, f"lines.{item.line_id}")
        return Piece(item, take, item.due_quantity, self.order.order_date, item.end).value(self.order.currency)

    def _days(self, item: Item, by: Taken) -> dict[str, date]:
        """A service that runs has less of it from the new order's date on."""
        return {"start": self.order.order_date} if by.quantity < 0 and self._runs(item) else {}

    def more(self, holder: Order, line: str, quantity: Decimal) -> None:
        """A delta that adds ``quantity`` of ``line`` from what is unordered of it, with its components."""
        item = next(item for item in holder.items_of(line) if item.counts and item.quantity > 0)
        taken = chosen(holder, {line: quantity}, lambda each: self._unordered(each).quantity)
        if item.is_share:
            raise Refusal("quantity_out_of_range", f"the share {line} follows its base", f"lines.{line}")
        made: dict[str, str] = {}
        for member in (member for member in bundle_of(holder, item) if member.item_id in taken):
            rest = self._unordered(member)
            if taken[member.item_id] > rest.quantity:
                message = f"only {rest.quantity} of {member.line_id} is unordered"
                raise Refusal("quantity_out_of_range", message, f"lines.{member.line_id}")
            come = self._come(rest, taken[member.item_id])
            delta = self._delta(member, come, made)
            self._start(delta)
            self.revision.shift(member.line_id, unordered_quantity=-come.quantity, unordered_amount=-come.quote_amount)

    def _unordered(self, item: Item) -> Taken:
        balance = self.revision.book.balance(item.line_id)
        shift = self.revision.shifts.get(item.line_id)
        amount = balance.unordered_amount + (shift.unordered_amount if shift else Decimal(0))
        quantity = balance.unordered_quantity + (shift.unordered_quantity if shift else Decimal(0))
        return Taken(quantity, amount, amount)

    def _come(self, rest: Taken, take: Decimal) -> Taken:
        """What is ordered of the unordered rest: the parts first, the rest last."""
        amount = round_money(Fraction(rest.amount) * Fraction(take) / Fraction(rest.quantity), self.order.currency)
        return Taken(take, amount, amount)

    def _start(self, delta: Item) -> None:
        """More of what runs already starts with the new order."""
        if delta.start is None or delta.start >= self.order.order_date or delta.dates_of_base:
            return
        begun = starting(delta, self.order.order_date, self.order.currency)
        if begun.amount != delta.amount:
            self.revision.shift(delta.line_id, variance=begun.amount - delta.amount)
        self.revision.put_item(self.order.order_id, begun)

    def _delta(self, item: Item, by: Taken, made: dict[str, str], base: tuple[BasePart, ...] = ()) -> Item:
        """The new item that changes ``item`` by a signed quantity and amount."""
        fresh = item.model_copy(
            update={
                "quantity": by.quantity,
                "amount": by.amount,
                "quote_amount": by.quote_amount,
                "revises": item.item_id,
                "parent_item": made.get(item.parent_item or ""),
                "base": base,
                "state": ItemState.SCHEDULED,
                "taken_away": Decimal(0),
                **self._days(item, by),
                **dict.fromkeys(("delivered", "accepted", "reached", "progress", "used", "invoiced"), ()),
            }
        )
        delta = self.revision.named_apart(fresh, self.revision.order(self.order.order_id))
        made[item.item_id] = delta.item_id
        self.revision.put_item(self.order.order_id, delta)
        return delta

    def shares(self, orders: tuple[Order, ...]) -> None:
        """A delta for every share by order whose base the deltas change."""
        deltas = [item for item in self.revision.order(self.order.order_id).items if item.revises and not item.is_share]
        for order in orders:
            for share in order.items:
                if share.is_share and share.counts and share.quantity == 1 and not share.invoiced:
                    self._share(order, share, deltas)

    def _share(self, order: Order, share: Item, deltas: list[Item]) -> None:
        ids = {part.item_id for part in share.base}
        mine = [delta for delta in deltas if delta.revises in ids]
        if not mine or share.share_of != "order":
            return
        known = [*deltas_of(self.revision.book, share, [OrderKind.SUPPLEMENT]), share]
        parts = [*(part for each in known for part in each.base)]
        old = sum((part.amount for part in parts), Decimal(0))
        change = sum((delta.quote_amount for delta in mine), Decimal(0))
        if old == 0:
            return
        quoted = self._scaled(known, "quote_amount", old, change)
        gone = old + change == 0
        base = tuple(BasePart(item_id=delta.item_id, amount=delta.quote_amount) for delta in mine)
        # What starts with the supplement costs less than quoted, and its share with it.
        items = self.revision.items()
        present = sum((items[part.item_id].amount for part in parts), Decimal(0))
        more = sum((delta.amount for delta in mine), Decimal(0))
        amount = self._scaled(known, "amount", present, more) if present else quoted
        delta = self._delta(share, Taken(Decimal(-1 if gone else 0), amount, quoted), {}, base)
        if share.dates_of_base:
            start, end = dates_of_base((each.start, each.end) for each in mine)
            delta = delta.model_copy(update={"start": start, "end": end})
            self.revision.put_item(self.order.order_id, delta)
        if change <= 0:
            self.revision.leave(share.line_id, Decimal(0), -delta.quote_amount, -delta.amount, self.disposition)
        else:
            self.revision.shift(
                share.line_id,
                unordered_amount=-delta.quote_amount,
                variance=delta.amount - delta.quote_amount,
            )

    def _scaled(self, known: list[Item], figure: str, old: Decimal, change: Decimal) -> Decimal:
        """``round(share x new base / old base)`` less the share."""
        present: Decimal = sum((getattr(each, figure) for each in known), Decimal(0))
        now = Fraction(present) * Fraction(old + change) / Fraction(old)
        return round_money(now, self.order.currency) - present
