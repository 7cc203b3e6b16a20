"""Every number of ``docs/revenue.md`` is what the code comes to; the page has no number that is not looked at here."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from domain.ledger.invoicing import position
from domain.ledger.later_period import due_periods
from domain.ledger.report import BANDS
from domain.ledger.revenue import report
from domain.term import term_days
from tests.domain.ledger.ledger_rows import Ledger
from tests.domain.order.story import day

PAGE = (Path(__file__).parents[1] / "docs/revenue.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
AMOUNT = re.compile(r"-?\d[\d,]*\.\d\d\b")
TERM = {"start": "2027-01-15", "end": "2027-04-10"}


def says(words: str) -> None:
    """The page has these words; what they say is compared by the test that asks."""
    assert words in TEXT, words


def earned(ledger: Ledger) -> dict[str, str]:
    return {month: str(amount) for month, amount in report(ledger.schedules()).months.items()}


@pytest.mark.parametrize("method", ["daily", "monthly", "mid_month"])
def test_the_table_of_schedules(method: str) -> None:
    ledger = Ledger()
    ledger.plan("S", method, "1000.00", **TERM)
    row = " | ".join(earned(ledger)[month] for month in ("2027-01", "2027-02", "2027-03", "2027-04"))
    says(f"| `{method}` | {row} |")
    says(f"An item of 1,000.00 from 2027-01-15 to 2027-04-10 ({term_days(day(TERM['start']), day(TERM['end']))} days)")


def test_progress_that_falls() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "60", "2027-01-31")
    ledger.progress("W", "45", "2027-02-28")
    first, then = earned(ledger).values()
    says(f"60 % in January and 45 % in February of 1,000.00 are {first} and {then}.")


def test_use_beyond_the_order() -> None:
    ledger = Ledger()
    ledger.plan("U", "usage", "100.00")
    ledger.use("U", "80.00", "2027-01-31")
    ledger.use("U", "70.00", "2027-02-28")
    found = report(ledger.schedules())
    assert found.contracted == found.total
    says(f"80.00 and 70.00 used of an order over 100.00 are contracted and earned with {found.total}.")


def test_later_periods() -> None:
    ledger = Ledger()
    evergreen = {"item_kind": "evergreen", "price_per": "month"}
    ledger.plan("E", "monthly", "31.00", start="2027-01-31", **evergreen)
    second, third = due_periods(ledger.entries, day("2027-03-31"), ledger.at)
    says(f"from 2027-01-31 the next ones begin on {second.start} and {third.start}.")
    ledger.plan("F", "monthly", "31.00", start="2027-01-01", **evergreen)
    ledger.replan("F", end=day("2027-03-10"))
    ledger.entries.extend(due_periods(ledger.entries, day("2027-12-31"), ledger.at))
    says(f"ended on 2027-03-10, March of 31.00 becomes {ledger.months('F')['2027-03']}.")


def test_a_change_in_mid_period() -> None:
    ledger = Ledger()
    evergreen = {"item_kind": "evergreen", "price_per": "month"}
    ledger.plan("E", "monthly", "31.00", start="2027-01-01", **evergreen)
    ledger.delta("C", "E", "-31.00", "-1", start="2027-03-11", **evergreen)
    ledger.entries.extend(due_periods(ledger.entries, day("2027-04-30"), ledger.at))
    says("Taken away on 2027-03-11 of 31.00 a month, March keeps")
    says(f"March keeps {earned(ledger)['2027-03']} and nothing is left of April")
    assert "2027-04" not in earned(ledger)
    ledger.delta("N", "E", "62.00", "1", start="2027-03-11", **evergreen)
    ledger.entries.extend(due_periods(ledger.entries, day("2027-04-30"), ledger.at))
    says(f"put in again for 62.00 on that day, March has {earned(ledger)['2027-03']}.")


def test_a_catch_up() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "50", "2027-01-31")
    ledger.on("2027-02-10").delta("W2", "W", "200.00", "0")
    says("1,000.00 at 50 % in January, 200.00 more activated in February")
    says(f"February earns {earned(ledger)['2027-02']}.")


def test_more_work_when_all_was_done() -> None:
    ledger = Ledger()
    ledger.plan("W", "percent_complete", "1000.00")
    ledger.progress("W", "100", "2027-01-31")
    ledger.on("2027-02-10").delta("W2", "W", "200.00", "0")
    says(f"{earned(ledger)['2027-02']} added to 1,000.00 at 100 % are earned when the change is activated")
    ledger.progress("W2", "90", "2027-02-12")
    says(f"that the whole is at 90 % now: then {earned(ledger)['2027-02']} are.")


@pytest.mark.parametrize(
    ("less", "words"), [("-300.00", "{} contracted and earned"), ("-310.00", "-310.00 leaves {}.")]
)
def test_less_to_deliver(less: str, words: str) -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "4", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", less, "-3")
    ledger.deliver("A", "3", "2027-03-10")
    found = report(ledger.schedules())
    assert found.total == found.contracted
    says("of 10 for 1,000.00, 4 delivered, 3 taken away for -300.00, the last 3 delivered:")
    says(words.format(found.total))


def test_a_return() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "10", "2027-01-10")
    ledger.on("2027-02-01").delta("A2", "A", "-200.00", "-2")
    assert "2027-02" not in earned(ledger)
    ledger.deliver("A2", "-2", "2027-03-10")
    says(f"2 of 10 given back: {earned(ledger)['2027-03']}.")


def test_a_bundle() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "900.00")
    ledger.plan("B", "on_delivery", "100.00", standalone_amount=Decimal("300.00"), parent_item="A")
    first, second = (each.contracted for each in ledger.schedules())
    says("machine of 900.00 and a year of support for 100.00 that alone would cost 300.00")
    says(f"earn {first} and {second}.")


def test_a_closed_month() -> None:
    ledger = Ledger()
    ledger.plan("A", "on_delivery", "1000.00", "10")
    ledger.deliver("A", "1", "2027-01-10")
    ledger.on("2027-02-01").close("2027-01")
    ledger.on("2027-02-10").deliver("A", "2", "2027-01-20")
    ledger.deliver("A", "3", "2027-02-10")
    found = ledger.months("A")
    says("1 of 10 for 1,000.00 delivered in January, January closed, then 2 more told for January and 3 for February")
    says(f"January stays {found['2027-01']}, February earns {found['2027-02']}")
    says(f"a correction of {found['2027-02<2027-01']} for 2027-01.")


def test_invoices() -> None:
    ledger = Ledger()
    ledger.plan("S", "monthly", "120.00", start="2027-01-01", end="2027-12-31")
    ledger.invoice("S", "60.00", "2027-01-15")
    january, july = (position(ledger.schedules(), day(on)) for on in ("2027-01-31", "2027-07-31"))
    says("120.00 over the months of 2027, 60.00 invoiced in January:")
    says(f"{january.deferred} deferred at the end of January, {july.accrued} accrued at the end of July.")


def test_bands() -> None:
    says(f"bands of {BANDS[0]} months (up to {BANDS[-1]}, then all that follows)")
    assert list(BANDS) == list(range(BANDS[0], BANDS[-1] + 1, BANDS[0]))


def test_no_amount_stands_on_the_page_without_a_test() -> None:
    here = Path(__file__).read_text(encoding="utf-8").replace(",", "")
    # The answers at its end are compared whole with those of the doors (tests/starter/api/test_customer_answers.py).
    above, _, answers = PAGE.partition("## Answers")
    assert not AMOUNT.findall(re.sub(r"^```json\n.*?^```", "", answers, flags=re.M | re.S))
    fixed = {amount for amount in map(str, AMOUNT.findall(above)) if amount.replace(",", "") not in here}
    computed = "197.67 325.59 360.46 116.28 190.30 347.01 347.02 115.67 166.67 333.33"
    told = f"{computed} 600.00 -150.00 150.00 10.00 690.00 700.00 750.00 250.00 50.00 52.00"
    assert fixed <= set(told.split()), fixed
