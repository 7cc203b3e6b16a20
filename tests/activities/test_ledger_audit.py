"""What the audit says of a ledger that somebody forged with all rights over the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from activities.store.audit import audit
from activities.store.work import Database
from domain.order.activation import acknowledge, activate
from domain.order.event import Cause, Change
from domain.order.fulfilment import deliver
from domain.order.order import Order
from domain.order.recording import invoice
from domain.order.standing import is_deliverable
from tests.activities.samples import NOON, order_hospital
from tests.activities.test_record import tamper

ALIKE = "UPDATE ledger SET {column} = {value}, body = jsonb_set(body, '{{{column}}}', '\"{value}\"') WHERE {where}"
"""What a careful forger does: the column and the document say the same."""


async def delivered(database: Database) -> None:
    """The hospital's orders, one of them delivered and invoiced in part."""
    await order_hospital(database)
    steps: tuple[Callable[[Order, Cause], Change], ...] = (activate, acknowledge, _deliver, _invoice)
    for hours, told in enumerate(steps):
        async with database.work() as work:
            order = await work.orders.get("Q-1001-1")
            await work.save_change(told(order, Cause(at=NOON + timedelta(hours=hours), by="erp")))


def _deliver(order: Order, cause: Cause) -> Change:
    return deliver(order, cause, line=_line(order), quantity=Decimal(1))


def _invoice(order: Order, cause: Cause) -> Change:
    return invoice(order, cause, line=_line(order), amount=Decimal("10.00"))


def _line(order: Order) -> str:
    return next(item.line_id for item in order.items if is_deliverable(item))


@pytest.mark.parametrize(
    ("column", "value", "where", "code"),
    [
        ("amount", "9999.00", "kind = 'scheduled'", "ledger_unplanned"),
        ("quantity", "77", "kind = 'scheduled'", "ledger_unplanned"),
        ("quantity", "77", "kind = 'delivered'", "ledger_unrecorded"),
        ("amount", "9999.00", "kind = 'invoiced'", "ledger_unrecorded"),
    ],
)
async def test_a_row_that_was_forged_whole_is_found(
    database: Database, column: str, value: str, where: str, code: str
) -> None:
    await delivered(database)
    assert (await audit(database)).violations == ()
    await tamper(database, ALIKE.format(column=column, value=value, where=where))
    found = {each.code for each in (await audit(database)).violations}
    assert code in found
    assert "row_differs" not in found


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM ledger WHERE kind = 'scheduled' AND order_id = 'Q-1001-1'", "ledger_unplanned"),
        ("DELETE FROM ledger WHERE kind = 'invoiced'", "ledger_unrecorded"),
        ("DELETE FROM record WHERE kind = 'order_delivered'", "ledger_unrecorded"),
        ("UPDATE ledger SET line_id = 'other' WHERE kind = 'delivered'", "row_differs"),
        ("UPDATE ledger SET ship_to = 'other' WHERE kind = 'delivered'", "row_differs"),
        ("UPDATE ledger SET version = version + 1 WHERE kind = 'delivered'", "row_differs"),
    ],
)
async def test_what_was_taken_away_or_changed_in_part_is_found(database: Database, statement: str, code: str) -> None:
    await delivered(database)
    await tamper(database, statement)
    assert code in {each.code for each in (await audit(database)).violations}
