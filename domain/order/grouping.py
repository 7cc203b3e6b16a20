"""Which parts of a quote are ordered together, and how the orders follow each other (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from domain.order.creation import Dates, term_dates
from domain.order.keys import Key, KeyOf
from domain.order.parts import Held, Part, Place
from domain.order.shares import ONE, Claim, Sharing, shared_place
from domain.pricing import PricedQuote

Terms = tuple[tuple[str, Dates], ...]
"""When the lines of a bundle run, line by line."""


@dataclass(slots=True)
class Group:
    """The parts of one order to be, with the part of its key that tells dates and places apart."""

    key: Key
    parts: list[Part] = field(default_factory=list)

    @property
    def order_date(self) -> date:
        """The date of the key; of a split without dates, the earliest of the parts."""
        return date.fromisoformat(self.key[0]) if self.key[0] else min(part.place.order_date for part in self.parts)

    @property
    def ship_to(self) -> str | None:
        return shared_place(self.parts)


class Grouping:
    """The groups of one call, in the order in which they are ordered."""

    def __init__(self, priced: PricedQuote) -> None:
        self._numbers = line_numbers(priced)
        self._groups: dict[Key, Group] = {}

    def add(self, key: Key, part: Part) -> None:
        self._groups.setdefault(key, Group(key)).parts.append(part)

    @property
    def groups(self) -> tuple[Group, ...]:
        """By order date, then ship-to (where the key has it), then the first line."""
        return tuple(sorted(self._groups.values(), key=self._place))

    def _place(self, group: Group) -> tuple[date, str, tuple[int, str]]:
        first = min((self._numbers[part.line.line_id], part.place.ship_to or "") for part in group.parts)
        return group.order_date, group.key[1], first

    def gather(self) -> None:
        """Let the parts of a line to one place add up within each order, where their services run alike."""
        for group in self._groups.values():
            group.parts = gathered(group.parts)

    def in_line_order(self, group: Group) -> tuple[Part, ...]:
        return tuple(sorted(group.parts, key=lambda part: (self._numbers[part.line.line_id], part.place.ship_to or "")))

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that has a quantity, in line order."""
        found = [part for group in self._groups.values() for part in group.parts if not part.line.is_share]
        return tuple(sorted(found, key=self._in_quote))

    def _in_quote(self, part: Part) -> tuple[int, date, str]:
        return self._numbers[part.line.line_id], part.place.order_date, part.place.ship_to or ""


def line_numbers(priced: PricedQuote) -> Mapping[str, int]:
    """The places of the lines in the quote, from 1."""
    return {line.line.line_id: number for number, line in enumerate(priced.lines, start=1)}


def grouped(priced: PricedQuote, parts: Iterable[Part], key_of: KeyOf) -> Grouping:
    """``parts`` by their keys, without the shares of percent-of-total lines."""
    found = Grouping(priced)
    for part in parts:
        found.add(key_of(part), part)
    found.gather()
    return found


def gathered(parts: Sequence[Part]) -> list[Part]:
    """Parts of one order in which the same bundle, to the same place with the same terms, is there once.

    It takes the earliest of their dates.
    """
    terms: dict[tuple[str, date, str | None], Terms] = {}
    for part in parts:
        bundle, day, ship_to = part.bundle.line_id, part.place.order_date, part.place.ship_to
        alone = (part.line.line_id, term_dates(part.line, day))
        terms[bundle, day, ship_to] = (*terms.get((bundle, day, ship_to), ()), alone)
    first: dict[tuple[str, str | None, Terms], date] = {}
    for (bundle, day, ship_to), dates in sorted(terms.items(), key=lambda entry: entry[0][1]):
        first.setdefault((bundle, ship_to, dates), day)
    sums: dict[tuple[str, date, str | None], Part] = {}
    for part in parts:
        bundle, ship_to = part.bundle.line_id, part.place.ship_to
        day = first[bundle, ship_to, terms[bundle, part.place.order_date, ship_to]]
        at = (part.line.line_id, day, ship_to)
        sums[at] = _added(part, day, sums.get(at))
    return list(sums.values())


def _added(part: Part, day: date, before: Part | None) -> Part:
    quantity = part.place.quantity + (before.place.quantity if before else Decimal(0))
    amount = part.amount + before.amount if before else part.amount
    return Part(part.priced, Place(day, part.place.ship_to, quantity), amount, part.bundle)


def add_following(grouping: Grouping, sharings: Iterable[Sharing]) -> None:
    """Put the shares of lines without deliveries where their base goes; none follows another."""
    groups = [Group(group.key, list(group.parts)) for group in grouping.groups]
    for sharing in sharings:
        pairs = [(group, claim) for group, claim in following(sharing, groups) if claim.weight]
        shares = sharing.shares([claim for _, claim in pairs])
        for (group, _), share in zip(pairs, shares, strict=True):
            grouping.add(group.key, share)


def following(sharing: Sharing, groups: Sequence[Group]) -> tuple[tuple[Group, Claim], ...]:
    """The claims of a line without deliveries, each with the order that takes it, in the order of parts.

    ``by: order``: every order with base, to the place its parts share. ``by: site``: the first order that goes to a
    site with base, for all base of the site.
    """
    new = {held.source.identity: held for held in sharing.new if isinstance(held.source, Part)}
    held_by = [tuple(new[part.identity] for part in group.parts if part.identity in new) for group in groups]
    if sharing.line.by == "order":
        return tuple(
            (group, Claim(Place(group.order_date, group.ship_to, ONE), base))
            for group, base in zip(groups, held_by, strict=True)
            if base
        )
    first: dict[str | None, int] = {}
    for position, group in enumerate(groups):
        for part in group.parts:
            first.setdefault(part.place.ship_to, position)
    sites = {held.place.ship_to for base in held_by for held in base}
    spots = sorted(((first[site], site) for site in sites), key=lambda spot: (spot[0], spot[1] or ""))
    return tuple((groups[position], _of_site(groups[position], site, sharing.new)) for position, site in spots)


def _of_site(group: Group, site: str | None, base: Iterable[Held]) -> Claim:
    at_site = tuple(held for held in base if held.place.ship_to == site)
    return Claim(Place(group.order_date, site, ONE), at_site)
