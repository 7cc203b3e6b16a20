"""Percent-of-total lines in orders: who gets which share when a quote is split (``spec/orders.md`` 2).

A share is a cumulative split of the line's unordered amount on the base that each order or site holds: no base, no
share. Base that is not ordered yet keeps its share in unordered. What a share was taken of is frozen with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from domain.money import cumulative_split, total_of
from domain.order.book import OrderBook
from domain.order.event import LineBalance
from domain.order.parts import Held, Part, Place, place_order
from domain.pricing import PricedLine
from domain.quote import Delivery, QuoteLine
from domain.refusal import Refusal

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Claim:
    """A place for a share, and the base that it is taken of."""

    place: Place
    base: tuple[Held, ...]

    @property
    def weight(self) -> Decimal:
        return weight_of(self.base)


def weight_of(base: Iterable[Held]) -> Decimal:
    return sum((held.amount for held in base), Decimal(0))


def is_placed(line: QuoteLine) -> bool:
    """Whether the line's deliveries say where its shares go."""
    return bool(line.deliveries)


@dataclass(frozen=True, slots=True)
class Sharing:
    """A percent-of-total line as it stands in one call.

    ``ordered`` is the base that earlier calls ordered and no share was taken of; ``new`` is what this call orders of
    the base, ``rest`` what stays unordered.
    """

    priced: PricedLine
    balance: LineBalance
    currency: str
    ordered: tuple[Held, ...]
    new: tuple[Held, ...]
    rest: tuple[Held, ...]

    @classmethod
    def of(cls, book: OrderBook, priced: PricedLine, new: Iterable[Part], rest: Iterable[Held]) -> Sharing:
        balance = book.balance(priced.line.line_id)
        lines = frozenset(base.line_id for base in balance.base) or frozenset(priced.base)
        return cls(
            priced,
            balance,
            book.currency,
            without_share(book, priced.line.line_id, lines),
            tuple(Held.part(part) for part in new if part.line.line_id in lines),
            tuple(held for held in rest if held.line_id in lines),
        )

    @property
    def line(self) -> QuoteLine:
        return self.priced.line

    def placed(self) -> tuple[Claim, ...]:
        """The claims of a line with deliveries.

        ``by: site``: each delivery claims the base of its site, over all orders; base at sites without a delivery
        does not count. ``by: order``: the one delivery claims all of it. Code: ``conflicting_fields`` (a place named
        twice, several deliveries with ``by: order``).
        """
        line = self.line
        deliveries = sorted(line.deliveries or (), key=lambda each: place_order(each.order_date, each.ship_to))
        path = f"lines.{line.line_id}.deliveries"
        check_places(line, [each.ship_to for each in deliveries], path)
        return tuple(self.claim(_place(delivery)) for delivery in deliveries)

    def claim(self, place: Place) -> Claim:
        """All the base that a share at ``place`` may be taken of now: its site's with ``by: site``."""
        base = (*self.ordered, *self.new)
        return Claim(place, base if self.line.by == "order" else _at_site(base, place.ship_to))

    def orphans(self, book: OrderBook) -> tuple[Claim, ...]:
        """Claims for base that was ordered before and lost its share, at the date and place of its order, or site."""
        found: dict[tuple[str, str | None], list[Held]] = {}
        orders = {item.item_id: order for order in book.orders for item in order.items}
        for held in self.ordered if self.balance.unordered_amount else ():
            order = orders[held.known_item]
            at = ("", held.place.ship_to) if self.line.by == "site" else (order.order_id, order.ship_to)
            found.setdefault(at, []).append(held)
        return tuple(Claim(Place(base[0].place.order_date, at[1], ONE), tuple(base)) for at, base in found.items())

    @property
    def only_site(self) -> str | None:
        """The one site that the line's deliveries name, or else all base that can have its share; or none."""
        held = {held.place.ship_to for held in (*self.ordered, *self.new)}
        sites = {delivery.ship_to for delivery in self.line.deliveries} if self.line.deliveries else held
        return sites.pop() if len(sites) == 1 else None

    def less(self, shares: Sequence[Part]) -> Sharing:
        """What is left for others once ``shares`` were taken."""
        taken = {id(held) for share in shares for held in share.base}
        amount = self.balance.unordered_amount - sum(share.amount for share in shares)
        return replace(
            self,
            balance=self.balance.model_copy(update={"unordered_amount": amount}),
            ordered=tuple(held for held in self.ordered if id(held) not in taken),
            new=tuple(held for held in self.new if id(held) not in taken),
        )

    def shares(self, claims: Sequence[Claim]) -> tuple[Part, ...]:
        """The shares of ``claims``, in their order, of what is unordered; without base, no share.

        Base that nobody claims keeps its part in unordered, except base at sites to which the line never goes.
        Code: ``percent_of_nothing`` when there is an amount and nobody, now or later, holds base.
        """
        amount = self.balance.unordered_amount
        weights = [claim.weight for claim in claims]
        kept = self._kept(claims)
        if sum(weights) + kept == 0 and amount != 0:
            amounts = self._of_nothing(weights, amount)
        else:
            amounts = cumulative_split(amount, [*weights, kept], self.currency)[:-1]
        line = self.priced
        return tuple(
            Part(line, claim.place, part, line.line, claim.base)
            for claim, weight, part in zip(claims, weights, amounts, strict=True)
            if weight != 0
        )

    def _kept(self, claims: Sequence[Claim]) -> Decimal:
        """The base that counts and that nobody claims in this call."""
        sites = {claim.place.ship_to for claim in claims} | {each.ship_to for each in self.line.deliveries or ()}
        anywhere = self.line.by == "order" or not is_placed(self.line)
        counted = (held for held in self._base if anywhere or held.place.ship_to in sites)
        return weight_of(counted) - sum((claim.weight for claim in claims), Decimal(0))

    def _of_nothing(self, weights: Sequence[Decimal], amount: Decimal) -> tuple[Decimal, ...]:
        """The shares where the base comes to nothing: all for the last who holds any, if nothing is left to claim."""
        nothing = total_of((), self.currency)
        holders = [number for number, weight in enumerate(weights) if weight]
        if not holders and self.balance.unordered_amount == self.balance.quoted_amount:
            raise Refusal(
                "percent_of_nothing",
                f"none of the places that {self.line.line_id} goes to holds any of what its percent is taken of",
                f"lines.{self.line.line_id}.deliveries",
            )
        last = holders[-1] if holders and not self.rest else None
        return tuple(amount if number == last else nothing for number in range(len(weights)))

    @property
    def _base(self) -> tuple[Held, ...]:
        return (*self.ordered, *self.new, *self.rest)


def check_places(line: QuoteLine, sites: Sequence[str | None], path: str) -> None:
    """Refuse places that one share cannot be divided over. Code: ``conflicting_fields``."""
    if line.by == "order" and len(sites) > 1:
        raise Refusal(
            "conflicting_fields",
            "with by: order a percent-of-total line has one delivery, or none to follow its base; or use by: site",
            path,
        )
    if len(set(sites)) < len(sites):
        raise Refusal("conflicting_fields", "name each site once: its share cannot be divided over dates", path)


def without_share(book: OrderBook, line_id: str, lines: frozenset[str]) -> tuple[Held, ...]:
    """The ordered items of the base ``lines`` that no share of the line ``line_id`` was taken of, in line order.

    Deltas are followed by the shares of what they revise. Items made of items that a share was taken of hold no more
    than these did: where amounts say that all has its share, nothing lacks one.
    """
    counted = [(order, item) for order in book.orders for item in order.items if item.counts and item.revises is None]
    base = {item.item_id: (order, item) for order, item in counted if item.line_id in lines}
    parts = [part for _, item in counted if item.line_id == line_id for part in item.base if part.item_id in base]
    shared = {part.item_id for part in parts}
    if sum(item.quote_amount for _, item in base.values()) == sum(part.amount for part in parts):
        return ()
    found = [(item.line_number, order.order_date, item) for order, item in base.values() if item.item_id not in shared]
    found.sort(key=lambda entry: (entry[0], entry[1], entry[2].ship_to or ""))
    return tuple(Held.item(item, order_date) for _, order_date, item in found)


def _place(delivery: Delivery) -> Place:
    return Place(delivery.order_date, delivery.ship_to, ONE)


def _at_site(base: Iterable[Held], ship_to: str | None) -> tuple[Held, ...]:
    return tuple(held for held in base if held.place.ship_to == ship_to)


def shared_place(parts: Iterable[Part]) -> str | None:
    """The ship-to that all ``parts`` share, or none."""
    places = {part.place.ship_to for part in parts}
    return places.pop() if len(places) == 1 else None
