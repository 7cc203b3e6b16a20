"""Fifty random things that happen to random orders, amendments among them: nothing is lost, at any moment."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.contract import contracts
from domain.ledger.entitlement import View
from domain.ledger.entries import in_place
from domain.ledger.revenue import report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.pricing import PricedQuote
from domain.quote import Kind
from tests.domain.ledger.replay import replayed
from tests.domain.order.life import VIEWS, Life
from tests.domain.order.life_steps import KEYS, STEPS, Step
from tests.domain.order.random_quotes import FIRST, every_kind
from tests.domain.order.test_operations import shown

ALL = settings.default.max_examples if settings.default else 100


def cases(of_a_hundred: int) -> settings:
    """The ordinary run plays this many; ``--hypothesis-profile=long`` in proportion more."""
    return settings(max_examples=max(ALL * of_a_hundred // 100, 1))


def lived(priced: PricedQuote, keys: tuple[str, ...], steps: list[Step]) -> Life:
    """The life of a quote; the invariants I1 to I4 are checked after each step that changed anything."""
    life = Life(priced, keys)
    for step in steps:
        life.play(step)
    return life


@given(every_kind(), KEYS, STEPS)
@cases(15)
def test_nothing_is_lost_whatever_happens(priced: PricedQuote, keys: tuple[str, ...], steps: list[Step]) -> None:
    for story in lived(priced, keys, steps).stories:
        totals = story.book.totals
        left = totals.unordered + totals.cancelled + totals.returned
        assert totals.quote == totals.ordered + left - totals.variance
        for balance in story.book.balances:
            items = [i for order in story.book.orders for i in order.items if i.line_id == balance.line_id and i.counts]
            gone = balance.unordered_quantity + balance.cancelled_quantity + balance.returned_quantity
            if balance.kind is not Kind.PERCENT_OF_TOTAL:
                assert sum((item.quantity for item in items), Decimal(0)) + gone == balance.quoted_quantity


@given(every_kind(), KEYS, STEPS, st.data())
@cases(12)
def test_entitlements_are_a_replay_on_every_day_and_what_was_known_stays_known(
    priced: PricedQuote, keys: tuple[str, ...], steps: list[Step], data: st.DataObject
) -> None:
    life = lived(priced, keys, steps)
    days = life.days()
    moments = [life.now, *(answer.at for answer in life.answers)]
    for known in {life.now, data.draw(st.sampled_from(moments))}:
        for on in days if ALL > 100 else days[:: 1 + len(days) // 40]:
            for view in VIEWS:
                found = {(row.product, row.ship_to): row.quantity for row in life.entitled(on, view, known).rows}
                assert found == replayed(life.entries, on, known, view is View.COMMITTED), (on, view, known)
    for answer in life.answers:
        for (on, view), rows in answer.rows.items():
            assert life.entitled(on, view, answer.at) == rows
        assert life.left(answer.at) == answer.left


@given(every_kind(), KEYS, STEPS, st.integers(-30, 1500))
@cases(12)
def test_revenue_adds_up_whatever_happens(
    priced: PricedQuote, keys: tuple[str, ...], steps: list[Step], days: int
) -> None:
    life = lived(priced, keys, steps)
    assert revenue_violations(in_place(life.entries), life.closed) == ()
    schedules = revenue(in_place(life.entries), None, life.closed)
    for on in (FIRST + timedelta(days=days), life.now.date(), date(2028, 2, 29), date(2099, 1, 1)):
        for schedule in schedules:
            assert schedule.recognised_by(on) + schedule.remaining(on) == schedule.contracted
            if on.year == 2099:
                assert schedule.recognised_by(on) == schedule.recognised
    ordered = sum((story.book.totals.ordered for story in life.stories), Decimal(0))
    once = [s for s in schedules if s.plan.item_kind is not Kind.EVERGREEN and s.plan.revenue != "usage"]
    if len(once) == len(schedules):
        assert sum((schedule.contracted for schedule in schedules), Decimal(0)) == ordered


UNDOABLE = frozenset(
    {"move_date", "move", "split", "merge", "cancel", "hold", "release", "supplement", "close_short", "return"}
)


@given(every_kind(), KEYS, STEPS)
@cases(8)
def test_rolling_back_restores_every_view(priced: PricedQuote, keys: tuple[str, ...], steps: list[Step]) -> None:
    life = Life(priced, keys)
    for step in steps:
        if step[0] not in UNDOABLE:
            life.play(step)
            continue
        before = looked_at(life)
        if life.undone(step):
            assert looked_at(life) == before


def looked_at(life: Life) -> object:
    """All that people see: the orders, contracts, entitlements in every view, and revenue."""
    days = [life.now.date() + timedelta(days=each) for each in (-30, 0, 1, 45, 200, 600)]
    schedules = revenue(in_place(life.entries), None, life.closed)
    return (
        [shown(story.book) for story in life.stories],
        [(one.start, one.end, one.lines, one.value) for one in contracts(life.entries)],
        [life.entitled(day, view) for day in days for view in View],
        report(schedules).months,
        report(schedules).contracted,
    )
