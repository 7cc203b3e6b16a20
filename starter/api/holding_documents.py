"""Assets, coverage and service-level clocks as the API shows them."""

from __future__ import annotations

from domain.ledger.asset import Asset
from domain.ledger.coverage import Coverage
from domain.money import decimal_text
from domain.service_level import Reading
from starter.api.documents import Json
from starter.holding_desk import Clocks, Held


def held_document(held: Held) -> Json:
    """Who holds it, on which day, as known when."""
    known = held.known.isoformat() if held.known else None
    return {"customer_id": held.customer_id, "on": held.on.isoformat(), "known": known}


def asset_document(asset: Asset) -> Json:
    """An asset, and by which orders it came and went."""
    return {
        "asset_id": asset.asset_id,
        "product": asset.product,
        "line_id": asset.line_id,
        "ship_to": asset.ship_to,
        "number": asset.number,
        "quantity": decimal_text(asset.quantity),
        "since": asset.since.isoformat(),
        "until": asset.until.isoformat() if asset.until else None,
        "movements": [
            {
                "on": each.on.isoformat(),
                "quantity": decimal_text(each.quantity),
                "order_id": each.order_id,
                "item_id": each.item_id,
            }
            for each in asset.movements
        ],
    }


def coverage_document(row: Coverage) -> Json:
    """The service that covers an asset."""
    return {
        "item_id": row.item_id,
        "product": row.product,
        "ship_to": row.ship_to,
        "asset_id": row.asset.asset_id,
        "asset_product": row.asset.product,
        "quantity": decimal_text(row.asset.quantity),
    }


def clocks_document(clocks: Clocks) -> Json:
    """Clocks with target, jeopardy and breach; moments are in UTC."""
    return {
        "at": clocks.at.isoformat(),
        "clocks": [_clock(quote_id, order_id, reading) for quote_id, order_id, reading in clocks.readings],
    }


def _clock(quote_id: str, order_id: str | None, reading: Reading) -> Json:
    return {
        "clock": str(reading.clock),
        "subject": reading.subject,
        "quote_id": quote_id,
        "order_id": order_id,
        "state": str(reading.state),
        "started": reading.started.isoformat(),
        "jeopardy": reading.jeopardy.isoformat(),
        "target": reading.target.isoformat(),
        "ended": reading.ended.isoformat() if reading.ended else None,
        "next_moment": reading.next_moment.isoformat() if reading.next_moment else None,
    }
