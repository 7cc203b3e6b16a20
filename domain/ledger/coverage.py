"""Coverage: which service covers which assets on a date (``spec/orders.md`` 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from domain.ledger.asset import Asset, assets
from domain.ledger.entries import LedgerEntry
from domain.ledger.known import known_items
from domain.ledger.timeline import families
from domain.ledger.view import View
from domain.quote import Kind


@dataclass(frozen=True, slots=True)
class Coverage:
    """The service ``item_id`` of a product covers an asset at its site."""

    item_id: str
    product: str
    ship_to: str
    asset: Asset


def coverage(
    entries: Iterable[LedgerEntry], on: date, known: datetime | None = None, view: View = View.CONTRACTED
) -> tuple[Coverage, ...]:
    """The assets that are covered on the local date ``on``, for each service that covers those of its site.

    A held order covers nothing; nor does the service cover what has not arrived yet, or went back.
    """
    rows = tuple(entries)
    at_site: dict[str, list[Asset]] = {}
    for asset in assets(rows, on, known):
        if asset.ship_to is not None:
            at_site.setdefault(asset.ship_to, []).append(asset)
    found: list[Coverage] = []
    for family in families(known_items(rows, known)):
        if family.first.plan.item_kind is Kind.ONE_TIME:
            continue
        served = family.served(on, view)
        for layer in family.layers:
            plan = layer.plan
            if plan.covers is not None and plan.ship_to is not None and layer.item_id in served:
                covered = at_site.get(plan.ship_to, ())
                found.extend(Coverage(layer.item_id, plan.product, plan.ship_to, asset) for asset in covered)
    return tuple(found)
