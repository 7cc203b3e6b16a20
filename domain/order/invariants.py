"""The invariants I1 to I4 over all orders of a quote (``spec/orders.md`` 2), checked at every change and by audit.

Each looks at figures that are kept on their own: nothing here is derived so that it must come out right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from domain.order.book import OrderBook
from domain.order.event import LineBalance
from domain.order.item import Item
from domain.order.order import Order, OrderKind
from domain.refusal import Problem, Refusal

Items = Mapping[str, Sequence[Item]]


def violations(book: OrderBook) -> tuple[Problem, ...]:
    """What is broken in ``book``: codes ``i1_quantity``, ``i2_money``, ``i3_bundle``, ``i4_lineage``; empty: holds."""
    items: dict[str, list[Item]] = defaultdict(list)
    for order in book.orders:
        for item in order.items:
            items[item.line_id].append(item)
    return (
        *_quantities(book.balances, items),
        *_money(book, items),
        *_bundles(book, items),
        *_lineage(book),
    )


def refuse_broken(book: OrderBook) -> None:
    """Refuse a change that would leave ``book`` broken. Code: ``invariant_broken``."""
    refuse(violations(book))


def refuse_broken_order(order: Order) -> None:
    """Refuse to go on with an order that is broken in itself. Code: ``invariant_broken``."""
    refuse(order_violations(order))


def refuse(found: Sequence[Problem]) -> None:
    if found:
        problems = [
            Problem("invariant_broken", f"{problem.code}: {problem.message}", problem.path) for problem in found
        ]
        raise Refusal.of(problems)


def order_violations(order: Order) -> tuple[Problem, ...]:
    """What is broken in one order without a look at the others: its own lineage and bundles (I3, I4)."""
    path = f"orders.{order.order_id}"
    found = list(_own_lineage(order))
    if not any(item.counts for item in order.items):
        found.append(Problem("i4_lineage", "the order has no items", path))
    ids = {item.item_id: item for item in order.items}
    for item in order.items:
        if item.counts and item.parent_item is not None and item.parent_item not in ids:
            found.append(Problem("i3_bundle", f"its parent {item.parent_item} is not in the order", _path(item)))
    return tuple(found)


def _quantities(balances: Iterable[LineBalance], items: Items) -> Iterator[Problem]:
    for balance in balances:
        if balance.is_share:
            for item in items.get(balance.line_id, ()):
                if item.counts and item.quantity not in ((0, -1) if item.revises else (1,)):
                    yield Problem("i1_quantity", f"a share has quantity 1, not {item.quantity}", _path(item))
            continue
        ordered = _sum(item.quantity for item in items.get(balance.line_id, ()) if item.counts)
        found = ordered + balance.unordered_quantity + balance.cancelled_quantity + balance.returned_quantity
        if found != balance.quoted_quantity:
            yield Problem(
                "i1_quantity",
                f"ordered {ordered} + unordered {balance.unordered_quantity} + cancelled {balance.cancelled_quantity} "
                f"+ returned {balance.returned_quantity} is {found}, the quote says {balance.quoted_quantity}",
                f"lines.{balance.line_id}",
            )
        yield from _overdrawn(balance)


def _overdrawn(balance: LineBalance) -> Iterator[Problem]:
    """What is left is never less than nothing: then the same quantity was ordered twice."""
    for name in ("unordered", "cancelled", "returned"):
        quantity = getattr(balance, f"{name}_quantity")
        if quantity * balance.quoted_quantity < 0:
            message = f"{name} {quantity} of {balance.quoted_quantity}: more was taken from it than there was"
            yield Problem("i1_quantity", message, f"lines.{balance.line_id}")


def _money(book: OrderBook, items: Items) -> Iterator[Problem]:
    for balance in book.balances:
        ordered = _sum(item.amount for item in items.get(balance.line_id, ()) if item.counts)
        rest = balance.unordered_amount + balance.cancelled_amount + balance.returned_amount
        found = ordered + rest - balance.variance
        if found != balance.quoted_amount:
            yield Problem(
                "i2_money",
                f"orders {ordered} + unordered {balance.unordered_amount} + cancelled {balance.cancelled_amount} "
                f"+ returned {balance.returned_amount} - variance {balance.variance} is {found}, "
                f"the quote says {balance.quoted_amount}",
                f"lines.{balance.line_id}",
            )
    quoted = _sum(balance.quoted_amount for balance in book.balances)
    if quoted != book.quote_total:
        yield Problem("i2_money", f"the lines come to {quoted}, the quote to {book.quote_total}", "quote_total")


def _bundles(book: OrderBook, items: Items) -> Iterator[Problem]:
    balances = {balance.line_id: balance for balance in book.balances}
    orders = {order.order_id: {item.item_id: item for item in order.items} for order in book.orders}
    for balance in book.balances:
        whole = balances.get(balance.component_of or "")
        if whole is None:
            continue
        ratio = Fraction(balance.quoted_quantity) / Fraction(whole.quoted_quantity)
        components = [item for item in items.get(balance.line_id, ()) if item.counts]
        for item in components:
            yield from _component(item, orders[item.order_id].get(item.parent_item or ""), whole.line_id, ratio)
        held = Counter(item.parent_item for item in components)
        for parent in items.get(whole.line_id, ()):
            if parent.counts and held[parent.item_id] != 1:
                message = f"it has {held[parent.item_id]} items of its component {balance.line_id} instead of one"
                yield Problem("i3_bundle", message, _path(parent))


def _component(item: Item, parent: Item | None, whole: str, ratio: Fraction) -> Iterator[Problem]:
    if parent is None or parent.line_id != whole or parent.ship_to != item.ship_to:
        yield Problem("i3_bundle", f"its parent of line {whole} is not with it in its order", _path(item))
    elif Fraction(item.quantity) != ratio * Fraction(parent.quantity):
        message = f"{item.quantity} to {parent.quantity} of {whole} is not the bundle's ratio {ratio}"
        yield Problem("i3_bundle", message, _path(item))


def _lineage(book: OrderBook) -> Iterator[Problem]:
    items = [item for order in book.orders for item in order.items]
    by_id = {item.item_id: item for item in items}
    lines = {balance.line_id for balance in book.balances}
    amending = {order.order_id for order in book.orders if order.kind is OrderKind.AMENDMENT}
    for order in book.orders:
        if order.quote_id != book.quote_id:
            yield Problem("i4_lineage", f"the order is of quote {order.quote_id}", f"orders.{order.order_id}")
        yield from _own_lineage(order)
    for item in items:
        if item.line_id not in lines:
            yield Problem("i4_lineage", f"{item.line_id} is no line of the quote", _path(item))
        if item.order_id in amending and item.revises not in by_id:
            yield from _foreign(item, by_id)
        else:
            yield from _ancestors(item, by_id)
    yield from _repeated("order id", (order.order_id for order in book.orders))
    yield from _repeated("order key", (order.key for order in book.orders))
    yield from _repeated("item id", (item.item_id for item in items))
    shares = [item for item in items if item.is_share and item.counts and item.revises is None]
    bases = (f"{part.item_id} in shares of {item.line_id}" for item in shares for part in item.base)
    yield from _repeated("base", bases)
    triples = (f"{item.line_id}, {item.key}, version {item.version}" for item in items)
    yield from _repeated("line, split key and version", triples)


def _own_lineage(order: Order) -> Iterator[Problem]:
    for item in order.items:
        if item.order_id != order.order_id:
            yield Problem("i4_lineage", f"it says it is of order {item.order_id}", _path(item, order))
        if item.revises is None and item.root_item != item.item_id:
            yield Problem("i4_lineage", f"it revises nothing, yet its root is {item.root_item}", _path(item, order))


def _foreign(item: Item, by_id: Mapping[str, Item]) -> Iterator[Problem]:
    """An amendment's item may revise one of the quote that it amends: its root is there too."""
    if item.revises is not None and item.root_item in by_id:
        yield Problem("i4_lineage", f"it revises {item.revises} of another quote, yet its root is here", _path(item))


def _ancestors(item: Item, by_id: Mapping[str, Item]) -> Iterator[Problem]:
    if item.revises is None:
        return
    revised = by_id.get(item.revises)
    if revised is None or revised.line_id != item.line_id:
        yield Problem("i4_lineage", f"{item.revises}, which it revises, is no item of its line", _path(item))
    elif revised.root_item != item.root_item:
        yield Problem("i4_lineage", f"its root is {item.root_item}, not that of {item.revises}", _path(item))


def _repeated(what: str, values: Iterable[str]) -> Iterator[Problem]:
    for value, times in Counter(values).items():
        if times > 1:
            yield Problem("i4_lineage", f"the {what} {value} stands {times} times", "orders")


def _path(item: Item, order: Order | None = None) -> str:
    return f"orders.{order.order_id if order else item.order_id}.items.{item.item_id}"


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))
