"""The ERP: hands over an order and remembers that it did. Exactly once in effect, by ``order:version:kind``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.partners.erp import Erp, ErpConflict, ErpOrder
from activities.partners.erp_document import erp_document
from activities.requests import SEND_ORDER, SET_ASIDE_ORDER, OrderMoved, OrderStanding, SendOrder, SetAsideOrder
from activities.store.erp_messages import ErpMessage
from activities.store.record_entry import RecordEntry
from activities.store.work import Database
from activities.texts import storable

CREATE: Final = "create"
CONFLICT = "erp_conflict"
BEAT = 2.0


@asynccontextmanager
async def _signs_of_life() -> AsyncIterator[None]:
    """Let the server know that we still wait for the partner: a dead worker's call is made anew much sooner."""

    async def tell() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(BEAT)

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

    @activity.defn(name=SEND_ORDER)
    async def send_order(self, request: SendOrder) -> OrderMoved:
        """Send the order once. What is sent is noted first, so that a repeated call sends the very same document.

        An ``ErpConflict`` (another document under the key) is final; everything else is worth another try.
        """
        async with _signs_of_life():
            return await self._send(request)

    async def _send(self, request: SendOrder) -> OrderMoved:
        message = await self._noted(request.order_id)
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
            entry = RecordEntry(
                kind="order_sent",
                at=request.at,
                key=f"sent/{message.key}",
                quote_id=document.header.quote_id,
                order_id=request.order_id,
                channel="erp",
                body={"key": message.key, "document": sent.document},
            )
            await work.record.append([entry])
            order = await work.orders.get(request.order_id)
            return OrderMoved(standing=OrderStanding.of(order, sent=True))

    @activity.defn(name=SET_ASIDE_ORDER)
    async def set_aside_order(self, request: SetAsideOrder) -> None:
        """Put what the ERP did not take on the work list, and on the record why."""
        message = await self._noted(request.order_id)
        async with self._database.work() as work:
            await work.erp.mark_failed(message.key, storable(request.why), work_list=True)
            entry = RecordEntry(
                kind="order_not_sent",
                at=request.at,
                key=f"not_sent/{message.key}",
                quote_id=ErpOrder.model_validate(message.payload).header.quote_id,
                order_id=request.order_id,
                channel="erp",
                body={"key": message.key, "why": storable(request.why)},
            )
            await work.record.append([entry])

    async def _noted(self, order_id: str) -> ErpMessage:
        async with self._database.work() as work:
            order = await work.orders.get(order_id, for_update=True)
            for message in await work.erp.of_order(order_id):
                if message.kind == CREATE:
                    return message
            stored = await work.quotes.get(order.quote_id)
            quote = (await work.quotes.content(order.quote_id, stored.version)).quote
            document = erp_document(order, quote, kind=CREATE)
            return await work.erp.put(order_id, order.version, CREATE, document.model_dump(mode="json"))
