"""Making the document that an ERP is sent from an order and its quote."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Literal

from activities.partners.erp import ErpHeader, ErpItem, ErpOrder, ErpTotals
from domain.money import minor_digits, round_half_away, total_of
from domain.order.item import Item
from domain.order.order import Order
from domain.quote import Quote

PO_NUMBER = "po_number"


def erp_document(
    order: Order,
    quote: Quote,
    *,
    kind: Literal["create", "modify", "delete"] = "create",
    contract: str | None = None,
    price_digits: int | None = None,
) -> ErpOrder:
    """The document for ``order`` in its present version.

    ``price_digits`` is how many decimals the receiver keeps of a price (left out: those of the currency's minor
    unit). The PO number is the quote's field ``po_number``.
    """
    digits = minor_digits(order.currency) if price_digits is None else price_digits
    items = tuple(_item(item, digits, order.currency) for item in order.items)
    header = ErpHeader(
        key=f"{order.order_id}:{order.version}:{kind}",
        kind=kind,
        order_id=order.order_id,
        order_version=order.version,
        quote_id=order.quote_id,
        contract=contract,
        customer_id=order.customer_id,
        customer_name=quote.customer.name,
        bill_to=order.bill_to,
        ship_to=order.ship_to,
        po_number=quote.fields.get(PO_NUMBER),
        currency=order.currency,
        terms=dict(quote.terms),
        requested_date=order.order_date,
    )
    totals = ErpTotals(
        items=len(items),
        amount=total_of((item.amount for item in items), order.currency),
        adjustment=total_of((item.adjustment for item in items), order.currency),
    )
    return ErpOrder(header=header, items=items, totals=totals)


def _item(item: Item, digits: int, currency: str) -> ErpItem:
    price = round_half_away(Fraction(item.amount) / Fraction(item.quantity), digits) if item.quantity else Decimal(0)
    # The receiver multiplies and rounds; what its sum then lacks is said, so that both come to the same amount.
    line_sum = round_half_away(Fraction(price) * Fraction(item.quantity), minor_digits(currency))
    return ErpItem(
        item_id=item.item_id,
        line_id=item.line_id,
        product=item.product,
        description=item.description,
        unit=item.unit,
        parent=item.parent_item,
        revises=item.revises,
        action="add",
        delta=item.quantity,
        quantity=item.quantity,
        start=item.start,
        end=item.end,
        ship_to=item.ship_to,
        unit_price=item.price.unit_price,
        price_per=item.price.price_per.value,
        price=price,
        adjustment=item.amount - line_sum,
        amount=item.amount,
        revenue=item.revenue.value,
    )
