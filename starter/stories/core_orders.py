"""The verbs of the core stage on orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from activities.change_approvals import FACTS, change_name, wanted_by
from activities.order_operations import operated
from activities.requests import OrderChange
from domain.approval.plan import Submission
from domain.approval.preview import preview_plan
from domain.ledger.promise import Promise
from domain.money import read_decimal
from domain.order.activation import acknowledge, activate, advance, next_moment
from domain.order.agreement import Agreement
from domain.order.block import blockers, is_credit_blocked, unblock
from domain.order.book import OrderBook, open_book
from domain.order.carried import RENEWS
from domain.order.change_request import change_document, is_same_change
from domain.order.event import Cause, Change
from domain.order.fulfilment import accept_item, deliver
from domain.order.order import Order, OrderState
from domain.order.placing import place
from domain.order.promised import promises
from domain.order.wanted import Wanted
from domain.order.work import reach_work
from domain.pricing import price
from domain.quote import Quote, read_quote
from domain.reading import read_date
from domain.refusal import Refusal
from domain.standing import (
    QuoteState,
    check_order,
)
from starter.stories.approval_verbs import Deciding
from starter.stories.core_quotes import CoreQuotes, Waiting
from starter.stories.operations import fields_of, subject_of
from starter.stories.order_verbs import Acknowledging, Delivering, MovingDate, Ordering, OrderVerb, Reaching
from starter.stories.stage import Happening

CLOCK = "clock"


class CoreOrders(CoreQuotes):
    """The verbs on orders, and changes of them that wait for their approval."""

    # -- orders

    async def order(self, arguments: Ordering) -> None:
        cause = self._cause(arguments.by)
        check_order(self.state, self.accepted)
        book = self.book or open_book(self.priced)
        amends = self.priced.quote.amends
        agreement = self._agreement(amends) if amends else None
        renews = self._renewed()
        change = place(book, self.priced, arguments.split_by or (), arguments.picks, agreement, cause, renews)
        self.book = book
        self._apply(change)
        if arguments.as_:
            if len(change.orders) != 1:
                raise Refusal("wrong_state", f"as: names one order, this call made {len(change.orders)}", "as")
            self.names[arguments.as_] = change.order.order_id
        self._time_orders(self.clock)

    async def move_date(self, arguments: MovingDate) -> None:
        fields = {"comment": arguments.comment, "reason": arguments.reason, "to": read_date(arguments.to)}
        self._operate("move_date", arguments.order, arguments, fields)

    async def activate(self, arguments: OrderVerb) -> None:
        fields = {"comment": arguments.comment, "reason": arguments.reason}
        self._operate("activate", arguments.order, arguments, fields)

    async def acknowledge(self, arguments: Acknowledging) -> None:
        with self._at(self._holder(arguments.order)):
            order, cause = self._order(arguments.order), self._cause(arguments.by)
            given = {"outcome": arguments.outcome, "document": arguments.document, "reason": arguments.reason}
            self._apply(acknowledge(order, cause, **given))  # type: ignore[arg-type]

    async def deliver(self, arguments: Delivering) -> None:
        with self._at(self._holder(arguments.order)):
            order, cause = self._order(arguments.order), self._cause(arguments.by)
            quantity, on = _quantity(arguments.quantity), _date(arguments.on)
            self._apply(
                deliver(order, cause, line=arguments.line, quantity=quantity, on=on, evidence=arguments.evidence)
            )

    async def accept_item(self, arguments: Delivering) -> None:
        with self._at(self._holder(arguments.order)):
            order, cause = self._order(arguments.order), self._cause(arguments.by)
            quantity, on = _quantity(arguments.quantity), _date(arguments.on)
            self._apply(
                accept_item(order, cause, line=arguments.line, quantity=quantity, on=on, evidence=arguments.evidence)
            )

    async def reach(self, arguments: Reaching) -> None:
        with self._at(self._holder(arguments.order)):
            order, cause, on = self._order(arguments.order), self._cause(arguments.by), _date(arguments.on)
            told = {"line": arguments.line, "milestone": arguments.milestone, "evidence": arguments.evidence}
            self._apply(reach_work(self._book(), order.order_id, cause, on=on, **told))

    async def operate(self, verb: str, arguments: Any) -> None:
        subject = subject_of(arguments)
        with self._at(self._holder(subject)):
            fields = fields_of(arguments, self._book(), self.names)
        self._operate(verb, subject, arguments, fields)

    def _operate(self, verb: str, subject: str, arguments: Any, fields: Mapping[str, Any]) -> None:
        """Make the change, or have it wait where a policy asks for its approval."""
        with self._at(self._holder(subject)):
            order, by = self._order(subject), arguments.by or self.priced.quote.owner
            change = OrderChange.model_validate({"key": "story", "verb": verb, "by": by, "token": "", **fields})
            made = self._tried(order.order_id, change)
            waiting = Waiting(order.order_id, order.key, order.quote_id, change, getattr(arguments, "as_", None))
            document = self._needed(waiting, made) if made.orders else None
            if document is None:
                self._make(waiting, made)
        if document is not None:
            self._wait_for(waiting, document)

    def _tried(self, order_id: str, change: OrderChange) -> Change:
        book, why = self._book(), change.reason or change.comment
        cause = self._cause(change.by).model_copy(update={"why": why})
        order = book.order(order_id)
        if change.verb == "activate":
            return activate(order, cause, reasons=self._reasons_against(order))
        return operated(order, book, change, cause, cut_off=self.cut_off)

    def _reasons_against(self, order: Order) -> tuple[str, ...]:
        return blockers(order, credit_block=self.credit_block)

    async def credit(self, reason: str, *, held: bool) -> None:
        if not held and self.credit_block is None:
            raise Refusal("not_on_credit_hold", "the customer is not on credit hold", "customer_id")
        self.credit_block = reason if held else None
        for quote_id in tuple(self.came) if not held else ():
            with self._at(quote_id):
                for order in self.book.orders if self.book is not None else ():
                    if is_credit_blocked(order):
                        self._apply(unblock(order, Cause(at=self.clock, by=CLOCK)))
                self._time_orders(self.clock)

    def _make(self, waiting: Waiting, made: Change) -> None:
        known = {order.order_id for order in self._book().orders}
        self._apply(made)
        new = [order.order_id for order in made.orders if order.order_id not in known]
        if waiting.name is not None and new:
            self.names[waiting.name] = new[0]
        self._time_orders(self.clock)

    # -- changes that wait for their approval

    async def recall(self, by: str, comment: str | None, *, admin: bool = False) -> None:
        await super().recall(by, comment, admin=admin)
        self._settle_changes()

    async def decide(self, verdict: str, arguments: Deciding) -> None:
        await super().decide(verdict, arguments)
        self._settle_changes()

    async def act(self, verb: str, arguments: Any) -> None:
        await super().act(verb, arguments)
        self._settle_changes()

    def _needed(self, waiting: Waiting, made: Change) -> dict[str, Any] | None:
        """The document that must be approved first, if a policy asks for that."""
        if self.order_policy is None or waiting.change.verb in FACTS:
            return None
        number = 1 + sum(each.startswith(f"{waiting.order_id}.change-") for each in self.changes)
        name = change_name(waiting.order_id, number)
        document = change_document(name, self.priced.quote, self._wanted(waiting, made))
        by, priced = waiting.change.by, price(read_quote(document))
        submission = Submission(priced, self.order_policy, self.directory, by, self.clock)
        day = self.clock.astimezone(self.directory.calendar_of(by).zone).date()
        if not self.order_policy.evaluate(priced, day, status=submission.status).fired:
            return None
        return document if preview_plan(submission).outcome is None else None

    def _wanted(self, waiting: Waiting, made: Change) -> Wanted:
        book = self._book()
        return wanted_by(waiting.change, book.order(waiting.order_id), book, made)

    def _wait_for(self, waiting: Waiting, document: dict[str, Any]) -> None:
        change_id = document["quote_id"]
        self._tell_of(waiting, "change_asked")
        self._hand_in(document)
        self.changes.append(change_id)
        self.edits.append((0, waiting.change.by))
        self.waiting[change_id] = waiting
        self._open(waiting.change.by, waiting.change.comment)

    def _settle_changes(self) -> None:
        """Make the changes that were approved, and drop those that were not."""
        for change_id, waiting in tuple(self.waiting.items()):
            with self._at(change_id):
                state, document = self.state, self.document
            if state is not QuoteState.PENDING:
                del self.waiting[change_id]
                if self.priced.quote.quote_id == change_id:
                    self._turn_to(self.came[0])
                with self._at(waiting.quote_id):
                    self._settle_change(waiting, document, approved=state is QuoteState.APPROVED)

    def _settle_change(self, waiting: Waiting, document: Mapping[str, Any], *, approved: bool) -> None:
        try:
            made = self._tried(waiting.order_id, waiting.change) if approved else None
        except Refusal:
            made = None
        if made is None or not self._is_same(waiting, made, document):
            self._tell_of(waiting, "change_dropped")
            if approved:
                self.messages.append(("change_dropped", waiting.change.by))
        else:
            with self._at(document["quote_id"]):
                self.accepted = True
            self._tell_of(waiting, "change_carried_out")
            self._make(waiting, made)

    def _is_same(self, waiting: Waiting, made: Change, approved: Mapping[str, Any]) -> bool:
        wanted = self._wanted(waiting, made)
        now = change_document(approved["quote_id"], self.priced.quote, wanted)
        return bool(made.orders) and is_same_change(approved, now, on_its_day=wanted.on_its_day)

    def _tell_of(self, waiting: Waiting, kind: str) -> None:
        self.happenings.append(Happening(kind, self.clock, (waiting.key, waiting.order_id), waiting.change.by))

    def _book(self) -> OrderBook:
        if self.book is None:
            raise Refusal("unknown_order", "nothing is ordered yet", "order")
        return self.book

    def _order(self, name: str) -> Order:
        return self._book().order(self.names.get(name, name))

    def _cause(self, by: str | None) -> Cause:
        who = by or self.priced.quote.owner
        self._check_user(who)
        return Cause(at=self.clock, by=who)

    def _apply(self, change: Change) -> None:
        self.book = self._book().applied(change)
        self.entries.extend(change.entries)
        for event in change.events:
            names = tuple(filter(None, (event.line_id, event.key, event.order_id)))
            self.happenings.append(Happening(event.kind.value, event.at, names, event.by))

    def _acknowledge_at_once(self, at: datetime) -> None:
        if self.manual_erp:
            return
        for order in self._book().orders:
            if order.state in (OrderState.ACTIVATED, OrderState.FULFILLED) and order.acknowledgement is None:
                self._apply(acknowledge(order, Cause(at=at, by="erp")))

    def _books(self) -> tuple[OrderBook, ...]:
        known = {**{name: facts["book"] for name, facts in self.shelf.items()}, self.priced.quote.quote_id: self.book}
        return tuple(known[name] for name in self.came if known[name] is not None)

    def _holder(self, name: str) -> str:
        """The quote whose order that is: the quote of the case, or else another one."""
        key, current = self.names.get(name, name), self.priced.quote.quote_id
        for book in sorted(self._books(), key=lambda each: each.quote_id != current):
            if any(key in (order.order_id, order.key) for order in book.orders):
                return book.quote_id
        return current

    def _agreement(self, quote_id: str) -> Agreement:
        if quote_id not in self.came:
            raise Refusal("unknown_contract", f"there is no contract of {quote_id}", "contract_of")
        with self._at(quote_id):
            quote = self.priced.quote
        if quote.amends is not None:
            return self._agreement(quote.amends)
        books = [book for book in self._books() if quote.quote_id in self._origins(book.quote_id)]
        if not books:
            raise Refusal("not_ordered", f"nothing of {quote_id} was ordered yet", "contract_of")
        return Agreement.of(quote, books, self.entries, others=self._quotes_in_books())

    def _renewed(self) -> Agreement | None:
        """What the quote renews, where that was ordered in this case."""
        name = self.priced.quote.fields.get(RENEWS) if self.priced.quote.amends is None else None
        ordered = {book.quote_id for book in self._books()}
        return self._agreement(name) if name in ordered and name != self.priced.quote.quote_id else None

    def _quotes_in_books(self) -> list[Quote]:
        found = []
        for book in self._books():
            with self._at(book.quote_id):
                found.append(self.priced.quote)
        return found

    def _origins(self, quote_id: str) -> tuple[str, str | None]:
        with self._at(quote_id):
            return quote_id, self.priced.quote.amends

    def _promises(self) -> Iterator[Promise]:
        """What the approved quotes of the case hold, since each was approved."""
        for quote_id in [each for each in self.came if each not in self.changes]:
            with self._at(quote_id):
                since = self.rounds[-1].closed_at if self.rounds and self.state is QuoteState.APPROVED else None
                if since is not None:
                    yield from promises(self.priced, self.book or open_book(self.priced), since)

    def _time_orders(self, at: datetime) -> None:
        for order in self.book.orders if self.book is not None else ():
            due = next_moment(order)
            if due is not None and due <= at:
                self._apply(advance(order, Cause(at=at, by=CLOCK), reasons=self._reasons_against(order)))
        if self.book is not None:
            self._acknowledge_at_once(at)


def _quantity(text: str | None) -> Decimal | None:
    return None if text is None else read_decimal(text, "quantity")


def _date(text: str | None) -> date | None:
    return None if text is None else read_date(text)
