"""Splitting an accepted quote into orders by keys, and the preview of that (``spec/orders.md`` 2).

The caller makes sure that the quote is approved and accepted: only then is it ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import count

from domain.order.book import OrderBook, open_book
from domain.order.creation import Batch, item_ids, revenue_of
from domain.order.event import Cause, Change, LineBalance
from domain.order.invariants import refuse_broken
from domain.order.order import Order, OrderState
from domain.order.parts import Part, parts_of
from domain.order.shares import following_shares, is_placed, placed_shares, shared_place
from domain.order.unbuilt import not_built
from domain.pricing import PricedQuote
from domain.quote import QuoteLine
from domain.refusal import Refusal

BY_DATE_AND_PLACE = ("order_date", "ship_to")
LINE_KEYS = frozenset(
    {"line_id", "product", "family", "description", "group", "kind", "unit", "revenue", "asset", "acceptance"}
    | {"price_per", "proration", "date_change", "start_date", "end_date", "term_months", "covers"}
)
Key = tuple[str, ...]
KeyOf = Callable[[Part], Key]


def split(book: OrderBook, priced: PricedQuote, split_by: Sequence[str], cause: Cause) -> Change:
    """Everything unordered of ``priced`` as scheduled orders, numbered in the order of parts.

    ``split_by`` names ``order_date`` and, besides, any of ``ship_to``, ``group``, a field of the lines, or a name in
    their ``fields``. Components go with their parent whatever they hold themselves; lines with a blank key are
    together. An order whose date has come is due at once (:func:`~domain.order.activation.next_moment`).

    Codes: ``nothing_unordered``, ``unknown_field``, ``not_built_yet``, ``missing_field`` (no order date, no term),
    ``bundle_broken``, ``dates_out_of_order``, ``percent_of_nothing``, ``conflicting_fields``, ``invariant_broken``.
    """
    _check_unordered(book)
    key_of = _key_function(priced, split_by)
    _check_lines(priced)
    groups = _grouped(priced, key_of)
    orders = _headed(book, priced, groups, cause)
    parts = tuple(tuple(sorted(group, key=_in_line_order(priced))) for group in groups)
    ids = tuple(item_ids(order.order_id, of_order) for order, of_order in zip(orders, parts, strict=True))
    created = Batch(orders, parts, ids, _line_numbers(priced)).create(cause)
    change = created.model_copy(update={"balances": _ordered(book, groups)})
    refuse_broken(book.applied(change))
    return change


def preview(priced: PricedQuote, split_by: Sequence[str], cause: Cause, book: OrderBook | None = None) -> OrderBook:
    """The book as :func:`split` would leave it, orders, items, amounts and unordered rest; nothing is written."""
    before = book or open_book(priced)
    return before.applied(split(before, priced, split_by, cause))


def _check_unordered(book: OrderBook) -> None:
    balances = [balance for balance in book.balances if not balance.is_share]
    if not any(balance.unordered_quantity for balance in balances):
        raise Refusal("nothing_unordered", f"nothing of {book.quote_id} is left to order")
    if any(balance.unordered_quantity != balance.quoted_quantity for balance in balances):
        raise not_built("ordering the rest of a quote that is ordered in part")


def _check_lines(priced: PricedQuote) -> None:
    for line in priced.quote.lines:
        if line.segment is not None:
            raise not_built("a line in segments", f"lines.{line.line_id}.segment")
        revenue_of(line)


def _key_function(priced: PricedQuote, split_by: Sequence[str]) -> KeyOf:
    """The key of a part: order date, ship-to when asked for, then the other keys as they were named."""
    if "order_date" not in split_by:
        raise not_built(f"a split by {', '.join(split_by) or 'nothing'} without order_date", "split_by")
    rest = [key for key in dict.fromkeys(split_by) if key not in BY_DATE_AND_PLACE]
    free = {name for line in priced.quote.lines for name in line.fields}
    for key in rest:
        if key == "segment":
            raise not_built("a split by segment", "split_by")
        if key not in LINE_KEYS and key not in free:
            raise Refusal("unknown_field", f"{key} is no key of the lines; split by order_date, ship_to, …", "split_by")
    by_place = "ship_to" in split_by

    def key_of(part: Part) -> Key:
        place = (part.place.ship_to or "") if by_place else ""
        return (part.place.order_date.isoformat(), place, *(_value(part.bundle, key) for key in rest))

    return key_of


def _value(line: QuoteLine, key: str) -> str:
    value = getattr(line, key) if key in LINE_KEYS else line.fields.get(key)
    return "" if value is None else str(value)


def _grouped(priced: PricedQuote, key_of: KeyOf) -> tuple[tuple[Part, ...], ...]:
    """The parts of each order, orders in the order of parts."""
    currency = priced.quote.currency
    parts = parts_of(priced)
    share_lines = [line for line in priced.lines if line.line.is_share]
    placed = [share for line in share_lines if is_placed(line.line) for share in placed_shares(line, parts, currency)]
    groups: dict[Key, list[Part]] = {}
    for part in (*parts, *placed):
        groups.setdefault(key_of(part), []).append(part)
    in_line_order = _in_line_order(priced)
    orders = [groups[key] for key in sorted(groups, key=lambda key: (*key[:2], min(map(in_line_order, groups[key]))))]
    before = [tuple(order) for order in orders]
    for line in share_lines:
        if not is_placed(line.line):
            for position, share in following_shares(line, before, currency):
                orders[position].append(share)
    return tuple(tuple(order) for order in orders)


def _line_numbers(priced: PricedQuote) -> Mapping[str, int]:
    return {line.line.line_id: number for number, line in enumerate(priced.lines, start=1)}


def _in_line_order(priced: PricedQuote) -> Callable[[Part], tuple[int, str]]:
    numbers = _line_numbers(priced)
    return lambda part: (numbers[part.line.line_id], part.place.ship_to or "")


def _headed(book: OrderBook, priced: PricedQuote, groups: Sequence[Sequence[Part]], cause: Cause) -> tuple[Order, ...]:
    """An order without items for each group, with its id, number and key."""
    quote = priced.quote
    taken = {order.key for order in book.orders}
    orders: list[Order] = []
    for number, group in enumerate(groups, start=len(book.orders) + 1):
        order_date, ship_to = group[0].place.order_date, shared_place(group)
        name = f"{order_date}/{ship_to}" if ship_to else str(order_date)
        key = next(key for times in count(1) if (key := name if times == 1 else f"{name}#{times}") not in taken)
        taken.add(key)
        orders.append(
            Order(
                order_id=f"{quote.quote_id}-{number}",
                quote_id=quote.quote_id,
                number=number,
                key=key,
                customer_id=quote.customer.customer_id,
                bill_to=quote.bill_to,
                currency=quote.currency,
                time_zone=quote.customer.time_zone,
                contracting_method=quote.contracting.method,
                contracting_setting=quote.contracting.setting,
                order_date=order_date,
                ship_to=ship_to,
                state=OrderState.SCHEDULED,
                created_at=cause.at,
                items=(),
            )
        )
    return tuple(orders)


def _ordered(book: OrderBook, groups: Sequence[Sequence[Part]]) -> tuple[LineBalance, ...]:
    """The balances of the lines after their parts were ordered."""
    balances = {balance.line_id: balance for balance in book.balances}
    for part in (part for group in groups for part in group):
        balance = balances[part.line.line_id]
        left = Decimal(0) if balance.is_share else balance.unordered_quantity - part.place.quantity
        balances[balance.line_id] = balance.model_copy(
            update={
                "unordered_quantity": left,
                "unordered_amount": balance.unordered_amount - part.amount,
            }
        )
    return tuple(balances.values())
