"""Deliveries, acceptances and milestones of one order (``spec/orders.md`` 3).

Dates are local to the customer and inclusive; quantities are increments. Left out, a date is that of ``cause.at``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from domain.ledger.entries import EntryKind
from domain.order.activation import tell_progress
from domain.order.event import Cause, Change, OrderEventKind
from domain.order.item import Item, Reached, Receipt
from domain.order.journal import Journal
from domain.order.order import Order
from domain.order.parts import comes_in_pieces, is_whole
from domain.order.permission import RECORDED
from domain.order.standing import is_deliverable, settled, wrong_state
from domain.quote import Revenue
from domain.refusal import Refusal

Increments = dict[str, Decimal]
Open = Callable[[Item], Decimal]


def deliver(
    order: Order,
    cause: Cause,
    *,
    line: str | None = None,
    quantity: Decimal | None = None,
    on: date | None = None,
    evidence: str | None = None,
) -> Change:
    """Record that things arrived: ``quantity`` more of ``line`` (a line or item id), or all that is still open.

    Without ``line``, everything deliverable in the order. The parent of a bundle brings its components along in
    ratio, as far as they are not delivered yet. Of a return, ``quantity`` is how much came back. Milestone work,
    services and shares are not delivered.
    Codes: ``wrong_state`` (not activated), ``on_hold``, ``unknown_line``, ``not_deliverable``, ``already_delivered``,
    ``quantity_out_of_range`` (not above 0, more than open, part of a piece), ``missing_field`` (a quantity of no
    line), ``in_the_future``, ``dates_out_of_order`` (before the order's date).
    """
    day = _day(order, cause, on)
    chosen = _chosen(order, line, quantity, is_deliverable, ("not_deliverable", "is not delivered"))
    increments = _increments(chosen, quantity, _undelivered, "already_delivered")
    if line is not None:
        _add_components(order, increments)
    journal = Journal.of_change(order, cause)
    items: list[Item] = []
    for item in order.items:
        more = increments.get(item.item_id)
        if more is None:
            items.append(item)
            continue
        more = -more if item.comes_back else more
        receipt = Receipt(on=day, quantity=more, evidence=evidence)
        after = item.model_copy(update={"delivered": (*item.delivered, receipt)})
        _tell(journal, OrderEventKind.DELIVERED, after, receipt, item.delivered_quantity, after.delivered_quantity)
        journal.received(EntryKind.DELIVERED, item, more, day)
        items.append(after)
    return _settled(order, items, journal)


def accept_item(
    order: Order,
    cause: Cause,
    *,
    line: str | None = None,
    quantity: Decimal | None = None,
    on: date | None = None,
    evidence: str | None = None,
) -> Change:
    """Record that the customer accepted what was delivered: ``quantity`` more of ``line``, or all that is open.

    Without ``line``, all delivered items whose line requires acceptance.
    Codes: ``wrong_state``, ``on_hold``, ``unknown_line``, ``acceptance_not_required``, ``already_accepted``,
    ``quantity_out_of_range`` (more than delivered), ``missing_field``, ``in_the_future``, ``dates_out_of_order``
    (before it was delivered).
    """
    day = _day(order, cause, on)
    chosen = _chosen(order, line, quantity, _needs_acceptance, ("acceptance_not_required", "needs no acceptance"))
    if not any(map(_unaccepted, chosen)) and any(item.accepted_quantity < item.quantity for item in chosen):
        raise Refusal("quantity_out_of_range", "nothing is delivered that is not accepted yet", "quantity")
    increments = _increments(chosen, quantity, _unaccepted, "already_accepted")
    journal = Journal.of_change(order, cause)
    items: list[Item] = []
    for item in order.items:
        more = increments.get(item.item_id)
        if more is None:
            items.append(item)
            continue
        receipt = Receipt(on=day, quantity=more, evidence=evidence)
        after = item.model_copy(update={"accepted": (*item.accepted, receipt)})
        _check_accepted_after_delivery(after)
        _tell(journal, OrderEventKind.ACCEPTED, after, receipt, item.accepted_quantity, after.accepted_quantity)
        journal.received(EntryKind.ACCEPTED, item, more, day)
        items.append(after)
    return _settled(order, items, journal)


def reach(
    order: Order,
    cause: Cause,
    *,
    line: str | None = None,
    milestone: str | None = None,
    on: date | None = None,
    evidence: str | None = None,
    elsewhere: Mapping[str, Sequence[Reached]] = MappingProxyType({}),
) -> Change:
    """Record that a milestone was reached: ``milestone`` by name, or the next one in the line's list.

    An item without named milestones has one, reached at the first call. Without ``line``, every item of the order that
    has the milestone. ``elsewhere`` is what was reached of the same work in other orders, by item. Codes:
    ``wrong_state``, ``on_hold``, ``unknown_line``, ``no_milestone``, ``unknown_milestone``, ``already_reached``,
    ``in_the_future``, ``dates_out_of_order``.
    """
    day = _day(order, cause, on)
    chosen = _chosen(order, line, None, _has_milestones, ("no_milestone", "has no milestone"))
    named = _with_milestone(chosen, milestone)
    told = {item.item_id: _told_of(item, elsewhere.get(item.item_id, ())) for item in named}
    steps = {
        item.item_id: _next(item, milestone, told[item.item_id])
        for item in named
        if not _is_done(item, milestone, told[item.item_id])
    }
    if not steps:
        raise Refusal("already_reached", f"{milestone or 'the last milestone'} is already reached", "milestone")
    journal = Journal.of_change(order, cause)
    items: list[Item] = []
    for item in order.items:
        if item.item_id not in steps:
            items.append(item)
            continue
        reached = Reached(on=day, milestone=steps[item.item_id], evidence=evidence)
        facts = {"milestone": reached.milestone, "evidence": evidence}
        journal.event(OrderEventKind.REACHED, item, on=day, after=facts)
        journal.reached(item, reached)
        items.append(item.model_copy(update={"reached": (*item.reached, reached)}))
    return _settled(order, items, journal)


def _settled(order: Order, items: Iterable[Item], journal: Journal) -> Change:
    after = settled(order, items, order.local_date(journal.cause.at))
    tell_progress(journal, order, after)
    return journal.change(after)


def _tell(
    journal: Journal, kind: OrderEventKind, item: Item, receipt: Receipt, before: Decimal, after: Decimal
) -> None:
    facts = {"quantity": after, "evidence": receipt.evidence}
    journal.event(kind, item, on=receipt.on, before={"quantity": before}, after=facts)


def _day(order: Order, cause: Cause, on: date | None) -> date:
    """The date of what is recorded, after the checks that every recording shares."""
    if order.state not in RECORDED or order.activated_at is None:
        raise wrong_state(order, "only an activated order is delivered")
    today = order.local_date(cause.at)
    day = on or today
    if day > today:
        raise Refusal("in_the_future", f"{day} has not come yet at the customer, where it is {today}", "on")
    first = min(order.order_date, order.local_date(order.activated_at))
    if day < first:
        raise Refusal("dates_out_of_order", f"{day} lies before the order's date {first}", "on")
    return day


def _chosen(
    order: Order,
    line: str | None,
    quantity: Decimal | None,
    fits: Callable[[Item], bool],
    unfit: tuple[str, str],
) -> tuple[Item, ...]:
    """The items that are meant, of those that the operation is for."""
    if line is None and quantity is not None:
        raise Refusal("missing_field", "a quantity needs its line", "line")
    named = order.items if line is None else order.items_of(line)
    chosen = tuple(item for item in named if item.counts and fits(item))
    if not chosen:
        code, reason = unfit
        raise Refusal(code, f"{line or f'anything in order {order.order_id}'} {reason}", "line")
    return chosen


def _increments(items: Sequence[Item], quantity: Decimal | None, open_of: Open, nothing_left: str) -> Increments:
    """How much more each item gets: all that is open, or ``quantity`` over the items in their order."""
    left = {item.item_id: open_of(item) for item in items}
    whole = sum(left.values(), Decimal(0))
    if whole == 0:
        raise Refusal(nothing_left, f"nothing of {', '.join(item.line_id for item in items)} is open", "quantity")
    if quantity is None:
        return {item_id: open_ for item_id, open_ in left.items() if open_ > 0}
    if not 0 < quantity <= whole:
        raise Refusal("quantity_out_of_range", f"give a quantity above 0 and at most {whole}", "quantity")
    if not is_whole(quantity) and any(comes_in_pieces(item.quantity, item.unit) for item in items):
        raise Refusal("quantity_out_of_range", "it is counted in pieces; give a whole number", "quantity")
    increments: Increments = {}
    for item_id, open_ in left.items():
        if quantity > 0 and open_ > 0:
            increments[item_id] = min(quantity, open_)
            quantity -= increments[item_id]
    return increments


def _add_components(order: Order, increments: Increments) -> None:
    """Bring the components of what is delivered along, up to the part of their parent that has arrived by then."""
    components: dict[str, list[Item]] = {}
    for item in order.items:
        if item.parent_item is not None:
            components.setdefault(item.parent_item, []).append(item)
    parents = [item for item in order.items if item.item_id in increments]
    while parents:
        parent = parents.pop()
        arrived = abs(parent.delivered_quantity) + increments[parent.item_id]
        for component in components.get(parent.item_id, ()):
            more = _in_ratio(component, parent, arrived) - abs(component.delivered_quantity)
            if component.item_id not in increments and component.counts and is_deliverable(component) and more > 0:
                increments[component.item_id] = more
                parents.append(component)


def _in_ratio(component: Item, parent: Item, arrived: Decimal) -> Decimal:
    """How much of the component belongs to what arrived of the parent, in whole pieces where it is counted so."""
    if arrived >= abs(parent.due_quantity):
        return abs(component.due_quantity)
    exact = Fraction(component.quantity) * Fraction(arrived) / Fraction(parent.quantity)
    if comes_in_pieces(component.quantity, component.unit):
        return Decimal(int(exact))
    return Decimal(int(exact * 10**6)).scaleb(-6)


def _undelivered(item: Item) -> Decimal:
    """What is still to arrive; of a return, what is still to come back."""
    return abs(item.due_quantity) - abs(item.delivered_quantity)


def _unaccepted(item: Item) -> Decimal:
    return item.delivered_quantity - item.accepted_quantity


def _needs_acceptance(item: Item) -> bool:
    return is_deliverable(item) and item.acceptance == "required"


def _check_accepted_after_delivery(item: Item) -> None:
    for day in {receipt.on for receipt in item.accepted}:
        accepted, delivered = _until(item.accepted, day), _until(item.delivered, day)
        if accepted > delivered:
            message = f"{accepted} of {item.line_id} would be accepted by {day}, when {delivered} was delivered"
            raise Refusal("dates_out_of_order", message, "on")


def _until(receipts: Iterable[Receipt], day: date) -> Decimal:
    return sum((receipt.quantity for receipt in receipts if receipt.on <= day), Decimal(0))


def _has_milestones(item: Item) -> bool:
    return item.revenue is Revenue.ON_MILESTONE


def _milestones(item: Item) -> tuple[str, ...]:
    return tuple(stone.name for stone in item.milestones)


def _with_milestone(items: Sequence[Item], milestone: str | None) -> tuple[Item, ...]:
    found = tuple(item for item in items if not milestone or not item.milestones or milestone in _milestones(item))
    if not found:
        known = ", ".join(name for item in items for name in _milestones(item))
        raise Refusal("unknown_milestone", f"{milestone} is no milestone here; name one of {known}", "milestone")
    return found


def _told_of(item: Item, elsewhere: Sequence[Reached]) -> tuple[str | None, ...]:
    """What was reached of the work; where that is all of it and the item still waits, only what it knows itself."""
    own = tuple(reached.milestone for reached in item.reached)
    all_of_it = (*own, *(reached.milestone for reached in elsewhere if reached.milestone not in own or not own))
    return own if len(all_of_it) >= max(1, len(item.milestones)) else all_of_it


def _is_done(item: Item, milestone: str | None, told: Sequence[str | None]) -> bool:
    if item.milestones and milestone:
        return milestone in told
    return len(told) >= max(1, len(item.milestones))


def _next(item: Item, milestone: str | None, told: Sequence[str | None]) -> str | None:
    if milestone or not item.milestones:
        return milestone
    return next(name for name in _milestones(item) if name not in told)
