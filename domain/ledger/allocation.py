"""Allocation: a bundle's price over what it promises, by what each part would cost alone (``spec/orders.md`` 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.ledger.known import KnownItem
from domain.ledger.obligation import Items
from domain.money import cumulative_split, total_of
from domain.quote import Kind, Revenue

PRICED_ONCE = frozenset({Kind.ONE_TIME, Kind.SUBSCRIPTION})


def allocated(items: Items) -> Mapping[str, Decimal]:
    """The amount that each of ``items`` earns: its own, or its part of the bundle it is in.

    A bundle is allocated when at least one of its items has a price sold alone; an item without counts with its own
    amount. Evergreen and usage items stay out, for what they bring in later is theirs alone. Weights of both signs,
    or that sum to nothing, allocate nothing. The amounts of a bundle add up to what it costs.
    """
    amounts = {item_id: item.plan.amount for item_id, item in items.items()}
    bundles: dict[str, list[KnownItem]] = {}
    for item in items.values():
        if item.plan.item_kind in PRICED_ONCE and item.plan.revenue is not Revenue.USAGE:
            bundles.setdefault(head_of(item, items), []).append(item)
    for bundle in bundles.values():
        if len(bundle) > 1:
            amounts.update(_shared_out(sorted(bundle, key=lambda item: item.plan.line_number)))
    return amounts


def head_of(item: KnownItem, items: Items) -> str:
    """The id of the item at the top of the bundle that ``item`` is in; its own when it is in none."""
    seen: set[str] = set()
    while item.item_id not in seen and (parent := items.get(item.plan.parent_item or "")) is not None:
        seen.add(item.item_id)
        item = parent
    return item.item_id


def _shared_out(bundle: Sequence[KnownItem]) -> Mapping[str, Decimal]:
    if all(item.plan.standalone_amount is None for item in bundle):
        return {}
    weights = [_weight(item) for item in bundle]
    if sum(weights) == 0 or (min(weights) < 0 < max(weights)):
        return {}
    currency = bundle[0].plan.currency
    whole = total_of((item.plan.amount for item in bundle), currency)
    parts = cumulative_split(whole, weights, currency)
    return {item.item_id: part for item, part in zip(bundle, parts, strict=True)}


def _weight(item: KnownItem) -> Decimal:
    alone = item.plan.standalone_amount
    return item.plan.amount if alone is None else alone
