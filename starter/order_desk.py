"""Verbs on orders: preview a split, order, move a date, and what comes back from the ERP and the field."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.agreements import agreement_of, renewed_by
from activities.fulfilment_cancelling import VERB as CANCEL_ORDERS
from activities.fulfilment_cancelling import CancelFulfilment, FulfilmentCancelled
from activities.order_blockers import carried_out
from activities.order_operations import check_version, refuse_unpermitted, touches_one_order
from activities.requests import ChangeOrder, CreateOrders, OrderChange
from activities.store.waiting_changes import WaitingChange
from activities.store.work import Work
from activities.tokens import Identity
from domain.order.book import OrderBook, open_book
from domain.order.choosing import Pick
from domain.order.event import Cause, Change
from domain.order.move_lines import refuse_strangers
from domain.order.order import Order
from domain.order.placing import place
from domain.order.revision import Disposition
from domain.order.withdrawal import withdraw_all
from domain.pricing import price
from domain.refusal import Refusal
from domain.standing import check_order
from starter.change_desk import ChangeDesk, Need, refuse_changes
from starter.desk import Desk
from starter.order_refresher import OrderRefresher
from starter.temporal_calls import answered
from workflows.messages import FulfilmentStart, OrderAnswer, OrdersAnswer
from workflows.names import CUSTOMER_ID, QUOTE_ID, fulfilment_id, order_run_id
from workflows.order_fulfilment import OrderFulfilment

TRIES = 5
PATIENCE = timedelta(seconds=3)
"""How long a request brings a change to the runs of other orders; what is left is for the worker's loop."""
OWN_UPDATES = frozenset({"activate", "acknowledge", "deliver", "accept_item", "reach", "move_date"})
"""Verbs that have an update of their own; all others go by ``change``."""


@dataclass(frozen=True, slots=True)
class ChangedOrders:
    """An order after a verb, and the others that the verb made or changed.

    ``waiting``: nothing has changed yet, the change waits for its approval, or waited. ``need`` is what it waits for,
    or in a preview would wait for.
    """

    order: Order
    others: tuple[Order, ...] = ()
    waiting: WaitingChange | None = None
    need: Need | None = None


class OrderDesk:
    """Verbs on orders."""

    def __init__(self, desk: Desk, *, patience: timedelta = PATIENCE) -> None:
        self._desk = desk
        self._patience = patience
        self._orders = OrderRefresher(desk)
        self._changes = ChangeDesk(desk)

    async def preview(
        self, who: Identity, quote_id: str, split_by: Sequence[str], lines: Sequence[Pick] | None = None
    ) -> OrderBook:
        """The book as a split, or ``lines`` by hand, would leave it. Writes nothing."""
        async with self._desk.reading() as work:
            await self._desk.check_user(work, who, services=True)
            stored = await work.quotes.get(quote_id)
            refuse_changes(stored.is_change, "once it is approved it is carried out by itself")
            priced = price((await work.quotes.content(quote_id, stored.version)).quote)
            book = await work.orders.find_book(quote_id) or open_book(priced)
            amends = priced.quote.amends
            agreement = await agreement_of(work, amends) if amends else None
            renews = await renewed_by(work, priced.quote)
        return book.applied(place(book, priced, split_by, lines, agreement, self._cause(who), renews))

    async def create(
        self,
        who: Identity,
        quote_id: str,
        split_by: Sequence[str],
        lines: Sequence[Pick] | None = None,
        *,
        comment: str | None = None,
        key: str | None = None,
    ) -> OrderBook:
        """Split what is unordered of an accepted quote into orders, or order ``lines`` by hand, and start the run of
        each; the same ``key`` twice is one split.

        Codes: ``unknown_quote``, ``unknown_user``, ``not_approved``, those of ``split``, ``unavailable``.
        """
        key = key or uuid.uuid4().hex
        claim = CreateOrders.claim(quote_id, key)
        async with self._desk.reading() as work:
            stored = await work.quotes.get(quote_id)
            if await work.idempotency.is_claimed(claim):
                return await self.book(quote_id)
            await self._desk.check_user(work, who, services=True)
            check_order(stored.state, stored.accepted_at is not None)
        await self.preview(who, quote_id, split_by, lines)
        start = FulfilmentStart(
            quote_id=quote_id,
            split_by=tuple(split_by),
            lines=tuple(lines) if lines is not None else None,
            by=who.user,
            comment=comment,
            key=key,
            token=self._desk.act(who, quote_id, "order", claim, CreateOrders.words(split_by, lines, comment)),
            at=self._desk.clock.told(),
        )

        async def call() -> OrdersAnswer:
            operation = WithStartWorkflowOperation(
                OrderFulfilment.run,
                start,
                id=fulfilment_id(quote_id),
                task_queue=self._desk.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(QUOTE_ID, quote_id),
                        SearchAttributePair(CUSTOMER_ID, stored.customer_id),
                    ]
                ),
                static_summary=f"orders of {quote_id}, split by {', '.join(split_by)}",
            )
            answer: OrdersAnswer = await self._desk.client.execute_update_with_start_workflow(
                "ordered",
                start,
                start_workflow_operation=operation,
                id=f"ordered-{start.key}",
                result_type=OrdersAnswer,
            )
            return answer

        ordered = Refusal("nothing_unordered", f"nothing of {quote_id} is left to order")
        # Already started: it came to its end between the two, and what it made is there to be read.
        with suppress(WorkflowAlreadyStartedError):
            await answered(call, ordered)
        async with self._desk.reading() as work:
            if not await work.idempotency.is_claimed(claim):
                raise ordered  # the run that answered was another's, who split the quote in their own way
        return await self.book(quote_id)

    async def book(self, quote_id: str) -> OrderBook:
        """All orders of a quote, and what is left of each line; nothing ordered yet is a book without orders."""
        async with self._desk.reading() as work:
            book = await work.orders.find_book(quote_id)
            if book is None:
                stored = await work.quotes.get(quote_id)
                book = open_book(price((await work.quotes.content(quote_id, stored.version)).quote))
            return book

    async def get(self, order_id: str) -> Order:
        """The order of that id. Code: ``unknown_order``."""
        async with self._desk.reading() as work:
            return await work.orders.get(order_id)

    async def change(self, who: Identity, order_id: str, verb: str, *, key: str | None = None, **fields: Any) -> Order:
        """Do one verb of :class:`~activities.requests.OrderChange` to an order; the same ``key`` twice is one change.

        Codes: ``unknown_order``, ``unknown_user``, ``stale``, those of the verb, ``unavailable``. A change that has to
        be approved first waits, and the order is answered as it is (:meth:`changed` tells).
        """
        return (await self.changed(who, order_id, verb, key=key, **fields)).order

    async def changed(
        self, who: Identity, order_id: str, verb: str, *, key: str | None = None, **fields: Any
    ) -> ChangedOrders:
        """:meth:`change`, with the other orders that it made or changed."""
        name = key or uuid.uuid4().hex
        change = self._change(who, order_id, verb, name, fields)
        async with self._desk.reading() as work:
            if await work.idempotency.is_claimed(change.claim(order_id)):
                return ChangedOrders(await work.orders.get(order_id))
            waiting = await work.waiting_changes.find(order_id, name)
            if waiting is not None:
                return ChangedOrders(await work.orders.get(order_id), waiting=waiting)
            await self._desk.check_user(work, who, services=True)
            refuse_unpermitted(change, who)
            # Refuse here and now what the order would refuse, and start nothing that would change nothing.
            order, tried = await self._tried(work, order_id, change)
            if not tried.orders:
                return ChangedOrders(order)
            need = await self._changes.need(work, change, order, tried)
        if need is not None:
            return ChangedOrders(order, waiting=await self._changes.ask(who, order, change, need), need=need)
        await self._make(order, change)
        others = [each.order_id for each in tried.orders if each.order_id != order_id]
        async with self._desk.reading() as work:
            return ChangedOrders(
                await work.orders.get(order_id), tuple([await work.orders.get(other) for other in others])
            )

    async def carry_out(self, order_id: str, change: OrderChange, call_id: str) -> None:
        """Make a change that was approved, as the call of that id: under its key it may have been refused before.

        Codes: those of :meth:`change`, ``change_outdated``, ``not_approved``.
        """
        async with self._desk.reading() as work:
            order = await work.orders.get(order_id)
        await self._make(order, change, call_id)

    async def _make(self, order: Order, change: OrderChange, call_id: str | None = None) -> None:
        by_run = await self._carry_out(order, change, call_id or change.key)
        if not by_run or not touches_one_order(change.verb):
            await self._orders.drain(of_quote=order.quote_id, within=self._patience)

    async def cancel_all(
        self,
        who: Identity,
        quote_id: str,
        *,
        disposition: Disposition = "unordered",
        comment: str | None = None,
        key: str | None = None,
    ) -> FulfilmentCancelled:
        """Cancel what was not sent of all orders of a quote, withdraw what was not shipped, and leave the rest.

        The same ``key`` twice is one cancellation. Codes: ``not_ordered``, ``nothing_open``, ``unknown_user``,
        ``needs_approval``.
        """
        name = key or uuid.uuid4().hex
        request = CancelFulfilment(
            quote_id=quote_id,
            by=who.user,
            at=self._desk.clock.now(),
            key=name,
            token=self._desk.act(who, quote_id, CANCEL_ORDERS, name, (comment, disposition)),
            disposition=disposition,
            comment=comment,
        )
        done = await self._cancelled(request)
        await self._orders.drain(of_quote=quote_id, within=self._patience)
        return done

    async def _cancelled(self, request: CancelFulfilment) -> FulfilmentCancelled:
        """An order that is delivered in the same moment makes ours too late; then we look again."""
        for _ in range(TRIES):
            try:
                return await self._desk.cancelling.cancel(request)
            except Refusal as refusal:
                if refusal.code != "stale":
                    raise
        return await self._desk.cancelling.cancel(request)

    async def preview_cancel_all(
        self, who: Identity, quote_id: str, *, disposition: Disposition = "unordered"
    ) -> FulfilmentCancelled:
        """What :meth:`cancel_all` would do now. Writes nothing. Codes: as there."""
        async with self._desk.reading() as work:
            await self._desk.check_user(work, who, services=True)
            book = await work.orders.book(quote_id)
            withdrawal = withdraw_all(book, self._cause(who), disposition=disposition)
            await self._changes.refuse_whole(work, who, book, withdrawal.change)
        return FulfilmentCancelled.of(withdrawal)

    async def _carry_out(self, order: Order, change: OrderChange, call_id: str) -> bool:
        """By the order's run, which so knows of it; an order whose run is over is changed without one, and gets one
        anew if something is still to come. Whether its run did it.
        """
        handle = self._desk.client.get_workflow_handle(order_run_id(order.order_id))
        over = Refusal("wrong_state", f"the run of order {order.order_id} is over")

        async def call() -> OrderAnswer:
            update = change.verb if change.verb in OWN_UPDATES else "change"
            found: OrderAnswer = await handle.execute_update(update, change, id=call_id, result_type=OrderAnswer)
            return found

        try:
            await answered(call, over)
        except Refusal as refusal:
            # A run that ends in the moment in which it takes the update leaves it undone, or done once for its key.
            if refusal is not over and refusal.code != "round_closed":
                raise
            request = ChangeOrder(order_id=order.order_id, change=change, at=self._desk.clock.now(), by_hand=True)
            moved = await self._desk.order_changes.change_order(request)
            if moved.refused is not None:
                raise moved.refused.refusal() from None
            return False
        return True

    async def preview_change(self, who: Identity, order_id: str, verb: str, **fields: Any) -> Order:
        """The order as :meth:`change` would leave it now. Writes nothing. Codes: as there."""
        return (await self.preview_changed(who, order_id, verb, **fields)).order

    async def preview_changed(self, who: Identity, order_id: str, verb: str, **fields: Any) -> ChangedOrders:
        """What :meth:`changed` would answer now. Writes nothing."""
        change = self._change(who, order_id, verb, "preview", fields)
        async with self._desk.reading() as work:
            await self._desk.check_user(work, who, services=True)
            refuse_unpermitted(change, who)
            order, tried = await self._tried(work, order_id, change)
            need = await self._changes.need(work, change, order, tried) if tried.orders else None
        others = tuple(each for each in tried.orders if each.order_id != order_id)
        then = next((each for each in tried.orders if each.order_id == order_id), order)
        return ChangedOrders(then, others, need=need)

    def _change(self, who: Identity, order_id: str, verb: str, key: str, fields: Mapping[str, Any]) -> OrderChange:
        facts = {**fields, "key": key, "verb": verb, "by": who.user, "token": "", "at": self._desk.clock.told()}
        change = OrderChange.model_validate(facts)
        return change.model_copy(update={"token": self._desk.act(who, order_id, verb, key, change.words)})

    async def _tried(self, work: Work, order_id: str, change: OrderChange) -> tuple[Order, Change]:
        """The order as it is, and what ``change`` would do to it."""
        order = await work.orders.get(order_id)
        cause = Cause(at=self._desk.clock.now(), by=change.by, why=change.reason or change.comment)
        book = None if touches_one_order(change.verb) else await work.orders.book(order.quote_id)
        check_version(order, change)
        for name in (change.into, *change.orders):
            if book is not None and name is not None and not any(name in (e.order_id, e.key) for e in book.orders):
                refuse_strangers(order, await work.orders.get(name))
        cut_off, required = self._desk.cut_off, self._desk.required
        return order, await carried_out(work, order, book, change, cause, cut_off=cut_off, required=required)

    def _cause(self, who: Identity) -> Cause:
        return Cause(at=self._desk.clock.now(), by=who.user)
