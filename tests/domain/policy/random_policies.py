"""Random quotes and random policies over them, for what must hold of every pair."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.domain.policy.sample_policy import rule
from tests.domain.sample_quote import line, quote, service, share

FAMILIES = ("Hardware", "Software", "Care")
VARIABLES: dict[str, Any] = {
    "max_discount": {"max": "lines.discount_percent"},
    "min_discount": {"min": "lines.discount_percent", "where": "family != Care"},
    "mean_discount": {"avg": "lines.discount_percent"},
    "hardware_net": {"sum": "lines.net_total", "where": "family = Hardware"},
    "units": {"sum": "lines.quantity", "where": {"any": ["family = Hardware", "family = Software"]}},
    "deep": {"count": "lines", "where": "discount_percent > 10"},
    "hardware_lines": {"count": "lines", "where": "family = Hardware"},
    "care_lines": {"count": "lines", "where": {"all": ["family = Care", "quantity >= 1"]}},
    "largest": {"max": "lines.net_total"},
    "dearest": {"max": "lines.list_price", "where": {"not": "family = Software"}},
    "weight": {"sum": "lines.weight"},
    "discount": {"discount": {"list": "list_total", "net": "net_total"}},
    "margin": "net_total - cost",
    "per_unit": "hardware_net / units",
}
NUMBERS = {
    "max_discount": (5, 10, 25), "min_discount": (0, 5), "mean_discount": (5, "7.5"), "hardware_net": (100, 1000, 5000),
    "units": (1, 5, 10), "deep": (0, 1, 2), "hardware_lines": (0, 1, 2), "care_lines": (0, 1), "largest": (100, 999.99),
    "dearest": (50, 400), "weight": (0, 3, 10), "discount": (5, 12), "margin": (0, 500), "per_unit": (50, 120),
    "net_total": (500, 1000, 1500), "list_total": (1000, 2000), "line_count": (1, 2, 3), "term_months": (12, 24),
    "fields.score": (10, 70), "score": (50,), "cost": (400, 1000),
}  # fmt: skip
TEXTS = {
    "payment_terms": ("Net 30", "Net 60", "Net 90"), "region": ("US", "US-West", "EU"), "title": ("A quote", "quote"),
    "currency": ("USD", "EUR"), "note": ("x", "y, z"),
}  # fmt: skip

ORDERS = st.sampled_from(("<", "<=", ">", ">=", "=", "!="))
TEXTUAL = st.sampled_from(("=", "!=", "contains", "not contains", "starts with", "ends with"))


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """One condition, most of them on numbers."""
    kind = draw(st.integers(0, 9))
    if kind < 5:
        name = draw(st.sampled_from(sorted(NUMBERS)))
        return f"{name} {draw(ORDERS)} {draw(st.sampled_from(NUMBERS[name]))}"
    if kind == 5:
        one, other = (
            draw(st.sampled_from(("net_total", "margin"))),
            draw(st.sampled_from(("budget", "cost", "hardware_net"))),
        )
        return f"{one} {draw(ORDERS)} {other}"
    if kind == 6:
        name = draw(st.sampled_from((*TEXTS, "budget", "start_date")))
        return f"{name} {draw(st.sampled_from(('is blank', 'is not blank')))}"
    if kind == 7:
        return f"start_date {draw(ORDERS)} {draw(st.sampled_from(('2027-01-01', '2027-06-30')))}"
    name = draw(st.sampled_from(("payment_terms", "region", "note")))
    if kind == 8:
        values = draw(st.lists(st.sampled_from((*TEXTS[name][:1], "Net 45")), min_size=1, max_size=2))
        return f"{name} {draw(st.sampled_from(('in', 'not in')))} {', '.join(values)}"
    return f"{name} {draw(TEXTUAL)} {draw(st.sampled_from(TEXTS[name]))}"


WHENS = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=4,
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    whens = draw(st.lists(WHENS, min_size=1, max_size=3))
    rules = [rule(f"r{at}", when) for at, when in enumerate(whens)]
    return {"policy": "standard", "variables": VARIABLES, "rules": rules}


@st.composite
def quotes(draw: st.DrawFn) -> dict[str, Any]:
    """A quote of things, services and now and then a share of all."""
    lines = [draw(_lines(f"L{at}")) for at in range(draw(st.integers(1, 4)))]
    if draw(st.booleans()):
        lines.append(share("M", "10"))
    free = {"score": ("5", "70", "71.5"), "cost": ("400", "1000.50"), "budget": ("500", "1500"), "note": ("x", "y")}
    terms = {"payment_terms": draw(st.sampled_from(("Net 30", "Net 60", "")))} if draw(st.booleans()) else {}
    fields = {name: draw(st.sampled_from(values)) for name, values in free.items() if draw(st.booleans())}
    if draw(st.booleans()):
        fields["region"] = draw(st.sampled_from(("US-West", "EU", "us")))
    start = draw(st.sampled_from((None, "2027-01-01", "2027-07-15")))
    return quote(*lines, terms=terms, fields=fields, start_date=start)


@st.composite
def _lines(draw: st.DrawFn, line_id: str) -> dict[str, Any]:
    more: dict[str, Any] = {"quantity": draw(st.sampled_from(("1", "3", "10", "2.5")))}
    if draw(st.booleans()):
        more["fields"] = {"weight": draw(st.sampled_from(("1", "2.5", "0")))}
    if draw(st.integers(0, 3)) == 0:
        return service(line_id, term_months=draw(st.sampled_from((6, 12, 36))), **more)
    more["family"] = draw(st.sampled_from(FAMILIES))
    price = draw(st.integers(0, 5))
    if price == 0:
        return line(line_id, net_price="80.00", **more)
    if price == 1:
        return line(line_id, list_price=None, net_total="750.00", **more)
    return line(
        line_id,
        list_price=draw(st.sampled_from(("40.00", "99.99", "450.00"))),
        discount_percent=draw(st.sampled_from(("0", "5", "10.5", "30"))),
        **more,
    )
