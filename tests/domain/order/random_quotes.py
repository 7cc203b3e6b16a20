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


@st.composite
def years(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """A multi-year line of two or three segments, delivered at once or year by year."""
    lines: list[dict[str, Any]] = []
    site = draw(st.sampled_from(SITES))
    for number in range(draw(st.integers(2, 3))):
        start, quantity = FIRST.replace(year=FIRST.year + number), str(draw(st.integers(1, 9)))
        on = {"order_date": draw(st.sampled_from([FIRST, start])).isoformat(), "quantity": quantity}
        term = {"start_date": start.isoformat(), "end_date": start.replace(month=12, day=31).isoformat()}
        more = {"product": f"P-{name}", "segment": str(number + 1), **term}
        delivery = on | ({"ship_to": site} if site else {})
        lines.append(seats(f"{name}{number}", quantity, draw(prices), deliveries=[delivery], **more))
    return lines


@st.composite
def evergreens(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """What runs without end, by the month or the year."""
    quantity, parts = draw(deliveries())
    more = {"kind": "evergreen", "price_per": draw(st.sampled_from(["month", "year"])), "deliveries": parts}
    return [{**seats(name, quantity, draw(prices)), **more}]


@st.composite
def measured(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """Kilograms by the gram, with a component measured as well, at no date of their own."""
    quantity = str(Decimal(draw(st.integers(1, 9_999))).scaleb(-3))
    own = thing(name, quantity, draw(prices), unit="kg")
    return [own, thing(f"{name}0", str(Decimal(quantity) * 2), draw(prices), unit="l", component_of=name)]


@st.composite
def shares(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A percent of all others that follows its base, or goes to places of its own."""
    more: dict[str, Any] = {"by": draw(st.sampled_from(["order", "site"])), "group": draw(st.sampled_from("xy"))}
    placed = draw(st.integers(0, 2))
    if placed == 1 and more["by"] == "order":
        more["deliveries"] = [{"order_date": draw(order_dates).isoformat(), "ship_to": "N"}]
    if placed == 2:
        more["deliveries"] = [
            {"order_date": draw(order_dates).isoformat()} | ({"ship_to": site} if site else {}) for site in SITES
        ]
        more["by"] = "site"
    return percent(name, draw(st.sampled_from(["0.01", "7.5", "12", "33.333", "100"])), **more)


@st.composite
def mixed_quotes(draw: st.DrawFn) -> PricedQuote:
    """A quote of every kind of line, in groups."""
    lines: list[dict[str, Any]] = []
    for name in "ABC"[: draw(st.integers(1, 3))]:
        made = draw(st.one_of(bundles(name), services(name), years(name), evergreens(name), measured(name)))
        group = draw(st.sampled_from([{}, {"group": "x"}, {"group": "y"}]))
        lines += [line | group for line in made]
    lines += [draw(shares(name)) for name in ("M", "K")[: draw(st.integers(0, 2))]]
    return quoted(*lines)


@st.composite
def works(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """Work by progress, by milestones with their percents, or what is paid by use."""
    quantity, parts = draw(deliveries())
    revenue = draw(st.sampled_from(["percent_complete", "on_milestone", "usage"]))
    more: dict[str, Any] = {"revenue": revenue, "deliveries": parts}
    if revenue == "on_milestone":
        first = draw(st.integers(1, 99))
        more["milestones"] = [{"name": "dug", "percent": str(first)}, {"name": "built", "percent": str(100 - first)}]
    return [thing(name, quantity, draw(prices), **more)]


@st.composite
def bundled_services(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """A service with a service in its bundle, and prices of each alone by which the bundle is shared."""
    top = draw(services(name))[0]
    times = draw(st.integers(1, 2))
    term = {key: top[key] for key in ("term_months", "end_date", "start_date") if key in top}
    own = seats(f"{name}0", str(int(top["quantity"]) * times), draw(prices), component_of=name, **term)
    alone = {"standalone_price": str(draw(st.integers(1, 500)))} if draw(st.booleans()) else {}
    return [top | alone, own]


@st.composite
def every_kind(draw: st.DrawFn) -> PricedQuote:
    """A quote of every kind of line that there is, and every schedule."""
    lines: list[dict[str, Any]] = []
    kinds = (bundles, services, services, years, evergreens, measured, works, bundled_services)
    for name in "ABC"[: draw(st.integers(1, 3))]:
        made = draw(st.one_of(*(kind(name) for kind in kinds)))
        group = draw(st.sampled_from([{}, {"group": "x"}, {"group": "y"}]))
        lines += [line | group for line in made]
    lines += [draw(shares(name)) for name in ("M", "K")[: draw(st.integers(0, 2))]]
    return quoted(*lines)
