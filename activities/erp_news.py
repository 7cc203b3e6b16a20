"""What the ERP has not been told of an order yet, as it follows from the order and from what was noted for the ERP.

Nothing has to be remembered when an order changes: whatever it was that changed it, the difference is what is due.
"""

from __future__ import annotations

from dataclasses import dataclass

from activities.partners.erp import ErpOrder
from activities.partners.erp_document import erp_document
from activities.partners.erp_lines import Kind, Told, lines_of
from activities.requests import OrderStanding
from activities.store.erp_messages import ErpMessage, ErpState
from activities.store.work import Work
from domain.order.order import Order, OrderKind, OrderState
from domain.quote import Quote

UNTOLD = frozenset({OrderState.REJECTED, OrderState.SUPERSEDED})
"""The ERP itself said no; or the order that took its place tells for both."""
NOT_YET = frozenset({OrderState.ON_HOLD, OrderState.BLOCKED, OrderState.CANCELLED})


@dataclass(frozen=True, slots=True)
class ErpNews:
    """``messages`` are all that were noted of an order and of the ``superseded`` ones, the earliest first."""

    order: Order
    superseded: tuple[Order, ...]
    messages: tuple[ErpMessage, ...]

    @property
    def waiting(self) -> ErpMessage | None:
        """The first message that was noted and that the ERP is not known to have."""
        return next((message for message in self.messages if message.state is ErpState.WAITING), None)

    @property
    def due(self) -> Kind | None:
        """The kind of message that is to be noted next; none as long as people look at an earlier one."""
        order = self.order
        if (
            order.refused_by_erp
            or order.state in UNTOLD
            or any(message.state is ErpState.WORK_LIST for message in self.messages)
        ):
            return None
        own = any(message.order_id == order.order_id for message in self.messages)
        if not own and (order.activated_at is None or order.state in NOT_YET):
            return None
        return self._told().due(lines_of((*self.superseded, order)))

    @property
    def is_sent(self) -> bool:
        """Whether the ERP was told of this very order."""
        own = [message for message in self.messages if message.order_id == self.order.order_id]
        return any(message.state not in (ErpState.WAITING, ErpState.WORK_LIST) for message in own)

    @property
    def standing(self) -> OrderStanding:
        """The order with what is to be told of it."""
        to_tell = self.waiting is not None or self.due is not None
        return OrderStanding.of(self.order, sent=self.is_sent).model_copy(update={"to_tell": to_tell})

    async def note(self, work: Work, kind: Kind, quote: Quote) -> ErpMessage:
        """Note the message that is due, so that a repeated call sends the very same document."""
        order = self.order
        document = erp_document(order, quote, kind=kind, superseded=self.superseded, told=self._told())
        return await work.erp.put(order.order_id, order.version, kind, document.model_dump(mode="json"))

    def _told(self) -> Told:
        return Told.by(ErpOrder.model_validate(message.payload) for message in self.messages)


async def erp_news(work: Work, order: Order) -> ErpNews:
    """What there is to tell of ``order``."""
    superseded: list[Order] = []
    first = order
    while first.kind is OrderKind.SUPPLEMENT and first.revises_order is not None:
        first = await work.orders.get(first.revises_order)
        superseded.insert(0, first)
    messages = [message for each in (*superseded, order) for message in await work.erp.of_order(each.order_id)]
    messages.sort(key=lambda message: message.created_at)
    return ErpNews(order, tuple(superseded), tuple(messages))
