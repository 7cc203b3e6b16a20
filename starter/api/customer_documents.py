"""A customer's page, timeline and reports as the API shows them. Money is ``{amount, currency}``, both texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from activities.store.customer_page import ChangeFacts, OrderFacts, QuoteFacts
from domain.ledger.asset import Subscription
from domain.ledger.closing import ClosedPeriod
from domain.ledger.invoicing import Position
from domain.ledger.selection import refuse_several
from domain.money import decimal_text
from starter.api.documents import Json, money
from starter.api.order_documents import contract_document, earned_document
from starter.customer_desk import Earned, Owed
from starter.customer_look import CustomerLook, Delivered, Money

HEAD = ("customer_id", "from", "until", "known")
"""What is said once, however many currencies there are."""


def look_document(seen: CustomerLook) -> Json:
    """The customer in one look."""
    return {
        "customer_id": seen.customer.customer_id,
        "name": seen.customer.name,
        "time_zone": seen.customer.time_zone,
        "on": seen.on.isoformat(),
        "credit_hold": seen.credit_hold.model_dump(mode="json") if seen.credit_hold is not None else None,
        "quotes": [_quote(each) for each in seen.quotes],
        "prices": [
            {"quote_id": quote, "line_id": line, "product": product, "unit_price": price["unit_price"]}
            | {"price_per": price["price_per"]}
            for quote, line, product, price in seen.prices
        ],
        "contracts": [contract_document(each) for each in seen.contracts],
        "delivered": [_delivered(each) for each in seen.delivered],
        "assets": [_asset(each) for each in seen.assets],
        "running": [_service(each, seen.on) for each in seen.running],
        "coming": {
            "orders": [_order(each) for each in seen.orders],
            "services": [_service(each, each.start) for each in seen.starting],
        },
        "money": [_money(each) for each in seen.money],
        "changes": [change_document(each) for each in seen.changes],
    }


def change_document(change: ChangeFacts) -> Json:
    """A change with its source."""
    return change.model_dump(mode="json")


def _quote(quote: QuoteFacts) -> Json:
    facts = quote.model_dump(mode="json", exclude={"net_total", "totals", "currency"})
    return {**facts, "net_total": money(quote.net_total, quote.currency)}


def _delivered(each: Delivered) -> Json:
    return {
        "line_id": each.line_id,
        "product": each.product,
        "ship_to": each.ship_to,
        "ordered": decimal_text(each.ordered),
        "quantity": decimal_text(each.quantity),
        "first": each.first.isoformat(),
        "last": each.last.isoformat(),
    }


def _asset(asset: Any) -> Json:
    return {
        "asset_id": asset.asset_id,
        "product": asset.product,
        "line_id": asset.line_id,
        "ship_to": asset.ship_to,
        "number": asset.number,
        "quantity": decimal_text(asset.quantity),
        "since": asset.since.isoformat(),
    }


def _service(service: Subscription, on: Any) -> Json:
    return {
        "subscription_id": service.subscription_id,
        "product": service.product,
        "line_id": service.line_id,
        "ship_to": service.ship_to,
        "kind": str(service.kind),
        "quantity": decimal_text(service.quantity(on)),
        "start": service.start.isoformat(),
        "end": service.end.isoformat() if service.end else None,
    }


def _order(order: OrderFacts) -> Json:
    facts = order.model_dump(mode="json", exclude={"prices", "total", "currency"})
    return {**facts, "total": money(order.total, order.currency)}


def _money(told: Money) -> Json:
    names = ("quoted", "accepted", "unordered", "cancelled", "returned", "contracted", "remaining")
    return {
        "currency": told.currency,
        **{name: decimal_text(getattr(told, name)) for name in names},
        "ordered": {state: decimal_text(amount) for state, amount in told.ordered.items()},
        **position_document(told.position),
    }


def position_document(position: Position) -> dict[str, str | None]:
    """What was recognised and invoiced; ``deferred`` and ``accrued`` are none as long as no invoice is known."""

    def told(amount: Decimal | None) -> str | None:
        return None if amount is None else decimal_text(amount)

    return {
        "recognised": told(position.recognised),
        "invoiced": told(position.invoiced),
        "deferred": told(position.deferred),
        "accrued": told(position.accrued),
    }


def revenue_document(customer_id: str, earned: Sequence[Earned]) -> Json:
    """Revenue, by month and line and as it was asked for. Several currencies have sums of their own in ``currencies``.

    Where nothing but sums was asked for, they are refused: ``currency_differs``.
    """
    documents = [{**earned_document(customer_id, each), **position_document(each.position)} for each in earned]
    by = earned[0].by
    if by is None:
        refuse_several(each.report.currency for each in earned)
        return documents[0]
    grouping: Json = {"by": str(by), "rows": [row for each in earned for row in grouped_documents(each)]}
    if len(documents) == 1:
        return documents[0] | grouping
    head = {name: documents[0][name] for name in HEAD}
    sums = [{name: fact for name, fact in each.items() if name not in HEAD} for each in documents]
    return {**head, "currency": None, "currencies": sums, **grouping}


def grouped_documents(earned: Earned) -> list[Json]:
    """The rows of a report, each with what was invoiced where the key has that."""
    return [
        {
            "key": row.key,
            "currency": earned.report.currency,
            "contracted": None if row.contracted is None else decimal_text(row.contracted),
            "recognised": decimal_text(row.recognised),
            "corrected": decimal_text(row.corrected),
            "months": _texts(row.months),
            **({} if row.key not in earned.positions else _invoices(earned.positions[row.key])),
        }
        for row in earned.rows
    ]


def _invoices(position: Position) -> Json:
    found = position_document(position)
    return {name: found[name] for name in ("invoiced", "deferred", "accrued")}


def owed_document(customer_id: str, owed: Owed) -> Json:
    """What remains to be recognised after a day: in bands of time, and without a date."""
    rest = owed.outstanding
    return {
        "customer_id": customer_id,
        "on": rest.day.isoformat(),
        "known": owed.known.isoformat() if owed.known else None,
        "currency": owed.currency,
        "total": decimal_text(rest.total),
        "bands": [
            {
                "from": band.first.isoformat(),
                "until": band.last.isoformat() if band.last else None,
                "amount": decimal_text(band.amount),
            }
            for band in rest.bands
        ],
        "undated": decimal_text(rest.undated),
        **position_document(owed.position),
    }


def closed_document(closed: ClosedPeriod) -> Json:
    """A month that was closed, with all before it."""
    return closed.model_dump(mode="json", exclude={"ledger_seq"})


def _texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {key: decimal_text(amount) for key, amount in amounts.items()}
