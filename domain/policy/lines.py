"""The lines of one quote as columns and sets: every aggregate of a policy from one look at each line.

A set of lines is the bits of an integer (the first line is the highest bit), so that ``where`` conditions are ``&``,
``|`` and ``^`` on whole sets. A column knows for each distinct value which lines have it; sums are taken bit by bit of
the value over all lines of a set at once. The cost is that of the lines plus that of the conditions, not their product.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from itertools import accumulate
from math import gcd
from operator import or_
from typing import Any

from domain.policy.comparison import COMPARISONS, Value
from domain.policy.conditions import Operator, as_number
from domain.policy.facts import LINE_FIELDS, NUMBER_FIELDS, custom_values, line_values
from domain.pricing import PricedLine

DIGITS = 6
"""No number of a line has more decimals (``domain.money``)."""
UNIT = Decimal(10) ** DIGITS
FEW = 16  # below so many lines, adding them up one by one is quicker than bit by bit
Right = Value | tuple[Value, ...]


class Column:
    """One field over all lines: texts, or whatever a custom field holds."""

    __slots__ = ("__dict__", "values")

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values

    @cached_property
    def sets(self) -> Mapping[Value, int]:
        """Each distinct value, and the lines that have it."""
        found: dict[Value, int] = {}
        bit = 1 << len(self.values) >> 1
        for value in self.values:
            found[value] = found.get(value, 0) | bit
            bit >>= 1
        return found

    @cached_property
    def given(self) -> int:
        """The lines that are not blank."""
        return ((1 << len(self.values)) - 1) ^ self.sets.get(None, 0)

    @cached_property
    def texts(self) -> Mapping[str, int]:
        """The lines by text without case, of those that hold texts."""
        found: dict[str, int] = {}
        for value, lines in self.sets.items():
            if isinstance(value, str):
                folded = value.casefold()
                found[folded] = found.get(folded, 0) | lines
        return found

    def each(self, compare: Callable[[Value, Any], bool], right: Any) -> int:
        """The lines whose value compares so, by trying each distinct value."""
        lines = 0
        for value, those in self.sets.items():
            if compare(value, right):
                lines |= those
        return lines

    # -- aggregates

    def _numbers(self, lines: int) -> list[Decimal]:
        last = len(self.values) - 1
        found = [as_number(value) for at, value in enumerate(self.values) if lines >> (last - at) & 1]
        return [number for number in found if number is not None]

    def _texts(self, lines: int) -> list[str]:
        return [value for value, those in self.sets.items() if isinstance(value, str) and those & lines]

    def total(self, lines: int) -> Decimal:
        """The sum of the numbers in a set of lines, exactly."""
        return plain(sum(self._numbers(lines), Decimal(0)))

    def average(self, lines: int) -> Value:
        """The mean of the numbers in a set of lines; blank where there is none."""
        numbers = self._numbers(lines)
        return sum(numbers, Decimal(0)) / len(numbers) if numbers else None

    def highest(self, lines: int) -> Value:
        """The largest number in a set of lines, where there are only texts (dates) the last of them, else blank."""
        return max(self._numbers(lines), default=None) or max(self._texts(lines), default=None)

    def lowest(self, lines: int) -> Value:
        """The smallest number in a set of lines, where there are only texts (dates) the first of them, else blank."""
        return min(self._numbers(lines), default=None) or min(self._texts(lines), default=None)


class NumberColumn(Column):
    """A field that holds numbers: as integers of one scale, in order, and bit by bit."""

    @cached_property
    def whole(self) -> list[int | None]:
        """The numbers in millionths; blank stays blank."""
        return [None if value is None else int(value * UNIT) for value in self.values]  # type: ignore[operator]

    @cached_property
    def by_whole(self) -> Mapping[int | None, int]:
        """Each distinct number in millionths, and the lines that have it."""
        found: dict[int | None, int] = {}
        bit = 1 << len(self.values) >> 1
        for number in self.whole:
            found[number] = found.get(number, 0) | bit
            bit >>= 1
        return found

    @cached_property
    def given(self) -> int:
        return ((1 << len(self.values)) - 1) ^ self.by_whole.get(None, 0)

    @cached_property
    def ascending(self) -> tuple[list[int], list[int]]:
        """The distinct numbers in order, and for each place the lines with a number before it."""
        ordered = sorted(number for number in self.by_whole if number is not None)
        return ordered, [0, *accumulate([self.by_whole[number] for number in ordered], or_)]

    def ordered(self, operator: Operator, floor: int, ceiling: int) -> int:
        """The lines with a number that is larger (smaller, …) than one between ``floor`` and ``ceiling``."""
        ordered, before = self.ascending
        if operator is Operator.LESS:
            return before[bisect_left(ordered, ceiling)]
        if operator is Operator.AT_MOST:
            return before[bisect_right(ordered, floor)]
        if operator is Operator.GREATER:
            return before[-1] ^ before[bisect_right(ordered, floor)]
        return before[-1] ^ before[bisect_left(ordered, ceiling)]

    # -- aggregates

    def total(self, lines: int) -> Decimal:
        return plain(Decimal(self._sum(lines)).scaleb(-DIGITS))

    def average(self, lines: int) -> Value:
        count = (lines & self.given).bit_count()
        return self.total(lines) / count if count else None

    def _sum(self, lines: int) -> int:
        if lines.bit_count() < FEW:
            return self._added(lines & self.given)
        unit, planes = self._planes
        result = -(lines & planes[0]).bit_count()
        for plane in planes[1:]:
            result = result * 2 + (lines & plane).bit_count()
        return result * unit

    def _added(self, lines: int) -> int:
        whole, last, result = self.whole, len(self.values), 0
        while lines:
            low = lines & -lines
            result += whole[last - low.bit_length()]  # type: ignore[operator]
            lines ^= low
        return result

    @cached_property
    def _planes(self) -> tuple[int, list[int]]:
        """The numbers in their common unit, bit by bit in two's complement: for each bit the lines that have it."""
        numbers = [number or 0 for number in self.whole]
        unit = gcd(*numbers) or 1
        numbers = [number // unit for number in numbers]
        width = max(max(numbers, default=0), -min(numbers, default=0)).bit_length() + 1
        form, modulus = f"0{width}b", 1 << width
        rows = "".join([format(number % modulus, form) for number in numbers])
        return unit, [int(rows[bit::width], 2) for bit in range(width)] if rows else [0]

    def highest(self, lines: int) -> Value:
        ordered, before = self.ascending
        if not lines & self.given:
            return None
        low, high, all_ = 0, len(ordered), self.given
        while low < high:  # the first place from which on nothing is left
            middle = (low + high) // 2
            if lines & (all_ ^ before[middle + 1]):
                low = middle + 1
            else:
                high = middle
        return plain(Decimal(ordered[low]).scaleb(-DIGITS))

    def lowest(self, lines: int) -> Value:
        ordered, before = self.ascending
        if not lines & self.given:
            return None
        low, high = 0, len(ordered)
        while low < high:
            middle = (low + high) // 2
            if lines & before[middle + 1]:
                high = middle
            else:
                low = middle + 1
        return plain(Decimal(ordered[low]).scaleb(-DIGITS))


def plain(number: Decimal) -> Decimal:
    """``number`` without idle zeros behind the point: how it was added up leaves no trace."""
    return number.normalize() + 0  # the sum writes out what would be 1E+3


def matcher(operator: Operator, right: Right) -> Callable[[Column], int]:
    """The lines of a column whose value stands in ``operator`` to a fixed ``right``, as a function of the column."""
    if isinstance(right, Decimal) and operator.orders:
        return _ordered(operator, right)
    if operator is Operator.EQUAL and not isinstance(right, tuple):
        return _equal(right)
    if operator in (Operator.IN, Operator.NOT_IN) and isinstance(right, tuple):
        parts = [_equal(each) for each in right]

        def among(column: Column) -> int:
            lines = 0
            for part in parts:
                lines |= part(column)
            return lines

        return among if operator is Operator.IN else lambda column: column.given & ~among(column)
    if operator is Operator.IS_BLANK:
        return lambda column: ((1 << len(column.values)) - 1) ^ column.given
    if operator is Operator.IS_NOT_BLANK:
        return lambda column: column.given
    compare = COMPARISONS[operator]
    return lambda column: column.each(compare, right)


def _ordered(operator: Operator, right: Decimal) -> Callable[[Column], int]:
    scaled, compare = right * UNIT, COMPARISONS[operator]
    floor, ceiling = int(scaled.to_integral_value(ROUND_FLOOR)), int(scaled.to_integral_value(ROUND_CEILING))

    def find(column: Column) -> int:
        if isinstance(column, NumberColumn):
            return column.ordered(operator, floor, ceiling)
        return column.each(compare, right)

    return find


def _equal(right: Value) -> Callable[[Column], int]:
    if right is None:
        return lambda column: 0
    number, compare = as_number(right), COMPARISONS[Operator.EQUAL]
    if number is None:
        folded = str(right).casefold()
        return lambda column: column.texts.get(folded, 0)
    scaled = number * UNIT
    whole = int(scaled) if scaled == int(scaled) else None

    def find(column: Column) -> int:
        if isinstance(column, NumberColumn):
            return 0 if whole is None else column.by_whole.get(whole, 0)
        return column.each(compare, right)

    return find


class Lines:
    """All lines of a quote; columns are made when they are first needed, and only once."""

    __slots__ = ("__dict__", "_columns", "_custom", "_priced", "all")

    def __init__(self, priced: Sequence[PricedLine]) -> None:
        self.all = (1 << len(priced)) - 1
        self._priced = priced
        self._columns: dict[str, Column] = {}
        self._custom: dict[tuple[str, Value], Column] = {}

    @cached_property
    def custom_names(self) -> frozenset[str]:
        """The names of all custom fields that some line has, bare and as ``fields.name``."""
        bare = {name for priced in self._priced for name in priced.line.fields}
        return frozenset((*bare, *(f"fields.{name}" for name in bare)))

    def column(self, name: str) -> Column:
        """A field that every line has, filled or blank."""
        found = self._columns.get(name)
        if found is None:
            values = line_values(self._priced, name)
            found = self._columns[name] = NumberColumn(values) if name in NUMBER_FIELDS else Column(values)
        return found

    def own(self, name: str) -> Column:
        """A field of the lines, or a custom one; blank where a line has neither."""
        return self.column(name) if name in LINE_FIELDS else self.custom(name, None)

    def custom(self, name: str, otherwise: Value) -> Column:
        """A custom field of the lines; ``otherwise`` where a line does not have it."""
        found = self._custom.get((name, otherwise))
        if found is None:
            found = self._custom[name, otherwise] = Column(custom_values(self._priced, name, otherwise))
        return found

    def constant(self, name: str, value: Value) -> Column:
        """A fact that is the same on every line."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = Column([value] * len(self._priced))
        return found

    def matching(self, compare: Callable[[Value, Any], bool], one: Column, other: Column) -> int:
        """The lines on which two columns compare so, line by line."""
        lines = 0
        for left, right in zip(one.values, other.values, strict=True):
            lines = lines << 1 | compare(left, right)
        return lines
