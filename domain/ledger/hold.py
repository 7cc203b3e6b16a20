"""Holds: from when to when an order's services are suspended; no end moves by it (``spec/orders.md`` 3 and 4)."""

from __future__ import annotations

from datetime import date

from domain.ledger.known import KnownItem


def is_held(item: KnownItem, on: date) -> bool:
    """Whether the order of ``item`` is held on the local date ``on``.

    It is from the day on which it was held to the day before its release. Of several words about one day the last
    one counts.
    """
    said = [(since, held) for since, held in item.holds if since <= on]
    return max(enumerate(said), key=lambda each: (each[1][0], each[0]))[1][1] if said else False


def hold_dates(item: KnownItem) -> frozenset[date]:
    """The days on which holding begins or ends."""
    return frozenset(since for since, _ in item.holds)
