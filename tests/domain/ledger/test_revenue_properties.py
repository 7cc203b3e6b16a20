"""Revenue of one item adds up by every method, over leap years and month ends, and equals a count by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.revenue import ItemSchedule, report, revenue
from domain.money import round_money
from domain.order.fulfilment import deliver
from tests.domain.order.story import Story, noon, quoted, seats, thing

STARTS = st.dates(date(2026, 12, 1), date(2032, 3, 31)) | st.sampled_from(
    [date(2028, 2, 28), date(2028, 2, 29), date(2027, 12, 31), date(2028, 1, 31), date(2100, 2, 28)]
)
AMOUNTS = st.integers(-10_000_000, 10_000_000).map(lambda cents: str(Decimal(cents).scaleb(-2)))
METHODS = st.sampled_from(["daily", "monthly", "mid_month"])


def schedule_of(start: date, days: int, amount: str, method: str) -> ItemSchedule:
    end = start + timedelta(days=days)
    line = seats("S", "1", net_total=amount, start_date=str(start), end_date=str(end), revenue=method)
    (schedule,) = revenue(Story(quoted(line, start_date="2026-12-01")).split().entries)
    return schedule


@given(STARTS, st.integers(0, 1500), AMOUNTS, METHODS)
def test_months_add_up_and_lie_in_the_term(start: date, days: int, amount: str, method: str) -> None:
    schedule = schedule_of(start, days, amount, method)
    end = start + timedelta(days=days)
    assert schedule.recognised == schedule.recognised_by(end) == Decimal(amount)
    assert schedule.recognised_by(start - timedelta(days=1)) == 0
    assert all(f"{start:%Y-%m}" <= part.month <= f"{end:%Y-%m}" for part in schedule.months)
    sign = -1 if amount.startswith("-") else 1
    assert all(part.amount * sign >= 0 for part in schedule.months)
    assert sum(report([schedule]).years.values()) == Decimal(amount)


@given(STARTS, st.integers(0, 800), AMOUNTS)
def test_daily_equals_a_count_of_days(start: date, days: int, amount: str) -> None:
    earned: dict[str, Decimal] = {}
    before = Decimal(0)
    for number in range(days + 1):
        day = start + timedelta(days=number)
        by_then = round_money(Fraction(amount) * Fraction(number + 1, days + 1), "USD")
        earned[f"{day:%Y-%m}"] = earned.get(f"{day:%Y-%m}", Decimal(0)) + by_then - before
        before = by_then
    found = {part.month: part.amount for part in schedule_of(start, days, amount, "daily").months}
    assert found == {month: part for month, part in earned.items() if part}


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(1, 9), st.integers(0, 500)), max_size=8), AMOUNTS)
def test_deliveries_earn_by_quantity(quantity: int, deliveries: list[tuple[int, int]], amount: str) -> None:
    story = Story(quoted(thing("A", str(quantity), net_total=amount))).split().until(noon("2027-01-01"))
    open_, at = quantity, noon("2028-12-31")
    for part, after in deliveries:
        if 0 < part <= open_:
            on = date(2027, 1, 1) + timedelta(days=after)
            story.do(deliver, "Q-1-1", at, line="A", quantity=Decimal(part), on=on)
            open_ -= part
    (schedule,) = revenue(story.entries)
    assert schedule.recognised == round_money(Fraction(amount) * Fraction(quantity - open_, quantity), "USD")
    assert schedule.recognised + schedule.remaining(date(2029, 1, 1)) == Decimal(amount)
