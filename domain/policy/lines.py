"""The lines of one quote as columns and sets: every aggregate of a policy from one look at each line.

A set of lines is the bits of an integer (the first line is the highest bit), so that ``where`` conditions are ``&``,
``|`` and ``^`` on whole sets. A column knows for each distinct value which lines have it; sums are taken bit by bit of
the value over all lines of a set at once. The cost is that of the lines plus that of the conditions, not their product.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from operator import or_
from typing import Any

from domain.policy.comparison import COMPARISONS, Value
from domain.policy.conditions import Operator, as_number
from domain.policy.facts import LINE_FIELDS, custom_values, line_values
from domain.pricing import PricedLine

ZERO = Decimal(0)
FEW = 16  # below so many lines, adding them up one by one is quicker than bit by bit


class Column:
    """One field over all lines."""

    __slots__ = ("__dict__", "_totals", "values")

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values
        self._totals: dict[int, Decimal] = {}

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

    @cached_property
    def numbers(self) -> Mapping[Decimal, int]:
        """The lines by number, of those that hold a number or a text that reads as one."""
        found: dict[Decimal, int] = {}
        for value, lines in self.sets.items():
            number = as_number(value)
            if number is not None:
                found[number] = found.get(number, 0) | lines
        return found

    @cached_property
    def ascending(self) -> tuple[list[Decimal], list[int]]:
        """The distinct numbers in order, and for each place the lines with a number before it."""
        ordered = sorted(self.numbers)
        return ordered, [0, *accumulate((self.numbers[number] for number in ordered), or_)]

    def matching(self, operator: Operator, right: Value | tuple[Value, ...]) -> int:
        """The lines whose value stands in ``operator`` to ``right``; exactly those for which the comparison is true."""
        return matcher(operator, right)(self)

    def each(self, compare: Callable[[Value, Any], bool], right: Any) -> int:
        """The same by trying each distinct value."""
        lines = 0
        for value, those in self.sets.items():
            if compare(value, right):
                lines |= those
        return lines

    def ordered(self, operator: Operator, right: Decimal) -> int:
        """The lines with a number that is larger (smaller, …) than ``right``."""
        ordered, before = self.ascending
        if operator is Operator.LESS:
            return before[bisect_left(ordered, right)]
        if operator is Operator.AT_MOST:
            return before[bisect_right(ordered, right)]
        if operator is Operator.GREATER:
            return before[-1] ^ before[bisect_right(ordered, right)]
        return before[-1] ^ before[bisect_left(ordered, right)]

    # -- aggregates

    @cached_property
    def numeric(self) -> int:
        """The lines that hold a number."""
        return self.ascending[1][-1]

    def total(self, lines: int) -> Decimal:
        """The sum of the numbers in a set of lines, exactly."""
        found = self._totals.get(lines)
        if found is None:
            found = self._added(lines) if lines.bit_count() < FEW else self._summed(lines)
            # Idle zeros depend on the way of adding; without them the result does not.
            found = self._totals[lines] = found.normalize() + 0
        return found

    def _summed(self, lines: int) -> Decimal:
        scale, planes = self._planes
        result = -(lines & planes[0]).bit_count()
        for plane in planes[1:]:
            result = result * 2 + (lines & plane).bit_count()
        return Decimal(result).scaleb(-scale)

    def _added(self, lines: int) -> Decimal:
        scale, whole = self._whole
        result, last = 0, len(whole)
        while lines:
            low = lines & -lines
            result += whole[last - low.bit_length()]
            lines ^= low
        return Decimal(result).scaleb(-scale)

    @cached_property
    def _whole(self) -> tuple[int, list[int]]:
        """The numbers as integers of one scale; blanks and texts as 0, which adds nothing."""
        numbers = [as_number(value) or ZERO for value in self.values]
        scale = max([-int(number.as_tuple().exponent) for number in numbers], default=0)
        scale = max(scale, 0)
        return scale, [int(number.scaleb(scale)) for number in numbers]

    @cached_property
    def _planes(self) -> tuple[int, list[int]]:
        """The numbers as integers of one scale, bit by bit in two's complement: for each bit the lines that have it."""
        scale, whole = self._whole
        width = max((abs(each).bit_length() for each in whole), default=0) + 1
        form, modulus = f"0{width}b", 1 << width
        rows = "".join([format(each % modulus, form) for each in whole])
        return scale, [int(rows[bit::width], 2) for bit in range(width)]

    def highest(self, lines: int) -> Value:
        """The largest number in a set of lines, where there are only texts (dates) the last of them, else blank."""
        ordered, before = self.ascending
        if not lines & self.numeric:
            return max(self._texts_in(lines), default=None)
        low, high = 0, len(ordered)
        while low < high:  # the first place from which on nothing is left
            middle = (low + high) // 2
            if lines & (self.numeric ^ before[middle + 1]):
                low = middle + 1
            else:
                high = middle
        return ordered[low]

    def lowest(self, lines: int) -> Value:
        """The smallest number in a set of lines, where there are only texts (dates) the first of them, else blank."""
        ordered, before = self.ascending
        if not lines & self.numeric:
            return min(self._texts_in(lines), default=None)
        low, high = 0, len(ordered)
        while low < high:
            middle = (low + high) // 2
            if lines & before[middle + 1]:
                high = middle
            else:
                low = middle + 1
        return ordered[low]

    def _texts_in(self, lines: int) -> list[str]:
        return [value for value, those in self.sets.items() if isinstance(value, str) and those & lines]

    def average(self, lines: int) -> Value:
        """The mean of the numbers in a set of lines; blank where there is none."""
        count = (lines & self.numeric).bit_count()
        return self.total(lines) / count if count else None


def matcher(operator: Operator, right: Value | tuple[Value, ...]) -> Callable[[Column], int]:
    """The lines of a column whose value stands in ``operator`` to a fixed ``right``, as a function of the column."""
    if operator.orders and isinstance(right, Decimal):
        return lambda column: column.ordered(operator, right)
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
        return lambda column: column.sets.get(None, 0)
    if operator is Operator.IS_NOT_BLANK:
        return lambda column: column.given
    compare = COMPARISONS[operator]
    return lambda column: column.each(compare, right)


def _equal(right: Value) -> Callable[[Column], int]:
    if right is None:
        return lambda column: 0
    if isinstance(right, Decimal):
        return lambda column: column.numbers.get(right, 0)
    if as_number(right) is not None:
        compare = COMPARISONS[Operator.EQUAL]
        return lambda column: column.each(compare, right)
    folded = right.casefold()
    return lambda column: column.texts.get(folded, 0)


class Lines:
    """All lines of a quote; columns are made when they are first needed, and only once.

    ``sets`` is for whoever asks for lines by condition, to remember what was found.
    """

    __slots__ = ("__dict__", "_columns", "_custom", "_priced", "all", "sets")

    def __init__(self, priced: Sequence[PricedLine]) -> None:
        self.all = (1 << len(priced)) - 1
        self.sets: dict[int, int] = {}
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
            found = self._columns[name] = Column(line_values(self._priced, name))
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
