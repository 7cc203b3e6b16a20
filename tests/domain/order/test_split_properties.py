"""Properties of splits by any keys and of orders by hand, in any sequence until nothing is unordered."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.order.choosing import Pick
from domain.order.invariants import violations
from domain.order.pick import pick
from domain.order.rest import unordered
from domain.order.split import split
from domain.pricing import PricedQuote
from domain.refusal import Refusal
from tests.domain.order.random_quotes import FIRST, SITES, mixed_quotes
from tests.domain.order.story import Story, cause

NAMES = ("order_date", "ship_to", "group", "segment", "family", "kind", "start_date")
KEYS = st.lists(st.sampled_from(NAMES), max_size=4, unique=True).map(tuple)
CALLS = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 99),
            st.none() | st.integers(1, 12),
            st.none() | st.integers(0, 500),
            st.sampled_from([*SITES]),
        ),
        min_size=1,
        max_size=3,
    ),
    max_size=5,
)
Calls = list[list[tuple[int, int | None, int | None, str | None]]]
ALLOWED = {"quantity_out_of_range", "nothing_unordered", "bundle_broken", "amount_too_small", "percent_of_nothing"}
ALLOWED |= {"dates_out_of_order", "conflicting_fields"}


def picks_of(priced: PricedQuote, call: list[tuple[int, int | None, int | None, str | None]]) -> list[Pick]:
    lines = [line for line in priced.quote.lines if line.component_of is None]
    picks: list[Pick] = []
    for which, part, days, site in call:
        line = lines[which % len(lines)]
        whole = line.quantity == line.quantity.to_integral_value()
        quantity = None if part is None else Decimal(part) if whole else line.quantity / 4
        if quantity is not None and not whole:
            quantity = quantity.quantize(Decimal("0.001"))
        day = None if days is None else FIRST + timedelta(days=days)
        picks.append(
            Pick(line=line.line_id, quantity=None if line.is_share else quantity, order_date=day, ship_to=site)
        )
    return picks


def by_hand(priced: PricedQuote, calls: Calls) -> tuple[Story, list[str]]:
    """A story of orders by hand; what is refused changes nothing, and each call leaves the invariants whole."""
    story, codes = Story(priced), []
    for call in calls:
        before = story.book
        try:
            story.keep(pick(story.book, priced, picks_of(priced, call), cause()))
        except Refusal as refusal:
            codes.append(refusal.code)
            assert story.book == before
    return story, codes


def by_line(story: Story, line_id: str) -> list[Any]:
    return [item for order in story.book.orders for item in order.items if item.line_id == line_id]


def adds_up(story: Story) -> None:
    """Every line is in its orders and its unordered rest, to the cent and the piece."""
    assert violations(story.book) == ()
    left = {row.line.line_id: row for row in unordered(story.book, story.priced)}
    for line in story.priced.lines:
        items, row = by_line(story, line.line.line_id), left.get(line.line.line_id)
        ordered = sum((item.amount for item in items), Decimal(0))
        assert ordered + (row.amount if row else 0) == line.net_total
        if not line.line.is_share:
            assert sum(item.quantity for item in items) + (row.quantity if row else 0) == line.line.quantity
            if row is not None:
                assert sum(place.quantity for place in row.places) == row.quantity


@given(mixed_quotes(), KEYS)
@settings(max_examples=150)
def test_any_split_orders_all_of_it(priced: PricedQuote, keys: tuple[str, ...]) -> None:
    story = Story(priced)
    story.keep(split(story.book, priced, keys, cause()))
    adds_up(story)
    assert unordered(story.book, priced) == ()
    assert story.book.totals.ordered == priced.net_total
    numbers = [order.order_date for order in story.book.orders]
    assert numbers == sorted(numbers)
    for order in story.book.orders:
        assert order.order_date >= min(item.planned_for for item in order.items if item.planned_for)
        if "group" in keys:
            assert len({item.group for item in order.items if not item.is_share}) <= 1


@given(mixed_quotes(), CALLS, KEYS)
@settings(max_examples=200)
def test_any_sequence_of_calls_adds_up(priced: PricedQuote, calls: Calls, keys: tuple[str, ...]) -> None:
    story, codes = by_hand(priced, calls)
    adds_up(story)
    assert set(codes) <= ALLOWED
    assert sum(order.total for order in story.book.orders) + story.book.totals.unordered == priced.net_total
    if unordered(story.book, priced):
        story.keep(split(story.book, priced, keys, cause()))
        adds_up(story)
    assert unordered(story.book, priced) == ()
    ids = [item.item_id for order in story.book.orders for item in order.items]
    assert len(ids) == len(set(ids))


@given(mixed_quotes(), CALLS)
def test_parts_stay_within_a_cent_a_call_of_their_exact_amount(priced: PricedQuote, calls: Calls) -> None:
    story, _ = by_hand(priced, calls)
    for line in priced.lines:
        for item in by_line(story, line.line.line_id) if not line.line.is_share else ():
            exact = line.net_total * item.quantity / line.line.quantity
            assert abs(item.amount - exact) <= Decimal("0.01") * (len(calls) + 1)


@given(mixed_quotes(), CALLS)
def test_the_same_calls_make_the_same_orders(priced: PricedQuote, calls: Calls) -> None:
    assert by_hand(priced, calls)[0].book == by_hand(priced, calls)[0].book


@given(mixed_quotes(), CALLS, KEYS)
def test_the_ledger_tells_the_same_as_the_orders(priced: PricedQuote, calls: Calls, keys: tuple[str, ...]) -> None:
    story, _ = by_hand(priced, calls)
    with suppress(Refusal):
        story.keep(split(story.book, priced, keys, cause()))
    rows = {entry.item_id: entry for entry in story.entries}
    items = {item.item_id: item for order in story.book.orders for item in order.items}
    assert {name: (row.quantity, row.amount) for name, row in rows.items()} == {
        name: (item.quantity, item.amount) for name, item in items.items()
    }
    for item in items.values():
        assert all(part.item_id in items for part in item.base)
