"""What one step of a life in test does to an order: every operation and fact, by the numbers of the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.order.activation import activate
from domain.order.cancel import cancel
from domain.order.close_short import close_short
from domain.order.closing import close
from domain.order.divide import divide
from domain.order.event import Change
from domain.order.fulfilment import accept_item, deliver
from domain.order.give_back import give_back
from domain.order.hold import hold, release
from domain.order.item import Item
from domain.order.merge import merge
from domain.order.move_lines import move_lines
from domain.order.order import Order
from domain.order.recording import invoice, usage
from domain.order.reschedule import move_date
from domain.order.rollback import roll_back
from domain.order.supplement import supplement
from domain.order.work import progress_work, reach_work
from tests.domain.order.life_steps import ON_RUNNING, Step
from tests.domain.order.story import Story, cause


def change_of(step: Step, story: Story, order: Order, now: datetime, known: Sequence[Order]) -> Change:
    """What ``step`` makes of ``order`` at ``now``; ``known`` are all orders, of which it may name a wrong item."""
    name, which, line, days = step
    book, by = story.book, cause(now, why="because")
    item = _item(name, order, known, line)
    lines = {item.line_id: _some(item, which)}
    to = now.date() + timedelta(days=days // 2)
    peers = [each for each in book.orders if each.state is order.state and each != order] or list(book.orders)
    other = peers[line % len(peers)].order_id
    disposition: Any = ("unordered", "cancelled")[which % 2]
    on = max(now.date() - timedelta(days=line % 40), order.order_date) if line % 2 else None
    part = Decimal(1) if which % 2 else None
    name_of = order.order_id
    changes: dict[str, Callable[[], Change]] = {
        "move_date": lambda: move_date(book, name_of, to, by),
        "move": lambda: (
            move_lines(book, name_of, [item.line_id], by, to=other)
            if which % 2
            else move_lines(book, name_of, [item.line_id], by, order_date=to)
        ),
        "split": lambda: divide(book, name_of, lines, by, order_date=to),
        "merge": lambda: merge(book, name_of, [other], by),
        "cancel": lambda: cancel(book, name_of, by, lines=lines if which % 3 else None, disposition=disposition),
        "hold": lambda: hold(book, name_of, by),
        "release": lambda: release(book, name_of, by),
        "activate": lambda: activate(order, by),
        "supplement": lambda: supplement(
            book,
            name_of,
            {item.line_id: lines[item.line_id] * (1 if line % 3 == 0 else -1)},
            by,
            disposition=disposition,
            order_date=to if which % 4 == 0 else None,
        ),
        "close_short": lambda: close_short(book, name_of, by, disposition=disposition),
        "return": lambda: give_back(book, name_of, lines, by, order_date=to if which % 4 == 0 else None),
        "rollback": lambda: roll_back(book, name_of, by),
        "close": lambda: close(book, name_of, by),
        "deliver": lambda: deliver(order, by, line=item.item_id, quantity=part, on=on),
        "accept_item": lambda: accept_item(order, by, on=on),
        "reach": lambda: reach_work(book, name_of, by, on=on),
        "progress": lambda: progress_work(book, name_of, by, percent=Decimal(min(100, which * 2)), on=on),
        "usage": lambda: usage(order, by, line=item.item_id, quantity=Decimal(which % 7 - 1), on=on),
        "invoice": lambda: invoice(order, by, line=item.item_id, amount=Decimal(which), on=on),
    }
    return changes[name]()


def suits(name: str, item: Item) -> bool:
    """Whether a step can happen to ``item``."""
    methods = {"deliver": "on_delivery", "accept_item": "on_delivery", "reach": "on_milestone"}
    methods |= {"progress": "percent_complete", "usage": "usage"}
    return item.counts and item.revenue == methods.get(name, item.revenue) and item.state != "fulfilled"


def _item(name: str, order: Order, known: Sequence[Order], line: int) -> Item:
    items = [item for item in order.items if item.counts] or list(order.items)
    items = [item for item in items if name in ON_RUNNING and suits(name, item)] or items
    every = [item for each in known for item in each.items]
    return items[line % len(items)] if items else every[line % len(every)]


def _some(item: Item, which: int) -> Decimal:
    whole = max(int(abs(item.quantity)), 1)
    return Decimal(which % (whole + 1))
