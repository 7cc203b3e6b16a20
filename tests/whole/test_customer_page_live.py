"""The customer's page at the end of the worked examples: it says what orders, entitlements and revenue say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.money import total_of
from domain.order.book import OrderBook
from starter.customer_desk import CustomerDesk
from starter.customer_look import AHEAD
from starter.stories.document import Case, read_story
from starter.stories.live import LiveStage
from starter.stories.player import play
from tests.whole.test_stories_live import ROOT, stage

__all__ = ["stage"]
PLAYED = [case for name in ("construction", "software") for case in read_story(ROOT / f"examples/{name}/scenario.yaml")]
CASES = [case for case in PLAYED if not case.name.startswith("who must agree")]
"""Those that come to orders."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_page_says_what_the_example_comes_to(case: Case, stage: LiveStage) -> None:
    told = await play(case, stage)
    assert told.passed, told.failures
    async with stage.desk.reading() as work:
        (customer,) = await work.customer_pages.with_orders()
        names = await work.orders.quotes_with_books("")
        books: list[OrderBook] = [await work.orders.book(name) for name in names]
    customers = CustomerDesk(stage.desk)
    page = await customers.page(customer)
    (money,) = page.money
    orders = [order for book in books for order in book.orders]
    by_state = {
        str(state): total_of((order.total for order in orders if order.state is state), money.currency)
        for state in {order.state for order in orders}
    }
    assert money.ordered == by_state
    for name in ("unordered", "cancelled", "returned"):
        assert getattr(money, name) == sum((getattr(book.totals, name) for book in books), Decimal(0)), name

    earned = await customers.revenue(customer, until=page.on.isoformat())
    assert (money.position.recognised, money.remaining) == (earned.report.total, earned.remaining)
    assert money.contracted == money.position.recognised + money.remaining

    entitled = (await customers.entitlements(customer, on=page.on)).entitlements
    running: dict[str, Decimal] = {}
    for each in page.running:
        running[each.product] = running.get(each.product, Decimal(0)) + each.quantity(page.on)
    assert running, "something runs at the end of each example"
    assert {product: entitled.of(product) for product in running} == running
    assert {order.order_id for order in page.orders} == {order.order_id for order in orders if order.state in AHEAD}
    assert all(each.start > page.on for each in page.starting)
