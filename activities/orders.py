"""Orders: each activity is one transaction that changes an order and writes rows, ledger and record together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.agreements import agreement_of, renewed_by, tell_overtaken
from activities.approvals import refuse_story
from activities.change_approvals import ChangeApprovals
from activities.erp_news import erp_news
from activities.knowledge import Knowledge
from activities.order_blockers import carried_out, reasons_against
from activities.order_operations import STALE, refuse_unpermitted, touches_one_order
from activities.requests import (
    ADVANCE_ORDER,
    CHANGE_ORDER,
    CREATE_ORDERS,
    AdvanceOrder,
    ChangeOrder,
    CreateOrders,
    OrderChange,
    OrderMoved,
    OrdersCreated,
    OrderStanding,
    RefusalNote,
)
from activities.store.work import Database, Work
from activities.texts import refuse_unstorable_texts
from activities.tokens import Identity, Tokens
from domain.order.activation import advance, is_due
from domain.order.book import open_book
from domain.order.event import Cause, Change
from domain.order.order import Order
from domain.order.placing import place
from domain.pricing import price
from domain.refusal import Refusal
from domain.standing import QuoteState, check_order

CLOCK = "clock"
LARGEST_ANSWER = 1_750_000
"""Bytes of JSON that the orders of one split may come to: a payload of Temporal holds 2 MiB."""


class OrderActivities:
    """The activities of ``OrderFulfilment`` and ``SplitOrder``. Every one may be repeated.

    ``stories``: runs may keep a clock of their own. ``cut_off`` before its date an order stands fast; without the
    ``required`` data it is not activated. Who has left the directory since a run began may do nothing here.
    ``change_policy`` is the name of the policy that says which changes of orders must be approved first.
    """

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        knowledge: Knowledge | None = None,
        *,
        stories: bool = False,
        cut_off: timedelta | None = None,
        required: tuple[str, ...] = (),
        change_policy: str | None = None,
    ) -> None:
        self._database = database
        self._approvals = ChangeApprovals(knowledge := knowledge or Knowledge(), change_policy)
        self._cut_off = cut_off
        self._required = required
        self._tokens = tokens
        self._knowledge = knowledge
        self._stories = stories

    @activity.defn(name=CREATE_ORDERS)
    async def create_orders(self, request: CreateOrders) -> OrdersCreated:
        """Split an accepted quote into scheduled orders.

        Codes: ``stories_only``, ``invalid_token``, ``unknown_user``, ``not_approved``, ``not_ordered`` (what
        it amends), ``too_many_orders``, and those of ``place``.
        """
        try:
            refuse_unstorable_texts(request)
            refuse_story(request.story, allowed=self._stories)
            async with self._database.work() as work:
                return OrdersCreated(orders=await self._create(work, request))
        except Refusal as refusal:
            return OrdersCreated(refused=RefusalNote.of(refusal))

    async def _create(self, work: Work, request: CreateOrders) -> tuple[OrderStanding, ...]:
        stored = await work.quotes.get(request.quote_id, for_update=True)
        if not await work.idempotency.claim(request.key):
            return await _made_before(work, request)
        words = CreateOrders.words(request.split_by, request.lines, request.comment)
        moment = self._sent(request.at)
        who = self._tokens.check_act(
            request.token, request.by, request.quote_id, "order", request.key, moment, words=words
        )
        await self._knowledge.check_user(work, who, services=True)
        check_order(QuoteState(stored.state.value), stored.accepted_at is not None and not stored.is_change)
        priced = price((await work.quotes.content(request.quote_id, stored.version)).quote)
        amends = priced.quote.amends
        agreement = await agreement_of(work, amends, holding=request.quote_id) if amends else None
        renews = await renewed_by(work, priced.quote, holding=request.quote_id)
        book = await work.orders.find_book(request.quote_id, for_update=True)
        if book is None:
            book = open_book(priced)
            await work.orders.open_book(book)
        cause = Cause(at=request.at, by=request.by, why=request.comment)
        change = place(book, priced, request.split_by, request.lines, agreement, cause, renews)
        made = tuple(OrderStanding.of(order) for order in change.orders)
        _refuse_too_many(made)
        await work.save_change(change)
        if (concerned := agreement or renews) is not None:
            await tell_overtaken(work, priced.quote, change, concerned, cause)
        await work.idempotency.keep(request.key, [order.order_id for order in made])
        return made

    @activity.defn(name=CHANGE_ORDER)
    async def change_order(self, request: ChangeOrder) -> OrderMoved:
        """Do one verb to one order, once for its key.

        Codes: ``stories_only``, ``invalid_token``, ``unknown_user``, ``stale``, those of the verb, and those of
        ``ChangeApprovals.approve``.
        """
        change = request.change
        try:
            refuse_unstorable_texts(request)
            refuse_story(request.story, allowed=self._stories)
            async with self._database.work() as work:
                verb, moment = change.verb, self._sent(request.at)
                who = self._tokens.check_act(
                    change.token, change.by, request.order_id, verb, change.key, moment, words=change.words
                )
                return await self._operate(work, request, who)
        except Refusal as refusal:
            _retry_if_stale(refusal, change)
            return OrderMoved(refused=RefusalNote.of(refusal))

    def _sent(self, at: datetime) -> datetime:
        """When what is told to be from ``at`` was sent, for the tokens: what waits for a database is not too late."""
        now = datetime.now(UTC)
        return now if self._stories else min(now, at)

    async def _operate(self, work: Work, request: ChangeOrder, who: Identity) -> OrderMoved:
        """A verb that may touch other orders of the quote holds the whole book; their runs are told afterwards."""
        change, order_id = request.change, request.order_id
        if touches_one_order(change.verb):
            order = await work.orders.get(order_id, for_update=True)
            book = None
        else:
            book = await work.orders.book((await work.orders.get(order_id)).quote_id, for_update=True)
            order = book.order(order_id)
        if await work.idempotency.claim(change.claim(order_id)):
            await self._knowledge.check_user(work, who, services=True)
            refuse_unpermitted(change, who)
            cut_off, required = self._cut_off, self._required
            made = await carried_out(work, order, book, change, _cause(request), cut_off=cut_off, required=required)
            await self._approvals.approve(work, change, order, book, made, request.at)
            if made.orders:
                await work.save_change(made)
                told = (each for each in made.orders if request.by_hand or each.order_id != order_id)
                await work.order_looks.put(told)
                order = next((each for each in made.orders if each.order_id == order_id), order)
        return OrderMoved(standing=await _standing(work, order))

    @activity.defn(name=ADVANCE_ORDER)
    async def advance_order(self, request: AdvanceOrder) -> OrderMoved:
        """Do what time has brought until ``request.at``: activation on the order's date, services that start."""
        try:
            refuse_story(request.story, allowed=self._stories)
            async with self._database.work() as work:
                order = await work.orders.get(request.order_id, for_update=True)
                due = is_due(order, request.at)
                reasons = await reasons_against(work, order, self._required) if due else ()
                change = advance(order, Cause(at=request.at, by=CLOCK), reasons=reasons)
                order = await self._save(work, order, change)
                return OrderMoved(standing=await _standing(work, order))
        except Refusal as refusal:
            _retry_if_stale(refusal, None)
            return OrderMoved(refused=RefusalNote.of(refusal))

    async def _save(self, work: Work, order: Order, change: Change) -> Order:
        if not change.orders:
            return order
        await work.save_change(change)
        return change.order


async def _made_before(work: Work, request: CreateOrders) -> tuple[OrderStanding, ...]:
    """What this very request made; of a request of an earlier release, all orders of the quote."""
    kept = await work.idempotency.kept(request.key)
    made = None if kept is None else frozenset(kept)
    orders = await work.orders.of_quote(request.quote_id)
    return tuple(OrderStanding.of(order) for order in orders if made is None or order.order_id in made)


def _refuse_too_many(made: tuple[OrderStanding, ...]) -> None:
    """Refuse (``too_many_orders``) what the answer has no room for: it would be tried for ever."""
    if sum(len(order.model_dump_json()) for order in made) > LARGEST_ANSWER:
        message = f"{len(made)} orders at once are too many to be carried; order in several parts, by hand"
        raise Refusal("too_many_orders", message, "split_by")


def _cause(request: ChangeOrder) -> Cause:
    change = request.change
    return Cause(at=request.at, by=change.by, why=change.reason or change.comment)


def _retry_if_stale(refusal: Refusal, change: OrderChange | None) -> None:
    """Another transaction was faster: not the caller's fault, unless they named the version they had seen."""
    if refusal.code == STALE and (change is None or change.expected_version is None):
        raise ApplicationError(refusal.message, type=STALE)


async def _standing(work: Work, order: Order) -> OrderStanding:
    return (await erp_news(work, order)).standing
