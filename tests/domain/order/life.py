"""A customer's life in test: a quote of every kind of line, its orders, and whatever can happen to them in time.

The machine plays random steps on the orders of a quote and of its amendments, keeps the one ledger of all of them, and
remembers what was answered at every moment. What is refused must change nothing, and the invariants hold after each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.ledger.closing import ClosedPeriod, close_period
from domain.ledger.entitlement import Entitlements, View, entitlements
from domain.ledger.entries import LedgerEntry
from domain.ledger.later_period import due_periods
from domain.ledger.promise import Promise, left_at
from domain.order.activation import acknowledge, activate, advance, next_moment
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.book import OrderBook
from domain.order.cancel import cancel
from domain.order.close_short import close_short
from domain.order.closing import close
from domain.order.delta_order import order_amendment
from domain.order.divide import divide
from domain.order.event import Cause, Change
from domain.order.fulfilment import accept_item, deliver
from domain.order.give_back import give_back
from domain.order.hold import hold, release
from domain.order.item import Item
from domain.order.merge import merge
from domain.order.move_lines import move_lines
from domain.order.order import Order
from domain.order.permission import Operation, allowed
from domain.order.promised import promises
from domain.order.recording import invoice, usage
from domain.order.reschedule import move_date
from domain.order.rollback import roll_back
from domain.order.split import split
from domain.order.supplement import supplement
from domain.order.work import progress_work, reach_work
from domain.pricing import PricedQuote, price
from domain.quote import read_quote
from domain.reading import read_model
from domain.refusal import Refusal
from tests.domain.order.random_quotes import FIRST
from tests.domain.order.story import BEFORE, ZONE, Story, cause

OPERATIONS = (
    "move_date", "move", "split", "merge", "cancel", "hold", "release", "supplement", "supplement", "close_short",
    "return", "activate", "rollback", "close",
)  # fmt: skip
FACTS = ("wait", "wait", "wait", "deliver", "deliver", "accept_item", "reach", "progress", "usage", "invoice")
OTHERS = ("amend", "amend", "amend", "order", "close_period")
ON_RUNNING = frozenset({"deliver", "accept_item", "reach", "progress", "usage", "invoice"})
Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(FACTS + OPERATIONS + OTHERS), st.integers(0, 99), st.integers(0, 99), st.integers(0, 500)
    ),
    min_size=50,
    max_size=50,
)
KEYS = st.lists(st.sampled_from(("order_date", "ship_to", "group", "segment", "kind")), max_size=3, unique=True).map(
    tuple
)
VIEWS = (View.CONTRACTED, View.COMMITTED)
Wanted = tuple[str, str, date, str | None]
"""A quote, a line, and the date and place that it is wanted for."""


@dataclass(frozen=True)
class Answered:
    """What was answered at a moment: for some days and views, and how much of each line was unordered where."""

    at: datetime
    rows: dict[tuple[date, View], Entitlements]
    left: dict[Wanted, Decimal]


class Life:
    """``stories`` are the quote's and those of its amendments; ``entries`` the ledger of their customer."""

    def __init__(self, priced: PricedQuote, keys: Sequence[str]) -> None:
        self.now = BEFORE
        self.stories = [Story(priced)]
        self.entries: list[LedgerEntry] = []
        self.closed: list[ClosedPeriod] = []
        self.answers: list[Answered] = []
        self.codes: list[str] = []
        self.done: list[str] = []
        self._told = [0]
        self._left: dict[str, tuple[OrderBook, tuple[Promise, ...]]] = {}
        self.stories[0].keep(split(self.stories[0].book, priced, keys, cause(self.now)))
        self._read()

    def play(self, step: Step) -> Change | None:
        """Play one step; none when it was refused, which must change nothing."""
        before = [(story.book, len(story.entries)) for story in self.stories]
        change: Change | None
        try:
            change = self._step(*step)
        except Refusal as refusal:
            self.codes.append(f"{step[0]}: {refusal.code}")
            change = None
        if change is None:
            assert not self.codes[-1].endswith("invariant_broken"), self.codes[-1]
            assert before == [(story.book, len(story.entries)) for story in self.stories]
            return None
        self.done.append(step[0])
        self._read()
        self._pass_time(self.now)
        return change

    def undone(self, step: Step) -> bool:
        """Play a step and take it back at once; whether both were possible. A step that is refused changes nothing."""
        self.now += timedelta(minutes=1)
        picked = self._pick(step[0], step[1])
        if picked is None:
            return False
        story, name = picked[0], picked[1].order_id
        before = story.book
        try:
            change = story.keep(self._change(step[0], *picked, *step[1:]))
            names = [each.order_id for each in change.orders if allowed(each)[Operation.ROLLBACK] is None]
            if names:
                name = names[step[2] % len(names)]
            story.keep(roll_back(story.book, name, cause(self.now)))
        except Refusal as refusal:
            self.codes.append(f"undo {step[0]}: {refusal.code}")
        self._read()
        return story.book is not before and self._is_rolled_back(story, name)

    def _is_rolled_back(self, story: Story, name: str) -> bool:
        last = story.order(name).last_change
        return last is not None and last.operation == Operation.ROLLBACK

    def orders(self) -> list[tuple[Story, Order]]:
        return [(story, order) for story in self.stories for order in story.book.orders]

    def days(self) -> list[date]:
        """The days on which an answer may become another, and their eves."""
        found: set[date] = {FIRST}
        for row in self.entries:
            for day in (row.start, row.end, row.effective, row.order_date):
                if day is not None:
                    found |= {day - timedelta(days=1), day, day + timedelta(days=1)}
        return sorted(found)

    def entitled(self, on: date, view: View, known: datetime | None = None) -> Entitlements:
        return entitlements(self.entries, on, known, view, promises=self._promised() if view is View.UNORDERED else ())

    def _promised(self) -> list[Promise]:
        """What is left of the quotes now; each amendment was approved when it was ordered."""
        found: list[Promise] = []
        for story in self.stories:
            book, left = self._left.get(story.book.quote_id, (None, ()))
            if book is not story.book:
                left = promises(story.priced, story.book, min(order.created_at for order in story.book.orders))
                self._left[story.book.quote_id] = (story.book, left)
            found += left
        return found

    def _read(self) -> None:
        """Take what the stories tell into the ledger of the customer, in the order of recording."""
        while len(self._told) < len(self.stories):
            self._told.append(0)
        for place, story in enumerate(self.stories):
            self.entries.extend(story.entries[self._told[place] :])
            self._told[place] = len(story.entries)

    def _step(self, name: str, which: int, line: int, days: int) -> Change:
        if name == "wait":
            return self._wait(1 + days // 8)
        self.now += timedelta(minutes=1)
        if name == "amend":
            return self._amend(which, line, days)
        if name == "order":
            story = self.stories[which % len(self.stories)]
            if story is not self.stories[0]:
                return Change()
            keys = [("order_date",), ("order_date", "ship_to"), ("segment", "order_date")][line % 3]
            return story.keep(split(story.book, story.priced, keys, cause(self.now)))
        if name == "close_period":
            month = (self.now.date() - timedelta(days=days % 90)).isoformat()[:7]
            self.closed.append(close_period(self.closed, month, self.now, "fin", time_zone="America/Chicago"))
            self.now += timedelta(seconds=1)
            return Change()
        picked = self._pick(name, which)
        return picked[0].keep(self._change(name, *picked, which, line, days)) if picked else self._wait(1 + days // 16)

    def _wait(self, days: int) -> Change:
        self.answers.append(self._answer())
        for story, order in self.orders():
            if allowed(order)[Operation.ACKNOWLEDGE] is None:
                self._hear_of(story, order, late=False)
        self._read()
        self._pass_time(self.now + timedelta(days=days))
        rows = due_periods(self.entries, self.now.astimezone(ZONE).date(), self.now)
        self.entries.extend(rows)
        return Change()

    def _pass_time(self, until: datetime) -> None:
        """What time brings to any order until then; the ERP accepts most at once, some a while later, and few never."""
        while due := [
            (max(moment, self.now), story, order)
            for story, order in self.orders()
            if (moment := next_moment(order)) is not None and moment <= until
        ]:
            self.now, story, order = min(due, key=lambda each: each[0])
            change = story.keep(advance(order, cause(self.now, "clock")))
            assert change.orders, "time was said to change the order"
            self._hear_of(story, change.order, late=order.number % 5 == 4)
            self._read()
        self.now = max(self.now, until)

    def _hear_of(self, story: Story, order: Order, *, late: bool) -> None:
        if order.activated_at is None or order.acknowledgement is not None or late:
            return
        outcome: Any = "rejected" if order.number % 13 == 12 else "accepted"
        story.keep(acknowledge(order, cause(self.now, "erp"), outcome=outcome))

    def _answer(self) -> Answered:
        today = self.now.astimezone(ZONE).date()
        asked = [today + timedelta(days=each) for each in (-40, -1, 0, 1, 33, 200)]
        self.now += timedelta(seconds=1)
        rows = {(day, view): self.entitled(day, view) for day in asked for view in VIEWS}
        answered = Answered(self.now, rows, self.left(None))
        self.now += timedelta(seconds=1)
        return answered

    def left(self, known: datetime | None) -> dict[Wanted, Decimal]:
        """How much of each line was unordered on which date and place, as known at a moment; none: now."""
        told = left_at(self._promised(), self.entries, known)
        return {(each.quote_id, each.line_id, each.order_date, each.ship_to): each.left for each in told if each.left}

    def _pick(self, name: str, which: int) -> tuple[Story, Order] | None:
        """An order that the step suits, now and then just any; none: the step is to wait."""
        known = self.orders()
        if which == 13:
            return known[which % len(known)]
        operation = Operation(name)
        suited = [(story, order) for story, order in known if allowed(order)[operation] is None]
        if name in ON_RUNNING:
            suited = [(s, o) for s, o in suited if any(self._suits(name, item) for item in o.items)]
        if not suited or (name in ("hold", "close") and which % 3):
            return None
        return suited[which % len(suited)]

    def _suits(self, name: str, item: Item) -> bool:
        methods = {"deliver": "on_delivery", "accept_item": "on_delivery", "reach": "on_milestone"}
        methods |= {"progress": "percent_complete", "usage": "usage"}
        return item.counts and item.revenue == methods.get(name, item.revenue) and item.state != "fulfilled"

    def _change(self, name: str, story: Story, order: Order, which: int, line: int, days: int) -> Change:
        book, by = story.book, cause(self.now, why="because")
        item = self._item(name, order, line)
        lines = {item.line_id: self._some(item, which)}
        to = self.now.date() + timedelta(days=days // 2)
        peers = [each for each in book.orders if each.state is order.state and each != order] or list(book.orders)
        other = peers[line % len(peers)].order_id
        disposition: Any = ("unordered", "cancelled")[which % 2]
        on = max(self.now.date() - timedelta(days=line % 40), order.order_date) if line % 2 else None
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

    def _item(self, name: str, order: Order, line: int) -> Item:
        items = [item for item in order.items if item.counts] or list(order.items)
        items = [item for item in items if name in ON_RUNNING and self._suits(name, item)] or items
        every = [item for _, each in self.orders() for item in each.items]
        return items[line % len(items)] if items else every[line % len(every)]

    def _some(self, item: Item, which: int) -> Decimal:
        whole = max(int(abs(item.quantity)), 1)
        return Decimal(which % (whole + 1))

    def _amend(self, which: int, line: int, days: int) -> Change:
        """Quantity up or down, another price, an extension or an early end, of something that runs."""
        first = self.stories[0]
        agreement = Agreement.of(first.priced.quote, [story.book for story in self.stories], self.entries)
        services = agreement.services()
        if not services:
            return Change()
        family = services[line % len(services)]
        begin = self.now.date() + timedelta(days=days % 120)
        last = family.last_day() or begin + timedelta(days=300)
        wishes: list[dict[str, str]] = [
            {"quantity_change": str(-(1 + which % 3))},
            {"quantity_change": str(1 + which % 3)},
            {"unit_price": f"{1 + which}.25"},
            {"end_date": (last + timedelta(days=1 + which * 3)).isoformat()},
            {"end_date": (begin + timedelta(days=which)).isoformat()},
            {"quantity_change": "2", "unit_price": "3.5"},
            {"quantity_change": "-1", "end_date": (begin + timedelta(days=which * 2)).isoformat()},
        ]
        wish = {
            "quote_id": f"Q-1.{len(self.stories)}",
            "contract_of": "Q-1",
            "start_date": begin.isoformat(),
            "lines": [{"line": family.first.plan.item_id, **wishes[which % len(wishes)]}],
        }
        document = amend(agreement, read_model(Amendment, wish))
        story = Story(price(read_quote(document)))
        by = Cause(at=self.now, by="rosa")
        change = order_amendment(story.book, story.priced, agreement, ("order_date", "ship_to"), by)
        story.keep(change)
        self.stories.append(story)
        return change
