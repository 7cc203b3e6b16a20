"""What a measurement is made of, and its numbers."""

from collections.abc import Sequence
from math import ceil
from typing import TypeAlias

# One line of the table, by column.
Figures: TypeAlias = dict[str, int | float]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed (nearest rank), 0 for none."""
    return sorted(values)[max(ceil(len(values) * percent / 100), 1) - 1] if values else 0.0
