"""Work that is one obligation over several orders: progress and milestones of any of them count for all.

An item and what supplements added to it are earned as one (``spec/orders.md`` 5); so they end together, whichever
order was told, and no run waits for a word that was spoken elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from domain.order.activation import tell_progress
from domain.order.book import OrderBook
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.fulfilment import reach
from domain.order.item import Item, ItemState, Progress, Reached
from domain.order.journal import Journal
from domain.order.order import Order, OrderState
from domain.order.recording import progress
from domain.order.standing import FINAL_ITEMS, is_service, settled
from domain.quote import Revenue

ONE_PIECE = frozenset({Revenue.PERCENT_COMPLETE, Revenue.ON_MILESTONE})
COMPLETE = Decimal(100)


def progress_work(
    book: OrderBook,
    name: str,
    cause: Cause,
    *,
    percent: Decimal,
    line: str | None = None,
    on: date | None = None,
    evidence: str | None = None,
) -> Change:
    """Record progress in the order ``name``; at 100 the same work of other orders ends with it. Codes: as there."""
    told = progress(book.order(name), cause, percent=percent, line=line, on=on, evidence=evidence)
    return _ended_together(book, told, cause, OrderEventKind.PROGRESSED)


def reach_work(
    book: OrderBook,
    name: str,
    cause: Cause,
    *,
    line: str | None = None,
    milestone: str | None = None,
    on: date | None = None,
    evidence: str | None = None,
) -> Change:
    """Record a milestone in the order ``name``; with the last one the same work of other orders ends. Codes: as there.

    The next milestone is the next that was reached in none of them.
    """
    order = book.order(name)
    elsewhere = {item.item_id: _reached(_others(book, item)) for item in order.items}
    told = reach(order, cause, line=line, milestone=milestone, on=on, evidence=evidence, elsewhere=elsewhere)
    return _ended_together(book, told, cause, OrderEventKind.REACHED)


def _work_of(item: Item) -> tuple[object, ...] | None:
    """What tells items that are one piece of work; a return of it is another, and time fulfils services."""
    if item.revenue not in ONE_PIECE or is_service(item) or item.comes_back:
        return None
    return item.root_item, item.revenue, item.milestones


def _others(book: OrderBook, item: Item) -> Iterator[Item]:
    work = _work_of(item)
    for order in book.orders:
        for other in order.items:
            if work is not None and other.counts and _work_of(other) == work and other.item_id != item.item_id:
                yield other


def _reached(items: Iterable[Item]) -> tuple[Reached, ...]:
    return tuple(reached for item in items for reached in item.reached)


def _ended_together(book: OrderBook, told: Change, cause: Cause, kind: OrderEventKind) -> Change:
    """``told`` and the end of all work that is complete by it."""
    for changed in told.orders:
        after = book.applied(told)
        news = _news(book.order(changed.order_id), changed)
        done = {_work_of(item) for item in news if _is_complete(item, tuple(_others(after, item)))} - {None}
        for order in after.orders:
            open_items = [item for item in order.items if _work_of(item) in done and _is_open(item)]
            if order.activated_at is not None and open_items:
                told = _then(told, order, _ending(order, open_items, cause, kind))
    return told


def _news(before: Order, after: Order) -> Iterator[Item]:
    """The items of which something was told just now."""
    known = {item.item_id: (item.reached, item.progress) for item in before.items}
    return (item for item in after.items if known.get(item.item_id) != (item.reached, item.progress))


def _is_open(item: Item) -> bool:
    return item.state not in FINAL_ITEMS and item.state is not ItemState.FULFILLED


def _is_complete(item: Item, others: Sequence[Item]) -> bool:
    """Whether the work is complete by all that was told; of two words on one day, that of ``item`` is the last,
    for it was told just now."""
    if _work_of(item) is None:
        return False
    if item.revenue is Revenue.ON_MILESTONE:
        reached = {each.milestone for each in (*_reached(others), *item.reached)}
        return len(reached) >= max(1, len(item.milestones))
    steps: list[Progress] = [step for each in (*others, item) for step in each.progress]
    return bool(item.progress) and max(enumerate(steps), key=lambda each: (each[1].on, each[0]))[1].percent >= COMPLETE


def _ending(order: Order, ended: Sequence[Item], cause: Cause, kind: OrderEventKind) -> Change:
    journal = Journal.of_change(order, cause)
    ids = {item.item_id for item in ended}
    items = [
        item.model_copy(update={"state": ItemState.FULFILLED}) if item.item_id in ids else item for item in order.items
    ]
    for item in ended:
        journal.event(kind, item, before={"state": item.state}, after={"state": ItemState.FULFILLED})
    free = order if order.hold is None else order.model_copy(update={"state": order.hold.state_before})
    after = settled(free, items, order.local_date(cause.at))
    if order.hold is not None:
        hold = order.hold.model_copy(update={"state_before": after.state})
        after = after.model_copy(update={"state": OrderState.ON_HOLD, "hold": hold})
    tell_progress(journal, order, after)
    return journal.change(after)


def _then(told: Change, order: Order, ending: Change) -> Change:
    """``told`` followed by ``ending``; an order that was told itself keeps its version, its events one numbering."""
    own = next((each for each in told.orders if each.order_id == order.order_id), None)
    if own is None:
        return told.then(ending)
    (after,) = ending.orders
    count = sum(1 for event in told.events if event.order_id == order.order_id)
    events = tuple(
        event.model_copy(
            update={
                "version": own.version,
                "position": count + event.position,
                "event_id": f"{order.order_id}:{own.version}:{count + event.position}",
            }
        )
        for event in ending.events
    )
    merged = after.model_copy(update={"version": own.version})
    return told.then(ending.model_copy(update={"orders": (merged,), "events": events}))
