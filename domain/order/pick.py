"""Orders by hand: named quantities of lines on named dates to named places; the rest stays unordered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from domain.money import cumulative_split
from domain.order.book import OrderBook, open_book
from domain.order.choosing import Choosing, Pick
from domain.order.event import Cause, Change
from domain.order.grouping import Grouping, add_following, grouped
from domain.order.keys import Key
from domain.order.ordering import balances_after, ordered
from domain.order.parts import Held, Part, Place, parts_of
from domain.order.rest import rest_held
from domain.order.shares import ONE, Sharing, check_places, is_placed
from domain.order.split import check_schedules
from domain.pricing import PricedLine, PricedQuote
from domain.quote import Quote
from domain.refusal import Refusal


def pick(
    book: OrderBook, priced: PricedQuote, picks: Sequence[Pick], cause: Cause, numbers: Sequence[int] | None = None
) -> Change:
    """``picks`` as scheduled orders, one for each date and place; what they leave stays unordered.

    Each line's unordered amount, as it stands now, is split over its picks in the order of parts, the rest last.
    Components come with their parent. Percent-of-total lines without deliveries follow their base, unless they are
    picked themselves; a pick of one takes the share of all that was ordered of its base (at its site). ``numbers``
    are the places of ``picks`` in the request, where it named others besides.

    Codes: ``nothing_unordered``, ``unknown_line``, ``unknown_site``, ``missing_field`` (no lines, no date),
    ``quantity_out_of_range`` (not above 0, more than is left, finer than the unit), ``bundle_broken`` (a component,
    or its part is not exact), ``amount_too_small``, ``percent_of_nothing``, ``conflicting_fields``,
    ``dates_out_of_order``, ``invariant_broken``.
    """
    numbered = tuple(zip(numbers or range(len(picks)), picks, strict=True))
    _check(book, priced.quote, numbered)
    check_schedules(priced)
    lines = priced.quote.by_id
    choosing = Choosing.of(book, priced.quote)
    for number, each in numbered:
        if not lines[each.line].is_share:
            choosing.take(each, f"lines.{number}")
    parts = _parts(book, priced, choosing.places)
    grouping = grouped(priced, parts, _key)
    rest = rest_held(priced, choosing.left, balances_after(book, parts))
    shares = [each for each in picks if lines[each.line].is_share]
    _add_shares(book, priced, grouping, rest, shares)
    return ordered(book, priced, grouping, cause)


def preview_pick(priced: PricedQuote, picks: Sequence[Pick], cause: Cause, book: OrderBook | None = None) -> OrderBook:
    """The book as :func:`pick` would leave it; nothing is written."""
    before = book or open_book(priced)
    return before.applied(pick(before, priced, picks, cause))


def _check(book: OrderBook, quote: Quote, picks: Sequence[tuple[int, Pick]]) -> None:
    if not picks:
        raise Refusal("missing_field", "name at least one line to order, or split by keys", "lines")
    if not any(balance.unordered_quantity or balance.unordered_amount for balance in book.balances):
        raise Refusal("nothing_unordered", f"nothing of {book.quote_id} is left to order")
    sites = {site.site_id for site in quote.sites}
    for number, each in picks:
        path, line = f"lines.{number}", quote.by_id.get(each.line)
        if line is None:
            raise Refusal("unknown_line", f"{each.line} is no line of {book.quote_id}", f"{path}.line")
        if line.component_of is not None:
            message = f"{each.line} is a component and goes with its parent; name {line.component_of}"
            raise Refusal("bundle_broken", message, f"{path}.line")
        if sites and each.ship_to is not None and each.ship_to not in sites:
            raise Refusal("unknown_site", f"{each.ship_to} is not among the quote's sites", f"{path}.ship_to")
        if line.is_share and each.quantity not in (None, ONE):
            message = f"{each.line} is a percent of others and carries no quantity; leave it out"
            raise Refusal("quantity_out_of_range", message, f"{path}.quantity")


def _key(part: Part) -> Key:
    return (part.place.order_date.isoformat(), part.place.ship_to or "")


def _parts(book: OrderBook, priced: PricedQuote, places: Mapping[str, Sequence[Place]]) -> tuple[Part, ...]:
    """What is picked, and the components that come with it, at its part of what is unordered now; the rest last."""
    balances = book.by_line

    def amounts(line: PricedLine, here: Sequence[Place]) -> Sequence[Decimal]:
        balance = balances[line.line.line_id]
        weights = [place.quantity for place in here]
        rest = balance.unordered_quantity - sum(weights)
        if rest < 0:
            message = f"more of {line.line.line_id} would come with its parent than is left of it"
            raise Refusal("bundle_broken", message, f"lines.{line.line.line_id}")
        if not here:
            return ()
        found = cumulative_split(balance.unordered_amount, [*weights, rest], book.currency)[:-1]
        if line.line.component_of is None and balance.unordered_amount and not all(found):
            message = f"so little of {line.line.line_id} comes to nothing in {book.currency}; order more of it at once"
            raise Refusal("amount_too_small", message, f"lines.{line.line.line_id}")
        return found

    return parts_of(priced, places, amounts)


def _add_shares(
    book: OrderBook, priced: PricedQuote, grouping: Grouping, rest: Iterable[Held], picks: Sequence[Pick]
) -> None:
    """Put the shares that are picked into orders, then those that follow what is picked."""
    waiting: list[Sharing] = []
    new, kept = grouping.parts, tuple(rest)
    for line in priced.lines:
        if not line.line.is_share:
            continue
        sharing = Sharing.of(book, line, new, kept)
        named = [each for each in picks if each.line == line.line.line_id]
        shares = _picked_shares(book, sharing, named) if named else ()
        for share in shares:
            grouping.add(_key(share), share)
        if not is_placed(line.line):
            waiting.append(sharing.less(shares))
    add_following(grouping, waiting)


def _picked_shares(book: OrderBook, sharing: Sharing, picks: Sequence[Pick]) -> tuple[Part, ...]:
    """The shares that are named: on a date where one is given, else where the line says or its base went."""
    line = sharing.line
    dated = [(each.order_date, each.ship_to or sharing.only_site) for each in picks if each.order_date is not None]
    claims = [sharing.claim(Place(order_date, ship_to, ONE)) for order_date, ship_to in dated]
    undated = [each.ship_to for each in picks if each.order_date is None]
    if undated:
        own = sharing.placed() if is_placed(line) else sharing.orphans(book)
        claims.extend(claim for claim in own if None in undated or claim.place.ship_to in undated)
    check_places(line, [claim.place.ship_to for claim in claims], "lines")
    shares = sharing.shares(claims)
    if not shares:
        message = f"none of what {line.line_id} is a percent of is ordered there without its share; order that first"
        raise Refusal("percent_of_nothing", message, "lines")
    return shares
