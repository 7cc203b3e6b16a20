"""Contracts of bundles whose parts end on different days, and what a rejected order counts for in each view."""

from decimal import Decimal

from domain.ledger.contract import contracts
from domain.ledger.entitlement import View
from domain.ledger.later_period import due_periods
from domain.ledger.revenue import report, revenue
from domain.order.activation import acknowledge, activate
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import day, noon, seats, thing

LONG = {"start_date": "2027-01-01", "end_date": "2027-12-31"}
SHORT = {"start_date": "2027-01-01", "end_date": "2027-06-30"}
BY_END = {"method": "by_end_date"}


def test_a_component_is_in_the_contract_of_its_parent_whichever_ends_first() -> None:
    for whole, part in ((LONG, SHORT), (SHORT, LONG)):
        parts = (seats("C", **part, component_of="B"), seats("D", **part, component_of="C"))
        agreed = Agreed(seats("B", **whole), *parts, seats("S", **part), contracting=BY_END)
        found = {each.contract_id: (each.lines, str(each.end)) for each in agreed.contracts()}
        assert found == {
            f"Q-1/{whole['end_date']}": (("B", "C", "D"), "2027-12-31"),
            f"Q-1/{part['end_date']}": (("S",), part["end_date"]),
        }


def test_a_running_component_of_a_thing_has_a_contract_by_its_own_end() -> None:
    agreed = Agreed(thing("A"), seats("C", **LONG, component_of="A"), contracting=BY_END)
    assert [(each.contract_id, each.lines) for each in agreed.contracts()] == [("Q-1/2027-12-31", ("C",))]


def test_what_a_rejected_order_counts_for() -> None:
    agreed = Agreed(seats("S", **LONG), {**seats("E", "1"), "kind": "evergreen"}, until=None)
    order = agreed.first.book.orders[0].order_id
    agreed.first.do(activate, order, noon("2026-12-02"))
    agreed.first.do(acknowledge, order, noon("2026-12-03"), outcome="rejected")
    (contract,) = contracts(agreed.entries, "single")
    assert (contract.value, str(contract.term_end)) == (Decimal("1210.00"), "2027-12-31")
    earned = report(revenue(agreed.entries))
    assert (earned.contracted, earned.lines["S"].total) == (Decimal("1210.00"), Decimal("1200.00"))
    for view in (View.CONTRACTED, View.COMMITTED):
        assert agreed.held("2027-06-01", view=view) == 0
    assert agreed.agreement.services() == ()
    assert due_periods(agreed.entries, day("2027-06-01"), noon("2027-06-01")) == ()
