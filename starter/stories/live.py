"""The live stage: a story played against real workflows, a real database and a real server, in virtual time.

The story keeps its own clock. Runs are started with it; when the story moves on, every open run that has a timer is
forwarded by the same amount, one due moment after the other, so that what time brings happens in the story's order.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Set
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from activities.agreements import promised_by
from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from activities.tokens import Identity, Tokens
from domain.approval.plan import Submission
from domain.approval.preview import explain_plan, preview_plan
from domain.approval.state import ActVerb, RoundState, Verdict
from domain.changes import changed
from domain.delegation import Delegation
from domain.order.activation import next_moment
from domain.order.book import OrderBook
from domain.order.order import FINAL
from domain.policy.document import read_policy
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_date
from domain.refusal import Refusal
from domain.replacement import Replaced
from domain.standing import QuoteState
from starter.approval_desk import ApprovalDesk
from starter.change_keeper import ChangeKeeper
from starter.clock import StoryClock
from starter.contract_desk import ContractDesk
from starter.credit_desk import CreditDesk
from starter.credit_watch import CreditWatch
from starter.desk import Desk
from starter.order_desk import OrderDesk
from starter.order_refresher import OrderRefresher
from starter.people_desk import PeopleDesk
from starter.quote_desk import QuoteDesk
from starter.replacement_desk import ReplacementDesk
from starter.round_refresher import RoundRefresher
from starter.stories.acts import act_of, needs_admin
from starter.stories.approval_verbs import Deciding, Publishing, Replacing
from starter.stories.contract_verbs import Amending, ClosingPeriod, Renewing
from starter.stories.contracting import due_at, passed_periods, wish_of
from starter.stories.document import Case
from starter.stories.operations import fields_of, subject_of
from starter.stories.order_verbs import Acknowledging, Delivering, MovingDate, Ordering, OrderVerb, Reaching
from starter.stories.stage import Facts, Happening
from workflows.names import order_run_id, quote_approval_id

SETUP = Identity("setup", frozenset({"admin"}))
ERP = Identity("erp", frozenset({"service"}))
PATIENCE = timedelta(seconds=30)
LEAD = timedelta(seconds=10)
"""How far the clocks of the runs go ahead of the story's, and how far apart two moments of a story must at least be.

A run is forwarded to a target. Where the target passes while the run is still at work, the server may jump to the
next timer of the run instead (server 1.32, seen once in fifty plays on a busy machine). So the target lies further
ahead than what comes due on the way takes to be done.
"""
QUIET = frozenset({"created", "policy_published", "directory_loaded", "order_sent"})


class LiveStage:
    """One case against the live system. The quote's id is made the case's own, so that cases share a server."""

    def __init__(
        self, client: Client, database: Database, tokens: Tokens, *, task_queue: str, suffix: str = ""
    ) -> None:
        self._client = client
        self._database = database
        self._tokens = tokens
        self._task_queue = task_queue
        self._suffix = suffix
        self._skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        self._plan: RoundState | None = None
        self._asked: Submission | None = None
        self._names: dict[str, str] = {}
        self._behind: dict[str, timedelta] = {}
        self._ahead: set[str] = set()

    async def begin(self, case: Case) -> None:
        """Load the directory, publish the policy, and hand in the quote, at the story's first moment."""
        self._clock = StoryClock(case.at)
        self._manual_erp = case.manual_erp
        order_policy = read_policy(case.order_policy).policy if case.order_policy is not None else None
        self._policy_document = {**case.policy}
        desk = Desk(
            self._client,
            self._database,
            self._tokens,
            self._task_queue,
            read_policy(case.policy).policy,
            self._clock,
            cut_off=case.cut_off,
            change_policy=order_policy,
        )
        self.desk, self.quotes, self.orders = desk, QuoteDesk(desk), OrderDesk(desk, patience=PATIENCE)
        self.people = PeopleDesk(desk, patience=PATIENCE)
        await self.people.load_directory(SETUP, case.directory)
        await self.people.publish(SETUP, case.policy)
        if order_policy is not None:
            await self.people.publish(SETUP, case.order_policy)
        quote = read_quote(case.quote)
        self._owner, self._told_id = quote.owner, quote.quote_id
        self._quote_id = f"{quote.quote_id}{self._suffix}"
        self._document = {**case.quote, "quote_id": self._quote_id}
        self._came = [self._quote_id]
        self._renewals: list[tuple[datetime, Renewing]] = []
        self._customer = quote.customer
        self.contracts = ContractDesk(desk)
        self._keeper = ChangeKeeper(desk)
        self._waiting: dict[str, tuple[str, str | None]] = {}
        await self.quotes.put(Identity(quote.owner), self._document)
        with suppress(Refusal):  # cases share a database, and one may have ended with its customer on hold
            await CreditDesk(desk).lift(SETUP, self._customer.customer_id, "another case begins")

    @property
    def clock(self) -> datetime:
        return self._clock.now()

    # -- approvals

    async def submit(self, by: str, comment: str | None) -> None:
        asked = await self.quotes.submission(Identity(by), self._quote_id)
        await self.quotes.submit(Identity(by), self._quote_id, comment)
        self._asked, self._plan = asked, None

    async def recall(self, by: str, comment: str | None, *, admin: bool = False) -> None:
        who = Identity(by, frozenset({"admin"} if admin else ()))
        await self.quotes.recall(who, self._quote_id, comment)
        await self._settle_changes()

    async def accept(self, by: str, comment: str | None) -> None:
        await self.quotes.accept(Identity(by), self._quote_id, comment)

    async def decide(self, verdict: str, arguments: Deciding) -> None:
        await self.quotes.decide(
            Identity(arguments.by),
            await self._approval(arguments.approval or arguments.rule or "", arguments.by),
            Verdict(verdict),
            comment=arguments.comment,
            reason=arguments.reason,
            seat_of=arguments.for_,
        )
        await self._settle_changes()

    async def _approval(self, name: str, by: str) -> str:
        """The approval id of a rule in the quote's latest round; of several of one rule, the one that asks ``by``."""
        state = await self._round()
        if state is None:
            raise Refusal("round_closed", "the quote was never submitted")
        approval = state.approval(name, by)
        if approval is None and state.outcome is not None:
            raise Refusal("round_closed", f"round {state.round} was {state.outcome}")
        return approval.approval_id if approval is not None else name

    async def act(self, verb: str, arguments: Any) -> None:
        state = await self._round()
        if state is None:
            raise Refusal("round_closed", "the quote was never submitted")
        name = arguments.approval or arguments.rule or ""
        act = act_of(verb, arguments, uuid.uuid4().hex, name, state.submitter)
        roles = {"admin"} if needs_admin(verb, arguments) else {"override"} if verb == ActVerb.OVERRIDE else set()
        await ApprovalDesk(self.desk).act_on_quote(Identity(act.by, frozenset(roles)), self._quote_id, act)
        await self._settle_changes()

    async def edit(self, by: str, change: Mapping[str, Any]) -> None:
        edited = changed(self._document, change)
        await self.quotes.put(Identity(by), edited)
        self._document = edited

    async def preview(self, by: str | None) -> None:
        asked = await self.quotes.submission(Identity(by or self._owner), self._quote_id)
        self._plan = preview_plan(asked)
        self._asked = asked

    # -- contracts

    def _own_id(self, told: str) -> str:
        """The id that a quote of the story has here."""
        return (
            told
            if told.endswith(self._suffix)
            else next((each for each in self._came if each.replace(self._suffix, "") == told), f"{told}{self._suffix}")
        )

    def _own_wish(self, given: Any) -> dict[str, Any]:
        """What a step says of the quote to prepare; one that it names is the case's own here too."""
        wish = wish_of(given)
        return wish | {"quote_id": self._own_id(wish["quote_id"])} if "quote_id" in wish else wish

    async def amend(self, arguments: Amending) -> None:
        made = await self.contracts.amend(
            self._who(arguments.by), self._own_id(arguments.contract_of), self._own_wish(arguments)
        )
        await self._hand_in(made.quote_id)

    async def renew(self, arguments: Renewing) -> None:
        contract = self._own_id(arguments.contract_of)
        if arguments.lead is not None:
            async with self.desk.reading() as work:
                entries = await work.ledger.entries(customer=self._customer.customer_id)
            due = due_at(entries, contract, arguments.lead, self._customer.time_zone)
            if due > self.clock:
                self._renewals.append((due, arguments))
                return
        made = await self.contracts.renew(self._who(arguments.by), contract, self._own_wish(arguments))
        await self._hand_in(made.quote_id)

    async def _hand_in(self, quote_id: str) -> None:
        self._came.append(quote_id)
        await self._turn_to(quote_id)

    async def _turn_to(self, quote_id: str) -> None:
        async with self.desk.reading() as work:
            self._document = (await work.quotes.content(quote_id)).content
        self._quote_id = quote_id

    async def turn_back(self) -> None:
        await self._turn_to(self._came[0])

    async def close_period(self, arguments: ClosingPeriod) -> None:
        customer = self._customer.customer_id
        await self.contracts.close_period(self._who(arguments.by), arguments.month, customer_id=customer)

    async def credit(self, reason: str, *, held: bool) -> None:
        desk, customer = CreditDesk(self.desk), self._customer.customer_id
        await (desk.hold if held else desk.lift)(SETUP, customer, reason)
        if not held:
            await CreditWatch(self.desk).look()
            await OrderRefresher(self.desk).drain()
            await self._settle()

    # -- people

    async def delegate(self, delegation: Delegation) -> None:
        await self.people.delegate(SETUP, delegation)

    async def end_delegation(self, of: str) -> None:
        await self.people.end_delegation(SETUP, of)

    async def change_directory(self, change: Mapping[str, Any]) -> None:
        async with self.desk.reading() as work:
            document = await work.directory.load()
        await self.people.load_directory(SETUP, changed(document, change))

    async def deactivate(self, user: str) -> None:
        await self.people.deactivate(SETUP, user)

    async def replace(self, arguments: Replacing) -> None:
        kind = Replaced.USER if arguments.user is not None else None
        who = Identity(arguments.by or SETUP.user, SETUP.roles)
        desk = ReplacementDesk(self.desk)
        begun = await desk.replace(
            who, arguments.user or arguments.approver or "", arguments.by_whom, kind=kind, comment=arguments.comment
        )
        await desk.finished(begun.operation_id)
        await RoundRefresher(self.desk).drain()

    async def publish(self, arguments: Publishing) -> None:
        document = arguments.policy if arguments.policy is not None else self._policy_document
        document = changed(document, arguments.policy_change or {})
        await self.people.publish(SETUP, document)
        self._policy_document = document

    # -- orders

    async def order(self, arguments: Ordering) -> None:
        before = {order.order_id for order in (await self.orders.book(self._quote_id)).orders}
        book = await self.orders.create(
            self._who(arguments.by), self._quote_id, arguments.split_by or (), arguments.picks
        )
        made = [order for order in book.orders if order.order_id not in before]
        if arguments.as_:
            if len(made) != 1:
                raise Refusal("wrong_state", f"as: names one order, this call made {len(made)}", "as")
            self._names[arguments.as_] = made[0].order_id
        await self._settle()

    async def move_date(self, arguments: MovingDate) -> None:
        await self._change(arguments, "move_date", to=read_date(arguments.to))
        await self._settle()

    async def activate(self, arguments: OrderVerb) -> None:
        await self._change(arguments, "activate")
        await self._settle()

    async def acknowledge(self, arguments: Acknowledging) -> None:
        await self._change(
            arguments,
            "acknowledge",
            outcome=arguments.outcome,
            document=arguments.document,
            reason=arguments.reason,
        )

    async def deliver(self, arguments: Delivering) -> None:
        await self._change(arguments, "deliver", **_received(arguments))

    async def accept_item(self, arguments: Delivering) -> None:
        await self._change(arguments, "accept_item", **_received(arguments))

    async def reach(self, arguments: Reaching) -> None:
        await self._change(
            arguments,
            "reach",
            line=arguments.line,
            milestone=arguments.milestone,
            on=read_date(arguments.on) if arguments.on else None,
            evidence=arguments.evidence,
        )

    async def operate(self, verb: str, arguments: Any) -> None:
        book = await self._book_with(subject_of(arguments))
        known = {order.order_id for order in book.orders}
        await self._change(arguments, verb, **fields_of(arguments, book, self._names))
        await self._name(book.quote_id, known, getattr(arguments, "as_", None))
        await self._settle()

    async def _name(self, quote_id: str, known: Set[str], name: str | None) -> None:
        """Remember what the story calls the order that a change has made."""
        made = [each for each in (await self.orders.book(quote_id)).orders if each.order_id not in known]
        if name is not None and made:
            self._names[name] = made[0].order_id

    async def _change(self, arguments: OrderVerb, verb: str, **fields: Any) -> None:
        book = await self._book_with(subject_of(arguments))
        if not book.orders:
            raise Refusal("unknown_order", "nothing is ordered yet", "order")
        name = subject_of(arguments)
        order = book.order(self._names.get(name, name))
        fields = {"comment": arguments.comment, "reason": arguments.reason, **fields}
        who = self._who(arguments.by)
        if verb == "acknowledge":
            who = Identity(who.user, ERP.roles)  # a story's ERP has the permission that it needs
        changed = await self.orders.changed(who, order.order_id, verb, **fields)
        if changed.waiting is not None:
            self._waiting[changed.waiting.change_id] = (book.quote_id, getattr(arguments, "as_", None))
            await self._hand_in(changed.waiting.change_id)

    async def _settle_changes(self) -> None:
        """Have the changes carried out that were approved, and the others dropped."""
        for change_id, (quote_id, name) in tuple(self._waiting.items()):
            async with self.desk.reading() as work:
                state = (await work.quotes.get(change_id)).state
            if state is QuoteState.PENDING:
                continue
            del self._waiting[change_id]
            known = {order.order_id for order in (await self.orders.book(quote_id)).orders}
            await self._keeper.drain(of_quote=quote_id)
            if self._quote_id == change_id:
                await self.turn_back()
            await self._name(quote_id, known, name)
            await self._settle()

    def _who(self, by: str | None) -> Identity:
        return Identity(by or self._owner)

    # -- time

    async def advance_to(self, moment: datetime) -> None:
        while (due := await self._next_moment()) is not None and due <= moment:
            await self._forward(max(due, self.clock))
            await self._settle()
            await self._settle_changes()
            for each in [each for each in self._renewals if each[0] <= self.clock]:
                self._renewals.remove(each)
                await self.renew(each[1])
        await self._forward(moment)

    async def _next_moment(self) -> datetime | None:
        moments = [*(at for _, at in await self._timers()), *(at for at, _ in self._renewals)]
        return min(moments, default=None)

    async def _timers(self) -> list[tuple[str, datetime]]:
        """Every open run of this case that has a timer, and when it is due."""
        timers: list[tuple[str, datetime]] = []
        for state in await self._rounds():
            if state.next_moment is not None:
                timers.append((quote_approval_id(state.quote_id, state.round), state.next_moment))
        for order in [order for book in await self._books() for order in book.orders]:
            due = next_moment(order)
            if due is not None:
                timers.append((order_run_id(order.order_id), due))
        return timers

    async def _forward(self, to: datetime) -> None:
        """Move the story's clock to ``to`` and with it the clocks of all runs that wait for a moment."""
        by, before = to - self.clock, self.clock
        self._clock.move_to(to)
        await self._pass_periods(before)
        if by <= timedelta():
            return
        runs = {run for run, _ in await self._timers()}
        for run in await self._open_runs() - runs:
            # Without a timer there is nothing to forward it to: it catches up once it has one.
            self._behind[run] = self._behind.get(run, timedelta()) + by
        ahead = {run: by + self._behind.pop(run, timedelta()) for run in runs}
        await asyncio.gather(*(self._forward_run(run, way) for run, way in ahead.items()))

    async def _pass_periods(self, before: datetime) -> None:
        """The later periods of what runs without end, as the worker's loop would have booked them."""
        async with self.desk.database.work() as work:
            entries = await work.ledger.entries(customer=self._customer.customer_id)
            await work.ledger.append(passed_periods(entries, before, self.clock, self._customer.time_zone))

    async def _open_runs(self) -> set[str]:
        """The runs of the open round and of the orders that are not over, with a timer or without."""
        orders = [order for book in await self._books() for order in book.orders]
        runs = {order_run_id(order.order_id) for order in orders if order.state not in FINAL}
        for state in await self._rounds():
            if state.outcome is None:
                runs.add(quote_approval_id(state.quote_id, state.round))
        return runs

    async def _catch_up(self) -> None:
        """Runs that had no timer when the story went on, and have one now, go to where the story is."""
        for run, _ in await self._timers():
            behind = self._behind.pop(run, timedelta())
            if behind > timedelta():
                await self._forward_run(run, behind)

    async def _forward_run(self, run: str, by: timedelta) -> None:
        if run not in self._ahead:
            self._ahead.add(run)
            by += LEAD
        try:
            await self._skipper.fast_forward(self._client.get_workflow_handle(run), by)
        except RPCError:  # it came to its end on the way
            return

    async def _settle(self) -> None:
        """Until all that is due has been done, and the ERP has answered where it answers at once."""
        await self._catch_up()
        await self._until(self._nothing_due, "something due is not done")
        if not self._manual_erp:
            await self._acknowledge_at_once()
            await self._until(self._nothing_due, "something due is not done")

    async def _nothing_due(self) -> bool:
        return all(due > self.clock for _, due in await self._timers())

    async def _acknowledge_at_once(self) -> None:
        for order in [order for book in await self._books() for order in book.orders]:
            if order.activated_at is not None and order.acknowledgement is None:
                await self.orders.change(ERP, order.order_id, "acknowledge")

    async def _until(self, done: Callable[[], Awaitable[bool]], what: str) -> None:
        """Poll; what happens in the run shows in the tables when its activity has committed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE.total_seconds()
        while not await done():
            if loop.time() > deadline:
                raise TimeoutError(f"{self._quote_id} at {self.clock}: {what}: {await self._timers()}")
            await asyncio.sleep(0.01)

    # -- facts

    async def _round(self) -> RoundState | None:
        async with self.desk.reading() as work:
            rounds = await work.rounds.all(self._quote_id)
        return rounds[-1] if rounds else None

    async def _rounds(self) -> list[RoundState]:
        """The latest round of every quote of the case."""
        async with self.desk.reading() as work:
            found = [await work.rounds.all(quote_id) for quote_id in self._came]
        return [rounds[-1] for rounds in found if rounds]

    async def _books(self) -> list[OrderBook]:
        async with self.desk.reading() as work:
            found = [await work.orders.find_book(quote_id) for quote_id in self._came]
        return [book for book in found if book is not None]

    async def _book_with(self, name: str) -> OrderBook:
        """The book that has the order: that of the quote of the case, or else another one."""
        key = self._names.get(name, name)
        for book in sorted(await self._books(), key=lambda each: each.quote_id != self._quote_id):
            if any(key in (order.order_id, order.key) for order in book.orders):
                return book
        return await self.orders.book(self._quote_id)

    async def facts(self) -> Facts:
        async with self.desk.reading() as work:
            stored = await work.quotes.get(self._quote_id)
            quote = (await work.quotes.content(self._quote_id, stored.version)).quote
            rounds = await work.rounds.all(self._quote_id)
            found = [await work.orders.find_book(quote_id) for quote_id in self._came]
            rows = await work.ledger.entries(customer=self._customer.customer_id)
            record = [each for name in self._came for each in await work.record.of_quote(name, limit=10_000)]
            record.sort(key=lambda entry: entry.seq)
            sent = [each for name in self._came for each in await work.outgoing.of_quote(name)]
            closed = await work.closed_periods.of(self._customer.customer_id)
            promised = [await promised_by(work, await work.quotes.get(quote_id)) for quote_id in self._came]
        books = tuple(book for book in found if book is not None)
        book = next((each for each in books if each.quote_id == self._quote_id), None)
        keys = {order.order_id: order.key for each in books for order in each.orders}
        entries = tuple(row for row in rows if row.quote_id in self._came)
        return Facts(
            now=self.clock,
            state=QuoteState(stored.state.value),
            round=rounds[-1] if rounds else None,
            plan=self._plan,
            happenings=tuple(self._happening(entry, keys) for entry in record if entry.kind not in QUIET),
            messages=tuple((message.kind, message.recipient) for message in sent),
            book=book,
            books=books,
            closed=closed,
            owner=quote.owner,
            suffix=self._suffix,
            entries=entries,
            promises=tuple(each for of_quote in promised for each in of_quote),
            time_zone=quote.customer.time_zone,
            quote_total=price(quote).net_total,
            names=self._names,
            explained=lambda: explain_plan(self._asked) if self._asked is not None else (),
        )

    def _happening(self, entry: RecordEntry, keys: Mapping[str, str]) -> Happening:
        kind = entry.kind.removeprefix("order_")
        order = (str(entry.body.get("line_id") or ""), keys.get(entry.order_id or "", ""), entry.order_id)
        names = (
            order
            if entry.order_id
            else (entry.rule, entry.approval_id)
            if entry.rule
            else ((entry.quote_id or self._told_id).replace(self._suffix, "") if self._suffix else self._told_id,)
        )
        return Happening(kind, entry.at, tuple(name for name in names if name), entry.by)


def _received(arguments: Delivering) -> dict[str, Any]:
    return {
        "line": arguments.line,
        "quantity": arguments.quantity,
        "on": read_date(arguments.on) if arguments.on else None,
        "evidence": arguments.evidence,
    }
