"""Where an axis has its marks."""

from __future__ import annotations

from math import ceil, floor, log10


def steps_to(top: float) -> tuple[float, ...]:
    """Round numbers from 0 until one that is at least ``top``: three to six steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(top / 3))
    step = next(power * times for times in (1, 2, 5, 10) if top / (power * times) <= 6)
    step = max(step, 1) if top >= 1 else step
    return tuple(step * at for at in range(ceil(top / step) + 1))
