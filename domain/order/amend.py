"""Amendments: changes of a running contract, prepared as a quote that goes through approvals like any other.

Each line of the quote is a signed change of one item that runs (``spec/orders.md`` 3, at its end).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import Field

from domain.ledger.timeline import Family
from domain.ledger.view import View
from domain.order.agreement import Agreement, is_running
from domain.order.amendment_lines import Lines
from domain.order.carried import RENEWS
from domain.order.cut import Piece, after, everything, taken
from domain.order.item import Item
from domain.quote import Document, Identifier, LocalDate, QuoteNumber, Text
from domain.refusal import Refusal
from domain.term import ONE_DAY


class AmendLine(Document):
    """How one line changes, from ``start_date`` on (the amendment's, when left out).

    ``line`` is a line of the contract's quote or an item of it; ``ship_to`` tells its sites apart. ``end_date`` is the
    new last day of all that runs. ``unit_price`` is net, for one unit and one period of the line's ``price_per``: of
    what is added where the quantity grows, else of all that runs.
    """

    line: Text
    ship_to: Text | None = None
    quantity_change: QuoteNumber | None = None
    unit_price: QuoteNumber | None = None
    start_date: LocalDate | None = None
    end_date: LocalDate | None = None


class Amendment(Document):
    """What to amend: ``contract_of`` names the quote, ``quote_id`` the amendment's own, its ``title`` and ``owner``."""

    quote_id: Identifier
    contract_of: Identifier
    start_date: LocalDate
    lines: tuple[AmendLine, ...] = Field(min_length=1)
    title: Text | None = None
    owner: Identifier | None = None


def amend(agreement: Agreement, wish: Amendment) -> dict[str, Any]:
    """The quote document of an amendment, as :func:`~domain.quote.read_quote` reads it; nothing is written.

    A line that runs at several sites changes at the one that is named: reductions without a site are taken from the
    last layer in over all of them. Quantity up runs to the end of the line, at its last price unless one is given. A
    price is changed by taking all that runs from that day, and putting the same in at the new price. Components
    follow their parent. An amendment of an amendment amends the first quote.

    Codes: ``unknown_line``, ``unknown_site``, ``duplicate_id`` (a line twice), ``missing_field`` (no change, or no
    site), ``not_running``, ``quantity_out_of_range``, ``dates_out_of_order``, ``bundle_broken``,
    ``conflicting_fields`` (a percent-of-total line has neither quantity nor price).
    """
    _check_once(wish)
    lines = Lines(agreement, wish.start_date)
    for line in wish.lines:
        _LineChange.of(agreement, wish, line, lines).write()
    quote = agreement.quote.model_dump(mode="json", exclude_none=True, exclude={"lines", "accepted_on"})
    own = {
        "quote_id": wish.quote_id,
        "fields": {name: text for name, text in agreement.quote.fields.items() if name != RENEWS},
        "amends": agreement.quote.amends or agreement.quote.quote_id,
        "title": wish.title or f"Amendment of {agreement.quote.title}",
        "owner": wish.owner or agreement.quote.owner,
        "start_date": wish.start_date.isoformat(),
        "lines": lines.documents,
    }
    return {**quote, **own}


def _check_once(wish: Amendment) -> None:
    seen: set[tuple[str, str | None]] = set()
    for line in wish.lines:
        if (line.line, line.ship_to) in seen:
            raise Refusal("duplicate_id", "the line stands twice; put its changes into one", f"lines.{line.line}")
        seen.add((line.line, line.ship_to))


@dataclass(slots=True)
class _LineChange:
    """The changes of one line: an earlier end, quantity down, a new price, a later end, quantity up, in this order.

    ``families`` are as the changes so far leave them, ``last_days`` those on which they ended before.
    """

    agreement: Agreement
    wish: AmendLine
    since: date
    lines: Lines
    families: list[Family]
    last_days: tuple[date | None, ...]
    path: str = field(default="")

    @classmethod
    def of(cls, agreement: Agreement, amendment: Amendment, wish: AmendLine, lines: Lines) -> _LineChange:
        path = f"lines.{wish.line}"
        since = wish.start_date or amendment.start_date
        if since < amendment.start_date:
            raise Refusal("dates_out_of_order", f"the amendment begins on {amendment.start_date}", f"{path}.start_date")
        named = agreement.named(wish.line, wish.ship_to, path)
        found = [family for family in named if family in agreement.services() and is_running(family, since)]
        if not found:
            message = f"nothing of {wish.line} runs on {since} or later; things come back by a return"
            raise Refusal("not_running", message, path)
        change = cls(agreement, wish, since, lines, found, tuple(family.last_day() for family in found), path)
        change._check()
        return change

    def write(self) -> None:
        """Add the lines of the amendment. Code: ``missing_field`` when nothing changes."""
        told = len(self.lines.documents)
        change = self.wish.quantity_change or Decimal(0)
        if self.wish.end_date is not None:
            self._cut(_ending(family, self.agreement.items, self.wish.end_date) for family in self.families)
        if change < 0:
            self._reduce(-change)
        self._replace_or_extend()
        if change > 0:
            self._add(change)
        if len(self.lines.documents) == told:
            raise Refusal("missing_field", "nothing changes; give quantity_change, unit_price or end_date", self.path)

    def _check(self) -> None:
        first = self._item(self.families[0].first.item_id)
        if first.parent_item is not None:
            raise Refusal("bundle_broken", f"{first.line_id} follows its parent; amend that", self.path)
        if first.is_share and (self.wish.quantity_change is not None or self.wish.unit_price is not None):
            message = "a percent-of-total line follows its base; only its end can be amended"
            raise Refusal("conflicting_fields", message, self.path)
        if self.wish.end_date is not None and self.wish.end_date < self.since - ONE_DAY:
            message = f"the change holds from {self.since} on; it cannot end before"
            raise Refusal("dates_out_of_order", message, f"{self.path}.end_date")

    def _item(self, item_id: str) -> Item:
        return self.agreement.items[item_id]

    def _cut(self, cuts: Iterable[Sequence[Piece]]) -> None:
        """Take pieces from the families, one entry for each of them."""
        for position, pieces in enumerate(tuple(cuts)):
            for piece in pieces:
                self.lines.take(piece)
            self.families[position] = after(self.families[position], pieces)

    def _reduce(self, quantity: Decimal) -> None:
        """Take ``quantity`` from the last layers in, over all sites that are meant."""
        running = [sum(family.left(self.since, View.COMMITTED).values(), Decimal(0)) for family in self.families]
        if quantity > sum(running):
            message = f"{sum(running)} of {self.wish.line} run on {self.since}; take away at most that"
            raise Refusal("quantity_out_of_range", message, f"{self.path}.quantity_change")
        shares = _last_in_first_out(self.families, self.since, quantity)
        self._cut(
            taken(family, self.agreement.items, self.since, share)
            for family, share in zip(self.families, shares, strict=True)
        )

    def _replace_or_extend(self) -> None:
        """Put what runs in at the new price, and let it run to a later end."""
        for position, (family, last) in enumerate(zip(self.families, self.last_days, strict=True)):
            end = self.wish.end_date
            later = end if end is not None and last is not None and end > last else None
            if self.wish.unit_price is not None and (self.wish.quantity_change or 0) <= 0:
                pieces = everything(family, self.agreement.items, self.since)
                for piece in pieces:
                    self.lines.take(piece)
                    self.lines.put(_longer(piece, last, later), self.wish.unit_price)
                self.families[position] = after(family, pieces)
            elif later is not None and last is not None:
                for item_id, quantity in family.left(last, View.COMMITTED).items():
                    if quantity:
                        self.lines.put(Piece(self._item(item_id), quantity, quantity, last + ONE_DAY, later))

    def _add(self, quantity: Decimal) -> None:
        if len({family.first.plan.ship_to for family in self.families}) > 1:
            raise Refusal("missing_field", "it runs at several sites; say at which it grows", f"{self.path}.ship_to")
        family = self.agreement.named(self.wish.line, self.families[-1].first.plan.ship_to)[-1]
        layer = self._item(last_layer(family, self.since))
        last = family.last_day()
        end = self.wish.end_date or (last if last is None or last >= self.since else layer.end)
        self.lines.put(Piece(layer, quantity, quantity, self.since, end), self.wish.unit_price, grows=True)


def _ending(family: Family, items: Mapping[str, Item], end: date) -> tuple[Piece, ...]:
    """What is taken so that nothing runs after ``end``."""
    return everything(family, items, end + ONE_DAY)


def _longer(piece: Piece, last: date | None, later: date | None) -> Piece:
    return replace(piece, end=later) if later is not None and piece.end == last else piece


def _last_in_first_out(found: Sequence[Family], since: date, quantity: Decimal) -> list[Decimal]:
    """How much each family gives, the layers that came in last first."""
    layers = [
        (layer.plan.start or date.min, position, left)
        for position, family in enumerate(found)
        for layer in family.layers
        if (left := family.left(since, View.COMMITTED).get(layer.item_id))
    ]
    shares = [Decimal(0) for _ in found]
    for _, position, left in sorted(layers, key=lambda each: each[:2], reverse=True):
        part = min(left, quantity)
        shares[position] += part
        quantity -= part
    return shares


def last_layer(family: Family, since: date) -> str:
    """The layer whose price and terms more of the same gets: the last one in, as far as it runs."""
    running = [item_id for item_id, left in family.left(since, View.COMMITTED).items() if left]
    return running[-1] if running else family.layers[-1].item_id
