"""An order's page: what it is, what can be done to it now and why the rest cannot, and which orders revise it."""

from __future__ import annotations

from activities.store.order_views import OrderPage
from activities.store.waiting_changes import WaitingChange
from domain.approval.state import Approval
from domain.order.order import Order
from domain.order.permission import allowed
from starter.api.documents import Json
from starter.api.order_documents import order_document
from starter.order_desk import ChangedOrders

KNOWN = {"verb", "by", "key"}
TOLD = {"key", "version", "kind", "state", "created_at", "sent_at", "document", "answered_at", "last_error"}


def order_page_document(page: OrderPage) -> Json:
    """An order with what the ERP was told about it.

    ``allowed`` are the operations that can be tried now, ``not_allowed`` the others with the code that each would be
    refused with; what an operation's quantities, dates and other orders come to is told when it is tried. ``changes``
    are those that wait for their approval, or waited.
    """
    permission = allowed(page.order, page.superseded)
    return {
        **bare_document(page.order),
        "allowed": [str(operation) for operation, code in permission.items() if code is None],
        "not_allowed": {str(operation): code for operation, code in permission.items() if code is not None},
        "revised_by": [each.model_dump(mode="json") for each in page.revised_by],
        "changes": [waiting_document(each) for each in page.changes],
        "erp": [each.model_dump(mode="json", include=TOLD) for each in page.erp],
    }


def changed_document(changed: ChangedOrders) -> Json:
    """An order after an operation, and under ``also_changed`` the others that it made or changed.

    ``approval`` says what must be approved first, or would have to be; ``waiting`` is the change that waits for it.
    """
    others = [bare_document(each) for each in changed.others]
    document = {**bare_document(changed.order), "also_changed": others}
    if changed.need is not None:
        document["approval"] = [_approval(each) for each in changed.need.round.approvals]
    if changed.waiting is not None:
        document["waiting"] = waiting_document(changed.waiting)
    return document


def waiting_document(waiting: WaitingChange) -> Json:
    """A change that waits for its approval, or waited; ``change_id`` is decided like a quote."""
    return waiting.model_dump(mode="json", exclude={"key", "wanted", "attempts"}) | {
        "wanted": {name: value for name, value in waiting.wanted.items() if value is not None and name not in KNOWN}
    }


def _approval(approval: Approval) -> Json:
    return {
        "rule": approval.rule,
        "reason": approval.reason,
        "state": str(approval.state),
        "asked": sorted({person for seat in approval.seats for person in seat.asked}),
    }


def bare_document(order: Order) -> Json:
    """An order with what its last change was; what it takes to undo that is not shown."""
    last = order.last_change
    document = order_document(order.model_copy(update={"last_change": None}))
    if last is None:
        return document
    touched = sorted(order_id for order_id, _ in last.orders)
    return {**document, "last_change": {"operation": last.operation, "at": last.at.isoformat(), "orders": touched}}
