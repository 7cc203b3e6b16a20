"""The three views of what a customer is entitled to (``spec/orders.md`` 4)."""

from __future__ import annotations

from enum import StrEnum


class View(StrEnum):
    """``contracted``: activated or delivered. ``committed``: plus what is planned. ``unordered``: what is left."""

    CONTRACTED = "contracted"
    COMMITTED = "committed"
    UNORDERED = "unordered"
