"""Random quotes for properties: bundles, term lines of each proration, credits, and percent-of-total lines."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.pricing import PricedQuote
from tests.domain.order.story import percent, quoted, seats, thing

FIRST = date(2027, 1, 1)
SITES = ("N", "S", None)
LAST_ORDER_DATE = FIRST + timedelta(days=500)

order_dates = st.integers(0, 500).map(lambda days: FIRST + timedelta(days=days))
prices = st.integers(-50_000, 500_000).map(lambda cents: str(Decimal(cents).scaleb(-2)))


@st.composite
def deliveries(draw: st.DrawFn, largest: int = 9) -> tuple[str, list[dict[str, str]]]:
    """A quantity and its deliveries, each to a date and a place of its own."""
    places = draw(
        st.lists(st.tuples(order_dates, st.sampled_from(SITES)), min_size=1, max_size=4, unique_by=lambda place: place)
    )
    quantities = [draw(st.integers(1, largest)) for _ in places]
    parts = [
        {"order_date": on.isoformat(), "quantity": str(quantity)} | ({"ship_to": site} if site else {})
        for (on, site), quantity in zip(places, quantities, strict=True)
    ]
    return str(sum(quantities)), parts


@st.composite
def bundles(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """Things, with up to two components each a multiple of their parent; some need acceptance, some are lump sums."""
    quantity, parts = draw(deliveries())
    acceptance = draw(st.sampled_from(["none", "required"]))
    lines = [thing(name, quantity, draw(prices), deliveries=parts, acceptance=acceptance)]
    if draw(st.booleans()):
        lines[0]["net_total"] = draw(prices)
    for number in range(draw(st.integers(0, 2))):
        times = draw(st.integers(1, 3))
        revenue = draw(st.sampled_from(["on_delivery", "on_milestone"]))
        own = thing(f"{name}{number}", str(int(quantity) * times), draw(prices), component_of=name, revenue=revenue)
        lines.append(own)
    return lines


@st.composite
def services(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """A subscription of any proration, price period, kind of end and schedule."""
    quantity, parts = draw(deliveries())
    term: dict[str, Any] = {"proration": draw(st.sampled_from(["calendar_months", "months_rounded_up", "days"]))}
    term["date_change"] = draw(st.sampled_from(["end_fixed", "term_fixed"]))
    term["price_per"] = draw(st.sampled_from(["month", "year", "once"]))
    term["revenue"] = draw(st.sampled_from(["daily", "monthly", "mid_month"]))
    if draw(st.booleans()):
        term["term_months"] = draw(st.integers(1, 40))
    else:
        term["end_date"] = (LAST_ORDER_DATE + timedelta(days=draw(st.integers(0, 700)))).isoformat()
    if draw(st.booleans()):
        term["start_date"] = draw(order_dates).isoformat()
        if "term_months" in term:
            term["term_months"] += 40
    return [seats(name, quantity, draw(prices), deliveries=parts, **term)]


@st.composite
def quotes(draw: st.DrawFn) -> PricedQuote:
    """A quote of one to three bundles and services and up to two percent-of-total lines over everything else."""
    lines: list[dict[str, Any]] = []
    for name in "ABC"[: draw(st.integers(1, 3))]:
        lines += draw(st.one_of(bundles(name), services(name)))
    for name in ("M", "K")[: draw(st.integers(0, 2))]:
        more: dict[str, Any] = {"by": draw(st.sampled_from(["order", "site"]))}
        if draw(st.booleans()):
            more |= {"term_months": draw(st.integers(1, 24)), "revenue": "daily", "date_change": "term_fixed"}
        if more["by"] == "order" and draw(st.booleans()):
            more["deliveries"] = [{"order_date": draw(order_dates).isoformat(), "ship_to": "N"}]
        lines.append(percent(name, draw(st.sampled_from(["0.01", "7.5", "12", "33.333", "100"])), **more))
    return quoted(*lines)
