"""The heap of a process that serves for long: what it began with is not looked through again and again for garbage."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""After how many new objects the young are looked through; after how many such rounds the older ones are."""


def settle_heap() -> None:
    """Set aside all that is there now, for it stays to the end.

    Code, models and compiled policies are some hundred thousand objects: to look through them takes a tenth of a
    second, in the midst of whatever request came to the threshold.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
