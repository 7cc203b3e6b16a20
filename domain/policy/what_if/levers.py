"""Levers: the ways in which a rep can move one fact of a quote, the most natural first.

Every lever changes one thing and grows by steps. Whether it does what it is meant for, evaluation shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from domain.policy.variables import Variable
from domain.policy.what_if.count_levers import count_levers
from domain.policy.what_if.draft import Edits, document_value
from domain.policy.what_if.ground import ONE, Ground, Scale
from domain.policy.what_if.line_edits import (
    field_edits,
    quantity_edits,
    scaled_discounts,
    scaled_lists,
    scaled_net,
    tidy,
)
from domain.policy.what_if.slides import DOWN, FEW, UP, Levers, Setting, Slide, number_of, together
from domain.pricing import PricedLine
from domain.quote import QuoteLine

MOST = {"discount_percent": Decimal(100), "percent": Decimal(1000), "term_months": Decimal(1200)}
"""How far a field of a line goes at most."""


def levers(ground: Ground, fact: str, direction: int, scale: Scale) -> Iterator[Levers]:
    """The ways to move ``fact`` in ``direction``, the most natural first."""
    spec = ground.spec(fact)
    if spec is None:
        if (setting := _header(ground, fact, scale)) is not None:
            yield (setting,)
    elif spec.kind in ("formula", "discount"):
        # A discount is moved by what is paid: nobody lowers a list price to give more of it.
        for base in ground.bases(spec.net if spec.kind == "discount" and spec.net else fact):
            yield from _under_a_formula(ground, base)
    else:
        yield from (each for each in _aggregate(ground, fact, spec, direction, scale) if each)


def _header(ground: Ground, fact: str, scale: Scale) -> Setting | None:
    key = ground.place(fact)
    if key is None:
        return None
    start = scale.number(ground.facts.get(fact))
    free = len(key) > 1 or scale.kind != "date"

    def put(number: Decimal) -> Edits | None:
        try:
            value = scale.value(number)
        except (ValueError, OverflowError):
            return None
        return {key: document_value(tidy(value) if isinstance(value, Decimal) else value) if free else value}

    return Setting(start, scale.step, put)


def _under_a_formula(ground: Ground, base: str) -> Iterator[Levers]:
    """What moves ``base``, either way: in which direction the formula goes, it shows itself."""
    scale = ground.scale(base)
    if scale is None or ground.facts.get(base) is None:
        return
    for direction in (DOWN, UP):
        for group in levers(ground, base, direction, scale):
            yield tuple(each.open(direction) if isinstance(each, Setting) else each for each in group)


def _aggregate(ground: Ground, fact: str, spec: Variable, direction: int, scale: Scale) -> Iterator[Levers]:
    lines = ground.members(fact)
    field = spec.field or ""
    if spec.kind == "count":
        yield from count_levers(ground, spec, lines, direction)
    elif spec.kind in ("max", "min"):
        yield from _extreme(spec.kind, field, lines, direction, scale)
    elif field in ("net_total", "list_total"):
        yield from _money(ground, field, lines, direction)
    else:
        yield from _numbers(field, lines, direction, scale)
        if spec.kind == "avg":
            mean = scale.number(ground.facts.get(fact))
            yield (Setting(mean, scale.step, partial(together, lines, field, scale=scale)),)


# -- the largest and the smallest


def _extreme(kind: str, field: str, lines: Sequence[PricedLine], direction: int, scale: Scale) -> Iterator[Levers]:
    """Towards the others: every line beyond the limit is brought to it. Away from them: one line goes ahead."""
    outward = UP if kind == "max" else DOWN
    numbers = [(number, each) for each in lines if (number := number_of(each, field, scale)) is not None]
    if not numbers:
        return
    numbers.sort(key=lambda pair: -outward * pair[0])

    def limit(number: Decimal) -> Edits | None:
        beyond = [each for value, each in numbers if (value - number) * outward > 0]
        return together(beyond, field, number, scale)

    start = numbers[0][0]
    if direction != outward:
        yield (Setting(start, scale.step, limit),)
    else:
        for _, line in numbers[:FEW]:
            yield (Setting(start, scale.step, partial(together, [line], field, scale=scale)),)


# -- sums and means


def _money(ground: Ground, field: str, lines: Sequence[PricedLine], direction: int) -> Iterator[Levers]:
    """Down by a discount on all lines, or smaller quantities; up by less discount, more quantity, higher prices."""
    currency = ground.quote.currency
    priced = [each for each in lines if not each.line.is_share]
    if not priced:
        yield tuple(_field_slides("percent", lines, direction, Decimal("0.01")))
        return
    if field == "list_total":
        yield tuple(_quantity_slides(priced, direction))
        yield (Slide(9_999, lambda at: scaled_lists(priced, 1 + direction * Fraction(at, 10_000), currency)),)
    elif direction == DOWN:
        yield (Slide(10_000, lambda at: scaled_net(priced, 1 - Fraction(at, 10_000), 2, currency)),)
        yield (Slide(10**8, lambda at: scaled_net(priced, 1 - Fraction(at, 10**8), 6, currency)),)
        yield tuple(_quantity_slides(priced, direction))
    else:
        yield (Slide(10_000, lambda at: scaled_discounts(priced, 1 - Fraction(at, 10_000))),)
        yield tuple(_quantity_slides(priced, direction))
        yield (Slide(10**6, lambda at: scaled_lists(priced, 1 + Fraction(at, 10_000), currency)),)


def _quantity_slides(lines: Sequence[PricedLine], direction: int) -> Iterator[Slide]:
    largest = sorted(lines, key=lambda each: -abs(each.net_total))[:FEW]
    for line in (each.line for each in largest if each.net_total):
        step = ONE if line.quantity == line.quantity.to_integral_value() else Decimal("0.01")
        top = int(line.quantity / step) - 1 if direction == DOWN else int(1000 * line.quantity / step)
        if top > 0:
            yield Slide(top, partial(_more, line, direction * step))


def _more(line: QuoteLine, step: Decimal, at: int) -> Edits | None:
    return quantity_edits(line, line.quantity + at * step)


def _field_slides(field: str, lines: Sequence[PricedLine], direction: int, step: Decimal) -> Iterator[Slide]:
    """One line at a time, the largest value first."""
    scale = Scale("number", step)
    numbers = [(number, each) for each in lines if (number := number_of(each, field, scale)) is not None]
    for number, line in sorted(numbers, key=lambda pair: -abs(pair[0]))[:FEW]:
        yield Setting(number, step, partial(field_edits, line, field), MOST.get(field)).open(direction)


def _numbers(field: str, lines: Sequence[PricedLine], direction: int, scale: Scale) -> Iterator[Levers]:
    """One line alone, else all of them in proportion."""
    yield tuple(_field_slides(field, lines, direction, scale.step))
    numbers = [(number, each) for each in lines if (number := number_of(each, field, scale)) is not None]

    def all_of_them(at: int) -> Edits | None:
        edits: dict[Any, Any] = {}
        for number, line in numbers:
            exact = number * (1 + direction * Decimal(at) / 1000)
            mine = field_edits(line, field, exact.quantize(scale.step))
            if mine is None:
                return None
            edits.update(mine)
        return edits

    if len(numbers) > 1:
        yield (Slide(1000 if direction == DOWN else 100_000, all_of_them),)
