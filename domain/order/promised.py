"""What an approved quote promises and nobody has ordered, as the entitlement view ``unordered`` wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from domain.ledger.promise import Promise
from domain.order.book import OrderBook
from domain.order.creation import revenue_of, term_dates
from domain.order.parts import Identity, Place, places_of, quoted_places
from domain.order.rest import UNDATED, unordered
from domain.pricing import PricedQuote
from domain.quote import Kind, Quote, QuoteLine


def promises(priced: PricedQuote, book: OrderBook, since: datetime) -> tuple[Promise, ...]:
    """The promises of a quote that was approved at ``since``, with what is left of each in ``book``.

    Percent-of-total lines, what an amendment takes away, and what has no date to deliver on promise nothing.
    """
    lines = tuple(line for line in priced.lines if not line.line.takes_away)
    if not lines:
        return ()
    quote = priced.quote.model_copy(update={"lines": tuple(line.line for line in lines)})
    left = {
        (each.line.line_id, place.order_date, place.ship_to): place.quantity
        for each in unordered(book, PricedQuote(quote, lines))
        for place in each.places
    }
    return tuple(_of_quote(quote, left, since))


def _of_quote(quote: Quote, left: Mapping[Identity, Decimal], since: datetime) -> Iterator[Promise]:
    tops = [line for line in quote.lines if line.component_of is None and not line.is_share]
    places: dict[str, Sequence[Place]] = {line.line_id: quoted_places(quote, line, UNDATED) for line in tops}
    for line in quote.lines:
        for place in places_of(quote, line, places) if not line.is_share else ():
            if place.order_date != UNDATED:
                start, end = _days(line, place.order_date)
                yield Promise(
                    quote_id=quote.quote_id,
                    line_id=line.line_id,
                    product=line.product,
                    order_date=place.order_date,
                    ship_to=place.ship_to,
                    kind=line.kind,
                    revenue=revenue_of(line),
                    since=since,
                    quantity=place.quantity,
                    left=left.get((line.line_id, place.order_date, place.ship_to), Decimal(0)),
                    start=start,
                    end=end,
                )


def _days(line: QuoteLine, order_date: date) -> tuple[date | None, date | None]:
    return (order_date, None) if line.kind is Kind.ONE_TIME else term_dates(line, order_date)
