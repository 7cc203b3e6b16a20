"""Ordering an accepted quote, whichever it is: split by keys, lines by hand, or the deltas of an amendment."""

from __future__ import annotations

from collections.abc import Sequence

from domain.order.agreement import Agreement
from domain.order.book import OrderBook
from domain.order.choosing import Pick
from domain.order.delta_order import order_amendment
from domain.order.event import Cause, Change
from domain.order.pick import pick
from domain.order.renewed import refuse_extended, refuse_renewed
from domain.order.split import split
from domain.pricing import PricedQuote


def place(
    book: OrderBook,
    priced: PricedQuote,
    split_by: Sequence[str],
    lines: Sequence[Pick] | None,
    agreement: Agreement | None,
    cause: Cause,
    renews: Agreement | None = None,
) -> Change:
    """What is unordered of ``priced`` as orders, split by keys, or ``lines`` of it by hand.

    ``agreement`` is what an amendment changes (none: the quote amends nothing), ``renews`` what a renewal goes on with.
    Codes: those of ``split``, ``pick`` and ``order_amendment``; ``already_renewed`` and ``not_running`` for what goes
    on already, or no longer.
    """
    if agreement is not None:
        change = order_amendment(book, priced, agreement, split_by, cause, lines)
        refuse_extended(change, agreement)
        return change
    change = pick(book, priced, lines, cause) if lines is not None else split(book, priced, split_by, cause)
    if renews is not None:
        refuse_renewed(change, priced.quote, renews)
    return change
