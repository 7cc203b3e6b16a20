"""Random ledgers of every schedule, with events, changes, bundles and closings: revenue always adds up.

The oracle of closed periods books month by month as a clerk would, and never looks at what the code under test
remembers of a closing. Some events waited long before they were stored: their moment lies before a closing that they
came behind.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.closing import month_after
from domain.ledger.entries import in_place
from domain.ledger.invoicing import position, positions
from domain.ledger.later_period import due_periods
from domain.ledger.period import Period, within
from domain.ledger.report import Grouping, contract_of, csv_rows, grouped, outstanding
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.quote import Kind, Revenue
from domain.refusal import Refusal
from tests.domain.ledger.ledger_rows import OVER_TIME, Ledger
from tests.domain.order.story import noon

FIRST = date(2027, 11, 1)
METHODS = [each for each in Revenue if each is not Revenue.AS_BASE]
DAYS = st.integers(0, 900)
AMOUNTS = st.integers(-90_000, 900_000).map(lambda cents: str(Decimal(cents).scaleb(-2)))
STARTS = DAYS.map(lambda number: FIRST + timedelta(days=number)) | st.sampled_from(
    [date(2028, 2, 29), date(2028, 1, 31), date(2027, 12, 31), date(2028, 2, 28)]
)
WHAT = ["plan", "delta", "share", "bundle", "replan", "cancel", "event", "event", "event", "invoice", "close", "wait"]
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 99), AMOUNTS, STARTS, DAYS), min_size=8, max_size=25)
Step = tuple[str, int, str, date, int]


def played(steps: list[Step]) -> Ledger:
    ledger = Ledger(str(FIRST))
    gone: set[str] = set()
    for number, method in enumerate(METHODS):
        _plan(ledger, f"S{number}", method, "100.01", FIRST + timedelta(days=number), 400 + number)
    _plan(ledger, "E", Revenue.MONTHLY, "33.33", FIRST, 400)
    for number, step in enumerate(steps):
        ledger.at += timedelta(days=10 + step[4] // 20)
        alive = [item for item in ledger.plans if item not in gone]
        _step(ledger, f"I{number + 1}", alive, gone, step)
    ledger.entries.extend(due_periods(ledger.entries, ledger.at.date(), ledger.at))
    ledger.entries = [*in_place(ledger.entries)]
    return ledger


def _step(ledger: Ledger, name: str, alive: list[str], gone: set[str], step: Step) -> None:
    what, which, amount, start, days = step
    chosen = alive[which % len(alive)] if alive else ""
    recent = ledger.at.date() - timedelta(days=days % 150)
    if what == "plan":
        _plan(ledger, name, METHODS[which % len(METHODS)], amount, start, days)
    elif what == "close":
        with suppress(Refusal):
            ledger.close(f"{ledger.at.date() - timedelta(days=days % 60):%Y-%m}")
    elif chosen and what == "delta":
        chosen = next((each for each in alive[which % 3 :] if ledger.plans[each].start is None), chosen)
        _delta(ledger, name, chosen, amount, which, start)
    elif chosen and what == "share":
        base = [each for each in alive if ledger.plans[each].revenue is not Revenue.AS_BASE][:3]
        parts = [{"item_id": each, "amount": str(abs(ledger.plans[each].amount))} for each in base]
        ledger.plan(name, "as_base", amount, item_kind=Kind.PERCENT_OF_TOTAL, base=parts)
    elif chosen and what == "bundle":
        alone = {"parent_item": chosen, "standalone_amount": Decimal(which + 1)}
        _plan(ledger, name, METHODS[which % len(METHODS)], amount, start, days, **alone)
    elif chosen and what == "replan":
        ledger.replan(chosen, amount=Decimal(amount))
    elif chosen and what == "cancel":
        ledger.cancel(chosen)
        gone.add(chosen)
    elif chosen and what == "invoice":
        ledger.invoice(chosen, amount, str(recent))
    elif chosen and what == "event":
        waited = timedelta(days=days % 90 if which % 3 == 0 else 0)
        ledger.at -= waited
        _event(ledger, chosen, which, amount, str(recent))
        ledger.at += waited


def _plan(ledger: Ledger, name: str, method: Revenue, amount: str, start: date, days: int, **more: object) -> None:
    dates: dict[str, object] = {}
    if method in OVER_TIME:
        dates = {"start": str(start), "end": str(start + timedelta(days=days))}
        if days % 5 == 0:
            dates |= {"end": None, "item_kind": Kind.EVERGREEN, "price_per": "year" if days % 2 else "month"}
    ledger.plan(name, method, amount, str(days % 7 + 1), **{**dates, **more})


def _delta(ledger: Ledger, name: str, revises: str, amount: str, which: int, start: date) -> None:
    old = ledger.plans[revises]
    dates = {}
    if old.start is not None and old.end is not None:
        dates = {"start": str(max(old.start, min(start, old.end)))}
    activated = None if which % 4 == 0 else str(ledger.at.date())
    kind = {"item_kind": old.item_kind, "price_per": old.price_per, "base": old.base}
    ledger.delta(name, revises, amount, str(which % 9 - 5), activated=activated, **dates, **kind)


def _event(ledger: Ledger, item: str, which: int, amount: str, on: str) -> None:
    plan = ledger.plans[item]
    if plan.revenue is Revenue.ON_DELIVERY:
        ledger.deliver(item, str(1 if plan.quantity > 0 else -1), on)
    elif plan.revenue is Revenue.ON_MILESTONE:
        ledger.reach(item, on)
    elif plan.revenue is Revenue.PERCENT_COMPLETE:
        ledger.progress(item, str(which), on)
    elif plan.revenue is Revenue.USAGE:
        ledger.use(item, amount, on)


@given(STEPS, st.integers(0, 1500))
@settings(max_examples=300)
def test_recognised_and_remaining_are_what_is_contracted(steps: list[Step], days: int) -> None:
    ledger = played(steps)
    assert revenue_violations(ledger.entries, ledger.closed) == ()
    on = FIRST + timedelta(days=days)
    for row in ledger.schedules():
        assert row.recognised_by(on) + row.remaining(on) == row.contracted
        assert row.recognised == row.recognised_by(date.max)
        told = sum((part.amount for part in row.months if part.month <= f"{on:%Y-%m}"), Decimal(0))
        assert told == row.recognised_by(date.fromisoformat(f"{month_after(on)}-01") - timedelta(days=1))


@given(STEPS, DAYS, DAYS)
@settings(max_examples=100)
def test_whatever_it_is_grouped_by_it_adds_up(steps: list[Step], days: int, length: int) -> None:
    ledger = played(steps)
    schedules = ledger.schedules()
    whole = report(schedules)
    contract = contract_of(ledger.entries)
    for by in Grouping:
        rows = grouped(schedules, by, contract)
        assert sum((row.recognised for row in rows), Decimal(0)) == whole.total
        assert all(sum(row.months.values()) == row.recognised for row in rows)
        if by is not Grouping.MONTH:
            assert sum((row.contracted or 0 for row in rows), Decimal(0)) == whole.contracted
    assert sum((Decimal(row[10]) for row in csv_rows(schedules)[1:]), Decimal(0)) == whole.total
    first = FIRST + timedelta(days=days)
    last = first + timedelta(days=length)
    day = timedelta(days=1)
    parts = (Period(None, first - day), Period(first, last), Period(last + day, None))
    assert sum((report(within(schedules, part)).total for part in parts), Decimal(0)) == whole.total
    left = outstanding(schedules, first)
    assert left.total == sum((band.amount for band in left.bands), Decimal(0)) + left.undated
    assert left.total == whole.contracted - report(within(schedules, Period(None, first))).total


@given(STEPS, DAYS)
@settings(max_examples=100)
def test_deferred_less_accrued_is_invoiced_less_recognised(steps: list[Step], days: int) -> None:
    ledger = played(steps)
    schedules, on = ledger.schedules(), FIRST + timedelta(days=days)
    whole = position(schedules, on)
    for by in set(Grouping) - {Grouping.MONTH}:
        found = positions(schedules, on, by, contract_of(ledger.entries)).values()
        for each in (*found, whole):
            if each.deferred is not None and each.accrued is not None and by is Grouping.CUSTOMER:
                assert each.deferred - each.accrued == each.invoiced - each.recognised
            assert (each.deferred is None) is (each.accrued is None)
        assert sum((each.deferred or 0 for each in found), Decimal(0)) == (whole.deferred or 0)
        assert sum((each.accrued or 0 for each in found), Decimal(0)) == (whole.accrued or 0)


def booked_by_hand(ledger: Ledger) -> dict[tuple[str, str, str | None], Decimal]:
    """Item, month and corrected month with its amount: at each closing, what is new since the one before."""
    booked: dict[tuple[str, str, str | None], Decimal] = {}
    by_month: dict[tuple[str, str], Decimal] = {}
    first_open = ""
    for last, rows in [*((each.month, each.ledger_seq) for each in ledger.closed), ("9999-99", None)]:
        fresh = _natural(ledger, rows)
        for item, month in sorted({*fresh, *by_month}):
            amount = fresh.get((item, month), Decimal(0)) - by_month.get((item, month), Decimal(0))
            if month <= last and amount:
                key = (item, month, None) if month >= first_open else (item, first_open, month)
                booked[key] = booked.get(key, Decimal(0)) + amount
                by_month[item, month] = fresh.get((item, month), Decimal(0))
        year, number = divmod(int(last[:4]) * 12 + int(last[5:]), 12)
        first_open = f"{year:04}-{number + 1:02}"
    return {key: amount for key, amount in booked.items() if amount}


def _natural(ledger: Ledger, rows: int | None) -> dict[tuple[str, str], Decimal]:
    """What each item earns in each month by the first ``rows`` of the ledger, as if nothing were ever closed."""
    known = revenue(ledger.entries[:rows])
    return {(row.plan.item_id, part.month): part.amount for row in known for part in row.months}


@given(STEPS)
@settings(max_examples=200)
def test_closed_months_stay_and_corrections_name_them(steps: list[Step]) -> None:
    ledger = played(steps)
    found: dict[tuple[str, str, str | None], Decimal] = {}
    for row in ledger.schedules():
        for part in row.months:
            key = (row.plan.item_id, part.month, part.original)
            found[key] = found.get(key, Decimal(0)) + part.amount
    assert {key: amount for key, amount in found.items() if amount} == booked_by_hand(ledger)


@given(STEPS, STEPS)
@settings(max_examples=100)
def test_nothing_that_follows_moves_a_closed_month(steps: list[Step], later: list[Step]) -> None:
    ledger = played(steps)
    ledger.on("2030-06-15").close("2030-05")
    before = {month: amount for month, amount in report(ledger.schedules()).months.items() if month <= "2030-05"}
    ledger.at = noon("2030-06-16")
    alive = list(ledger.plans)
    gone: set[str] = {row.plan.item_id for row in ledger.schedules() if not row.obligations}
    for number, step in enumerate(later):
        _step(ledger, f"L{number}", [item for item in alive if item not in gone], gone, step)
    after = report(ledger.schedules()).months
    assert {month: amount for month, amount in after.items() if month <= "2030-05"} == before
