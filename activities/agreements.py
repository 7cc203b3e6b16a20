"""Agreements as the tables hold them: a quote that was ordered, its amendments, and their customer's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from temporalio.exceptions import ApplicationError

from activities.store.agreement_quotes import quotes_of_agreement, unordered_renewals
from activities.store.quotes import StoredQuote
from activities.store.record_entry import RecordEntry
from activities.store.work import Work
from domain.ledger.entries import LedgerEntry
from domain.ledger.promise import Promise
from domain.order.agreement import Agreement
from domain.order.book import open_book
from domain.order.carried import RENEWS
from domain.order.event import Cause, Change
from domain.order.promised import promises
from domain.order.renewed import continued, goes_on_with
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
    customer = quote.customer.customer_id
    others = await quotes_of_agreement(
        work.connection, customer, [n for n in names if n != quote.quote_id], quote.quote_id
    )
    return Agreement.of(quote, books, entries, others=others)


async def renewed_by(work: Work, quote: Quote, *, holding: str | None = None) -> Agreement | None:
    """The agreement that a quote renews; none where it renews nothing of this customer that was ordered.

    ``holding`` as in :func:`agreement_of`: who orders two renewals of one agreement does it one after the other.
    """
    name = quote.fields.get(RENEWS) if quote.amends is None else None
    stored = await work.quotes.find(name) if name is not None and name != quote.quote_id else None
    if name is None or stored is None or stored.is_change or stored.customer_id != quote.customer.customer_id:
        return None
    try:
        return await agreement_of(work, name, holding=holding)
    except Refusal as refusal:
        if refusal.code == "not_ordered":
            return None
        raise


async def tell_overtaken(work: Work, quote: Quote, change: Change, agreement: Agreement, cause: Cause) -> None:
    """Put it on the record of every renewal that nobody has ordered when others now go on with what it renews."""
    roots = continued(change, quote, agreement)
    if not roots:
        return
    renewed, customer = agreement.quote.quote_id, quote.customer.customer_id
    for other in await unordered_renewals(work.connection, customer, renewed):
        if other.quote_id != quote.quote_id and roots & goes_on_with(other, agreement):
            key = f"overtaken/{other.quote_id}/{quote.quote_id}"
            body = {"renews": renewed, "overtaken_by": quote.quote_id}
            told = {"key": key, "quote_id": other.quote_id, "body": body}
            entry = RecordEntry(kind="renewal_overtaken", at=cause.at, by=cause.by, **told)
            await work.record.append([entry])


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
