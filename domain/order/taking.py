"""Taking a quantity out of an item: what stays is part 1 of a cumulative split (``spec/orders.md`` 2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from domain.money import round_money
from domain.order.item import Item
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Taken:
    """A quantity with its amount and its quote amount."""

    quantity: Decimal
    amount: Decimal
    quote_amount: Decimal


def part_of(whole: Taken, take: Decimal, currency: str) -> Taken:
    """What leaves when ``take`` is taken: all that does not stay."""
    stays = Fraction(whole.quantity - take) / Fraction(whole.quantity)
    amount = round_money(Fraction(whole.amount) * stays, currency)
    quote_amount = round_money(Fraction(whole.quote_amount) * stays, currency)
    return Taken(take, whole.amount - amount, whole.quote_amount - quote_amount)


def held_by(item: Item) -> Taken:
    """All that ``item`` holds."""
    return Taken(item.quantity, item.amount, item.quote_amount)


def without(item: Item, gone: Taken) -> Item:
    """``item`` less what is gone."""
    return item.model_copy(
        update={
            "quantity": item.quantity - gone.quantity,
            "amount": item.amount - gone.amount,
            "quote_amount": item.quote_amount - gone.quote_amount,
        }
    )


def refuse_too_small(item: Item, gone: Taken) -> None:
    """Refuse to divide an amount so that a part of it rounds away. Code: ``amount_too_small``."""
    if item.amount != 0 and (gone.amount == 0 or gone.amount == item.amount):
        message = f"{item.amount} of {item.line_id} cannot be divided so: one part would come to nothing"
        raise Refusal("amount_too_small", message, f"lines.{item.line_id}")
