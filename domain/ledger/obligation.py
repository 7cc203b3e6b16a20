"""Obligations: what is earned together, and how a change of an order joins it (``spec/orders.md`` 5, modifications).

A modification is prospective when what it adds or takes away is distinct from what was promised before: days of a
service, units of a thing. It is a catch-up when both are one piece of work, which ``percent_complete`` and
``on_milestone`` say of a line: from the day on which the change is activated, the progress of the whole counts for the
whole, wherever it is recorded. Quantity taken from what is still to be delivered shortens what it is taken from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem, by
from domain.ledger.recognition import ALL, change_dates, earned_share, part_of
from domain.money import round_money, share_of
from domain.quote import Revenue

CATCH_UP = frozenset({Revenue.PERCENT_COMPLETE, Revenue.ON_MILESTONE})
NEVER = date.max
Items = Mapping[str, KnownItem]
Signature = tuple[object, ...]


class Earning(Protocol):
    """An amount that is earned as ``item`` is."""

    @property
    def item(self) -> KnownItem: ...

    @property
    def amount(self) -> Decimal: ...

    @property
    def signature(self) -> Signature:
        """Equal where everything that the earning depends on is equal."""

    def earned_by(self, day: date) -> Decimal:
        """What is earned by the end of ``day``."""

    def changes(self) -> Iterator[date]:
        """The days at whose ends what is earned must be looked at, in no order."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """An amount that is earned by the schedule of ``item``: the item's own, or a part of a share that follows it.

    ``previous`` is what this one modifies: both are earned as one, rounded as one, and what this one earns is what it
    adds. Nothing of it is earned before ``since``, the local date on which the change was activated.
    """

    item: KnownItem
    amount: Decimal
    previous: Obligation | None = None
    since: date | None = None

    @property
    def signature(self) -> Signature:
        before = self.previous.signature if self.previous else None
        rows = (self.item.rows, self.item.rows_of_work)
        return (self.item.item_id, self.item.plan.kind, rows, self.amount, self.since, before)

    def earned_by(self, day: date) -> Decimal:
        before = self.previous.together_by(day) if self.previous else 0 * self.amount
        return self.together_by(day) - before

    def together_by(self, day: date) -> Decimal:
        """What is earned by the end of ``day`` of this amount and all that it modifies."""
        if self.since is not None and (day < self.since or self.since == NEVER):
            return self.previous.together_by(day) if self.previous else 0 * self.amount
        return share_of(self._amounts(), self._share(day), self.item.plan.currency)

    def changes(self) -> Iterator[date]:
        yield from change_dates(self.item)
        if self.since is not None and self.since != NEVER:
            yield self.since
        if self.previous is not None:
            yield from self.previous.changes()

    def is_beyond(self, quantity: Decimal) -> bool:
        """Whether ``quantity`` (negative) takes back some of what was received."""
        first = self._first()
        sign = -1 if first.plan.quantity < 0 else 1
        return sign * (self._quantities() + quantity) < sign * by(first.received, NEVER)

    def _share(self, day: date) -> Fraction:
        if self.previous is None or self.item.plan.revenue is not Revenue.ON_DELIVERY:
            return earned_share(self.item, day)
        whole, first = self._quantities(), self._first()
        if whole * first.plan.quantity <= 0:
            return ALL
        return part_of(by(first.received, day), whole)

    def _amounts(self) -> Decimal:
        return self.amount + (self.previous._amounts() if self.previous else 0 * self.amount)

    def _quantities(self) -> Decimal:
        return self.item.plan.quantity + (self.previous._quantities() if self.previous else Decimal(0))

    def _first(self) -> KnownItem:
        return self.previous._first() if self.previous else self.item


@dataclass(frozen=True, slots=True)
class Consumption:
    """What is earned by use: ``amount`` is what the item was ordered for, and what was used beyond that."""

    item: KnownItem
    amount: Decimal

    @property
    def signature(self) -> Signature:
        return (self.item.item_id, self.item.rows, self.amount)

    def earned_by(self, day: date) -> Decimal:
        return round_money(by(self.item.usage, day), self.item.plan.currency)

    def changes(self) -> Iterator[date]:
        return change_dates(self.item)


def root_of(plan: LedgerEntry) -> str:
    """The obligation that an item belongs to, named by its first item."""
    return plan.root_item or plan.item_id


def joined(items: Items) -> Items:
    """``items``, where those that are one piece of work share what was recorded of any of them."""
    families: dict[tuple[str, Revenue], list[KnownItem]] = {}
    for item in items.values():
        if _is_one_piece(item.plan):
            families.setdefault((root_of(item.plan), item.plan.revenue), []).append(item)
    shared = [one for family in families.values() if len(family) > 1 for one in _sharing(family)]
    return {**items, **{item.item_id: item for item in shared}}


def _sharing(family: list[KnownItem]) -> Iterator[KnownItem]:
    first = family[0].plan
    reached = [fact for item in family for fact in item.reached]
    words = sorted(word for item in family for word in zip(item.progress_order, item.progress, strict=True))
    order, progress = [number for number, _ in words], [word for _, word in words]
    rows = tuple((item.item_id, item.rows) for item in family)
    for item in family:
        milestones = item.plan.milestones or first.milestones
        plan = item.plan.model_copy(update={"milestones": milestones})
        item = replace(item, plan=plan, reached=reached, rows_of_work=rows)
        item.progress, item.progress_order = progress, order
        yield item


def chained(items: Items, amounts: Mapping[str, Decimal]) -> Mapping[str, Obligation]:
    """The obligation of each item with its amount; modifications hang on what they modify, by date."""
    found: dict[str, Obligation] = {}
    last: dict[tuple[object, ...], Obligation] = {}
    for item in sorted(items.values(), key=lambda one: _since(one) or date.min):
        if item.plan.comes_back and item.plan.revenue in CATCH_UP:
            found[item.item_id] = Obligation(item, amounts[item.item_id])
            continue
        chain = _chain(item, items)
        previous = last.get(chain) if is_delta(item.plan) else None
        if previous is not None and _comes_back(item, previous):
            found[item.item_id] = Obligation(item, amounts[item.item_id])
            continue
        obligation = Obligation(item, amounts[item.item_id], previous, _since(item))
        found[item.item_id] = obligation
        if previous is not None or chain not in last:
            last[chain] = obligation
    return found


def _is_one_piece(plan: LedgerEntry) -> bool:
    """Whether the item is earned as one with what it revises; a return of work is told of by words of its own."""
    return plan.revenue in CATCH_UP and not plan.comes_back


def is_delta(plan: LedgerEntry) -> bool:
    return plan.revises is not None


def _since(item: KnownItem) -> date | None:
    """The day from which a modification counts that is earned with what it modifies; none: it counts as all do."""
    if is_delta(item.plan) and (_is_one_piece(item.plan) or _shortens(item)):
        return item.activated_on or NEVER
    return None


def _shortens(item: KnownItem) -> bool:
    """Whether a delta takes from what is to be delivered, and is not something that goes to and fro itself."""
    return item.plan.revenue is Revenue.ON_DELIVERY and item.plan.quantity <= 0 and not item.received


def _comes_back(item: KnownItem, previous: Obligation) -> bool:
    """Whether a delta takes more than is still to be delivered: it is a return, and earned when it arrives."""
    return item.plan.revenue is Revenue.ON_DELIVERY and previous.is_beyond(item.plan.quantity)


def _chain(item: KnownItem, items: Items) -> tuple[object, ...]:
    """What tells the items that are earned as one; alone, an item is a chain of its own."""
    plan = item.plan
    if plan.revenue in CATCH_UP:
        return (root_of(plan), plan.revenue, plan.milestones)
    seen: set[str] = set()
    while is_delta(item.plan) and _shortens(item) and item.item_id not in seen:
        seen.add(item.item_id)
        revised = items.get(item.plan.revises or "")
        if revised is None or revised.plan.revenue is not Revenue.ON_DELIVERY:
            return (plan.item_id,)
        item = revised
    return (item.item_id,)


def consumed(items: Iterable[KnownItem]) -> Mapping[str, Consumption]:
    """The items earned by use; what was used beyond an obligation's orders adds to the first item of it."""
    families: dict[str, list[KnownItem]] = {}
    for item in items:
        if item.plan.revenue is Revenue.USAGE:
            families.setdefault(root_of(item.plan), []).append(item)
    found: dict[str, Consumption] = {}
    for family in families.values():
        beyond = _beyond(family)
        for item in family:
            found[item.item_id] = Consumption(item, item.plan.amount + beyond)
            beyond *= 0
    return found


def _beyond(family: Iterable[KnownItem]) -> Decimal:
    """What was used beyond what was ordered; of a credit, below it."""
    ordered = used = Decimal(0)
    for item in family:
        ordered += item.plan.amount
        used += by(item.usage, NEVER)
    return min(used - ordered, Decimal(0)) if ordered < 0 else max(used - ordered, Decimal(0))
