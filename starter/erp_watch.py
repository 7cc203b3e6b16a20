"""The ear for the ERP: takes acknowledgements from the adapter and brings each to its order, once in effect."""

from __future__ import annotations

from datetime import timedelta

import structlog

from activities.partners.erp import Acknowledgement, Erp
from activities.tokens import Identity
from domain.order.order import OrderState
from domain.refusal import Refusal
from starter.background import Background
from starter.desk import Desk
from starter.order_desk import OrderDesk

log = structlog.get_logger(__name__)

GONE = frozenset({OrderState.CANCELLED, OrderState.CLOSED})
ERP = Identity("erp", frozenset({"service"}))


class ErpWatch:
    """Reads the ERP's answers every ``poll``. Several may run: an answer counts once, by its key."""

    def __init__(self, desk: Desk, erp: Erp, *, poll: timedelta = timedelta(seconds=0.5)) -> None:
        self._desk = desk
        self._orders = OrderDesk(desk)
        self._erp = erp
        self._poll = poll

    async def run(self) -> None:
        """Listen until cancelled."""
        await Background("erp_watch", self.listen, self._poll).run()

    async def listen(self) -> int:
        """Take what lies there now; how many answers were brought to their orders."""
        status = await self._erp.read_status()
        brought = 0
        for received in status.received:
            try:
                await self._bring(received.acknowledgement)
                brought += 1
            except Refusal as refusal:
                if refusal.code == "unavailable":
                    raise
                # An answer that makes no sense now never will: it is put away, and the log tells.
                log.warning("erp_answer_refused", key=received.acknowledgement.key, code=refusal.code)
            await self._erp.taken(received.slip)
        return brought

    async def _bring(self, answer: Acknowledgement) -> None:
        order = await self._orders.get(answer.order_id)
        # An order is acknowledged once; what is answered to later changes of it is kept with the message.
        if answer.kind == "create" or (order.acknowledgement is None and order.state not in GONE):
            order = await self._orders.change(
                ERP,
                answer.order_id,
                "acknowledge",
                key=f"erp/{answer.key}/{answer.outcome}",
                outcome="accepted" if answer.accepted else "rejected",
                document=answer.document,
                reason=answer.reason,
            )
        async with self._desk.database.work() as work:
            await work.erp.answer(
                answer.key,
                accepted=answer.accepted,
                at=self._desk.clock.now(),
                answer=answer.model_dump(mode="json"),
                document=answer.document,
            )
        log.info("erp_answered", order_id=order.order_id, outcome=answer.outcome)
