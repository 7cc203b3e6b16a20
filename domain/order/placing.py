"""Ordering an accepted quote, whichever it is: split by keys, lines by hand, or the deltas of an amendment."""

from __future__ import annotations

from collections.abc import Sequence

from domain.order.agreement import Agreement
from domain.order.book import OrderBook
from domain.order.choosing import Pick
from domain.order.delta_order import order_amendment
from domain.order.event import Cause, Change
from domain.order.pick import pick
from domain.order.split import split
from domain.pricing import PricedQuote


def place(
    book: OrderBook,
    priced: PricedQuote,
    split_by: Sequence[str],
    lines: Sequence[Pick] | None,
    agreement: Agreement | None,
    cause: Cause,
) -> Change:
    """What is unordered of ``priced`` as orders, split by keys, or ``lines`` of it by hand.

    ``agreement`` is what an amendment changes (none: the quote amends nothing). Codes: those of ``split``, ``pick`` and
    ``order_amendment``.
    """
    if agreement is not None:
        return order_amendment(book, priced, agreement, split_by, cause, lines)
    if lines is not None:
        return pick(book, priced, lines, cause)
    return split(book, priced, split_by, cause)
