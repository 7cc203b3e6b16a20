"""Properties of splits and of operations on their orders, over random quotes."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.entitlement import View, entitlements
from domain.ledger.revenue import report, revenue
from domain.order.book import open_book
from domain.order.fulfilment import accept_item, deliver, reach
from domain.order.order import RUNNING, Order
from domain.order.split import split
from domain.pricing import PricedQuote
from domain.refusal import Refusal
from tests.domain.order.random_quotes import FIRST, quotes
from tests.domain.order.story import BEFORE, ZONE, Story, cause

KEYS = st.sampled_from([("order_date",), ("order_date", "ship_to"), ("order_date", "ship_to", "family")])
DAYS = st.integers(0, 500)
STEPS = st.lists(
    st.tuples(st.sampled_from(["move", "wait", "deliver", "accept", "reach"]), st.integers(0, 99), DAYS),
    min_size=4,
    max_size=20,
)


def played(priced: PricedQuote, steps: list[tuple[str, int, int]], keys: tuple[str, ...]) -> Story:
    """A story of random steps; what is refused changes nothing. The invariants are checked after each step."""
    story = Story(priced).split(*keys)
    now = BEFORE
    codes: set[str] = set()
    for what, which, days in steps:
        order = _pick(story, what, which)
        before, told = story.book, len(story.entries)
        try:
            if what == "move":
                story.move(order.key, (FIRST + timedelta(days=days)).isoformat(), now)
            elif what == "wait":
                now += timedelta(days=days // 2)
                story.until(now)
            else:
                _record(story, what, order.key, which, now)
        except Refusal as refusal:
            codes.add(refusal.code)
            assert (story.book, len(story.entries)) == (before, told)
    assert "invariant_broken" not in codes
    return story


def _pick(story: Story, what: str, which: int) -> Order:
    """Some order; one that can be delivered, if there is any, for a step that records something."""
    running = [order for order in story.book.orders if order.state in RUNNING and what not in ("move", "wait")]
    orders = running or story.book.orders
    return orders[which % len(orders)]


def _record(story: Story, what: str, name: str, which: int, now: datetime) -> None:
    if what == "reach":
        story.do(reach, name, now)
        return
    operation = deliver if what == "deliver" else accept_item
    order = story.order(name)
    things = [item for item in order.items if item.revenue == "on_delivery"] or order.items
    line = things[which % len(things)].line_id
    quantity = Decimal(1) if which % 2 else None
    story.do(operation, name, now, line=line, quantity=quantity)


@given(quotes(), KEYS)
def test_splits_add_up_to_the_cent_and_the_piece(priced: PricedQuote, keys: tuple[str, ...]) -> None:
    book = Story(priced).split(*keys).book
    items = [item for order in book.orders for item in order.items]
    for line in priced.lines:
        own = [item for item in items if item.line_id == line.line.line_id]
        assert sum((item.amount for item in own), Decimal(0)) == line.net_total
        if not line.line.is_share:
            assert sum(item.quantity for item in own) == line.line.quantity
            exact = [line.net_total * item.quantity / line.line.quantity for item in own]
            assert all(abs(item.amount - part) <= 1 for item, part in zip(own, exact, strict=True))
    assert book.totals.ordered == priced.net_total
    assert book.totals.unordered == 0


@given(quotes(), KEYS)
def test_keys_tell_orders_apart_and_dates_are_theirs(priced: PricedQuote, keys: tuple[str, ...]) -> None:
    book = Story(priced).split(*keys).book
    assert len({order.key for order in book.orders}) == len(book.orders)
    assert [order.order_date for order in book.orders] == sorted(order.order_date for order in book.orders)
    for order in book.orders:
        places = {item.ship_to for item in order.items}
        assert order.ship_to == (places.pop() if len(places) == 1 else None)
        if "ship_to" in keys:
            assert len({item.ship_to for item in order.items if not item.is_share}) <= 1


@given(quotes())
def test_a_split_is_the_same_each_time(priced: PricedQuote) -> None:
    keys = ("order_date", "ship_to")
    assert split(open_book(priced), priced, keys, cause()) == split(open_book(priced), priced, keys, cause())


@given(quotes(), STEPS, KEYS)
@settings(max_examples=200)
def test_the_invariants_hold_after_every_operation(
    priced: PricedQuote, steps: list[tuple[str, int, int]], keys: tuple[str, ...]
) -> None:
    story = played(priced, steps, keys)
    totals = story.book.totals
    assert totals.quote == totals.ordered - totals.variance
    variance = sum((item.variance for order in story.book.orders for item in order.items), Decimal(0))
    assert totals.variance == variance


@given(quotes(), STEPS)
def test_moving_everything_back_leaves_no_variance(priced: PricedQuote, steps: list[tuple[str, int, int]]) -> None:
    story = Story(priced).split()
    before = {order.order_id: order.order_date for order in story.book.orders}
    amounts = story.book.totals
    original = {item.item_id: (item.start, item.amount) for order in story.book.orders for item in order.items}
    for _, which, days in steps:
        order = story.book.orders[which % len(story.book.orders)]
        with suppress(Refusal):
            story.move(order.key, (FIRST + timedelta(days=days)).isoformat())
    for order_id, on in before.items():
        story.move(order_id, on.isoformat())
    moved = {item.item_id: (item.start, item.amount) for order in story.book.orders for item in order.items}
    if all(moved[item_id][0] == start for item_id, (start, _) in original.items()):
        assert story.book.totals == amounts


@given(quotes(), STEPS)
def test_the_ledger_alone_knows_what_the_orders_say(priced: PricedQuote, steps: list[tuple[str, int, int]]) -> None:
    story = played(priced, steps, ("order_date", "ship_to"))
    plans = {schedule.plan.item_id: schedule.plan for schedule in revenue(story.entries)}
    items = {item.item_id: (order, item) for order in story.book.orders for item in order.items}
    assert plans.keys() == items.keys()
    for item_id, (order, item) in items.items():
        plan = plans[item_id]
        assert (plan.amount, plan.quantity, plan.start, plan.end) == (item.amount, item.quantity, item.start, item.end)
        assert plan.order_date == order.order_date
    rows = [entry for entry in story.entries if entry.kind == "scheduled"]
    assert sum((entry.amount for entry in rows), Decimal(0)) == story.book.totals.ordered


@given(quotes(), STEPS)
def test_revenue_adds_up_to_what_is_contracted(priced: PricedQuote, steps: list[tuple[str, int, int]]) -> None:
    story = played(priced, steps, ("order_date", "ship_to"))
    schedules = revenue(story.entries)
    found = report(schedules)
    assert found.contracted == story.book.totals.ordered
    assert sum(found.months.values(), Decimal(0)) == found.total
    assert sum((line.total for line in found.lines.values()), Decimal(0)) == found.total
    for schedule in schedules:
        assert schedule.recognised + schedule.remaining(date(2099, 1, 1)) == schedule.contracted
        if schedule.plan.revenue in ("daily", "monthly", "mid_month"):
            assert schedule.recognised == schedule.contracted


def held_by_hand(story: Story, on: date, known: datetime, view: View) -> dict[tuple[str, str | None], Decimal]:
    """Entitlements by replay: the orders' own facts as they stood at ``known``, counted item by item."""
    held: dict[tuple[str, str | None], Decimal] = {}
    plans = {}
    for entry in story.entries:
        if entry.kind == "scheduled" and entry.recorded_at <= known:
            plans[entry.item_id] = entry
    for order in story.book.orders:
        activated = order.activated_at is not None and order.activated_at <= known
        for item in order.items:
            plan = plans.get(item.item_id)
            if plan is None or item.revenue == "on_milestone":
                continue
            if item.kind == "one_time":
                told = [e for e in story.entries if e.item_id == item.item_id and e.recorded_at <= known]
                came = [e for e in told if e.kind == "delivered"]
                good = [e for e in told if e.kind == "accepted"] if item.acceptance == "required" else came
                quantity = sum((e.quantity for e in good if e.effective <= on), Decimal(0))
                if view is View.COMMITTED:
                    waiting = sum((e.quantity for e in came if e.effective <= on), Decimal(0))
                    quantity += max(waiting - sum((e.quantity for e in good), Decimal(0)), Decimal(0))
                    if plan.order_date <= on:
                        quantity += item.quantity - sum((e.quantity for e in came), Decimal(0))
            else:
                runs = plan.start is not None and plan.start <= on and (plan.end is None or on <= plan.end)
                quantity = item.quantity if runs and (activated or view is View.COMMITTED) else Decimal(0)
            if quantity:
                key = (item.product, item.ship_to)
                held[key] = held.get(key, Decimal(0)) + quantity
    return held


@given(quotes(), STEPS, DAYS, DAYS, st.sampled_from([View.CONTRACTED, View.COMMITTED]))
def test_entitlements_equal_a_replay(
    priced: PricedQuote, steps: list[tuple[str, int, int]], on: int, known: int, view: View
) -> None:
    story = played(priced, steps, ("order_date", "ship_to"))
    day = FIRST + timedelta(days=on * 2)
    moment = datetime(2026, 11, 30, 12, tzinfo=ZONE) + timedelta(days=known)
    found = entitlements(story.entries, day, moment, view)
    assert {(row.product, row.ship_to): row.quantity for row in found.rows} == held_by_hand(story, day, moment, view)
    later = entitlements(story.entries, day, moment, View.COMMITTED)
    assert all(later.of(row.product, row.ship_to) >= row.quantity for row in found.rows)
