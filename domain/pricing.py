"""Pricing: what each line of a quote comes to (``spec/orders.md`` 2, money).

One rounding per line, half away from zero, to the currency's minor unit; unit prices keep full precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from domain.money import round_money, total_of
from domain.quote import Kind, PricePer, Quote, QuoteLine
from domain.refusal import Problem, Refusal
from domain.term import end_of_term, months_of_price

LARGEST_AMOUNT = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with its amounts in the quote's currency.

    ``unit_price`` is net, for one unit and one ``price_per`` period, in full precision; ``factor`` is the number of
    periods; ``start`` and ``end`` are the inclusive dates of the term it was priced for, where it has one; ``base``
    are the lines of which a percent-of-total line is a share.
    """

    line: QuoteLine
    net_total: Decimal
    list_total: Decimal
    unit_price: Fraction
    factor: Fraction
    start: date | None = None
    end: date | None = None
    base: tuple[str, ...] = ()


@dataclass(frozen=True)
class PricedQuote:
    """A quote with the amounts of its lines and its totals."""

    quote: Quote
    lines: tuple[PricedLine, ...]

    @cached_property
    def by_id(self) -> Mapping[str, PricedLine]:
        return {priced.line.line_id: priced for priced in self.lines}

    def line(self, line_id: str) -> PricedLine:
        """The priced line of that id; ``KeyError`` when there is none."""
        return self.by_id[line_id]

    @cached_property
    def net_total(self) -> Decimal:
        return total_of((priced.net_total for priced in self.lines), self.quote.currency)

    @cached_property
    def list_total(self) -> Decimal:
        return total_of((priced.list_total for priced in self.lines), self.quote.currency)


def price(quote: Quote) -> PricedQuote:
    """The amounts of every line.

    Codes: ``percent_of_nothing``, ``missing_field``, ``dates_out_of_order``, ``invalid_date``, ``amount_too_large``.
    """
    problems: list[Problem] = []
    amounts: dict[str, PricedLine] = {}
    shares_last = sorted(quote.lines, key=lambda line: line.is_share)
    for line in shares_last:
        if line.is_share and problems:
            break
        try:
            amounts[line.line_id] = _price_share(quote, line, amounts) if line.is_share else _price_line(quote, line)
        except Refusal as refusal:
            problems.extend(refusal.problems)
    if problems:
        raise Refusal.of(problems)
    return PricedQuote(quote, tuple(amounts[line.line_id] for line in quote.lines))


def _price_line(quote: Quote, line: QuoteLine) -> PricedLine:
    start, end = term_of(quote, line)
    factor = factor_of(line, start, end)
    pieces = Fraction(line.signed_quantity) * factor
    listed = None if line.list_price is None else _amount(quote, line, Fraction(line.list_price) * pieces)
    if line.net_total is not None:
        net = _amount(quote, line, Fraction(line.net_total))
        unit_price = Fraction(net) / pieces
    else:
        unit_price = net_unit_price(line)
        net = _amount(quote, line, unit_price * pieces)
    return PricedLine(line, net, net if listed is None else listed, unit_price, factor, start, end)


def _price_share(quote: Quote, line: QuoteLine, amounts: Mapping[str, PricedLine]) -> PricedLine:
    assert line.percent is not None
    base = base_of(quote, line)
    if not base:
        raise Refusal(
            "percent_of_nothing",
            "no line of this quote is in what the percent is taken of; correct of_families, of_lines or of",
            f"lines.{line.line_id}",
        )
    whole = sum(Fraction(amounts[line_id].net_total) for line_id in base)
    unit_price = Fraction(line.percent) / 100 * whole
    net = _amount(quote, line, unit_price)
    start, end = term_of(quote, line)
    return PricedLine(line, net, net, unit_price, Fraction(1), start, end, base)


def base_of(quote: Quote, line: QuoteLine) -> tuple[str, ...]:
    """The ids of the lines that a percent-of-total line is a share of, in line order.

    Never another share, nor what an amendment takes away.
    """
    others = [other for other in quote.lines if not other.is_share and not other.takes_away]
    if line.of_lines is not None:
        return tuple(other.line_id for other in others if other.line_id in line.of_lines)
    if line.of_families is not None:
        families = {family.casefold() for family in line.of_families}
        return tuple(other.line_id for other in others if other.family.casefold() in families)
    return tuple(other.line_id for other in others)


def net_unit_price(line: QuoteLine) -> Fraction:
    """The price of one unit for one ``price_per`` period after discount, in full precision."""
    if line.net_price is not None:
        return Fraction(line.net_price)
    assert line.list_price is not None
    return Fraction(line.list_price) * (100 - Fraction(line.discount_percent)) / 100


def factor_of(line: QuoteLine, start: date | None, end: date | None) -> Fraction:
    """How many ``price_per`` periods the term has: exactly ``term_months``, or by the line's proration."""
    if line.kind is not Kind.SUBSCRIPTION or line.price_period is PricePer.ONCE:
        return Fraction(1)
    if line.term_months is not None:
        months = Fraction(line.term_months)
    else:
        assert start is not None
        assert end is not None
        months = months_of_price(start, end, line.proration)
    return months / 12 if line.price_period is PricePer.YEAR else months


def term_of(quote: Quote, line: QuoteLine) -> tuple[date | None, date | None]:
    """The inclusive dates that the line is priced for.

    The start is the line's own, else its first order date, else the quote's ``start_date``. A line with an end date
    and no start at all cannot be priced (``missing_field``).
    """
    start = line.start_date or first_order_date(quote, line)
    if line.term_months is not None:
        return start, _end(line, start, line.term_months)
    if line.end_date is not None and start is None:
        raise Refusal(
            "missing_field",
            "a term with an end date needs a start: give the line a start_date, deliveries, or the quote a start_date",
            f"lines.{line.line_id}.start_date",
        )
    if line.end_date is not None and start is not None and line.end_date < start:
        raise Refusal(
            "dates_out_of_order",
            f"the end {line.end_date} lies before the start {start}; correct one of them",
            f"lines.{line.line_id}.end_date",
        )
    return start, line.end_date


def _end(line: QuoteLine, start: date | None, months: int) -> date | None:
    return end_of_term(start, months, f"lines.{line.line_id}.term_months") if start else None


def first_order_date(quote: Quote, line: QuoteLine) -> date | None:
    """The earliest order date of the line, by its own deliveries, its parent's, or the quote's start."""
    here: QuoteLine | None = line
    while here is not None:
        if here.deliveries:
            return min(delivery.order_date for delivery in here.deliveries)
        here = quote.by_id.get(here.component_of) if here.component_of else None
    return quote.start_date


def _amount(quote: Quote, line: QuoteLine, exact: Fraction) -> Decimal:
    if abs(exact) >= LARGEST_AMOUNT:
        raise Refusal(
            "amount_too_large",
            f"the line comes to more than {LARGEST_AMOUNT:,}; check its quantity and price",
            f"lines.{line.line_id}",
        )
    return round_money(exact, quote.currency)
