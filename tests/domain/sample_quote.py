"""Small quote documents for tests: the least that is a quote, with what a test adds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.pricing import PricedQuote, price
from domain.quote import read_quote
from domain.refusal import Refusal


def line(line_id: str = "A", **more: Any) -> dict[str, Any]:
    """A thing sold once for 100.00, unless ``more`` says otherwise; ``None`` leaves a field out."""
    whole = {
        "line_id": line_id,
        "product": f"P-{line_id}",
        "family": "Things",
        "kind": "one_time",
        "quantity": "1",
        "list_price": "100.00",
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def service(line_id: str = "S", **more: Any) -> dict[str, Any]:
    """A subscription at 10.00 for a month, from the first of 2027 on; ``more`` gives the term."""
    whole = {"kind": "subscription", "family": "Software", "list_price": "10.00", "start_date": "2027-01-01", **more}
    return line(line_id, **whole)


def share(line_id: str = "M", percent: str | None = "10", **more: Any) -> dict[str, Any]:
    """A percent of all other lines, unless ``more`` says of what."""
    base = {} if {"of_lines", "of_families", "of"} & more.keys() else {"of": "others"}
    whole = {"kind": "percent_of_total", "family": "Care", "list_price": None, "percent": percent, **base, **more}
    return line(line_id, **whole)


def quote(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A quote of rosa's in US dollars; without lines it has one."""
    whole = {
        "quote_id": "Q-1",
        "title": "A quote",
        "owner": "rosa",
        "currency": "USD",
        "customer": {"customer_id": "c-1", "name": "Customer One"},
        "lines": list(lines) or [line()],
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def priced(*lines: dict[str, Any], **more: Any) -> PricedQuote:
    return price(read_quote(quote(*lines, **more)))


def totals(*lines: dict[str, Any], **more: Any) -> dict[str, Decimal]:
    """What each line comes to."""
    return {each.line.line_id: each.net_total for each in priced(*lines, **more).lines}


def refused(document: Any) -> list[tuple[str, str]]:
    """Code and path of every problem with which ``document`` is refused as a quote."""
    try:
        read_quote(document)
    except Refusal as refusal:
        return [(problem.code, problem.path) for problem in refusal.problems]
    return []
