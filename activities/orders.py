"""Orders: each activity is one transaction that changes an order and writes rows, ledger and record together."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.approvals import refuse_story
from activities.knowledge import Knowledge
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
from activities.store.erp_messages import ErpState
from activities.store.work import Database, Work
from activities.texts import refuse_unstorable_texts
from activities.tokens import Identity, Tokens
from domain.money import read_decimal
from domain.order.activation import acknowledge, activate, advance
from domain.order.book import open_book
from domain.order.event import Cause, Change
from domain.order.fulfilment import accept_item, deliver, reach
from domain.order.order import Order
from domain.order.reschedule import move_date
from domain.order.split import split
from domain.pricing import price
from domain.refusal import Refusal
from domain.standing import QuoteState, check_order

CLOCK = "clock"
STALE = "stale"


class OrderActivities:
    """The activities of ``OrderFulfilment`` and ``SplitOrder``. Every one may be repeated.

    ``stories``: runs may keep a clock of their own. Who has left the directory since a run began may do nothing here.
    """

    def __init__(
        self, database: Database, tokens: Tokens, knowledge: Knowledge | None = None, *, stories: bool = False
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._knowledge = knowledge or Knowledge()
        self._stories = stories

    @activity.defn(name=CREATE_ORDERS)
    async def create_orders(self, request: CreateOrders) -> OrdersCreated:
        """Split an accepted quote into scheduled orders.

        Codes: ``stories_only``, ``invalid_token``, ``unknown_user``, ``not_approved``, and those of ``split``.
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
            return tuple(OrderStanding.of(order) for order in await work.orders.of_quote(request.quote_id))
        moment = datetime.now(UTC)
        who = self._tokens.check_act(request.token, request.by, request.quote_id, "order", request.key, moment)
        await self._knowledge.check_user(work, who, services=True)
        check_order(QuoteState(stored.state.value), stored.accepted_at is not None)
        priced = price((await work.quotes.content(request.quote_id, stored.version)).quote)
        book = await work.orders.find_book(request.quote_id, for_update=True)
        if book is None:
            book = open_book(priced)
            await work.orders.open_book(book)
        cause = Cause(at=request.at, by=request.by, why=request.comment)
        change = split(book, priced, request.split_by, cause)
        await work.save_change(change)
        return tuple(OrderStanding.of(order) for order in change.orders)

    @activity.defn(name=CHANGE_ORDER)
    async def change_order(self, request: ChangeOrder) -> OrderMoved:
        """Do one verb to one order, once for its key.

        Codes: ``stories_only``, ``invalid_token``, ``unknown_user``, ``stale``, and those of the verb.
        """
        change = request.change
        try:
            refuse_unstorable_texts(request)
            refuse_story(request.story, allowed=self._stories)
            async with self._database.work() as work:
                verb, moment = change.verb, datetime.now(UTC)
                who = self._tokens.check_act(change.token, change.by, request.order_id, verb, change.key, moment)
                if verb == "move_date":
                    return await self._move_date(work, request, who)
                order = await work.orders.get(request.order_id, for_update=True)
                if await work.idempotency.claim(change.claim(request.order_id)):
                    await self._knowledge.check_user(work, who, services=True)
                    order = await self._save(work, order, changed_order(order, change, _cause(request)))
                return OrderMoved(standing=await _standing(work, order))
        except Refusal as refusal:
            _retry_if_stale(refusal, change)
            return OrderMoved(refused=RefusalNote.of(refusal))

    async def _move_date(self, work: Work, request: ChangeOrder, who: Identity) -> OrderMoved:
        """A date move may reprice shares in other orders of the quote, so it holds the whole book."""
        change = request.change
        quote_id = (await work.orders.get(request.order_id)).quote_id
        book = await work.orders.book(quote_id, for_update=True)
        order = book.order(request.order_id)
        if await work.idempotency.claim(change.claim(request.order_id)):
            await self._knowledge.check_user(work, who, services=True)
            check_version(order, change)
            if change.to is None:
                raise Refusal("missing_field", "say to which date the order moves", "to")
            moved = move_date(book, request.order_id, change.to, _cause(request))
            await work.save_change(moved)
            order = book.applied(moved).order(request.order_id)
        return OrderMoved(standing=await _standing(work, order))

    @activity.defn(name=ADVANCE_ORDER)
    async def advance_order(self, request: AdvanceOrder) -> OrderMoved:
        """Do what time has brought until ``request.at``: activation on the order's date, services that start."""
        try:
            refuse_story(request.story, allowed=self._stories)
            async with self._database.work() as work:
                order = await work.orders.get(request.order_id, for_update=True)
                order = await self._save(work, order, advance(order, Cause(at=request.at, by=CLOCK)))
                return OrderMoved(standing=await _standing(work, order))
        except Refusal as refusal:
            _retry_if_stale(refusal, None)
            return OrderMoved(refused=RefusalNote.of(refusal))

    async def _save(self, work: Work, order: Order, change: Change) -> Order:
        if not change.orders:
            return order
        await work.save_change(change)
        return change.order


def _cause(request: ChangeOrder) -> Cause:
    return Cause(at=request.at, by=request.change.by, why=request.change.comment)


def changed_order(order: Order, change: OrderChange, cause: Cause) -> Change:
    """What ``change`` does to ``order``. Codes: ``stale``, ``not_built_yet``, and those of the verb."""
    check_version(order, change)
    quantity = read_decimal(change.quantity, "quantity") if change.quantity is not None else None
    match change.verb:
        case "activate":
            return activate(order, cause)
        case "acknowledge":
            return acknowledge(order, cause, outcome=change.outcome, document=change.document, reason=change.reason)
        case "deliver":
            return deliver(order, cause, line=change.line, quantity=quantity, on=change.on, evidence=change.evidence)
        case "accept_item":
            return accept_item(
                order, cause, line=change.line, quantity=quantity, on=change.on, evidence=change.evidence
            )
        case "reach":
            return reach(
                order, cause, line=change.line, milestone=change.milestone, on=change.on, evidence=change.evidence
            )
        case _:
            raise Refusal("not_built_yet", f"{change.verb} is not built yet", "verb")


def check_version(order: Order, change: OrderChange) -> None:
    """Refuse (``stale``) a change that was made for another version of the order than it has."""
    if change.expected_version is not None and change.expected_version != order.version:
        raise Refusal(
            STALE,
            f"order {order.order_id} is at version {order.version}, you saw {change.expected_version}; read it again",
        )


def _retry_if_stale(refusal: Refusal, change: OrderChange | None) -> None:
    """Another transaction was faster: not the caller's fault, unless they named the version they had seen."""
    if refusal.code == STALE and (change is None or change.expected_version is None):
        raise ApplicationError(refusal.message, type=STALE)


async def _standing(work: Work, order: Order) -> OrderStanding:
    sent = False
    if order.activated_at is not None:
        told = await work.erp.of_order(order.order_id)
        sent = any(message.state not in (ErpState.WAITING, ErpState.WORK_LIST) for message in told)
    return OrderStanding.of(order, sent=sent)
