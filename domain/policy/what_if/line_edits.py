"""How a field of a line is brought to a value, and lines to a price: the edits, or ``None`` where that cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Decimal
from fractions import Fraction
from typing import Any

from domain.money import minor_digits, round_half_away, round_money
from domain.policy.facts import LINE_FIELDS
from domain.policy.what_if.draft import Edits, Key, document_value
from domain.pricing import PricedLine
from domain.quote import Quote, QuoteLine

PRICES = frozenset(("list_price", "net_price", "standalone_price"))
FINEST = Decimal("0.000001")  # what a quote can say
HUNDRED = Decimal(100)


def field_edits(priced: PricedLine, field: str, value: Decimal | date) -> Edits | None:
    """``field`` of the line as ``value``. Derived totals are reached by the price that makes them."""
    line, key = priced.line, ("lines", priced.line.line_id)
    if isinstance(value, date):
        return {(*key, field): value} if isinstance(getattr(line, field, None), date) else _custom(line, field, value)
    if field not in PRICES:
        value = tidy(value)
    if field == "quantity":
        return quantity_edits(line, value)
    if field == "discount_percent":
        return {(*key, field): value} if _has_discount(line) and abs(value) <= HUNDRED else None
    if field in ("net_total", "list_total"):
        return _total_edits(priced, field, value)
    if field in PRICES or field == "percent":
        return {(*key, field): value} if getattr(line, field) is not None and value >= 0 else None
    if field == "term_months":
        whole = line.term_months is not None and value == int(value)
        return {(*key, field): int(value)} if whole else None
    return None if field in LINE_FIELDS else _custom(line, field, value)


def tidy(value: Decimal) -> Decimal:
    """``value`` without idle zeros and without exponent."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _custom(line: QuoteLine, field: str, value: Any) -> Edits | None:
    bare = field.removeprefix("fields.")
    return {("lines", line.line_id, "fields", bare): document_value(value)} if bare in line.fields else None


def _has_discount(line: QuoteLine) -> bool:
    return line.list_price is not None and line.net_price is None and line.net_total is None and not line.is_share


def quantity_edits(line: QuoteLine, value: Decimal) -> Edits | None:
    """Another quantity; the last deliveries take up the difference, none of them is left with nothing."""
    if line.is_share or value <= 0:
        return None
    key = ("lines", line.line_id)
    edits: dict[Key, Any] = {(*key, "quantity"): value}
    left = value - line.quantity
    for at in reversed(range(len(line.deliveries or ()))):
        assert line.deliveries is not None
        given = line.deliveries[at].quantity
        if given is None or not left:
            continue
        least = min(given, Decimal(1))
        new = max(given + left, least)
        left -= new - given
        edits[(*key, "deliveries", str(at), "quantity")] = new
    return edits if not left or line.deliveries is None else None


def _total_edits(priced: PricedLine, field: str, value: Decimal) -> Edits | None:
    line, key = priced.line, ("lines", priced.line.line_id)
    pieces = Fraction(line.quantity) * priced.factor
    lower = value < getattr(priced, field)
    if line.is_share or value < 0:
        return None
    if field == "list_total":
        return {(*key, "list_price"): _quotient(value, pieces, lower)} if line.list_price is not None else None
    if line.net_total is not None:
        return {(*key, "net_total"): value}
    if line.net_price is not None:
        return {(*key, "net_price"): _quotient(value, pieces, lower)}
    listed = Fraction(line.list_price or 0) * pieces
    if not listed:
        return None
    exact = 100 - Fraction(value) / listed * 100
    # On the side of the value on which it should be: a discount rounded up keeps the total below.
    discount = _decimal(exact, ROUND_CEILING if lower else ROUND_FLOOR)
    return {(*key, "discount_percent"): discount} if abs(discount) <= HUNDRED else None


def _quotient(value: Decimal, pieces: Fraction, lower: bool) -> Decimal:
    return _decimal(Fraction(value) / pieces, ROUND_DOWN if lower else ROUND_UP)


def _decimal(value: Fraction, rounding: str) -> Decimal:
    return tidy((Decimal(value.numerator) / Decimal(value.denominator)).quantize(FINEST, rounding))


def scaled_net(lines: Iterable[PricedLine], factor: Fraction, digits: int, currency: str) -> Edits:
    """The lines' net prices times ``factor``, as a discount to so many digits where the price is a list price."""
    edits: dict[Key, Any] = {}
    for priced in lines:
        line, key = priced.line, ("lines", priced.line.line_id)
        if line.is_share:
            continue
        if line.net_total is not None:
            edits[(*key, "net_total")] = round_money(Fraction(line.net_total) * factor, currency)
        elif line.net_price is not None:
            places = max(digits, minor_digits(currency), _places(line.net_price))
            edits[(*key, "net_price")] = round_half_away(Fraction(line.net_price) * factor, min(places, 6))
        elif line.list_price and line.discount_percent < 100:
            places = min(max(digits, _places(line.discount_percent)), 6)
            rest = (100 - Fraction(line.discount_percent)) * factor
            edits[(*key, "discount_percent")] = tidy(round_half_away(100 - rest, places))
    return edits


def scaled_discounts(lines: Iterable[PricedLine], factor: Fraction) -> Edits:
    """The lines' discounts times ``factor``."""
    return {
        ("lines", each.line.line_id, "discount_percent"): tidy(
            round_half_away(Fraction(each.line.discount_percent) * factor, max(2, _places(each.line.discount_percent)))
        )
        for each in lines
        if _has_discount(each.line) and each.line.discount_percent > 0
    }


def scaled_lists(lines: Iterable[PricedLine], factor: Fraction, currency: str) -> Edits:
    """The prices that the lines are quoted with times ``factor``, discounts as they are."""
    edits: dict[Key, Any] = {}
    for each in lines:
        for field in ("list_price", "net_price", "net_total"):
            price = getattr(each.line, field)
            if price and not each.line.is_share:
                places = max(minor_digits(currency), _places(price))
                edits[("lines", each.line.line_id, field)] = round_half_away(Fraction(price) * factor, places)
    return edits


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def removal_edits(quote: Quote, lines: Sequence[PricedLine]) -> Edits | None:
    """The lines gone, their components with them, and forgotten by the shares that name them."""
    gone = {each.line.line_id for each in lines}
    while more := {line.line_id for line in quote.lines if line.component_of in gone} - gone:
        gone |= more
    if len(gone) == len(quote.lines):
        return None
    edits: dict[Key, Any] = {("lines", line.line_id): None for line in quote.lines if line.line_id in gone}
    for line in quote.lines:
        if line.line_id not in gone and line.of_lines and gone & set(line.of_lines):
            left = tuple(each for each in line.of_lines if each not in gone)
            edits[("lines", line.line_id, "of_lines")] = left
    return edits


def copies(quote: Quote, template: dict[str, Any], count: int) -> Edits:
    """``count`` more lines like ``template``, with ids that the quote does not have."""
    ids = _fresh_ids(quote)
    return {("lines", line_id): {**template, "line_id": line_id} for line_id, _ in zip(ids, range(count), strict=False)}


def _fresh_ids(quote: Quote) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        if (line_id := f"added-{number}") not in quote.by_id:
            yield line_id
