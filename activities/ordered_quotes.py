"""The quotes whose orders go out just now, read once: a quote of many orders is long, and all of them need it."""

from __future__ import annotations

from collections import OrderedDict

from activities.store.work import Work
from domain.quote import Quote

MOST = 16


class OrderedQuotes:
    """A cache of the quotes that were asked for last; one for each process. A version of a quote never changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], Quote] = OrderedDict()

    async def get(self, work: Work, quote_id: str) -> Quote:
        """The quote as this transaction sees it. Code: ``unknown_quote``."""
        version = (await work.quotes.get(quote_id)).version
        found = self._known.pop((quote_id, version), None)
        if found is None:
            found = (await work.quotes.content(quote_id, version)).quote
        self._known[quote_id, version] = found
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return found
