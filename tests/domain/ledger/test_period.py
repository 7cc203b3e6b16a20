"""Revenue within bounds: periods that follow each other without gap add up to the whole, wherever they are cut."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.period import Period, read_period, within
from domain.ledger.revenue import report
from domain.refusal import Refusal
from tests.domain.ledger.test_revenue_properties import AMOUNTS, METHODS, STARTS, schedule_of


@given(STARTS, st.integers(0, 800), AMOUNTS, METHODS, st.integers(-40, 840), st.integers(0, 400))
def test_periods_that_follow_each_other_add_up(
    start: date, days: int, amount: str, method: str, cut: int, length: int
) -> None:
    schedule = schedule_of(start, days, amount, method)
    first = start + timedelta(days=cut)
    last = first + timedelta(days=length)
    day = timedelta(days=1)
    parts = [Period(None, first - day), Period(first, last), Period(last + day, None)]
    told = [report(within([schedule], part)) for part in parts]
    assert sum(each.total for each in told) == Decimal(amount)
    assert told[1].total == schedule.recognised_by(last) - schedule.recognised_by(first - day)
    assert all(f"{first:%Y-%m}" <= month <= f"{last:%Y-%m}" for month in told[1].months)
    assert all(each.contracted == Decimal(amount) for each in told)


def test_a_period_is_read_from_months_and_dates() -> None:
    assert read_period("2027-02", "2028-02") == Period(date(2027, 2, 1), date(2028, 2, 29))
    assert read_period("2027-02-03", "2027-02-03") == Period(date(2027, 2, 3), date(2027, 2, 3))
    assert read_period(None, None).is_open


@pytest.mark.parametrize(
    ("first", "last", "code", "path"),
    [
        ("2027", None, "invalid_date", "from"),
        ("2027-13", None, "invalid_date", "from"),
        (None, "2027-02-30", "invalid_date", "until"),
        ("2027-02", "2027-01", "dates_out_of_order", "until"),
    ],
)
def test_a_period_that_is_none_is_refused(first: str | None, last: str | None, code: str, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_period(first, last)
    assert (refused.value.code, refused.value.path) == (code, path)
