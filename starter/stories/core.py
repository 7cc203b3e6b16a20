"""The core stage: a story played on the pure state machines alone, in virtual time, without any server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from activities.change_approvals import FACTS, change_name, wanted_by
from activities.order_operations import operated
from activities.requests import OrderChange
from domain.approval.plan import Submission, make_plan
from domain.approval.preview import explain_plan, preview_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import ActVerb, Decision, Outcome, RoundState, Verdict
from domain.approvers import check_approvers
from domain.changes import changed
from domain.delegation import Delegation
from domain.ledger.closing import ClosedPeriod, close_period
from domain.ledger.entries import LedgerEntry
from domain.ledger.promise import Promise
from domain.money import read_decimal
from domain.order.activation import acknowledge, advance, next_moment
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.book import OrderBook, open_book
from domain.order.change_request import change_document, is_same_change
from domain.order.event import Cause, Change
from domain.order.fulfilment import accept_item, deliver
from domain.order.order import Order, OrderState
from domain.order.placing import place
from domain.order.promised import promises
from domain.order.renewal import Renewal, renew
from domain.order.work import reach_work
from domain.people import Directory, read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_date, read_model
from domain.refusal import Refusal
from domain.replacement import Replaced, find_replacement, succeed
from domain.standing import (
    QuoteState,
    check_accept,
    check_change,
    check_edit,
    check_order,
    check_recall,
    check_submit,
    state_after,
    status_before,
)
from starter.stories.acts import act_of, needs_admin
from starter.stories.contracting import due_at, passed_periods, wish_of
from starter.stories.document import (
    Acknowledging,
    Amending,
    Case,
    ClosingPeriod,
    Deciding,
    Delivering,
    MovingDate,
    Ordering,
    OrderVerb,
    Publishing,
    Reaching,
    Renewing,
    Replacing,
)
from starter.stories.operations import fields_of, subject_of
from starter.stories.stage import Facts, Happening

CLOCK = "clock"
OF_A_QUOTE = ("document", "priced", "rounds", "edits", "book", "state", "accepted", "plan", "asked")
"""What the stage knows of one quote, and puts aside while another is the quote of the case."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A change of an order that waits for its approval; ``name`` is what the story calls an order that it makes."""

    order_id: str
    key: str
    quote_id: str
    change: OrderChange
    name: str | None


class CoreStage:
    """One case on the pure core. Everything it knows is in this object."""

    def __init__(self) -> None:
        self.rounds: list[RoundState] = []
        self.edits: list[tuple[int, str]] = []
        self.happenings: list[Happening] = []
        self.messages: list[tuple[str, str]] = []
        self.entries: list[LedgerEntry] = []
        self.names: dict[str, str] = {}
        self.book: OrderBook | None = None
        self.state = QuoteState.DRAFT
        self.accepted = False
        self.plan: RoundState | None = None
        self.asked: Submission | None = None
        self.decisions = 0
        self.shelf: dict[str, dict[str, Any]] = {}
        self.closed: list[ClosedPeriod] = []
        self.renewals: list[tuple[datetime, Renewing]] = []
        self.waiting: dict[str, _Waiting] = {}
        self.changes: list[str] = []

    async def begin(self, case: Case) -> None:
        self._clock = case.at
        self.manual_erp, self.cut_off = case.manual_erp, case.cut_off
        self.directory: Directory = read_directory(case.directory)
        self.policy_document = case.policy
        self.policy = self._published(case.policy, 1)
        self.order_policy = self._published(case.order_policy, 1) if case.order_policy is not None else None
        self._take_content(case.quote)
        self.came = [self.priced.quote.quote_id]

    @property
    def clock(self) -> datetime:
        return self._clock

    # -- the quote

    def _published(self, document: Any, version: int) -> CompiledPolicy:
        policy = read_policy(document).model_copy(update={"version": version})
        check_approvers(policy, self.directory)
        return compile_policy(policy)

    def _take_content(self, document: Any) -> None:
        quote = read_quote(document)
        self.document, self.priced = document, price(quote)

    async def edit(self, by: str, change: Mapping[str, Any]) -> None:
        document = changed(self.document, change)
        quote = read_quote(document)
        self._check_user(by)
        if quote.content_hash == self.priced.quote.content_hash:
            return  # an edit that changes nothing is accepted, wherever the quote stands
        check_edit(self.state, self.accepted)
        self._take_content(document)
        self.edits.append((len(self.rounds), by))
        self.state = QuoteState.DRAFT
        self._tell("edited", by=by)

    async def accept(self, by: str, comment: str | None) -> None:
        check_accept(self.state, self.accepted)
        self._check_user(by)
        self.accepted = True
        self._tell("accepted", by=by)

    def _check_user(self, by: str) -> None:
        if not self.directory.is_active(by):
            raise Refusal("unknown_user", f"{by} is no active user of the directory", "by")

    def _tell(self, kind: str, by: str | None = None) -> None:
        self.happenings.append(Happening(kind, self.clock, (self.priced.quote.quote_id,), by))

    # -- approvals

    def _submission(self, by: str, comment: str | None) -> Submission:
        approved = [at for at, each in enumerate(self.rounds, start=1) if each.outcome is Outcome.APPROVED]
        editors = tuple(who for after, who in self.edits if after >= max(approved, default=0))
        return Submission(
            self.priced,
            self._policy_of_the_quote(),
            self.directory,
            by,
            self.clock,
            editors,
            self.rounds,
            comment,
            status_before(self.state, self.rounds),
        )

    def _policy_of_the_quote(self) -> CompiledPolicy:
        is_change = self.order_policy is not None and self.priced.quote.quote_id in self.changes
        return self.order_policy if is_change and self.order_policy is not None else self.policy

    async def submit(self, by: str, comment: str | None) -> None:
        check_submit(self.state, self.accepted)
        if self.priced.quote.quote_id in self.changes:
            check_change(len(self.rounds))
        self._open(by, comment)

    def _open(self, by: str, comment: str | None) -> None:
        submission = self._submission(by, comment)
        moving = ApprovalRound(make_plan(submission), self.directory)
        moving.open(self.clock)
        self.asked = submission
        self.rounds.append(moving.state)
        self.plan = None
        self._take(moving)

    async def preview(self, by: str | None) -> None:
        submission = self._submission(by or self.priced.quote.owner, None)
        self.plan = preview_plan(submission)
        self.asked = submission

    async def recall(self, by: str, comment: str | None, *, admin: bool = False) -> None:
        check_recall(self.state, self.accepted)
        self._moved(self._current(), lambda moving: moving.recall(by, self.clock, comment=comment, is_admin=admin))
        self._settle_changes()

    async def decide(self, verdict: str, arguments: Deciding) -> None:
        self.decisions += 1
        decision = Decision(
            decision_id=f"decision-{self.decisions}",
            approval=arguments.approval or arguments.rule or "",
            verdict=Verdict(verdict),
            by=arguments.by,
            seat_of=arguments.for_,
            comment=arguments.comment,
            reason=arguments.reason,
        )
        if not self.rounds:
            raise Refusal("round_closed", "the quote was never submitted")
        self._moved(self._current(), lambda moving: moving.decide(decision, self.clock))
        self._settle_changes()

    async def act(self, verb: str, arguments: Any) -> None:
        if not self.rounds:
            raise Refusal("round_closed", "the quote was never submitted")
        self.decisions += 1
        name = arguments.approval or arguments.rule or ""
        act = act_of(verb, arguments, f"act-{self.decisions}", name, self.rounds[-1].submitter)
        admin, override = needs_admin(verb, arguments), verb == ActVerb.OVERRIDE
        self._moved(self._current(), lambda moving: moving.act(act, self.clock, is_admin=admin, may_override=override))
        self._settle_changes()

    def _current(self) -> ApprovalRound:
        return ApprovalRound(self.rounds[-1], self.directory)

    def _moved(self, moving: ApprovalRound, verb: Any) -> None:
        verb(moving)
        self._take(moving)

    def _take(self, moving: ApprovalRound) -> None:
        self.rounds[-1] = moving.state
        self.state = state_after(moving.state)
        for event in moving.events:
            names = (event.rule, event.approval_id) if event.rule else (moving.state.quote_id,)
            self.happenings.append(Happening(event.kind, event.at, tuple(filter(None, names)), event.by))
        self.messages.extend((notice.kind, notice.to) for notice in moving.notices)

    # -- contracts: several quotes, one of which is the quote of the case

    def _turn_to(self, quote_id: str) -> str:
        """Make that quote the quote of the case; which one was it before."""
        before = self.priced.quote.quote_id
        if quote_id != before:
            found = self.shelf.pop(quote_id)
            self._shelve()
            for name, value in found.items():
                setattr(self, name, value)
        return before

    def _shelve(self) -> None:
        self.shelf[self.priced.quote.quote_id] = {name: getattr(self, name) for name in OF_A_QUOTE}

    @contextmanager
    def _at(self, quote_id: str) -> Iterator[None]:
        before = self._turn_to(quote_id)
        try:
            yield
        finally:
            self._turn_to(before)

    def _hand_in(self, document: Any) -> None:
        """A prepared quote is the quote of the case from now on."""
        if document["quote_id"] in self.came:
            raise Refusal("key_taken", f"there is a quote {document['quote_id']} already", "quote_id")
        priced = price(read_quote(document))
        self._shelve()
        self.rounds, self.edits, self.book, self.plan, self.asked = [], [], None, None, None
        self.state, self.accepted = QuoteState.DRAFT, False
        self.document, self.priced = document, priced
        self.came.append(priced.quote.quote_id)

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
        return Agreement.of(quote, books, self.entries)

    def _origins(self, quote_id: str) -> tuple[str, str | None]:
        with self._at(quote_id):
            return quote_id, self.priced.quote.amends

    def _prepare(self, given: Any, kind: str) -> tuple[Agreement, dict[str, Any]]:
        agreement = self._agreement(given.contract_of)
        first = agreement.quote.quote_id
        number = next(n for n in count(1) if f"{first}-{kind}{n}" not in self.came)
        by = given.by or agreement.quote.owner
        self._check_user(by)
        return agreement, {"owner": by, "quote_id": f"{first}-{kind}{number}", **wish_of(given), "contract_of": first}

    async def amend(self, arguments: Amending) -> None:
        agreement, fields = self._prepare(arguments, "A")
        self._hand_in(amend(agreement, read_model(Amendment, fields)))

    async def renew(self, arguments: Renewing) -> None:
        if arguments.lead is not None:
            quote = self._agreement(arguments.contract_of).quote
            due = due_at(self.entries, quote.quote_id, arguments.lead, quote.customer.time_zone)
            if due > self.clock:
                self.renewals.append((due, arguments))
                return
        agreement, fields = self._prepare(arguments, "R")
        today = self.clock.astimezone(ZoneInfo(agreement.quote.customer.time_zone)).date()
        self._hand_in(renew(agreement, read_model(Renewal, fields), today))

    async def turn_back(self) -> None:
        self._turn_to(self.came[0])

    async def close_period(self, arguments: ClosingPeriod) -> None:
        customer, by = self.priced.quote.customer, arguments.by or self.priced.quote.owner
        self._check_user(by)
        zone = customer.time_zone
        self.closed.append(close_period(self.closed, arguments.month, self.clock, by, time_zone=zone))

    # -- people

    async def delegate(self, delegation: Delegation) -> None:
        self._work_with(self.directory.with_delegation(delegation, self.clock))

    async def end_delegation(self, of: str) -> None:
        self._work_with(self.directory.without_delegations(of))

    async def change_directory(self, change: Mapping[str, Any]) -> None:
        document = self.directory.model_dump(mode="json", by_alias=True, exclude_none=True)
        self._work_with(read_directory(changed(document, change)))

    async def deactivate(self, user: str) -> None:
        self._work_with(self.directory.deactivated(user))

    async def replace(self, arguments: Replacing) -> None:
        kind = Replaced.USER if arguments.user is not None else None
        old = arguments.user or arguments.approver or ""
        found = succeed(self.directory, find_replacement(self.directory, old, arguments.by_whom, kind), self.clock)
        self.directory = found.directory
        if self.rounds and self.rounds[-1].outcome is None:
            given = {"operation": "story", "by": arguments.by, "comment": arguments.comment}
            self._moved(self._current(), lambda moving: moving.replace(found.replacement, self.clock, **given))

    async def publish(self, arguments: Publishing) -> None:
        document = arguments.policy if arguments.policy is not None else self.policy_document
        document = changed(document, arguments.policy_change or {})
        self.policy = self._published(document, (self.policy.policy.version or 0) + 1)
        self.policy_document = document

    def _work_with(self, directory: Directory) -> None:
        if self.rounds and self.rounds[-1].outcome is None:
            self._moved(ApprovalRound(self.rounds[-1], directory), lambda moving: moving.refresh(self.clock))
        self.directory = directory

    # -- orders

    async def order(self, arguments: Ordering) -> None:
        cause = self._cause(arguments.by)
        check_order(self.state, self.accepted)
        book = self.book or open_book(self.priced)
        amends = self.priced.quote.amends
        agreement = self._agreement(amends) if amends else None
        change = place(book, self.priced, arguments.split_by or (), arguments.picks, agreement, cause)
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
            waiting = _Waiting(order.order_id, order.key, order.quote_id, change, getattr(arguments, "as_", None))
            document = self._needed(waiting, made) if made.orders else None
            if document is None:
                self._make(waiting, made)
        if document is not None:
            self._wait_for(waiting, document)

    def _tried(self, order_id: str, change: OrderChange) -> Change:
        book, why = self._book(), change.reason or change.comment
        cause = self._cause(change.by).model_copy(update={"why": why})
        return operated(book.order(order_id), book, change, cause, cut_off=self.cut_off)

    def _make(self, waiting: _Waiting, made: Change) -> None:
        known = {order.order_id for order in self._book().orders}
        self._apply(made)
        new = [order.order_id for order in made.orders if order.order_id not in known]
        if waiting.name is not None and new:
            self.names[waiting.name] = new[0]
        self._time_orders(self.clock)

    # -- changes that wait for their approval

    def _needed(self, waiting: _Waiting, made: Change) -> dict[str, Any] | None:
        """The document that must be approved first, if a policy asks for that."""
        if self.order_policy is None or waiting.change.verb in FACTS:
            return None
        number = 1 + sum(each.startswith(f"{waiting.order_id}.change-") for each in self.changes)
        document = self._document(waiting, made, change_name(waiting.order_id, number))
        by, priced = waiting.change.by, price(read_quote(document))
        submission = Submission(priced, self.order_policy, self.directory, by, self.clock)
        day = self.clock.astimezone(self.directory.calendar_of(by).zone).date()
        if not self.order_policy.evaluate(priced, day, status=submission.status).fired:
            return None
        return document if preview_plan(submission).outcome is None else None

    def _document(self, waiting: _Waiting, made: Change, change_id: str) -> dict[str, Any]:
        book = self._book()
        wanted = wanted_by(waiting.change, book.order(waiting.order_id), book.orders, made)
        return change_document(change_id, self.priced.quote, wanted)

    def _wait_for(self, waiting: _Waiting, document: dict[str, Any]) -> None:
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

    def _settle_change(self, waiting: _Waiting, document: Mapping[str, Any], *, approved: bool) -> None:
        try:
            made = self._tried(waiting.order_id, waiting.change) if approved else None
        except Refusal:
            made = None
        if made is None or not is_same_change(document, self._document(waiting, made, document["quote_id"])):
            self._tell_of(waiting, "change_dropped")
            if approved:
                self.messages.append(("change_dropped", waiting.change.by))
        else:
            with self._at(document["quote_id"]):
                self.accepted = True
            self._tell_of(waiting, "change_carried_out")
            self._make(waiting, made)

    def _tell_of(self, waiting: _Waiting, kind: str) -> None:
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

    def _promises(self) -> Iterator[Promise]:
        """What the approved quotes of the case hold, since each was approved."""
        for quote_id in [each for each in self.came if each not in self.changes]:
            with self._at(quote_id):
                since = self.rounds[-1].closed_at if self.rounds and self.state is QuoteState.APPROVED else None
                if since is not None:
                    yield from promises(self.priced, self.book or open_book(self.priced), since)

    # -- time

    async def advance_to(self, moment: datetime) -> None:
        while (due := self._first_moment()) is not None and due <= moment:
            self._move_clock(max(self._clock, due))
            for quote_id in tuple(self.came):
                with self._at(quote_id):
                    self._time_round(self._clock)
                    self._time_orders(self._clock)
            self._settle_changes()
            for each in [each for each in self.renewals if each[0] <= self._clock]:
                self.renewals.remove(each)
                await self.renew(each[1])
        self._move_clock(moment)

    def _move_clock(self, moment: datetime) -> None:
        before, self._clock = self._clock, moment
        self.entries.extend(passed_periods(self.entries, before, moment, self.priced.quote.customer.time_zone))

    def _first_moment(self) -> datetime | None:
        moments: list[datetime | None] = [due for due, _ in self.renewals]
        for quote_id in tuple(self.came):
            with self._at(quote_id):
                moments.append(self._next_moment())
        return min((each for each in moments if each is not None), default=None)

    def _next_moment(self) -> datetime | None:
        moments: list[datetime | None] = [self.rounds[-1].next_moment] if self.rounds else []
        if self.book is not None:
            moments.extend(next_moment(order) for order in self.book.orders)
        return min((each for each in moments if each is not None), default=None)

    def _time_round(self, at: datetime) -> None:
        if self.rounds and (due := self.rounds[-1].next_moment) is not None and due <= at:
            self._moved(self._current(), lambda moving: moving.advance(at, exact=True))

    def _time_orders(self, at: datetime) -> None:
        for order in self.book.orders if self.book is not None else ():
            due = next_moment(order)
            if due is not None and due <= at:
                self._apply(advance(order, Cause(at=at, by=CLOCK)))
        if self.book is not None:
            self._acknowledge_at_once(at)

    # -- facts

    async def facts(self) -> Facts:
        quote = self.priced.quote
        return Facts(
            now=self.clock,
            state=self.state,
            round=self.rounds[-1] if self.rounds else None,
            plan=self.plan,
            happenings=tuple(self.happenings),
            messages=tuple(self.messages),
            book=self.book,
            books=self._books(),
            closed=tuple(self.closed),
            owner=quote.owner,
            entries=tuple(self.entries),
            promises=tuple(self._promises()),
            time_zone=quote.customer.time_zone,
            quote_total=self.priced.net_total,
            names=self.names,
            explained=lambda: explain_plan(self.asked) if self.asked is not None else (),
        )


def _quantity(text: str | None) -> Decimal | None:
    return None if text is None else read_decimal(text, "quantity")


def _date(text: str | None) -> date | None:
    return None if text is None else read_date(text)
