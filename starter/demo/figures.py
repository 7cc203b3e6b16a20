"""The tie-out: every figure of ``expected.json`` against what the system says, to the cent and to the day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.approval.state import RoundState
from domain.ledger.contract import contracts
from domain.ledger.entitlement import View, covers, entitlements
from domain.ledger.entries import LedgerEntry
from domain.ledger.known import end_of_day
from domain.ledger.revenue import report, revenue
from domain.order.book import OrderBook
from domain.order.order import Order
from domain.pricing import PricedQuote


@dataclass
class Figures:
    """Compares, counts, and remembers what differs."""

    expected: Mapping[str, Any]
    checked: int = 0
    differences: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> Figures:
        """The figures of the file at ``path``."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def same(self, what: str, expected: Any, actual: Any) -> None:
        """Compare one figure; amounts compare as decimals."""
        self.checked += 1
        if _plain(expected) != _plain(actual):
            self.differences.append(f"{what}: expected {expected}, was {actual}")

    # -- the quote and its path

    def check_quote(self, priced: PricedQuote) -> None:
        """Line totals and the quote's total."""
        for line_id, amount in self.expected["line_totals"].items():
            self.same(f"line {line_id}", amount, priced.line(line_id).net_total)
        self.same("quote total", self.expected["quote_total"], priced.net_total)

    def check_path(self, plan: RoundState) -> None:
        """Lanes, steps, approvals, whom they ask, and the rules that did not fire."""
        path = self.expected["approval_path"]
        self.same("lanes", [lane["lane"] for lane in path["lanes"]], [lane.name for lane in plan.lanes])
        wanted = [each for lane in path["lanes"] for step in lane["steps"] for each in step["approvals"]]
        self.same("approvals", [each["rule"] for each in wanted], [each.rule for each in plan.approvals])
        for lane in path["lanes"]:
            for step in lane["steps"]:
                for each in step["approvals"]:
                    self._check_approval(plan, lane["lane"], step["step"], each)
        self.same("rules that did not fire", list(path["did_not_fire"]), [each.rule for each in plan.not_fired])

    def _check_approval(self, plan: RoundState, lane: str, step: int, wanted: Mapping[str, Any]) -> None:
        rule = wanted["rule"]
        approval = plan.approval(rule)
        if approval is None:
            self.same(f"approval {rule}", "asked", "not asked")
            return
        self.same(f"{rule} lane", lane, approval.chain)
        self.same(f"{rule} step", step, approval.step)
        self.same(f"{rule} approver", wanted["approver"], approval.approver)
        self.same(f"{rule} asks", wanted["asks"], list(approval.waiting_for))
        if "quorum" in wanted:
            self.same(f"{rule} quorum", str(wanted["quorum"]), approval.quorum)
        if "value" in wanted:
            told = [
                f"{each.name} = {each.value}, threshold {each.operator} {each.threshold}"
                for each in approval.snapshot.conditions
                if each.numeric
            ]
            self.same(f"{rule} values", wanted["value"], "; ".join(told))

    # -- orders

    def check_orders(self, book: OrderBook) -> None:
        """The orders as they were split."""
        self.same("number of orders", len(self.expected["orders"]), len(book.orders))
        for wanted, order in zip(self.expected["orders"], book.orders, strict=False):
            name = f"order {wanted['order_date']}/{wanted['ship_to']}"
            self.same(f"{name} date", wanted["order_date"], order.order_date.isoformat())
            self.same(f"{name} ship-to", wanted["ship_to"], order.ship_to)
            self.same(f"{name} total", wanted["total"], order.total)
            amounts = _by_line(order)
            self.same(f"{name} lines", sorted(wanted["items"]), sorted(amounts))
            for line_id, amount in wanted["items"].items():
                self.same(f"{name} {line_id}", amount, amounts.get(line_id))

    def check_change(self, book: OrderBook, service_order: str, line_id: str) -> None:
        """What the date moves cost and saved."""
        change = self.expected["change_on_2027_02_05"]
        order = book.order(service_order)
        amounts = _by_line(order)
        self.same(f"{line_id} after the change", change[f"{line_id}_total"], amounts[line_id])
        self.same("service order after the change", change["service_order_total"], order.total)
        self.same("reschedule variance", change["reschedule_variance"], book.totals.variance)
        self.same("all orders after the change", change["all_orders"], book.totals.ordered)

    # -- what the customer has

    def check_contracts(self, entries: Sequence[LedgerEntry]) -> None:
        """The ends of the contracts, grouped by end date."""
        ends = [each.end.isoformat() if each.end else None for each in contracts(entries)]
        self.same("contract ends", self.expected["contract_ends_by_end_date"], ends)

    def check_entitlements(self, entries: Sequence[LedgerEntry], known: datetime) -> list[list[Any]]:
        """The entitlement table as contracted; its rows as the system has them, for showing."""
        head, *rows = self.expected["entitlements_contracted"]
        shown: list[list[Any]] = []
        for row in rows:
            on = date.fromisoformat(row[0])
            held = entitlements(entries, on, known)
            actual: list[Any] = [row[0], *(held.of(product) for product in head[1:-1])]
            actual.append(sorted({site for sites in covers(entries, on, known).values() for site in sites}))
            for name, wanted, found in zip(head[1:], row[1:], actual[1:], strict=True):
                self.same(f"entitlement on {on}: {name}", wanted, found)
            shown.append(actual)
        return shown

    def check_committed(self, entries: Sequence[LedgerEntry], zone: str) -> None:
        """What was committed on a date, as it was known before and after the change."""
        for question, wanted in self.expected["entitlements_committed_on_2027_04_10"].items():
            product, _, known = question.partition(" known on ")
            moment = end_of_day(date.fromisoformat(known), zone)
            held = entitlements(entries, date(2027, 4, 10), moment, View.COMMITTED)
            self.same(f"committed on 2027-04-10: {question}", wanted, held.of(product))

    # -- revenue

    def check_revenue(self, entries: Sequence[LedgerEntry]) -> list[tuple[str, Decimal]]:
        """Revenue by month, year and line; the periods as the system has them, for showing."""
        schedules = revenue(entries)
        told = report(schedules)
        shown: list[tuple[str, Decimal]] = []
        for period, wanted in self.expected["revenue"].items():
            actual = sum((told.amount(each) for each in _periods(period)), Decimal(0))
            self.same(f"revenue {period}", wanted, actual)
            shown.append((period, actual))
        self.same("recognised and remaining", told.contracted, told.total)
        for name, periods in self.expected["revenue_lines"].items():
            line_id, _, site = name.partition(" ")
            of_line = report(
                [each for each in schedules if each.plan.line_id == line_id and site in ("", each.plan.ship_to)]
            )
            for period, wanted in periods.items():
                self.same(f"revenue of {name} in {period}", wanted, of_line.amount(period))
        return shown


def _by_line(order: Order) -> dict[str, Decimal]:
    """The amount of each line in an order; several items of one line add up."""
    found: dict[str, Decimal] = {}
    for item in order.items:
        found[item.line_id] = found.get(item.line_id, 0 * item.amount) + item.amount
    return found


def _periods(text: str) -> Iterator[str]:
    """``2027-07..12`` is six months; anything else is one period."""
    first, dots, last = text.partition("..")
    if not dots:
        yield text
        return
    year, month = first.split("-")
    for number in range(int(month), int(last) + 1):
        yield f"{year}-{number:02}"


def _plain(value: Any) -> Any:
    """``value`` in a form in which equal figures are equal."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    if isinstance(value, Iterable):
        return [_plain(each) for each in value]
    return value
