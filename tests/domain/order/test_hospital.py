"""The hospital quote: every figure of ``examples/hospital/expected.json`` about its orders."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.ledger.contract import contracts
from domain.ledger.entitlement import View, covers, entitlements
from domain.ledger.known import end_of_day
from domain.ledger.revenue import remaining, report, revenue
from domain.order.fulfilment import accept_item, deliver, reach
from domain.order.order import OrderState
from domain.pricing import price
from domain.quote import read_quote
from tests.domain.order.story import ZONE, Story, noon

FOLDER = Path(__file__).parents[3] / "examples" / "hospital"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
CHANGE = EXPECTED["change_on_2027_02_05"]
ACCEPTED = datetime(2026, 11, 16, 9, tzinfo=ZONE)
EQUIPMENT = {
    "2027-01-11/MC": "2027-01-11",
    "2027-02-15/MC": "2027-02-15",
    "2027-02-15/NC": "2027-02-15",
    "2027-03-22/RC": "2027-04-19",
}


def split_up() -> Story:
    return Story(price(read_quote(json.loads((FOLDER / "quote.json").read_text())))).split(at=ACCEPTED)


def played() -> Story:
    """The whole story: seven orders, two of them moved, everything delivered, accepted and reached."""
    story = split_up()
    story.until(noon("2027-01-11")).do(deliver, "2027-01-11/MC", noon("2027-01-11"))
    story.do(accept_item, "2027-01-11/MC", noon("2027-01-20"), line="L1")
    story.do(reach, "2027-01-11/MC", noon("2027-01-29"), line="L1b")
    story.until(noon("2027-02-05"))
    story.move("2027-03-22/RC", "2027-04-19", noon("2027-02-05"))
    story.move("2027-04-01/RC", "2027-05-01", noon("2027-02-05"))
    for key, on in list(EQUIPMENT.items())[1:]:
        story.until(noon(on)).do(deliver, key, noon(on))
    return story.until(noon("2027-06-01"))


@pytest.fixture(scope="module", name="whole")
def whole_story() -> Story:
    return played()


def test_seven_orders_with_their_items_and_totals() -> None:
    story = split_up()
    assert len(story.book.orders) == len(EXPECTED["orders"]) == 7
    for order, expected in zip(story.book.orders, EXPECTED["orders"], strict=True):
        assert (str(order.order_date), order.ship_to) == (expected["order_date"], expected["ship_to"])
        assert order.key == f"{expected['order_date']}/{expected['ship_to']}"
        assert {item.line_id: str(item.amount) for item in order.items} == expected["items"]
        assert str(order.total) == expected["total"]
        assert order.state is OrderState.SCHEDULED
    totals = story.book.totals
    assert str(totals.quote) == str(totals.ordered) == EXPECTED["quote_total"]
    assert totals.unordered == totals.cancelled == totals.returned == totals.variance == 0


def test_every_line_comes_to_its_total() -> None:
    for line_id, total in EXPECTED["line_totals"].items():
        assert sum(map(Decimal, split_up().amounts(line_id))) == Decimal(total)


def test_one_building_late() -> None:
    story = split_up()
    story.move("2027-03-22/RC", "2027-04-19", noon("2027-02-05"))
    story.move("2027-04-01/RC", "2027-05-01", noon("2027-02-05"))
    services = story.order("2027-04-01/RC")
    assert str(services.total) == CHANGE["service_order_total"]
    (link,) = services.items_of("L4c")
    assert (str(link.amount), str(link.variance)) == (CHANGE["L4c_total"], CHANGE["reschedule_variance"])
    assert (link.start, link.end) == (date(2027, 5, 1), date(2030, 1, 31))
    (care,) = services.items_of("L5")
    assert (care.start, care.end, care.variance) == (date(2027, 5, 1), date(2028, 4, 30), Decimal(0))
    assert str(story.book.totals.ordered) == CHANGE["all_orders"]
    assert str(story.book.totals.variance) == CHANGE["reschedule_variance"]
    assert story.book.totals.quote == Decimal(EXPECTED["quote_total"])


def test_everything_is_fulfilled_in_the_end(whole: Story) -> None:
    assert {order.state for order in whole.book.orders} == {OrderState.FULFILLED}


def test_contracts_by_end_date(whole: Story) -> None:
    found = contracts(whole.entries)
    assert [str(contract.end) for contract in found] == EXPECTED["contract_ends_by_end_date"]
    assert [contract.lines for contract in found] == [("L5",), ("L5",), ("L5",), ("L4a", "L4b", "L4c")]
    assert found[3].value == Decimal("49104.00") + Decimal("22568.00") + Decimal("12685.20")
    (single,) = contracts(whole.entries, "single")
    assert str(single.value) == CHANGE["all_orders"]
    assert (single.start, single.end) == (date(2027, 2, 1), date(2030, 1, 31))


HEAD, *ROWS = EXPECTED["entitlements_contracted"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_contracted_entitlements(whole: Story, row: list[Any]) -> None:
    on = date.fromisoformat(row[0])
    held = entitlements(whole.entries, on)
    assert [held.of(product) for product in HEAD[1:5]] == row[1:5]
    assert list(covers(whole.entries, on).get("MAINTENANCE-12", ())) == row[5]


def test_committed_entitlements_follow_what_was_known(whole: Story) -> None:
    on = date(2027, 4, 10)
    for words, quantity in EXPECTED["entitlements_committed_on_2027_04_10"].items():
        known = end_of_day(date.fromisoformat(words[-10:]), "America/Chicago")
        held = entitlements(whole.entries, on, known, View.COMMITTED)
        assert held.of("EHR-DEVICE-LINK") == quantity


def test_revenue_by_month_and_year(whole: Story) -> None:
    found = report(revenue(whole.entries))
    for period, amount in EXPECTED["revenue"].items():
        if period == "2027-07..12":
            months = [f"2027-{month:02}" for month in range(7, 13)]
            assert sum(found.amount(month) for month in months) == Decimal(amount)
        else:
            assert found.amount(period) == Decimal(amount), period
    assert found.contracted == found.total == Decimal(CHANGE["all_orders"])


def test_revenue_by_line(whole: Story) -> None:
    expected = EXPECTED["revenue_lines"]
    schedules = revenue(whole.entries)
    found = {"L4a": report(schedules).lines["L4a"]}
    for site in ("MC", "RC"):
        found[f"L5 {site}"] = report(row for row in schedules if (row.plan.line_id, row.plan.ship_to) == ("L5", site))
    for line, periods in expected.items():
        for period, amount in periods.items():
            assert found[line].amount(period) == Decimal(amount), (line, period)


def test_recognised_and_remaining_make_up_what_is_contracted(whole: Story) -> None:
    schedules = revenue(whole.entries)
    assert remaining(schedules, date(2027, 1, 28)) == Decimal(CHANGE["all_orders"]) - Decimal("1376362.57")
    assert remaining(schedules, date(2027, 1, 31)) == Decimal(CHANGE["all_orders"]) - Decimal("1421362.57")
    assert remaining(schedules, date(2030, 1, 31)) == 0
