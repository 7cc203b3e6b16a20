"""Nothing goes on twice: what a renewal or an extension continues must not run on already when it is ordered.

Renewals and amendments are prepared from what runs, and ordered later; in between others may have been ordered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from domain.ledger.timeline import Family
from domain.ledger.view import View
from domain.order.agreement import Agreement
from domain.order.event import Change
from domain.order.item import Item
from domain.quote import Quote
from domain.refusal import Refusal


def refuse_renewed(change: Change, quote: Quote, renewed: Agreement) -> None:
    """Refuse orders of a renewal whose items run while what they renew does, or another renewal of it.

    The orders of one renewal may be made in several calls. Code: ``already_renewed``.
    """
    for item in _services(change):
        for root in renewed.roots_renewed_by(quote.line(item.line_id), item.ship_to):
            before = [family for family in renewed.families if family.root == root]
            after = [each for each in renewed.renewed.get(root, ()) if each.first.plan.quote_id != quote.quote_id]
            _refuse_running(item, (*before, *after))


def refuse_extended(change: Change, agreement: Agreement) -> None:
    """Refuse orders of an amendment that extend what another amendment, or a renewal, goes on with.

    An item extends another when it revises it and begins after its end. Codes: ``already_renewed``, ``not_running``
    (what it extends was ended before).
    """
    by_root = {family.root: family for family in agreement.families}
    for item in _services(change):
        revised = agreement.items.get(item.revises or "")
        if item.quantity <= 0 or revised is None or revised.end is None or item.start is None:
            continue
        family = by_root.get(revised.root_item)
        if family is None or item.start <= revised.end:
            continue
        if not family.left(revised.end, View.COMMITTED).get(revised.item_id, Decimal(0)):
            message = f"{revised.item_id} was ended before {revised.end}; amend anew"
            raise Refusal("not_running", message, f"lines.{item.line_id}")
        quote_id = next(order.quote_id for order in change.orders if item in order.items)
        others = _extending(family, revised, quote_id)
        _refuse_running(item, (others, *agreement.renewed.get(family.root, ())))


def continued(change: Change, quote: Quote, agreement: Agreement) -> frozenset[str]:
    """The families of ``agreement`` that the orders of an amendment, or of a renewal of it, go on with."""
    found: set[str] = set()
    for item in _services(change):
        revised = agreement.items.get(item.revises or "")
        if quote.amends is None:
            found |= agreement.roots_renewed_by(quote.line(item.line_id), item.ship_to)
        elif revised is not None and revised.end is not None and item.start is not None and item.start > revised.end:
            found.add(revised.root_item)
    return frozenset(found)


def goes_on_with(renewal: Quote, agreement: Agreement) -> frozenset[str]:
    """The families of ``agreement`` that a renewal would go on with."""
    places = ((line, line.deliveries[0].ship_to if line.deliveries else None) for line in renewal.lines)
    return frozenset(root for line, place in places for root in agreement.roots_renewed_by(line, place))


def runs_between(family: Family, first: date, last: date | None) -> date | None:
    """The first day from ``first`` to ``last`` (none: for good) on which anything of ``family`` runs, as planned."""
    days = (first, *(day for day in family.days() if day > first and (last is None or day <= last)))
    return next((day for day in days if any(family.left(day, View.COMMITTED).values())), None)


def _services(change: Change) -> Iterator[Item]:
    """The items that are put in and run over time, parents first."""
    return (item for order in change.orders for item in order.items if item.start is not None and item.quantity > 0)


def _refuse_running(item: Item, families: tuple[Family, ...]) -> None:
    assert item.start is not None
    for family in families:
        day = runs_between(family, item.start, item.end)
        if day is not None:
            by = family.first.plan.quote_id
            message = f"{item.line_id} would run twice from {day} on: {by} has it then already; prepare it anew"
            raise Refusal("already_renewed", message, f"lines.{item.line_id}")


def _extending(family: Family, revised: Item, quote_id: str) -> Family:
    """What other quotes put in after the end of ``revised`` to go on with it, directly or after one another."""
    assert revised.end is not None
    goes_on = {revised.item_id: revised.end}
    layers = []
    for layer in sorted(family.layers, key=lambda each: each.plan.start or date.min):
        plan = layer.plan
        before = goes_on.get(plan.revises or "", date.max)
        if plan.start is not None and plan.start > before:
            goes_on[layer.item_id] = plan.end or date.max
            if plan.quote_id != quote_id:
                layers.append(layer)
    return replace(family, layers=tuple(layers))
