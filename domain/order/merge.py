"""Merging orders: items of the same line and dates add up, the others move over (``spec/orders.md`` 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from domain.order.book import OrderBook
from domain.order.bundle import bundle_of, top_of
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.following import follow
from domain.order.item import Item, ItemState
from domain.order.move_lines import carry, close_if_empty, refuse_strangers
from domain.order.no_return import refuse_past
from domain.order.order import Order
from domain.order.permission import Operation, refuse_state
from domain.order.redating import redated
from domain.order.reschedule import refuse_after_cut_off
from domain.order.revision import Revision
from domain.refusal import Refusal

SAME = ("line_id", "ship_to", "start", "end", "revenue", "acceptance", "share_of")
SAME_PRICE = ("unit_price", "price_per", "proration", "date_change", "term_months", "percent", "standalone_price")


def merge(
    book: OrderBook, name: str, others: Sequence[str | Order], cause: Cause, *, cut_off: timedelta | None = None
) -> Change:
    """The orders ``others`` into the order ``name``, whose date and key stay; each of them is superseded by it.

    Codes: ``unknown_order``, ``missing_field`` (no others), ``past_no_return``, ``wrong_state``, ``on_hold``,
    ``customer_differs``, ``bill_to_differs``, ``currency_differs``, ``quote_differs``, ``ship_to_differs``,
    ``same_order``, ``after_cut_off``, ``dates_out_of_order``.
    """
    order = book.order(name)
    absorbed = [book.order(other) if isinstance(other, str) else other for other in others]
    if not absorbed:
        raise Refusal("missing_field", "name the orders to merge into it", "orders")
    for each in (order, *absorbed):
        refuse_past(each, [item for item in each.items if item.counts], "it is not merged")
        refuse_state(each, Operation.MERGE)
        refuse_after_cut_off(each, cause, cut_off)
    _refuse_differences(order, absorbed)
    revision = Revision(book, cause, Operation.MERGE)
    revision.note(order.order_id, OrderEventKind.MERGED, after={"from": ", ".join(other.key for other in absorbed)})
    for other in absorbed:
        _absorb(revision, order.order_id, other)
        revision.note(other.order_id, OrderEventKind.MERGED, after={"to": order.key})
    follow(revision)
    for other in absorbed:
        close_if_empty(revision, other.order_id, order.order_id)
    return revision.change()


def _refuse_differences(order: Order, absorbed: Sequence[Order]) -> None:
    seen = [order]
    for other in absorbed:
        for known in seen:
            refuse_strangers(known, other)
        if order.ship_to != other.ship_to:
            message = f"{order.order_id} goes to {order.ship_to or 'no one place'}, {other.order_id} to {other.ship_to}"
            raise Refusal("ship_to_differs", message, "orders")
        seen.append(other)


def _absorb(revision: Revision, order_id: str, other: Order) -> None:
    """All bundles of ``other``: those with a counterpart add up, those without move over."""
    moving: list[Item] = []
    for top in other.items:
        if not top.counts or top.share_of == "order" or top_of(other, top) is not top:
            continue
        bundle = tuple(item for item in bundle_of(other, top) if item.counts)
        target = revision.order(order_id)
        dated = {item.item_id: redated(item, other.order_date, target.order_date, other.currency) for item in bundle}
        pairs = None if top.is_share else _counterparts(target, [dated[item.item_id] for item in bundle])
        if pairs is None:
            moving.extend(bundle)
            continue
        for item in bundle:
            _add(revision, other, item, dated[item.item_id], pairs[item.item_id])
    if moving:
        carry(revision, other, moving, revision.order(order_id))


def _counterparts(target: Order, bundle: Sequence[Item]) -> dict[str, Item] | None:
    """The item of ``target`` that each member of a bundle adds to; none unless every member has one."""
    pairs: dict[str, Item] = {}
    for item in bundle:
        parent = pairs[item.parent_item].item_id if item.parent_item in pairs else None
        found = next((each for each in target.items if each.counts and _same(each, item, parent)), None)
        if found is None:
            return None
        pairs[item.item_id] = found
    matched = {found.item_id for found in pairs.values()}
    more = [
        each for each in target.items if each.counts and each.parent_item in matched and each.item_id not in matched
    ]
    return None if more else pairs


def _same(one: Item, item: Item, parent: str | None) -> bool:
    same = all(getattr(one, name) == getattr(item, name) for name in SAME)
    price = all(getattr(one.price, name) == getattr(item.price, name) for name in SAME_PRICE)
    return same and price and one.parent_item == parent and one.revises == item.revises


def _add(revision: Revision, other: Order, item: Item, dated: Item, into: Item) -> None:
    if dated.amount != item.amount:
        revision.shift(item.line_id, variance=dated.amount - item.amount)
    target = revision.items()[into.item_id]
    price = target.price
    if (price.start, price.end) != (item.price.start, item.price.end):
        # Two quoted terms became one: no date is the quote's any more, so no move leads back to its amount.
        price = price.model_copy(update={"start": None, "end": None})
    summed = target.model_copy(
        update={
            "quantity": target.quantity + dated.quantity,
            "amount": target.amount + dated.amount,
            "quote_amount": target.quote_amount + dated.quote_amount,
            "price": price,
        }
    )
    known = revision.pieces.get(target.item_id, ((target.item_id, target.quote_amount),))
    revision.pieces[target.item_id] = known
    revision.pieces[item.item_id] = ((target.item_id, item.quote_amount),)
    revision.put_item(target.order_id, summed)
    revision.put_item(other.order_id, item.model_copy(update={"state": ItemState.MERGED}))
