"""The order book: all orders of one quote and what is left of each of its lines (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from domain.ledger.entries import PlaceLeft
from domain.money import ExactDecimal, round_money, total_of
from domain.order.event import Change, FrozenBase, LineBalance
from domain.order.item import Stored
from domain.order.order import Order
from domain.order.parts import comes_in_pieces, quoted_places, top_of_bundle
from domain.pricing import PricedQuote
from domain.quote import Quote
from domain.refusal import Refusal


class Totals(Stored):
    """The money of a quote; ordered + unordered + cancelled + returned - variance is the quote's total."""

    quote: ExactDecimal
    ordered: ExactDecimal
    unordered: ExactDecimal
    cancelled: ExactDecimal
    returned: ExactDecimal
    variance: ExactDecimal


class WantedAt(Stored):
    """Where the quote wants a line that goes to several places, as the line ``top`` of its bundle does."""

    line_id: str
    top: str
    in_pieces: bool
    places: tuple[PlaceLeft, ...]


class OrderBook(Stored):
    """All orders of one quote, and one balance for each of its lines. ``quote_total`` is the quote's net total.

    ``wanted`` are the lines that go to several places (none in books of before).
    """

    quote_id: str
    currency: str
    quote_total: ExactDecimal
    orders: tuple[Order, ...] = ()
    balances: tuple[LineBalance, ...]
    wanted: tuple[WantedAt, ...] | None = None

    def order(self, name: str) -> Order:
        """The order of that ``order_id`` or ``key``. Code: ``unknown_order``."""
        for order in self.orders:
            if name in (order.order_id, order.key):
                return order
        raise Refusal("unknown_order", f"{name} is no order of {self.quote_id}; name its id or its key", "order")

    def balance(self, line_id: str) -> LineBalance:
        """The balance of that line; ``KeyError`` when there is none."""
        for balance in self.balances:
            if balance.line_id == line_id:
                return balance
        raise KeyError(line_id)

    @property
    def by_line(self) -> dict[str, LineBalance]:
        """The balances by their line, for whoever needs many of them."""
        return {balance.line_id: balance for balance in self.balances}

    def applied(self, change: Change) -> OrderBook:
        """The book after ``change``: changed orders and balances in their places, new orders behind the others."""
        orders = {order.order_id: order for order in (*self.orders, *change.orders)}
        balances = {balance.line_id: balance for balance in (*self.balances, *change.balances)}
        return self.model_copy(update={"orders": tuple(orders.values()), "balances": tuple(balances.values())})

    @property
    def totals(self) -> Totals:
        def over(field: str) -> Decimal:
            return total_of((getattr(balance, field) for balance in self.balances), self.currency)

        return Totals(
            quote=self.quote_total,
            ordered=total_of((order.total for order in self.orders), self.currency),
            unordered=over("unordered_amount"),
            cancelled=over("cancelled_amount"),
            returned=over("returned_amount"),
            variance=over("variance"),
        )


def open_book(priced: PricedQuote) -> OrderBook:
    """The book of a quote of which nothing is ordered yet: everything is unordered.

    It is opened with the first order, and freezes what every line comes to and what percents are taken of.
    """
    none = round_money(0, priced.quote.currency)
    balances = tuple(
        LineBalance(
            line_id=line.line.line_id,
            kind=line.line.kind,
            component_of=line.line.component_of,
            quoted_quantity=line.line.signed_quantity,
            quoted_amount=line.net_total,
            unordered_quantity=line.line.signed_quantity,
            unordered_amount=line.net_total,
            cancelled_quantity=Decimal(0),
            cancelled_amount=none,
            returned_quantity=Decimal(0),
            returned_amount=none,
            variance=none,
            percent=line.line.percent,
            base=tuple(FrozenBase(line_id=name, amount=priced.line(name).net_total) for name in line.base),
        )
        for line in priced.lines
    )
    return OrderBook(
        quote_id=priced.quote.quote_id,
        currency=priced.quote.currency,
        quote_total=priced.net_total,
        balances=balances,
        wanted=tuple(_wanted(priced.quote)),
    )


def _wanted(quote: Quote) -> Iterator[WantedAt]:
    for line in quote.lines:
        top = top_of_bundle(quote, line)
        if line.is_share or line.takes_away or len(top.deliveries or ()) <= 1:
            continue
        places = tuple(
            PlaceLeft(order_date=place.order_date, ship_to=place.ship_to, quantity=place.quantity)
            for place in quoted_places(quote, top)
        )
        in_pieces = comes_in_pieces(line.quantity, line.unit)
        yield WantedAt(line_id=line.line_id, top=top.line_id, in_pieces=in_pieces, places=places if line is top else ())
