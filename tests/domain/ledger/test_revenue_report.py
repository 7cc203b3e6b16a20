"""Reports of revenue: by every grouping, what remains at a date, rows for a table, and invoices against it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.ledger.invoicing import Position, position, positions
from domain.ledger.report import CSV_HEADER, Grouping, contract_of, csv_rows, grouped, outstanding
from domain.ledger.revenue import revenue
from domain.refusal import Refusal
from tests.domain.ledger.ledger_rows import Ledger
from tests.domain.order.story import day


def rollout() -> Ledger:
    """Things, a service in two quotes of one customer, a change of it, and a correction of a closed month."""
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10", order_date=day("2027-01-05"))
    ledger.plan("S", "monthly", "240.00", "10", start="2027-01-01", end="2028-12-31")
    ledger.plan("T", "monthly", "36.00", "1", start="2027-01-01", end="2027-12-31", quote_id="Q-2", order_id="Q-2-1")
    ledger.deliver("A", "4", "2027-01-10")
    ledger.on("2027-02-01").close("2027-01")
    ledger.on("2027-02-02").delta("S2", "S", "-120.00", "-5", start="2027-01-01")
    return ledger


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (Grouping.ITEM, {"A": "400.00", "S": "240.00", "T": "36.00", "S2": "-120.00"}),
        (Grouping.LINE, {"A": "400.00", "S": "120.00", "T": "36.00"}),
        (Grouping.OBLIGATION, {"A": "400.00", "S": "120.00", "T": "36.00"}),
        (Grouping.ORDER, {"Q-1-1": "640.00", "Q-2-1": "36.00", "Q-1-2": "-120.00"}),
        (Grouping.QUOTE, {"Q-1": "520.00", "Q-2": "36.00"}),
        (Grouping.PRODUCT, {"P-A": "400.00", "P-S": "240.00", "P-T": "36.00", "P-S2": "-120.00"}),
        (Grouping.CUSTOMER, {"c-1": "556.00"}),
        (Grouping.CONTRACT, {None: "400.00", "Q-1/2028-12-31": "120.00", "Q-2/2027-12-31": "36.00"}),
    ],
)
def test_a_report_by_any_key(by: Grouping, expected: dict[str | None, str]) -> None:
    ledger = rollout()
    rows = grouped(ledger.schedules(), by, contract_of(ledger.entries, "by_end_date"))
    assert {row.key: str(row.recognised) for row in rows} == expected
    assert sum(row.recognised for row in rows) == 556
    assert sum(row.contracted or 0 for row in rows) == 1156
    assert sum(row.corrected for row in rows) == -5


def test_a_report_by_month_tells_what_corrects_closed_ones() -> None:
    rows = {row.key: row for row in grouped(rollout().schedules(), Grouping.MONTH)}
    assert rows["2027-01"].recognised == 413
    assert (rows["2027-02"].recognised, rows["2027-02"].corrected) == (Decimal(3), Decimal(-5))
    assert sum(row.recognised for row in rows.values()) == 556
    assert rows["2027-01"].contracted is None


def test_what_remains_falls_into_bands_by_its_schedule() -> None:
    ledger = rollout()
    ledger.plan("W", "percent_complete", "500.00")
    ledger.plan("B", "on_delivery", "70.00", order_date=day("2028-01-15"))
    ledger.progress("W", "20", "2027-02-02")
    found = outstanding(ledger.schedules(), day("2027-12-31"))
    assert [(str(band.first), str(band.last), str(band.amount)) for band in found.bands] == [
        ("2028-01-01", "2028-12-31", "130.00"),
        ("2029-01-01", "2029-12-31", "0.00"),
        ("2030-01-01", "2030-12-31", "0.00"),
        ("2031-01-01", "None", "0.00"),
    ]
    assert found.undated == 1000
    assert found.total == sum(row.remaining(day("2027-12-31")) for row in ledger.schedules()) == 1130


def test_bands_follow_each_other_without_a_gap() -> None:
    found = outstanding(rollout().schedules(), day("2027-01-31"), (1, 2))
    assert [(str(band.first), str(band.last)) for band in found.bands] == [
        ("2027-02-01", "2027-02-28"),
        ("2027-03-01", "2027-03-31"),
        ("2027-04-01", "None"),
    ]
    assert found.total == found.undated + sum(band.amount for band in found.bands)


def test_nothing_remains_of_nothing() -> None:
    found = outstanding((), day("2027-01-31"))
    assert (found.total, found.undated) == (Decimal(0), Decimal(0))


def test_rows_for_a_table_add_up_and_name_what_they_correct() -> None:
    ledger = rollout()
    header, *rows = csv_rows(ledger.schedules(), contract_of(ledger.entries, "by_end_date"))
    assert header == CSV_HEADER
    assert sum(Decimal(row[10]) for row in rows) == 556
    corrected = [row for row in rows if row[9]]
    assert corrected == [
        ("c-1", "Q-1/2028-12-31", "Q-1", "Q-1-2", "S2", "S", "S", "P-S2", "2027-02", "2027-01", "-5.00", "USD")
    ]
    assert csv_rows(()) == (CSV_HEADER,)


@pytest.mark.parametrize("by", list(Grouping))
def test_currencies_do_not_add_up(by: Grouping) -> None:
    ledger = rollout()
    ledger.plan("E", "on_delivery", "1.00", currency="EUR")
    for ask in (lambda: grouped(ledger.schedules(), by), lambda: position(ledger.schedules(), day("2027-02-01"))):
        with pytest.raises(Refusal) as refusal:
            ask()
        assert refusal.value.code == "currency_differs"


# invoices


def stand(ledger: Ledger, on: str) -> tuple[str, ...]:
    found = position(ledger.schedules(), day(on))
    return tuple(map(str, (found.invoiced, found.recognised, found.deferred, found.accrued)))


def test_without_invoices_nothing_is_deferred_or_accrued() -> None:
    found = position(rollout().schedules(), day("2027-01-31"))
    assert found == Position(Decimal(0), Decimal(413), None, None)


def test_deferred_and_accrued_are_told_by_day() -> None:
    ledger = Ledger()
    ledger.plan("S", "monthly", "120.00", start="2027-01-01", end="2027-12-31")
    ledger.invoice("S", "60.00", "2027-01-02")
    assert stand(ledger, "2027-01-01") == ("0.00", "0.32", "0.00", "0.32")
    assert stand(ledger, "2027-01-31") == ("60.00", "10.00", "50.00", "0.00")
    assert stand(ledger, "2027-06-30") == ("60.00", "60.00", "0.00", "0.00")
    assert stand(ledger, "2027-07-31") == ("60.00", "70.00", "0.00", "10.00")


def test_one_account_for_a_bundle_and_what_revises_it() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "50.00", standalone_amount=Decimal(100))
    ledger.plan("B", "on_delivery", "50.00", standalone_amount=Decimal(300), parent_item="A")
    ledger.plan("C", "on_delivery", "10.00")
    ledger.delta("B2", "B", "-20.00", "0")
    for item in "ABC":
        ledger.deliver(item, "1", "2027-01-10")
    for item, amount in (("A", "50.00"), ("B", "50.00"), ("B2", "-20.00"), ("C", "4.00")):
        ledger.invoice(item, amount, "2027-01-15")
    assert stand(ledger, "2027-01-31") == ("84.00", "90.00", "0.00", "6.00")
    assert stand(ledger, "2027-01-12") == ("0.00", "90.00", "0.00", "90.00")


def test_positions_add_up_by_every_grouping() -> None:
    ledger = rollout()
    ledger.invoice("S", "240.00", "2027-01-05")
    ledger.invoice("A", "100.00", "2027-01-05")
    schedules, on = ledger.schedules(), day("2027-02-28")
    whole = position(schedules, on)
    contract = contract_of(ledger.entries, "by_end_date")
    for by in set(Grouping) - {Grouping.MONTH}:
        found = positions(schedules, on, by, contract).values()
        assert sum(each.invoiced for each in found) == whole.invoiced == 340
        assert sum(each.recognised for each in found) == whole.recognised
        assert sum(each.deferred or 0 for each in found) == whole.deferred == 230
        assert sum(each.accrued or 0 for each in found) == whole.accrued == 306
    assert Decimal(whole.deferred or 0) - Decimal(whole.accrued or 0) == whole.invoiced - whole.recognised


def test_a_part_of_an_account_stands_for_it() -> None:
    ledger = rollout()
    ledger.invoice("S2", "-20.00", "2027-02-05")
    alone = [each for each in revenue(ledger.entries) if each.plan.item_id == "S2"]
    found = position(alone, day("2027-02-28"))
    assert (found.deferred, found.accrued) == (Decimal(0), Decimal(10))
