"""A customer's life in test: a quote of every kind of line, its orders, and whatever can happen to them in time.

The machine plays random steps on the orders of a quote and of its amendments, keeps the one ledger of all of them, and
remembers what was answered at every moment. What is refused must change nothing, and the invariants hold after each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.ledger.closing import ClosedPeriod, close_period
from domain.ledger.entitlement import Entitlements, View, entitlements
from domain.ledger.entries import LedgerEntry
from domain.ledger.later_period import due_periods
from domain.ledger.promise import Promise, left_at
from domain.order.activation import acknowledge, advance, next_moment
from domain.order.book import OrderBook
from domain.order.event import Change
from domain.order.order import Order
from domain.order.permission import Operation, allowed
from domain.order.promised import promises
from domain.order.rollback import roll_back
from domain.order.split import split
from domain.pricing import PricedQuote
from domain.refusal import Refusal
from tests.domain.order.life_amendment import amended
from tests.domain.order.life_change import change_of, suits
from tests.domain.order.life_steps import ON_RUNNING, Step
from tests.domain.order.random_quotes import FIRST
from tests.domain.order.story import BEFORE, ZONE, Story, cause

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
            change = story.keep(change_of(step, *picked, self.now, self._orders()))
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

    def _orders(self) -> list[Order]:
        return [order for _, order in self.orders()]

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
            made = amended(self.stories, self.entries, self.now, (which, line, days))
            self.stories += [made[0]] if made else []
            return made[1] if made else Change()
        if name == "order":
            story = self.stories[which % len(self.stories)]
            if story is not self.stories[0]:
                return Change()
            keys = [("order_date",), ("order_date", "ship_to"), ("segment", "order_date")][line % 3]
            return story.keep(split(story.book, story.priced, keys, cause(self.now)))
        if name == "close_period":
            month = (self.now.date() - timedelta(days=days % 90)).isoformat()[:7]
            zone, last = "America/Chicago", len(self.entries)
            self.closed.append(close_period(self.closed, month, self.now, "fin", time_zone=zone, ledger_seq=last))
            return Change()
        picked = self._pick(name, which)
        if picked is None:
            return self._wait(1 + days // 16)
        return picked[0].keep(change_of((name, which, line, days), *picked, self.now, self._orders()))

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
            suited = [(s, o) for s, o in suited if any(suits(name, item) for item in o.items)]
        if not suited or (name in ("hold", "close") and which % 3):
            return None
        return suited[which % len(suited)]
