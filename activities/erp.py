"""The ERP: tells it of orders and remembers that it did. Exactly once in effect, by ``order:version:kind``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.erp_news import erp_news
from activities.ordered_quotes import OrderedQuotes
from activities.partners.erp import Erp, ErpConflict, ErpOrder
from activities.requests import SEND_ORDER, SET_ASIDE_ORDER, OrderMoved, SendOrder, SetAsideOrder
from activities.store.erp_messages import ErpMessage
from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from activities.texts import storable

CONFLICT = "erp_conflict"
BEAT = 2.0


@asynccontextmanager
async def _signs_of_life() -> AsyncIterator[None]:
    """Let the server know that we still wait for the partner: a dead worker's call is made anew much sooner."""

    async def tell() -> None:
        while True:
            # Most calls are over before the first of them: a sign costs the server as much as a step of the run.
            await asyncio.sleep(BEAT)
            activity.heartbeat()

    telling = asyncio.create_task(tell()) if activity.in_activity() else None
    try:
        yield
    finally:
        if telling is not None:
            telling.cancel()


class ErpActivities:
    """The activities that speak with the ERP."""

    def __init__(self, database: Database, erp: Erp) -> None:
        self._database = database
        self._erp = erp
        self._quotes = OrderedQuotes()

    @activity.defn(name=SEND_ORDER)
    async def send_order(self, request: SendOrder) -> OrderMoved:
        """Tell the ERP the next thing that it does not know of the order: all of it, a change, or that it is gone.

        What is told is noted first, so that a repeated call sends the very same document. An order that is not
        activated, or of which the ERP knows everything, is left alone. The answer says whether there is more to tell.
        An ``ErpConflict`` (another document under the key) is final; everything else is worth another try.
        """
        async with _signs_of_life():
            message = await self._noted(request.order_id)
            return await (self._as_it_is(request) if message is None else self._send(request, message))

    async def _send(self, request: SendOrder, message: ErpMessage) -> OrderMoved:
        document = ErpOrder.model_validate(message.payload)
        try:
            sent = await self._erp.send(document)
        except ErpConflict as conflict:
            raise ApplicationError(str(conflict), type=CONFLICT, non_retryable=True) from conflict
        except Exception as error:
            async with self._database.work() as work:
                await work.erp.mark_failed(message.key, storable(f"{type(error).__name__}: {error}"))
            raise
        async with self._database.work() as work:
            await work.erp.mark_sent(message.key, request.at, document=sent.document)
            order = await work.orders.mark_sent(message.order_id, request.at)
            body = {"key": message.key, "kind": message.kind, "document": sent.document}
            await work.record.append([_entry("order_sent", f"sent/{message.key}", request, document, body)])
            if order.order_id != request.order_id:
                order = await work.orders.get(request.order_id)
            return OrderMoved(standing=(await erp_news(work, order)).standing)

    async def _as_it_is(self, request: SendOrder) -> OrderMoved:
        async with self._database.reading() as work:
            return OrderMoved(standing=(await erp_news(work, await work.orders.get(request.order_id))).standing)

    @activity.defn(name=SET_ASIDE_ORDER)
    async def set_aside_order(self, request: SetAsideOrder) -> None:
        """Put what the ERP did not take on the work list, and on the record why."""
        async with self._database.work() as work:
            message = (await erp_news(work, await work.orders.get(request.order_id, for_update=True))).waiting
            if message is None:
                return
            why = storable(request.why)
            await work.erp.mark_failed(message.key, why, work_list=True)
            document = ErpOrder.model_validate(message.payload)
            body = {"key": message.key, "why": why}
            await work.record.append([_entry("order_not_sent", f"not_sent/{message.key}", request, document, body)])

    async def _noted(self, order_id: str) -> ErpMessage | None:
        """The first message that waits, else the one that is due and is noted now."""
        async with self._database.work() as work:
            news = await erp_news(work, await work.orders.get(order_id, for_update=True))
            if news.waiting is not None:
                return news.waiting
            kind = news.due
            if kind is None:
                return None
            return await news.note(work, kind, await self._quotes.get(work, news.order.quote_id))


def _entry(
    kind: str, key: str, request: SendOrder | SetAsideOrder, document: ErpOrder, body: Mapping[str, str | None]
) -> RecordEntry:
    return RecordEntry(
        kind=kind,
        at=request.at,
        key=key,
        quote_id=document.header.quote_id,
        order_id=document.header.order_id,
        channel="erp",
        body=body,
    )
