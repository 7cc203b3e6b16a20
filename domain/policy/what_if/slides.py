"""Slides and settings: changes that grow by equal steps, and changes that reach a number in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.policy.facts import LINE_FIELDS
from domain.policy.what_if.draft import Edits
from domain.policy.what_if.ground import Scale
from domain.policy.what_if.line_edits import field_edits
from domain.pricing import PricedLine

DOWN, UP = -1, 1
FEW = 3
"""Of the lines that could be changed alone, so many are tried."""
MOST_STEPS = 10**12


@dataclass(frozen=True, slots=True)
class Slide:
    """A change that grows by equal steps up to ``top``; step 0 is no change."""

    top: int
    edits: Callable[[int], Edits | None]


@dataclass(frozen=True, slots=True)
class Setting:
    """A change that brings the fact to a number in one go; ``start`` is where it stands, ``most`` how far it goes."""

    start: Decimal | None
    step: Decimal
    put: Callable[[Decimal], Edits | None]
    most: Decimal | None = None

    def to(self, target: Decimal) -> Slide:
        """From where the fact stands to ``target``, which is the last step."""
        if self.start is None:
            return Slide(1, lambda at: self.put(target))
        way = -1 if target < self.start else 1
        steps = int(-(-abs(target - self.start) // self.step))
        return Slide(steps, lambda at: self.put(target - way * (steps - at) * self.step))

    def open(self, direction: int) -> Slide:
        """As far as is sensible: down to nothing, or up to ten times as much."""
        start = self.start or Decimal(0)
        far = start if direction == DOWN and start > 0 else 10 * abs(start) + 100
        if direction == UP and self.most is not None:
            far = max(self.most - start, Decimal(0))
        return Slide(
            min(int(far // self.step), MOST_STEPS),
            lambda at: self.put(start + direction * at * self.step),
        )


Lever = Slide | Setting
Levers = tuple[Lever, ...]
"""Levers of one kind, of which the one that changes least is taken."""


def line_value(priced: PricedLine, field: str) -> Any:
    """A field of a line as the policy sees it."""
    if field in ("net_total", "list_total"):
        return getattr(priced, field)
    if field in LINE_FIELDS:
        value = getattr(priced.line, field, None)
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return priced.line.fields.get(field.removeprefix("fields."), "").strip() or None


def number_of(priced: PricedLine, field: str, scale: Scale) -> Decimal | None:
    """The same as a number; ``None`` where it is none."""
    value = line_value(priced, field)
    return scale.number(value if isinstance(value, Decimal) or value is None else str(value))


def together(lines: Sequence[PricedLine], field: str, number: Decimal, scale: Scale) -> Edits | None:
    """``field`` of all these lines as ``number``; ``None`` where one of them cannot have it."""
    edits: dict[Any, Any] = {}
    try:
        value = scale.value(number)
    except (ValueError, OverflowError):
        return None
    for line in lines:
        mine = field_edits(line, field, value)
        if mine is None:
            return None
        edits.update(mine)
    return edits
