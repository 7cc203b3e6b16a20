"""Agreements as the tables hold them: a quote that was ordered, its amendments, and their customer's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from temporalio.exceptions import ApplicationError

from activities.store.quotes import StoredQuote
from activities.store.work import Work
from domain.ledger.entries import LedgerEntry
from domain.ledger.promise import Promise
from domain.order.agreement import Agreement
from domain.order.book import open_book
from domain.order.promised import promises
from domain.pricing import price
from domain.quote import Quote
from domain.refusal import Refusal
from domain.standing import QuoteState

STALE = "stale"


async def agreement_of(work: Work, quote_id: str, *, holding: str | None = None) -> Agreement:
    """The agreement that the quote began, or that it amends.

    ``holding`` names an amendment that is to be ordered: then the books of all that belongs to the agreement are held
    in the order of their ids until the transaction ends. Codes: ``unknown_quote``, ``not_ordered``.
    """
    quote = await _quote(work, quote_id)
    if quote.amends is not None:
        quote = await _quote(work, quote.amends)
    entries = await work.ledger.entries(customer=quote.customer.customer_id)
    names = amended_together(entries, quote.quote_id)
    if holding is not None:
        for name in sorted({*names, holding}):
            await work.orders.find_book(name, for_update=True)
        entries = await work.ledger.entries(customer=quote.customer.customer_id)
        if set(amended_together(entries, quote.quote_id)) - {*names, holding}:
            # Another amendment was ordered in the meantime: its book is not held, so all of it is done once more.
            raise ApplicationError(f"the contract of {quote.quote_id} has just changed", type=STALE)
    books = [found for name in names if (found := await work.orders.find_book(name)) is not None]
    if not books:
        message = f"nothing of {quote.quote_id} was ordered yet; there is no contract to change"
        raise Refusal("not_ordered", message, "contract_of")
    return Agreement.of(quote, books, entries)


def amended_together(entries: Iterable[LedgerEntry], quote_id: str) -> Sequence[str]:
    """The quote that a contract began with, and those of its amendments that were ordered, by their ids."""
    return sorted({quote_id, *(entry.quote_id for entry in entries if entry.contract_of == quote_id)})


async def promises_of(work: Work, customer_id: str) -> tuple[Promise, ...]:
    """What the approved quotes of a customer hold that nobody has ordered, and since when they are approved."""
    found = [await promised_by(work, stored) for stored in await work.quotes.of_customer(customer_id)]
    return tuple(promise for of_quote in found for promise in of_quote)


async def promised_by(work: Work, stored: StoredQuote) -> tuple[Promise, ...]:
    """What a quote holds that nobody has ordered, and since when it is approved; nothing, as long as it is not."""
    since = stored.accepted_at
    if stored.state is QuoteState.APPROVED and stored.round:
        since = (await work.rounds.get(stored.quote_id, stored.round)).closed_at or since
    if since is None:
        return ()
    priced = price((await work.quotes.content(stored.quote_id, stored.version)).quote)
    return promises(priced, await work.orders.find_book(stored.quote_id) or open_book(priced), since)


async def _quote(work: Work, quote_id: str) -> Quote:
    stored = await work.quotes.get(quote_id)
    return (await work.quotes.content(quote_id, stored.version)).quote
