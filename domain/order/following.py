"""Percent-of-total shares follow their base through every operation (``spec/orders.md`` 2).

A share in a draft or scheduled order is ``round(share x new base / old base)``. Base that goes to another order takes
its part of a share by order along; what leaves the orders takes its part to unordered or cancelled. Shares of
activated orders stand, whatever becomes of their base elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from domain.ledger.entries import BasePart
from domain.money import cumulative_split, round_money
from domain.order.creation import dates_of_base
from domain.order.item import Item, ItemState
from domain.order.order import Order, OrderState
from domain.order.redating import redated
from domain.order.revision import Disposition, Piece, Revision

Parts = tuple[BasePart, ...]


def follow(revision: Revision, to: Disposition = "unordered", also: Sequence[str] = ()) -> None:
    """Let every share follow what ``revision`` does to its base; ``to`` is where the part of what is gone goes.

    ``also`` names orders that are activated and whose shares follow all the same.
    """
    changed = _changed(revision)
    if not changed:
        return
    leaving: list[_Leaving] = []
    for before in revision.book.orders:
        for share in before.items:
            if share.is_share and share.counts and any(part.item_id in changed for part in share.base):
                planned = before.is_planned or before.order_id in also
                leaving.extend(_follow(revision, share, before, planned=planned))
    # Every share is first brought to what stays of it, then takes what others bring.
    for left in leaving:
        amount = left.amount
        for order_id, part, quote_amount in left.moved:
            amount += _brought(revision, left.share, left.order, order_id, part, quote_amount)
        _settle(revision, left.share, left.quote_gone, amount, to if left.is_gone else None)
    _cancel_empty(revision)


def _cancel_empty(revision: Revision) -> None:
    """A planned order that held nothing but shares is cancelled with the last of them."""
    for order in tuple(revision.orders.values()):
        if order.is_planned and not any(item.counts for item in order.items):
            revision.put(order.model_copy(update={"state": OrderState.CANCELLED, "hold": None, "block": None}))


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A share of which something leaves: what stays amounts to ``amount``, what goes where, and what is gone."""

    share: Item
    order: Order
    amount: Decimal
    moved: tuple[tuple[str, Sequence[Piece], Decimal], ...]
    quote_gone: Decimal
    is_gone: bool


def _changed(revision: Revision) -> set[str]:
    """The items that are not as they were, in money, dates or order."""
    old = {item.item_id: item for order in revision.book.orders for item in order.items}
    new = revision.items()
    return {item_id for item_id, item in old.items() if new.get(item_id) != item}


def _follow(revision: Revision, share: Item, before: Order, *, planned: bool) -> Iterator[_Leaving]:
    items = revision.items()
    now = items[share.item_id]
    if not now.counts:
        return
    pieces = [piece for part in share.base for piece in _pieces(revision, part, items)]
    if not planned:
        if any(part.item_id in revision.pieces for part in share.base):
            revision.put_item(now.order_id, now.model_copy(update={"base": _parts(pieces)}))
        return
    stays, moved = _by_order(share, now, pieces, items, _held_elsewhere(revision, share))
    frozen = _sum(part.amount for part in share.base)
    gone = frozen - _sum(amount for _, amount in pieces)
    weights = [
        _sum(amount for _, amount in stays),
        *(_sum(amount for _, amount in part) for part in moved.values()),
        gone,
    ]
    if frozen == 0 or not any(weights):
        parts: Sequence[Decimal] = [share.quote_amount, *(0 * share.quote_amount for _ in weights[1:])]
    else:
        parts = cumulative_split(share.quote_amount, weights, before.currency)
    kept = _kept(share, now, stays, parts[0], before.currency, items, left=bool(moved))
    revision.put_item(now.order_id, kept)
    going = zip(moved.items(), parts[1:-1], strict=True)
    yield _Leaving(
        share,
        before,
        kept.amount if kept.counts else 0 * kept.amount,
        tuple((order_id, part, quote_amount) for (order_id, part), quote_amount in going),
        parts[-1],
        bool(gone),
    )


def _settle(revision: Revision, share: Item, quote_gone: Decimal, amount: Decimal, to: Disposition | None) -> None:
    """Balance what the share lost: ``amount`` is what all that is left of it amounts to now."""
    if to == "cancelled":
        revision.leave(share.line_id, Decimal(0), quote_gone, share.amount - amount, "cancelled")
        return
    variance = amount + quote_gone - share.amount
    revision.shift(share.line_id, unordered_amount=quote_gone, variance=variance)


def _pieces(revision: Revision, part: BasePart, items: Mapping[str, Item]) -> tuple[Piece, ...]:
    """Where the frozen amount of one base part lies now."""
    if part.item_id in revision.pieces:
        return revision.pieces[part.item_id]
    item = items.get(part.item_id)
    if item is None or not item.counts:
        return ()
    was = next(old for order in revision.book.orders for old in order.items if old.item_id == part.item_id)
    return ((part.item_id, part.amount - (was.quote_amount - item.quote_amount)),)


def _held_elsewhere(revision: Revision, share: Item) -> dict[str, str]:
    """The orders of the other shares of the line, by the items that are their base."""
    others = (
        other
        for order in revision.book.orders
        if order.is_planned
        for other in order.items
        if other.line_id == share.line_id and other.counts and other.item_id != share.item_id
    )
    return {part.item_id: other.order_id for other in others for part in other.base}


def _by_order(
    share: Item, now: Item, pieces: Sequence[Piece], items: Mapping[str, Item], elsewhere: Mapping[str, str]
) -> tuple[list[Piece], dict[str, list[Piece]]]:
    """The pieces that stay in the base of the share; of a share by order those in other orders, of another one those
    that were added to what is the base of another share of its line (``elsewhere``).
    """
    stays: list[Piece] = []
    moved: dict[str, list[Piece]] = {}
    for item_id, amount in pieces:
        if _is_by_order(share) and items[item_id].order_id != now.order_id:
            moved.setdefault(items[item_id].order_id, []).append((item_id, amount))
        elif not _is_by_order(share) and item_id in elsewhere:
            moved.setdefault(elsewhere[item_id], []).append((item_id, amount))
        else:
            stays.append((item_id, amount))
    return stays, moved


def _is_by_order(share: Item) -> bool:
    return share.share_of == "order"


def _kept(
    share: Item,
    now: Item,
    stays: Sequence[Piece],
    quote_amount: Decimal,
    currency: str,
    items: Mapping[str, Item],
    *,
    left: bool,
) -> Item:
    """What stays of the share where it is; without base, nothing does."""
    if not stays:
        return now.model_copy(update={"state": ItemState.MERGED if left else ItemState.CANCELLED})
    return _based(now, _parts(stays), quote_amount, currency, items)


def _based(share: Item, base: Parts, quote_amount: Decimal, currency: str, items: Mapping[str, Item]) -> Item:
    """The share with that base and quote amount: its amount by what the base amounts to now, and its dates."""
    frozen = _sum(part.amount for part in base)
    present = sum((Fraction(items[part.item_id].amount) for part in base), Fraction(0))
    amount = quote_amount
    if frozen != 0:
        amount = round_money(Fraction(quote_amount) * present / Fraction(frozen), currency)
    update: dict[str, object] = {"base": base, "quote_amount": quote_amount, "amount": amount}
    if share.dates_of_base:
        update["start"], update["end"] = dates_of_base(
            (items[part.item_id].start, items[part.item_id].end) for part in base
        )
    return share.model_copy(update=update)


def _brought(
    revision: Revision, share: Item, before: Order, order_id: str, part: Sequence[Piece], quote_amount: Decimal
) -> Decimal:
    """Base brings its part of a share into another order; how much more the shares there amount to by it."""
    order, items = revision.order(order_id), revision.items()
    there = next((item for item in order.items if _takes(item, share, part)), None)
    if there is None:
        dated = redated(share, before.order_date, order.order_date, order.currency)
        fresh = dated.model_copy(update={"ship_to": order.ship_to, "state": ItemState.SCHEDULED, "root_item": ""})
        made = _based(revision.named_apart(fresh, order), _parts(part), quote_amount, order.currency, items)
        revision.put_item(order_id, made)
        return made.amount
    base = _parts([*((each.item_id, each.amount) for each in there.base), *part])
    more = _based(there, base, there.quote_amount + quote_amount, order.currency, items)
    revision.put_item(order_id, more)
    return more.amount - there.amount


def _takes(item: Item, share: Item, part: Sequence[Piece]) -> bool:
    """Whether a share is the one to which the part of another goes: that of its order, or the one with that base."""
    if item.line_id != share.line_id or not item.counts or item.item_id == share.item_id:
        return False
    wanted = {item_id for item_id, _ in part}
    return _is_by_order(item) or any(each.item_id in wanted for each in item.base)


def _parts(pieces: Sequence[Piece]) -> Parts:
    """Base parts, those of one item added up."""
    sums: dict[str, Decimal] = {}
    for item_id, amount in pieces:
        sums[item_id] = sums[item_id] + amount if item_id in sums else amount
    return tuple(BasePart(item_id=item_id, amount=amount) for item_id, amount in sums.items())


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
