"""Grids: the ``price_per`` periods of what runs without end, counted from the first start of its line.

A line has one grid: what changes it later is counted on the periods of what it changes, wherever in one it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from domain.ledger.entries import LedgerEntry
from domain.ledger.known import KnownItem
from domain.ledger.obligation import Items, root_of
from domain.ledger.recognition import TIME_METHODS, is_month_end, share_of_term
from domain.quote import Kind, PricePer, Revenue
from domain.term import ONE_DAY, add_months, term_days


@dataclass(frozen=True, slots=True)
class Span:
    """One period, from ``start`` to ``end``, both inclusive local dates."""

    start: date
    end: date

    def part(self, first: date, last: date) -> Fraction:
        """The part of the period's days from ``first`` to ``last``, both in it."""
        return Fraction(term_days(first, last), term_days(self.start, self.end))

    def over_before(self, day: date, method: Revenue) -> Fraction:
        """The part of the period that is over when ``day`` begins: what is earned by then.

        ``mid_month`` earns at the ends of months only: within one it is the part of the days.
        """
        last = day - ONE_DAY
        if last < self.start:
            return Fraction(0)
        if method is Revenue.MID_MONTH and not is_month_end(last):
            return self.part(self.start, last)
        return share_of_term(method, self.start, self.end, last)


@dataclass(frozen=True, slots=True)
class Grid:
    """Periods of ``months`` each from ``anchor`` on; ``owner`` is the item whose start that is."""

    owner: str
    anchor: date
    months: int

    def span(self, number: int) -> Span:
        """The period of that number, from 0."""
        months = number * self.months
        return Span(add_months(self.anchor, months), add_months(self.anchor, months + self.months) - ONE_DAY)

    def number(self, day: date) -> int:
        """The number of the period that ``day`` is in; it lies at or after the anchor."""
        months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
        number = months // self.months
        return number if self.span(number).start <= day else number - 1


def has_periods(plan: LedgerEntry) -> bool:
    """Whether an item is booked period by period: without end, and earned over time."""
    return plan.item_kind is Kind.EVERGREEN and plan.revenue in TIME_METHODS and plan.start is not None


def grid_of(item: KnownItem, items: Items) -> Grid:
    """The grid of an item that has periods: that of its root, unless that is priced otherwise, gone, or later."""
    own = _grid(item.plan)
    root = items.get(root_of(item.plan))
    if root is None or not has_periods(root.plan):
        return own
    grid = _grid(root.plan)
    return grid if grid.months == own.months and grid.anchor <= own.anchor else own


def _grid(plan: LedgerEntry) -> Grid:
    assert plan.start is not None
    return Grid(plan.item_id, plan.start, 12 if plan.price_per is PricePer.YEAR else 1)
