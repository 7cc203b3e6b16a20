"""Activation, acknowledgement, and what time alone does to an order (``spec/orders.md`` 3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from domain.ledger.entries import EntryKind
from domain.order.block import block
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.invariants import refuse_broken_order
from domain.order.item import Item, ItemState
from domain.order.journal import Journal
from domain.order.order import RUNNING, Acknowledgement, LastChange, Order, OrderKind, OrderState, start_of_day
from domain.order.permission import Operation, refuse_state
from domain.order.standing import FINAL_ITEMS, is_service, settled
from domain.refusal import Refusal


def next_moment(order: Order) -> datetime | None:
    """The next instant (UTC) at which time alone changes ``order``; in the past: it is due; none: time changes nothing.

    A scheduled order activates at 00:00 of its order date in the customer's zone; an acknowledged one goes on when
    its next service starts, at 00:00 of that day.
    """
    if order.state is OrderState.SCHEDULED:
        return order.due
    starts = _starts_to_come(order)
    return start_of_day(min(starts), order.time_zone) if starts else None


def _starts_to_come(order: Order) -> list[date]:
    if order.state not in RUNNING | {OrderState.SUPERSEDED} or not order.acknowledged:
        return []
    return [item.start for item in order.items if _waits_for_start(item) and item.start is not None]


def _waits_for_start(item: Item) -> bool:
    return is_service(item) and item.state is ItemState.ACTIVATED


def is_due(order: Order, at: datetime) -> bool:
    """Whether ``order`` is to be activated by time alone."""
    return order.state is OrderState.SCHEDULED and order.due <= at


def advance(order: Order, cause: Cause, *, reasons: tuple[str, ...] = ()) -> Change:
    """All that time has brought by ``cause.at``: the activation of a due order, the start of services.

    An empty change when there is nothing, so that it may be called at any time and as often as one likes. ``reasons``
    against an activation: as in :func:`activate`.
    """
    if order.state is OrderState.SCHEDULED:
        return activate(order, cause, reasons=reasons) if is_due(order, cause.at) else Change()
    today = order.local_date(cause.at)
    if not any(start <= today for start in _starts_to_come(order)):
        return Change()
    journal = Journal.of_change(order, cause)
    after = settled(order, order.items, today)
    tell_progress(journal, order, after)
    return journal.change(after)


def activate(order: Order, cause: Cause, *, reasons: tuple[str, ...] = ()) -> Change:
    """The order made final, on its date or by hand before it.

    ``reasons`` are what stands against it (:func:`~domain.order.block.blockers`): with any, the order is blocked
    instead. Codes: ``wrong_state``, ``on_hold``, ``invariant_broken``.
    """
    refuse_state(order, Operation.ACTIVATE)
    refuse_broken_order(order)
    if reasons:
        return block(order, reasons, cause)
    journal = Journal.of_change(order, cause)
    final = order.model_copy(update={"activated_at": cause.at, "block": None})
    after = settled(final, order.items, order.local_date(cause.at))
    journal.event(OrderEventKind.ACTIVATED, before={"state": order.state}, after={"state": after.state})
    for item in after.items:
        if item.state not in FINAL_ITEMS:
            journal.standing(EntryKind.ACTIVATED, item)
    tell_progress(journal, order, after)
    if order.due <= cause.at and _made_by_delta(order):
        return _passed(order, journal.change(after))
    return _with_way_back(journal.change(after), order, cause)


def _made_by_delta(order: Order) -> bool:
    """Whether the last thing that happened to the order is that a return or a supplement made it."""
    last = order.last_change
    return order.kind in (OrderKind.RETURN, OrderKind.SUPPLEMENT) and last is not None and last.before is None


def _passed(order: Order, change: Change) -> Change:
    """``change`` without losing the way back of a return or a supplement, which goes on by itself on its date."""
    if order.last_change is None or not _made_by_delta(order):
        return change
    last = order.last_change.model_copy(update={"passed": change.order.version})
    return change.model_copy(update={"orders": (change.order.model_copy(update={"last_change": last}),)})


def _with_way_back(change: Change, before: Order, cause: Cause) -> Change:
    """An activation ahead of its date can be rolled back, as long as nothing else has happened."""
    bare = before.model_copy(update={"last_change": None})
    last = LastChange(
        operation=Operation.ACTIVATE, at=cause.at, orders=((before.order_id, change.order.version),), before=bare
    )
    return change.model_copy(update={"orders": (change.order.model_copy(update={"last_change": last}),)})


def acknowledge(
    order: Order,
    cause: Cause,
    *,
    outcome: Literal["accepted", "rejected"] = "accepted",
    document: str | None = None,
    reason: str | None = None,
) -> Change:
    """The ERP's business answer to an activated order; services that have started are fulfilled with it.

    ``document`` is the number of the ERP's own document. The same answer again changes nothing. Rejected: the order
    and its items are ``rejected``. Codes: ``wrong_state`` (not activated), ``already_acknowledged`` (another answer),
    ``already_delivered``, ``already_invoiced`` (a rejection of what has been delivered or invoiced in part).
    """
    if order.acknowledgement is not None:
        if (outcome, document or order.acknowledgement.document) == _answer(order.acknowledgement):
            return Change()
        raise Refusal("already_acknowledged", f"the ERP already answered {order.acknowledgement.outcome}", "outcome")
    refuse_state(order, Operation.ACKNOWLEDGE)
    answer = Acknowledgement(outcome=outcome, document=document, reason=reason, at=cause.at)
    answered = order.model_copy(update={"acknowledgement": answer})
    return _accepted(order, answered, cause) if outcome == "accepted" else _rejected(order, answered, cause)


def _answer(known: Acknowledgement) -> tuple[str, str | None]:
    return known.outcome, known.document


def _accepted(order: Order, answered: Order, cause: Cause) -> Change:
    journal = Journal.of_change(order, cause)
    after = settled(answered, answered.items, order.local_date(cause.at))
    document = answered.acknowledgement.document if answered.acknowledgement else None
    facts = {"state": after.state, "document": document}
    journal.event(OrderEventKind.ACKNOWLEDGED, before={"state": order.state}, after=facts)
    tell_progress(journal, order, after)
    return _passed(order, journal.change(after))


def _rejected(order: Order, answered: Order, cause: Cause) -> Change:
    if any(item.delivered or item.reached or item.progress for item in order.items):
        raise Refusal("already_delivered", f"something of order {order.order_id} is already delivered", "outcome")
    if any(item.invoiced for item in order.items):
        raise Refusal("already_invoiced", f"something of order {order.order_id} is already invoiced", "outcome")
    journal = Journal.of_change(order, cause)
    items = tuple(
        item if item.state in FINAL_ITEMS else item.model_copy(update={"state": ItemState.REJECTED})
        for item in order.items
    )
    after = answered.model_copy(update={"items": items, "state": OrderState.REJECTED})
    facts = {
        "state": after.state,
        "reason": answered.acknowledgement.reason if answered.acknowledgement else None,
    }
    journal.event(OrderEventKind.REJECTED, before={"state": order.state}, after=facts)
    for item in order.items:
        if item.state not in FINAL_ITEMS:
            journal.standing(EntryKind.REJECTED, item)
    return _passed(order, journal.change(after))


def tell_progress(journal: Journal, before: Order, after: Order) -> None:
    """Add the events of services that have started and of an order that is fulfilled."""
    for old, new in zip(before.items, after.items, strict=True):
        if is_service(new) and new.state is ItemState.FULFILLED and old.state is not ItemState.FULFILLED:
            facts = {"state": new.state, "start": new.start}
            journal.event(OrderEventKind.STARTED, new, on=new.start, before={"state": old.state}, after=facts)
    if after.state is OrderState.FULFILLED and before.state is not OrderState.FULFILLED:
        journal.event(OrderEventKind.FULFILLED, before={"state": before.state}, after={"state": after.state})
