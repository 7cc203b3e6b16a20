"""A machine of random operations over random quotes: the invariants hold, refusals change nothing, undo undoes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.contract import contracts
from domain.ledger.entitlement import View, entitlements
from domain.ledger.revenue import report, revenue
from domain.order.book import OrderBook
from domain.order.cancel import cancel
from domain.order.close_short import close_short
from domain.order.divide import divide
from domain.order.event import Change
from domain.order.fulfilment import accept_item, deliver, reach
from domain.order.give_back import give_back
from domain.order.hold import hold, release
from domain.order.item import Item
from domain.order.merge import merge
from domain.order.move_lines import move_lines
from domain.order.order import Order, OrderState
from domain.order.permission import Operation, allowed
from domain.order.reschedule import move_date
from domain.order.rollback import roll_back
from domain.order.supplement import supplement
from domain.pricing import PricedQuote
from domain.refusal import Refusal
from tests.domain.order.random_quotes import FIRST, quotes
from tests.domain.order.story import BEFORE, Story, cause

NAMES = ("move_date", "move", "split", "merge", "cancel", "hold", "release", "supplement", "close_short", "return")
FACTS = ("wait", "deliver", "accept_item", "reach", "rollback")
Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(NAMES + FACTS), st.integers(0, 99), st.integers(0, 99), st.integers(0, 500)),
    min_size=20,
    max_size=50,
)
UNDOABLE = ("move_date", "move", "split", "merge", "cancel", "hold", "release", "supplement", "close_short", "return")


class Machine:
    """Plays steps on a story; each picks an order the operation suits, if there is one, and figures that often fit."""

    def __init__(self, priced: PricedQuote) -> None:
        self.story = Story(priced).split()
        self.now = BEFORE
        self.codes: list[str] = []
        self.done: list[str] = []

    def play(self, step: Step) -> Change | None:
        """Play one step; none when it was refused, which must change nothing."""
        name, which, line, days = step
        before = (self.story.book, len(self.story.entries), len(self.story.events))
        try:
            change = self._do(name, which, line, days)
        except Refusal as refusal:
            self.codes.append(refusal.code)
            assert before == (self.story.book, len(self.story.entries), len(self.story.events))
            return None
        self.done.append(name)
        return change

    def _do(self, name: str, which: int, line: int, days: int) -> Change:
        order = self._pick(name, which)
        if order is None:
            self.now += timedelta(days=days // 6)
            self.story.until(self.now)
            return Change()
        return self.story.keep(self._change(name, order, which, line, days))

    def _pick(self, name: str, which: int) -> Order | None:
        """An order that the step suits, now and then just any; none: the step is to wait."""
        orders = self.story.book.orders
        if name == "wait":
            return None
        if which == 13:
            return orders[which % len(orders)]
        suited = [order for order in orders if allowed(order)[Operation(name)] is None]
        if name in FACTS:
            suited = [order for order in suited if order.state is not OrderState.FULFILLED]
        if not suited or (name == "hold" and which % 4):
            return None
        return suited[which % len(suited)]

    def _change(self, name: str, order: Order, which: int, line: int, days: int) -> Change:
        book, by = self.story.book, cause(self.now, why="because")
        item = self._item(order, line)
        lines = {item.line_id: self._some(item, which)}
        to = FIRST + timedelta(days=days)
        peers = [each for each in book.orders if each.state is order.state and each != order] or list(book.orders)
        other = peers[line % len(peers)].order_id
        disposition: Any = ("unordered", "cancelled")[which % 2]
        changes: dict[str, Callable[[], Change]] = {
            "move_date": lambda: move_date(book, order.order_id, to, by),
            "move": lambda: (
                move_lines(book, order.order_id, [item.line_id], by, to=other)
                if which % 2
                else move_lines(book, order.order_id, [item.line_id], by, order_date=to)
            ),
            "split": lambda: divide(book, order.order_id, lines, by, order_date=to),
            "merge": lambda: merge(book, order.order_id, [other], by),
            "cancel": lambda: cancel(
                book, order.order_id, by, lines=lines if which % 3 else None, disposition=disposition
            ),
            "hold": lambda: hold(book, order.order_id, by),
            "release": lambda: release(book, order.order_id, by),
            "supplement": lambda: supplement(
                book,
                order.order_id,
                {item.line_id: self._signed(lines[item.line_id], line)},
                by,
                disposition=disposition,
            ),
            "close_short": lambda: close_short(book, order.order_id, by, disposition=disposition),
            "return": lambda: give_back(book, order.order_id, lines, by),
            "rollback": lambda: roll_back(book, order.order_id, by),
            "deliver": lambda: deliver(order, by, line=item.line_id, quantity=Decimal(1) if which % 2 else None),
            "accept_item": lambda: accept_item(order, by),
            "reach": lambda: reach(order, by),
        }
        return changes[name]()

    def _item(self, order: Order, line: int) -> Item:
        items = [item for item in order.items if item.counts] or list(order.items)
        return items[line % len(items)] if items else next(i for o in self.story.book.orders for i in o.items)

    def _some(self, item: Item, which: int) -> Decimal:
        whole = max(int(abs(item.quantity)), 1)
        return Decimal(which % (whole + 1))

    def _signed(self, quantity: Decimal, line: int) -> Decimal:
        return -quantity if line % 3 else quantity


def views(story: Story, now: datetime) -> object:
    """Everything that a user can see of the quote's orders: the book, contracts, entitlements and revenue."""
    days = [now.date() + timedelta(days=each) for each in (0, 30, 200, 500)]
    schedules = revenue(story.entries)
    return (
        shown(story.book),
        [(one.start, one.end, one.lines, one.value) for one in contracts(story.entries)],
        [
            entitlements(story.entries, day, None, view).rows
            for day in days
            for view in (View.CONTRACTED, View.COMMITTED)
        ],
        report(schedules).months,
        report(schedules).contracted,
    )


def shown(book: OrderBook) -> object:
    """The book without versions and without what counts no longer."""
    hidden = {"version", "last_change"}
    orders = [
        (
            order.model_dump(exclude={*hidden, "items"}),
            sorted(item.model_dump_json() for item in order.items if item.counts),
        )
        for order in book.orders
        if any(item.counts for item in order.items)
    ]
    return orders, book.balances, book.totals


@given(quotes(), STEPS)
@settings(max_examples=50, deadline=None)
def test_the_invariants_hold_after_fifty_random_operations(priced: PricedQuote, steps: list[Step]) -> None:
    machine = Machine(priced)
    for step in steps:
        machine.play(step)
    assert "invariant_broken" not in machine.codes
    totals = machine.story.book.totals
    left = totals.unordered + totals.cancelled + totals.returned
    assert totals.quote == totals.ordered + left - totals.variance


@given(quotes(), STEPS)
@settings(max_examples=40, deadline=None)
def test_rolling_back_restores_every_view(priced: PricedQuote, steps: list[Step]) -> None:
    machine = Machine(priced)
    for step in steps:
        before = views(machine.story, machine.now)
        change = machine.play(step)
        if change is None or step[0] not in UNDOABLE or not change.orders:
            continue
        names = [order.order_id for order in change.orders if allowed(order)[Operation.ROLLBACK] is None]
        if not names:
            continue
        undone = names[step[1] % len(names)]
        machine.story.keep(roll_back(machine.story.book, undone, cause(machine.now)))
        assert views(machine.story, machine.now) == before


@given(quotes(), STEPS)
@settings(max_examples=30, deadline=None)
def test_the_ledger_alone_knows_what_the_orders_say(priced: PricedQuote, steps: list[Step]) -> None:
    machine = Machine(priced)
    for step in steps:
        machine.play(step)
    story = machine.story
    plans = {schedule.plan.item_id: schedule.plan for schedule in revenue(story.entries)}
    items = {item.item_id: (order, item) for order in story.book.orders for item in order.items if item.counts}
    assert plans.keys() == items.keys()
    for item_id, (order, item) in items.items():
        plan = plans[item_id]
        told = (plan.amount, plan.quantity, plan.start, plan.end, plan.order_id, plan.order_date, plan.base)
        assert told == (item.amount, item.quantity, item.start, item.end, order.order_id, order.order_date, item.base)
    rows = [entry for entry in story.entries if entry.kind == "scheduled"]
    assert sum((entry.amount for entry in rows), Decimal(0)) == story.book.totals.ordered


@given(quotes(), STEPS)
@settings(max_examples=30, deadline=None)
def test_what_is_allowed_is_what_is_not_refused(priced: PricedQuote, steps: list[Step]) -> None:
    machine = Machine(priced)
    for step in steps:
        machine.play(step)
        for order in machine.story.book.orders:
            now = allowed(order)
            assert now.keys() == set(Operation)
            for operation, call in ((Operation.HOLD, hold), (Operation.CLOSE_SHORT, close_short)):
                refused = refusal_of(call, machine, order)
                assert now[operation] in (refused, None)
                if operation is Operation.HOLD:
                    assert now[operation] == refused


def refusal_of(call: Callable[..., Change], machine: Machine, order: Order) -> str | None:
    """The code with which an operation is refused now, if it is."""
    try:
        call(machine.story.book, order.order_id, cause(machine.now, why="because"))
    except Refusal as refusal:
        return refusal.code
    return None
