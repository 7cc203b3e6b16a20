"""Making the document that an ERP is sent from an order, those that it supersedes, and their quote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from activities.partners.erp import ErpHeader, ErpItem, ErpOrder, ErpTotals
from activities.partners.erp_lines import ErpLine, Kind, Told, lines_of, told_facts
from domain.money import minor_digits, round_half_away, round_money, total_of
from domain.order.item import Item
from domain.order.order import Order
from domain.quote import Quote

PO_NUMBER = "po_number"


def erp_document(
    order: Order,
    quote: Quote,
    *,
    kind: Kind = "create",
    contract: str | None = None,
    price_digits: int | None = None,
    superseded: Sequence[Order] = (),
    told: Told | None = None,
) -> ErpOrder:
    """The document for ``order`` in its present version: all its lines, each with what has become of it.

    ``price_digits`` is how many decimals the receiver keeps of a price (left out: those of the currency's minor
    unit). The PO number is the quote's field ``po_number``. ``superseded`` are the orders in whose place it is, the
    first one first; ``told`` is what the ERP has by then, against which each line's action and delta are.
    """
    digits = minor_digits(order.currency) if price_digits is None else price_digits
    rows = _Rows(told or Told(), digits, order.currency)
    items = tuple(rows.of(lines_of((*superseded, order))))
    header = ErpHeader(
        key=f"{order.order_id}:{order.version}:{kind}",
        kind=kind,
        order_id=order.order_id,
        order_version=order.version,
        revises_order=superseded[0].order_id if superseded else None,
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


class _Rows:
    """Makes the rows of one document."""

    def __init__(self, told: Told, digits: int, currency: str) -> None:
        self._told = told
        self._digits = digits
        self._currency = currency

    def of(self, lines: dict[str, ErpLine]) -> Iterator[ErpItem]:
        """What is there, then what is there no longer."""
        for line in lines.values():
            known = self._told.lines.get(line.line_id)
            if line.quantity and known is None:
                yield self._row(line, {"action": "add", "delta": line.quantity})
            elif line.quantity and known is not None and line.facts == told_facts(known):
                yield self._row(line, {"action": "no_change", "delta": Decimal(0)})
            elif line.quantity and known is not None:
                change = {"action": "modify", "delta": line.quantity - known.quantity}
                yield self._row(line, change | self._named(line.line_id, line))
        for line_id, known in self._told.lines.items():
            there = lines.get(line_id)
            if there is None or not there.quantity:
                yield self._gone(known, self._named(line_id, there))

    def _named(self, line_id: str, line: ErpLine | None) -> dict[str, str]:
        """A delta that the ERP has not heard of is named itself, with the item that it revises."""
        delta = line.deltas[-1].item_id if line is not None and line.deltas else line_id
        return {"item_id": line_id} if delta in self._told.named else {"item_id": delta, "revises": line_id}

    def _gone(self, known: ErpItem, named: dict[str, str]) -> ErpItem:
        nothing = round_money(0, self._currency)
        figures = {"delta": -known.quantity, "quantity": Decimal(0), "amount": nothing, "adjustment": nothing}
        return known.model_copy(update={"action": "delete", **figures, **named})

    def _row(self, line: ErpLine, change: dict[str, object]) -> ErpItem:
        item = line.item
        price = round_half_away(Fraction(line.amount) / Fraction(line.quantity), self._digits)
        # The receiver multiplies and rounds; what its sum then lacks is said, so that both come to the same amount.
        line_sum = round_half_away(Fraction(price) * Fraction(line.quantity), minor_digits(self._currency))
        facts = _facts(item) | {"quantity": line.quantity, "amount": line.amount}
        return ErpItem.model_validate({**facts, "price": price, "adjustment": line.amount - line_sum, **change})


def _facts(item: Item) -> dict[str, object]:
    return {
        "item_id": item.item_id,
        "line_id": item.line_id,
        "product": item.product,
        "description": item.description,
        "unit": item.unit,
        "parent": item.parent_item,
        "revises": item.revises,
        "start": item.start,
        "end": item.end,
        "ship_to": item.ship_to,
        "unit_price": item.price.unit_price,
        "price_per": item.price.price_per.value,
        "revenue": item.revenue.value,
    }
