"""Making orders and items of parts: ids, dates, frozen prices, lineage (``spec/orders.md`` 1 and 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Literal

from domain.ledger.entries import BasePart, LedgerEntry
from domain.order.event import Cause, Change, OrderEvent, OrderEventKind
from domain.order.item import Item, ItemPrice
from domain.order.journal import Journal
from domain.order.order import Order
from domain.order.parts import Held, Identity, Part
from domain.quote import Kind, QuoteLine, Revenue
from domain.refusal import Refusal
from domain.term import end_of_term

DEFAULT_REVENUE = {
    Kind.ONE_TIME: Revenue.ON_DELIVERY,
    Kind.SUBSCRIPTION: Revenue.DAILY,
    Kind.EVERGREEN: Revenue.MONTHLY,
    Kind.PERCENT_OF_TOTAL: Revenue.AS_BASE,
}
TIME_METHODS = frozenset({Revenue.DAILY, Revenue.MONTHLY, Revenue.MID_MONTH})
Dates = tuple[date | None, date | None]


def revenue_of(line: QuoteLine) -> Revenue:
    """The revenue schedule of a line, its kind's default where it names none (``spec/orders.md`` 5).

    Code: ``conflicting_fields`` for a schedule that the line could never follow.
    """
    revenue = line.revenue or DEFAULT_REVENUE[line.kind]
    path = f"lines.{line.line_id}.revenue"
    if revenue is Revenue.AS_BASE and not line.is_share:
        raise Refusal("conflicting_fields", "as_base is for percent_of_total lines; name another schedule", path)
    if revenue is Revenue.ON_DELIVERY and line.kind is not Kind.ONE_TIME:
        raise Refusal("conflicting_fields", f"a {line.kind} line is never delivered; name another schedule", path)
    if revenue in TIME_METHODS and line.kind is Kind.ONE_TIME:
        raise Refusal("conflicting_fields", f"a one_time line has no term for {revenue}; use on_delivery", path)
    return revenue


def term_dates(line: QuoteLine, order_date: date) -> Dates:
    """First and last day of an item of ``line``: its own start, else the order date, to its end or through its term.

    Things have no dates; neither has a share that takes those of its base. Codes: ``dates_out_of_order``,
    ``invalid_date`` (its term leads beyond the calendar).
    """
    if line.kind is Kind.ONE_TIME or takes_dates_of_base(line):
        return None, None
    start = line.start_date or order_date
    path = f"lines.{line.line_id}.term_months"
    end = end_of_term(start, line.term_months, path) if line.term_months is not None else line.end_date
    if end is not None and (start > end or order_date > end):
        late = max(start, order_date)
        raise Refusal(
            "dates_out_of_order",
            f"line {line.line_id} ends on {end}, before {late}; correct its dates",
            f"lines.{line.line_id}.end_date",
        )
    return start, end


def takes_dates_of_base(line: QuoteLine) -> bool:
    """Whether a percent-of-total line has no term of its own, so that its shares run as long as their base."""
    return line.is_share and not line.has_term and line.start_date is None


def share_of(line: QuoteLine) -> Literal["order", "site", "quote"] | None:
    """Whose base a share of ``line`` is taken of; with ``by: order`` and a delivery, that of the whole quote."""
    if not line.is_share:
        return None
    return "quote" if line.by == "order" and line.deliveries else line.by


def dates_of_base(base: Iterable[Dates]) -> Dates:
    """From the first start to the last end; no end when something in the base that runs has none."""
    running = [(start, end) for start, end in base if start is not None]
    if not running:
        return None, None
    ends = [end for _, end in running]
    return min(start for start, _ in running), None if None in ends else max(end for end in ends if end is not None)


def item_ids(order_id: str, parts: Sequence[Part]) -> tuple[str, ...]:
    """``{order_id}/{line_id}`` for each part, with ``#2`` behind it where a line goes to several places."""
    times: Counter[str] = Counter()
    ids: list[str] = []
    for part in parts:
        line_id = part.line.line_id
        times[line_id] += 1
        ids.append(f"{order_id}/{line_id}" + (f"#{times[line_id]}" if times[line_id] > 1 else ""))
    return tuple(ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """The orders that one split makes: the orders without items, their parts, and the ids of their items.

    ``numbers`` are the places of the lines in the quote, from 1; ``taken`` the lines and split keys that items have.
    """

    orders: tuple[Order, ...]
    parts: tuple[tuple[Part, ...], ...]
    ids: tuple[tuple[str, ...], ...]
    numbers: Mapping[str, int]
    taken: frozenset[tuple[str, str]] = frozenset()

    def create(self, cause: Cause) -> Change:
        """The orders with their items, an event for each order and a ledger row for each item."""
        known = {
            part.identity: item_id
            for parts, ids in zip(self.parts, self.ids, strict=True)
            for part, item_id in zip(parts, ids, strict=True)
            if not part.line.is_share
        }
        orders: list[Order] = []
        events: list[OrderEvent] = []
        entries: list[LedgerEntry] = []
        taken = set(self.taken)
        for order, parts, ids in zip(self.orders, self.parts, self.ids, strict=True):
            items = tuple(
                make_item(order, part, item_id, known).model_copy(
                    update={"line_number": self.numbers[part.line.line_id], "key": _free_key(order, part, taken)}
                )
                for part, item_id in zip(parts, ids, strict=True)
            )
            made = _told(order.model_copy(update={"items": items}), cause)
            orders.append(made.order)
            events.extend(made.events)
            entries.extend(made.entries)
        return Change(orders=tuple(orders), events=tuple(events), entries=tuple(entries))


def _free_key(order: Order, part: Part, taken: set[tuple[str, str]]) -> str:
    """The split key of ``part``: its order's, with its place where that is another, numbered where it would repeat."""
    line_id, ship_to = part.line.line_id, part.place.ship_to
    name = order.key if ship_to == order.ship_to else f"{order.key}/{ship_to}"
    key = next(key for times in count(1) if (line_id, key := name if times == 1 else f"{name}#{times}") not in taken)
    taken.add((line_id, key))
    return key


def _told(order: Order, cause: Cause) -> Change:
    journal = Journal.of_creation(order, cause)
    after = {"state": order.state, "order_date": order.order_date, "ship_to": order.ship_to, "total": order.total}
    journal.event(OrderEventKind.ORDERED, after=after)
    for item in order.items:
        journal.planned(item, order)
    return journal.change(order)


def make_item(order: Order, part: Part, item_id: str, known: Mapping[Identity, str]) -> Item:
    """The item of ``part``; ``known`` are the ids of all new items that are not shares, by their part's identity.

    Codes: ``dates_out_of_order``, ``missing_field`` (a schedule over time without a term), those of the schedule.
    """
    line, place = part.line, part.place
    start, end = dates_of_part(part)
    return Item(
        item_id=item_id,
        order_id=order.order_id,
        line_id=line.line_id,
        product=line.product,
        family=line.family,
        kind=line.kind,
        description=line.description,
        group=line.group,
        segment=line.segment if line.component_of is None else None,
        key=order.key,
        root_item=item_id,
        parent_item=known[line.component_of, place.order_date, place.ship_to] if line.component_of else None,
        quantity=place.quantity,
        unit=line.unit,
        amount=part.amount,
        quote_amount=part.amount,
        price=frozen_price(part, start, end),
        base=tuple(BasePart(item_id=_item_of(base, known), amount=base.amount) for base in part.base),
        dates_of_base=takes_dates_of_base(line),
        share_of=share_of(line),
        ship_to=place.ship_to,
        planned_for=place.order_date,
        start=start,
        end=end,
        revenue=revenue_of(line),
        milestones=line.milestones,
        acceptance=line.acceptance,
        asset=line.asset,
        covers=line.covers,
        contracting=line.contracting,
        point_of_no_return=line.point_of_no_return,
    )


def _item_of(base: Held, known: Mapping[Identity, str]) -> str:
    return known[base.source.identity] if isinstance(base.source, Part) else base.known_item


def _dates_of(base: Held) -> Dates:
    if isinstance(base.source, Part):
        return term_dates(base.source.line, base.place.order_date)
    return (base.source.start, base.source.end) if base.source else (None, None)


def frozen_price(part: Part, start: date | None, end: date | None) -> ItemPrice:
    """The price method of a part, which holds after date moves too."""
    line = part.line
    return ItemPrice(
        unit_price=part.priced.unit_price,
        price_per=line.price_period,
        proration=line.proration,
        date_change=line.date_change,
        term_months=line.term_months,
        start=start,
        end=end,
        percent=line.percent,
        standalone_price=line.standalone_price,
    )


def dates_of_part(part: Part) -> Dates:
    """The dates of a part, those of its base where it takes them; a schedule over time needs both."""
    line = part.line
    if takes_dates_of_base(line):
        start, end = dates_of_base(_dates_of(base) for base in part.base)
    else:
        start, end = term_dates(line, part.place.order_date)
    if revenue_of(line) in TIME_METHODS and line.kind is not Kind.EVERGREEN and (start is None or end is None):
        raise Refusal(
            "missing_field",
            f"line {line.line_id} is recognised over time: give it an end_date or term_months",
            f"lines.{line.line_id}.end_date",
        )
    return start, end
