"""What keeps an order from being activated although its date has come (``spec/orders.md`` 3, activate)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from domain.order.event import Cause, Change, OrderEventKind
from domain.order.journal import Journal
from domain.order.order import Block, Order, OrderState
from domain.order.permission import Operation, refuse_state

Required = Literal["bill_to", "ship_to"]


def blockers(order: Order, required: Iterable[Required] = (), credit_block: str | None = None) -> tuple[str, ...]:
    """Why ``order`` cannot be activated, in words; empty: it can.

    ``required`` are the fields that a house will not activate without: ``bill_to`` of the order, ``ship_to`` of every
    thing in it. ``credit_block`` is why the customer gets nothing at present.
    """
    found: list[str] = []
    for name in required:
        if name == "bill_to" and order.bill_to is None:
            found.append("data missing: the order has no bill_to")
        if name == "ship_to":
            nowhere = [
                item.line_id for item in order.items if item.counts and item.kind == "one_time" and not item.ship_to
            ]
            if nowhere:
                found.append(f"data missing: {', '.join(nowhere)} has no ship_to")
    if credit_block is not None:
        found.append(f"credit block: {credit_block}")
    return tuple(found)


def block(order: Order, reasons: tuple[str, ...], cause: Cause) -> Change:
    """The order ``blocked`` with its reasons; activating it again, or releasing it, ends that.

    The same reasons again change nothing. Codes: ``wrong_state``, ``on_hold``.
    """
    refuse_state(order, Operation.ACTIVATE)
    if order.block is not None and order.block.reasons == reasons:
        return Change()
    before = order.block.state_before if order.block else order.state
    journal = Journal.of_change(order, cause)
    blocked = Block(at=cause.at, reasons=reasons, state_before=before)
    after = order.model_copy(update={"state": OrderState.BLOCKED, "block": blocked})
    facts = {"state": after.state, "reasons": "; ".join(reasons)}
    journal.event(OrderEventKind.BLOCKED, before={"state": order.state}, after=facts)
    return journal.change(after)
