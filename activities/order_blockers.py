"""What stands against the activation of an order: data that this house wants, and the customer's credit."""

from __future__ import annotations

from datetime import timedelta

from activities.order_operations import check_version, operated
from activities.requests import OrderChange
from activities.store.work import Work
from domain.order.activation import activate
from domain.order.block import asks_quote, blockers, facts_of
from domain.order.book import OrderBook
from domain.order.event import Cause, Change
from domain.order.order import Order


async def reasons_against(work: Work, order: Order, required: tuple[str, ...]) -> tuple[str, ...]:
    """The reasons, as the tables have it now; ``required`` as :func:`~domain.order.block.read_required` reads them.

    A hold that is put on or lifted in this moment may not be seen: an activation is then as if it had been a moment
    earlier, and a block is ended by the watch over lifted holds.
    """
    held = await work.credit_holds.reason(order.customer_id)
    facts: dict[str, str | None] = {}
    if asks_quote(required):
        stored = await work.quotes.get(order.quote_id)
        facts = facts_of((await work.quotes.content(order.quote_id, stored.version)).quote, required)
    return blockers(order, required, held, facts)


async def carried_out(
    work: Work,
    order: Order,
    book: OrderBook | None,
    change: OrderChange,
    cause: Cause,
    *,
    cut_off: timedelta | None,
    required: tuple[str, ...],
) -> Change:
    """:func:`~activities.order_operations.operated`, and where it activates, what stands against that."""
    if change.verb != "activate":
        return operated(order, book, change, cause, cut_off=cut_off)
    check_version(order, change)
    return activate(order, cause, reasons=await reasons_against(work, order, required))
